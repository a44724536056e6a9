"""This window as OpenAPI 3.1, made of the same types that bodies are checked against, and of `openapi.yaml`.

TM Forum's own files describe what TMF620 is; this describes what is answered here, refusals and drafts included. The
file holds what is the same in both versions, and the operations of a kind, with <name> and <type> in the place of its own.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from catalogue.tmf620 import shapes
from catalogue.tmf620.dialects import Dialect, Kind
from catalogue.tmf620.drafts import REQUIRED, WRITABLE

FILE = Path(__file__).with_name("openapi.yaml")
TITLES = {"v4": "TMF620 Product Catalog Management, 4.1.0", "v5": "TMF620 Product Catalog Management, 5.0.0"}
_SCALARS: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "num": {"type": "number"},
    "time": {"type": "string", "format": "date-time"},
    "uri": {"type": "string"},
    "any": {},
}
_EXAMPLES = {"lastUpdate": "2026-10-01T08:00:00Z", "lifecycleStatus": "In design", "priceType": "recurring"}


def document(dialect: Dialect) -> dict[str, Any]:
    """The whole description of one version."""
    parts = yaml.safe_load(FILE.read_text())
    made: dict[str, Any] = parts["document"]
    made["info"] |= {"title": TITLES[dialect.version], "version": dialect.version}
    made["servers"] = [{"url": dialect.path}]
    made["components"]["schemas"] |= _types(dialect) | _kinds(dialect)
    for kind in Kind:
        made["paths"] |= _operations(parts, dialect, kind)
    return made


def _operations(parts: dict[str, Any], dialect: Dialect, kind: Kind) -> dict[str, Any]:
    """By address, what can be done with resources of this kind."""
    paths = _named(parts["read"], dialect, kind)
    if kind in WRITABLE:
        for address, operations in _named(parts["write"], dialect, kind).items():
            paths[address] |= operations
        required = REQUIRED[dialect.version][kind]
        body = {"name": "Home Fibre 100", **{name: _EXAMPLES[name] for name in required if name != "name"}}
        sent = paths[f"/{dialect.name(kind)}"]["post"]["requestBody"]["content"]["application/json"]
        sent["examples"] = {"one": {"value": body}}
    return paths


def _named(part: dict[str, Any], dialect: Dialect, kind: Kind) -> dict[str, Any]:
    text = json.dumps(part).replace("<name>", dialect.name(kind)).replace("<type>", dialect.type(kind))
    paths: dict[str, Any] = json.loads(text)
    return paths


def _types(dialect: Dialect) -> dict[str, Any]:
    return {name: _schema(shape) for name, shape in shapes.all_shapes(dialect.version).items()}


def _schema(shape: Any) -> dict[str, Any]:
    if isinstance(shape, str):
        return _type(shape)
    if isinstance(shape, tuple):
        return {"anyOf": [_type(name) for name in shape]}
    # What `shapes.complete` fills in is not asked of anybody.
    required = sorted(shape.required - {"@type", "@referredType"})
    properties = {name: _type(type_) for name, type_ in shape.attributes.items()}
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _type(name: str) -> dict[str, Any]:
    if name.startswith("["):
        return {"type": "array", "items": _type(name[1:-1])}
    return _SCALARS.get(name, {"$ref": f"#/components/schemas/{name}"})


def _kinds(dialect: Dialect) -> dict[str, Any]:
    """What is shown of each kind, and sent of those that can be written."""
    made: dict[str, Any] = {}
    for kind in Kind:
        name, type_ = dialect.type(kind), _type(dialect.type(kind))
        more = {"properties": {"isDraft": {"type": "boolean"}}} if kind in WRITABLE else {}
        shown = {"type": "object", "required": [*dialect.always], **more}
        made[f"{name}_Shown"] = {"allOf": [type_, shown]}
        if kind in WRITABLE:
            sent = {"type": "object", "required": list(REQUIRED[dialect.version][kind])}
            made[f"{name}_Create"] = {"allOf": [type_, sent]}
    return made
