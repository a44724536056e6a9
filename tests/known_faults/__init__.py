"""Faults that are known and not yet fixed: each test states what ought to hold, and fails today.

Each is marked with `known_fault`, which names the fault. A test that begins to pass fails the run: whoever fixes a
fault takes its test from here and puts a proper one beside the code. Nothing is here that does not fail, and in the
end the folder is empty.
"""

import pytest


def known_fault(
    reason: str, raises: type[BaseException] | tuple[type[BaseException], ...] = AssertionError
) -> pytest.MarkDecorator:
    """Marks a test that fails today, and by what: any other failure, as of an import, counts as one."""
    return pytest.mark.xfail(strict=True, raises=raises, reason=reason)


NOT_REFUSED = pytest.fail.Exception
"""What `pytest.raises` fails with where nothing was raised."""
