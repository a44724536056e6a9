"""What TMF620 lets a written resource hold: the types of `v4.txt` and `v5.txt`, one a line.

    Money: unit str, value num                     a `!` before a name makes it required
    PartyRefOrPartyRoleRef: = PartyRef | PartyRoleRef      which one, `@type` says

A test compares both files with TM Forum's own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from catalogue.tmf620.errors import InvalidBody
from catalogue.tmf620.matching import as_instant
from catalogue.tmf620.values import instant

DEEPEST = 20
LARGEST_NUMBER = 10**15
_SCALARS = {
    "str": ("a text", lambda value: isinstance(value, str)),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "int": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "num": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "time": ("an instant such as 2026-10-01T08:00:00Z", lambda value: _is_instant(value)),
    "uri": ("an address", lambda value: _is_address(value)),
    "any": ("anything", lambda value: True),
}


@dataclass(frozen=True)
class Shape:
    attributes: dict[str, str]
    required: frozenset[str]


def complete(version: str, type_: str, document: Any) -> Any:
    """The document without nulls, with the `@type` and `@referredType` that TM Forum requires filled in.

    Attributes unknown to TMF620 are extensions and stay. Raises InvalidBody naming the attribute that is wrong.
    """
    return _complete(all_shapes(version), type_, document, "", 0)


def _complete(shapes: dict[str, Any], type_: str, value: Any, path: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise InvalidBody(f"{path}: is nested more than {DEEPEST} levels deep.")
    if type_.startswith("["):
        _ensure(isinstance(value, list), path, "a list")
        return [
            _complete(shapes, type_[1:-1], item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)
        ]
    if type_ in _SCALARS:
        expected, fits = _SCALARS[type_]
        _ensure(fits(value), path, expected)
        return _with_zone(value) if type_ == "time" else _storable(value, path, depth)
    shape = shapes[type_]
    if isinstance(shape, str):
        return _complete(shapes, shape, value, path, depth)
    _ensure(isinstance(value, dict), path, "an object")
    if isinstance(shape, tuple):
        return _complete(shapes, _alternative(shape, value, path), value, path, depth)
    return _complete_object(shapes, type_, shape, value, path, depth)


def _complete_object(
    shapes: dict[str, Any], type_: str, shape: Shape, value: dict[str, Any], path: str, depth: int
) -> dict[str, Any]:
    done = {}
    for name, item in value.items():
        if item is None:
            continue
        _storable(name, path, depth)
        where = f"{path}.{name}" if path else name
        done[name] = _complete(shapes, shape.attributes.get(name, "any"), item, where, depth + 1)
    for name in shape.required - set(done):
        if name == "@type":
            done[name] = type_
        elif name == "@referredType":
            done[name] = type_.removesuffix("Ref")
        else:
            raise InvalidBody(f"{path or type_}: {name} is missing.")
    return done


def _alternative(alternatives: tuple[str, ...], value: dict[str, Any], path: str) -> str:
    """Which type is meant: the one `@type` names; without it a reference if there is an id."""
    named = value.get("@type")
    if named is None:
        refs = [type_ for type_ in alternatives if type_.endswith("Ref")]
        values = [type_ for type_ in alternatives if not type_.endswith("Ref")]
        return (refs if "id" in value or not values else values)[0]
    if named not in alternatives:
        raise InvalidBody(f"{path}.@type: expects {' or '.join(alternatives)}.")
    return named


def _ensure(fits: bool, path: str, expected: str) -> None:
    if not fits:
        raise InvalidBody(f"{path or 'The body'}: expects {expected}.")


def _storable(value: Any, path: str, depth: int) -> Any:
    """The value, which the database can hold."""
    if depth > DEEPEST:
        raise InvalidBody(f"{path}: is nested more than {DEEPEST} levels deep.")
    if isinstance(value, str):
        if "\0" in value or re.search("[\ud800-\udfff]", value):
            raise InvalidBody(f"{path or 'The body'}: holds a character that is none.")
    elif isinstance(value, int | float):
        if not abs(value) < LARGEST_NUMBER:
            raise InvalidBody(f"{path}: holds a number that is too large.")
    elif isinstance(value, dict):
        for name, item in value.items():
            _storable(name, path, depth)
            _storable(item, path, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _storable(item, path, depth + 1)
    return value


def _is_instant(value: Any) -> bool:
    return isinstance(value, str) and " " not in value and as_instant(value) is not None


def _with_zone(value: str) -> str:
    """As RFC 3339 wants it: `2020-09-23` and `2020-09-23T00:00`, common in TM Forum's examples, are UTC."""
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value, re.ASCII):
        return value
    at = as_instant(value)
    assert at is not None  # _is_instant saw it
    return instant(at)


def _is_address(value: Any) -> bool:
    try:
        return isinstance(value, str) and not re.search(r"\s", value) and urlsplit(value) is not None
    except ValueError:
        return False


@cache
def all_shapes(version: str) -> dict[str, Shape | tuple[str, ...] | str]:
    """By type: its attributes, the types it may be, or the one it is."""
    return dict(_read(Path(__file__).with_name(f"{version}.txt").read_text()))


def _read(text: str) -> Iterator[tuple[str, Any]]:
    for line in text.splitlines():
        name, _, rest = line.partition(": ")
        if rest.startswith("= "):
            alternatives = tuple(rest[2:].split(" | "))
            yield name, alternatives if len(alternatives) > 1 else alternatives[0]
        else:
            pairs = [attribute.rsplit(" ", 1) for attribute in rest.split(", ")]
            required = frozenset(attribute[1:] for attribute, _ in pairs if attribute.startswith("!"))
            yield name, Shape({attribute.lstrip("!"): type_ for attribute, type_ in pairs}, required)
