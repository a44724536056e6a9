"""TM Forum's own files, as a judge of answers. Skips where they are absent."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

V4_FILE = "TMF620-ProductCatalog-v4.1.0.swagger.json"
V5_FILE = "TMF620-Product_Catalog_Management-v5.0.0.oas.yaml"
CHECKER = jsonschema.FormatChecker()


@CHECKER.checks("date-time", raises=ValueError)
def _is_date_time(value: Any) -> bool:
    from datetime import datetime

    if not isinstance(value, str):
        return True
    return datetime.fromisoformat(value).tzinfo is not None


@CHECKER.checks("uri", raises=ValueError)
def _is_uri(value: Any) -> bool:
    from urllib.parse import urlsplit

    return not isinstance(value, str) or bool(urlsplit(value).scheme)


def folder() -> Path:
    """CIRCLETEL_TMF620_SPECIFICATIONS, else beside the repository."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "tmf620"
    found = Path(os.environ.get("CIRCLETEL_TMF620_SPECIFICATIONS", beside))
    if not (found / V4_FILE).exists() or not (found / V5_FILE).exists():
        pytest.skip(
            f"TM Forum's files are not in {found}: set CIRCLETEL_TMF620_SPECIFICATIONS to their folder"
        )
    return found


@cache
def specification(version: str) -> dict[str, Any]:
    if version == "v4":
        return json.loads((folder() / V4_FILE).read_text())
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # Timestamps in examples are text to JSON.
    text_only = type("TextOnly", (loader,), {})
    text_only.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in loader.yaml_implicit_resolvers.items()
    }
    return yaml.load((folder() / V5_FILE).read_text(), text_only)


@cache
def _registry(version: str) -> Registry:
    document = _with_discriminators(specification(version))
    return Registry().with_resource(
        "urn:tmf", Resource.from_contents(document, default_specification=DRAFT202012)
    )


def _with_discriminators(value: Any) -> Any:
    """OpenAPI's `discriminator`, which JSON Schema does not know: `@type` alone says which of `oneOf` is meant."""
    if isinstance(value, list):
        return [_with_discriminators(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {name: _with_discriminators(item) for name, item in value.items()}
    if "oneOf" in value and "discriminator" in value:
        name, mapping = value["discriminator"]["propertyName"], value["discriminator"]["mapping"]
        del value["oneOf"]
        value["required"] = [*value.get("required", []), name]
        value["properties"] = {**value.get("properties", {}), name: {"enum": list(mapping)}}
        value["allOf"] = [
            {"if": {"properties": {name: {"const": type_}}}, "then": {"$ref": target}}
            for type_, target in mapping.items()
        ]
    return value


def ensure_valid(version: str, schema: dict[str, Any] | str, document: Any) -> None:
    """`schema` is the name of a definition, or a schema of the file."""
    root = "definitions" if version == "v4" else "components/schemas"
    reference = {"$ref": f"urn:tmf#/{root}/{schema}"} if isinstance(schema, str) else _located(schema)
    validator = jsonschema.Draft202012Validator(
        reference, registry=_registry(version), format_checker=CHECKER
    )
    errors = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(document)]
    assert not errors, "\n".join(errors)


def _located(value: Any) -> Any:
    if isinstance(value, list):
        return [_located(item) for item in value]
    if isinstance(value, dict):
        return {name: f"urn:tmf{item}" if name == "$ref" else _located(item) for name, item in value.items()}
    return value


def response_schema(version: str, method: str, path: str, status: int) -> dict[str, Any] | None:
    """What the file says an answer holds; None when it says no body. Fails when the answer is not foreseen."""
    document = specification(version)
    responses = document["paths"][path][method]["responses"]
    told = responses.get(str(200 if status == 206 else status), responses.get("default"))
    assert told is not None, f"{version} does not foresee {status} for {method} {path}"
    if "$ref" in told:
        for part in told["$ref"].removeprefix("#/").split("/"):
            document = document[part]
        told = document
    if version == "v4":
        return told.get("schema")
    return told.get("content", {}).get("application/json", {}).get("schema")


def ensure_answer_valid(version: str, method: str, path: str, response: Any) -> None:
    """Judge a Django response against what the file says about it."""
    schema = response_schema(version, method, path, response.status_code)
    if schema is None:
        assert response.content == b""
    else:
        ensure_valid(version, _with_discriminators(schema), response.json())


ROOTS = ("Category", "ProductOffering", "ProductOfferingPrice", "ProductSpecification")
_SCALARS = {("string", "date-time"): "time", ("string", "uri"): "uri"}
_SHORT = {"string": "str", "boolean": "bool", "integer": "int", "number": "num", "object": "obj", None: "any"}


def shapes(version: str) -> str:
    """TM Forum's types of what may be written, in the notation of `catalogue.tmf620.shapes`."""
    document = specification(version)
    known = document["definitions"] if version == "v4" else document["components"]["schemas"]
    todo = ["Catalog" if version == "v4" else "ProductCatalog", *ROOTS]
    done: dict[str, str] = {}
    while todo:
        name = todo.pop()
        if name in known and name not in done:
            done[name], more = _shape(known, known[name])
            todo += more
    return "".join(f"{name}: {done[name]}\n" for name in sorted(done))


def _shape(known: dict[str, Any], schema: dict[str, Any]) -> tuple[str, list[str]]:
    if "oneOf" in schema:
        alternatives = [item["$ref"].rpartition("/")[2] for item in schema["oneOf"]]
        return f"= {' | '.join(alternatives)}", alternatives
    attributes, required = _flat(known, schema)
    if not attributes:
        return "= str" if schema.get("type") == "string" else "= any", []
    told = [
        f"{'!' if name in required else ''}{name} {_type(attributes[name])}" for name in sorted(attributes)
    ]
    return ", ".join(told), [_type(attribute).strip("[]") for attribute in attributes.values()]


def _flat(known: dict[str, Any], schema: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Attributes and required names with those of everything `allOf` draws in."""
    if "$ref" in schema:
        return _flat(known, known[schema["$ref"].rpartition("/")[2]])
    attributes, required = {}, set(schema.get("required", []))
    for part in schema.get("allOf", []):
        more, needed = _flat(known, part)
        attributes |= more
        required |= needed
    return attributes | schema.get("properties", {}), required


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if schema.get("type") == "array":
        return f"[{_type(schema['items'])}]"
    return _SCALARS.get((schema.get("type"), schema.get("format"))) or _SHORT[schema.get("type")]
