"""What is thrown at every door, and how often."""

import math
import os
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# How many inputs each door was given in this process.
COUNTED: Counter[str] = Counter()


def fuzzed(*, few: int, many: int) -> settings:
    """`few` examples in an ordinary test run, `many` with `make fuzz`.

    That runs `tests/fuzz` with its profile, and every other test that is marked `fuzz` with FUZZ_EXAMPLES.
    """
    is_large = settings.get_current_profile_name() == "fuzz" or "FUZZ_EXAMPLES" in os.environ
    return settings(
        max_examples=many if is_large else few, deadline=None, suppress_health_check=list(HealthCheck)
    )


def bad_input(door: str) -> None:
    COUNTED[door] += 1


NASTY = st.sampled_from(
    [
        "", " ", "\x00", "a\x00b", "NaN", "sNaN", "Infinity", "-Infinity", "1e400", "-0", "9" * 400, "1_000", "٣",
        "=1+1", "x" * 5000, "\u2028", "\U0010ffff", "ß", "İ", "../../etc/passwd", "%00", "'; --", "true", "null",
        "2026-02-30", "0000-00-00", "9999-12-31T23:59:59+14:00", "2026-11-23T00:00:00", "<b>", "{{ 7 }}", "0", "-1",
    ]
)  # fmt: skip
TEXTS = st.one_of(NASTY, st.text(max_size=20))
NUMBERS = st.one_of(
    st.integers(),
    st.integers(min_value=-(10**30), max_value=10**30),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e308, 0, -1]),
)
LEAVES: st.SearchStrategy[Any] = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)


def documents(names: list[str]) -> st.SearchStrategy[Any]:
    """JSON of any shape, its keys mostly such as the reader looks for."""
    keys = st.one_of(st.sampled_from(names), st.sampled_from(names), TEXTS)
    return st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(keys, inner, max_size=5),
        ),
        max_leaves=12,
    )


def objects(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """The same, an object at the top."""
    keys = st.one_of(st.sampled_from(names), st.sampled_from(names), TEXTS)
    return st.dictionaries(keys, documents(names), max_size=8)
