"""This window as OpenAPI 3.1, made of the same types that bodies are checked against.

TM Forum's own files describe what TMF620 is; this describes what is answered here, refusals and drafts included.
"""

from typing import Any

from catalogue.tmf620 import shapes
from catalogue.tmf620.dialects import Dialect, Kind
from catalogue.tmf620.drafts import REQUIRED, WRITABLE

TITLES = {"v4": "TMF620 Product Catalog Management, 4.1.0", "v5": "TMF620 Product Catalog Management, 5.0.0"}
_SCALARS: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "num": {"type": "number"},
    "time": {"type": "string", "format": "date-time"},
    "uri": {"type": "string"},
    "obj": {"type": "object"},
    "any": {},
}
_TEXT = {"type": "string"}
_WHY = {
    "400": "The query or the body is not understood.",
    "401": "Nobody is logged in, or the token opens nothing.",
    "403": "The person, or the token, may not do this.",
    "404": "There is no such resource.",
    "409": "What is on sale does not admit this.",
    "413": "The body is too large.",
    "415": "The body is neither JSON nor a merge patch.",
    "503": "Prices cannot be quoted at the moment.",
}
_ERROR_EXAMPLE = {
    "code": "invalidQuery",
    "reason": "limit expects a whole number from 0 to 1000.",
    "message": "Bad Request",
    "status": "400",
    "@type": "Error",
}
_QUERY = (
    (
        "fields",
        "Attributes to show, commas between them; `none` shows only what identifies a resource.",
        _TEXT,
    ),
    ("offset", "How many to pass over.", {"type": "integer", "minimum": 0}),
    ("limit", "How many to show at most.", {"type": "integer", "minimum": 0, "maximum": 1000}),
    ("sort", "Attributes to sort by, commas between them; a minus reverses.", _TEXT),
    (
        "name",
        "Equal to it. Every attribute can be asked so, also as `name.ne`, `.gt`, `.regex` and so on.",
        _TEXT,
    ),
)
_COUNTS = {
    "X-Total-Count": {"description": "How many match.", "schema": {"type": "integer"}},
    "X-Result-Count": {"description": "How many are in the answer.", "schema": {"type": "integer"}},
    "Link": {"description": "Where the other pages are (RFC 8288).", "schema": _TEXT},
}


def document(dialect: Dialect) -> dict[str, Any]:
    """The whole description of one version."""
    paths: dict[str, Any] = {}
    for kind in Kind:
        paths |= _resource(dialect, kind)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLES[dialect.version],
            "version": dialect.version,
            "description": "What a new customer can order now; what is written is a draft. Amounts include VAT.",
        },
        "servers": [{"url": dialect.path}],
        "security": [{"token": []}, {"basic": []}, {}],
        "paths": {**paths, **_hub(dialect)},
        "components": {
            "schemas": {**_types(dialect), **_kinds(dialect), **_OTHERS},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


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


_OTHERS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "required": ["code", "reason"],
        "properties": {
            "code": {**_TEXT, "description": "Tells kinds of errors apart; does not change."},
            "reason": {**_TEXT, "description": "For people: what to do."},
            "message": _TEXT,
            "status": _TEXT,
            "@type": _TEXT,
        },
    },
    "Hub_Create": {
        "type": "object",
        "required": ["callback"],
        "properties": {"callback": {**_TEXT, "format": "uri"}, "query": {**_TEXT, "maxLength": 1000}},
    },
    "Hub": {
        "type": "object",
        "required": ["id", "callback"],
        "properties": {
            **dict.fromkeys(("id", "href", "callback", "query", "@type"), _TEXT),
            "secret": {**_TEXT, "description": "Signs the events; shown this once."},
        },
    },
}


def _resource(dialect: Dialect, kind: Kind) -> dict[str, Any]:
    name, type_ = dialect.name(kind), dialect.type(kind)
    shown = {"$ref": f"#/components/schemas/{type_}_Shown"}
    many = {"get": _listing(name, type_, shown, "400", "401", "503")}
    one = {
        "parameters": [_ID],
        "get": _operation(
            f"retrieve{type_}", f"One {name}", name,
            {"200": _body(shown, "As it is shown now."), **_refusals("400", "401", "404", "503")},
            parameters=_parameters("fields"),
        ),
    }  # fmt: skip
    if kind in WRITABLE:
        patch = {"$ref": f"#/components/schemas/{type_}"}
        many["post"] = _operation(
            f"create{type_}", f"Draft a {name}", name,
            {"201": _body(shown, "The draft."), **_refusals("400", "401", "403", "413", "415")},
            requestBody=_sent({"$ref": f"#/components/schemas/{type_}_Create"}, _example(dialect, kind)),
        )  # fmt: skip
        one["patch"] = _operation(
            f"patch{type_}", f"Change a draft of a {name}, by JSON Merge Patch", name,
            {"200": _body(shown, "As it is shown now."),
             **_refusals("400", "401", "403", "404", "409", "413", "415", "503")},
            requestBody=_sent(patch, {"name": "Renamed"}, "application/json", "application/merge-patch+json"),
        )  # fmt: skip
        one["delete"] = _operation(
            f"delete{type_}", f"Give up a draft of a {name}; an offering on sale: end its sale", name,
            {"204": {"description": "Done."}, **_refusals("401", "403", "404", "409")},
        )  # fmt: skip
    return {f"/{name}": many, f"/{name}/{{id}}": one}


def _hub(dialect: Dialect) -> dict[str, Any]:
    shown = {"$ref": "#/components/schemas/Hub"}
    example = {
        "callback": "https://example.com/events",
        "query": f"eventType={dialect.type(Kind.OFFERING)}CreateEvent",
    }
    return {
        "/hub": {
            "post": _operation(
                "registerListener", "Have events sent to an address", "hub",
                {"201": _body(shown, "The listener, with its secret."),
                 **_refusals("400", "401", "403", "409", "413", "415")},
                requestBody=_sent({"$ref": "#/components/schemas/Hub_Create"}, example),
            )
        },
        "/hub/{id}": {
            "parameters": [_ID],
            "delete": _operation(
                "unregisterListener", "Send no more events", "hub",
                {"204": {"description": "Done."}, **_refusals("401", "403", "404")},
            ),
        },
    }  # fmt: skip


_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _operation(id: str, summary: str, tag: str, responses: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"operationId": id, "summary": summary, "tags": [tag], **rest, "responses": responses}


def _listing(name: str, type_: str, shown: dict[str, Any], *refused: str) -> dict[str, Any]:
    page = {**_body({"type": "array", "items": shown}, "All, or the last page."), "headers": _COUNTS}
    more = {**page, "description": "A page was asked for, and more follows it."}
    responses = {"200": page, "206": more, **_refusals(*refused)}
    return _operation(f"list{type_}", f"Every {name}", name, responses, parameters=_parameters())


def _parameters(*only: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "description": meaning, "schema": schema}
        for name, meaning, schema in _QUERY
        if not only or name in only
    ]


def _body(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _sent(schema: dict[str, Any], example: dict[str, Any], *types: str) -> dict[str, Any]:
    content = {"schema": schema, "examples": {"one": {"value": example}}}
    return {"required": True, "content": dict.fromkeys(types or ("application/json",), content)}


def _refusals(*statuses: str) -> dict[str, Any]:
    error = {"$ref": "#/components/schemas/Error"}
    example = {"refused": {"value": _ERROR_EXAMPLE}}
    content = {"application/json": {"schema": error, "examples": example}}
    return {status: {"description": _WHY[status], "content": content} for status in statuses}


def _example(dialect: Dialect, kind: Kind) -> dict[str, Any]:
    always = {"lastUpdate": "2026-10-01T08:00:00Z", "lifecycleStatus": "In design", "priceType": "recurring"}
    required = REQUIRED[dialect.version][kind]
    return {"name": "Home Fibre 100", **{name: always[name] for name in required if name != "name"}}
