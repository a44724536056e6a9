"""Products come, change and go: the deeds behind every kind of write, one record at a time.

Zoho CRM API: "Insert Records", "Update Records", "Upsert Records", "Delete Records".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import crm_time
from zoho_sync.sandbox.state import State
from zoho_sync.sandbox.store import Document

from . import fields, people, values
from .envelope import ItemRefused, Result, invalid_data

MODULE = {"api_name": "Products", "id": "584321000000002175"}
HISTORY_KEPT = 50


@dataclass(frozen=True)
class Author:
    """Who writes, and through which door: crm_api, or crm_ui for a person at the screen."""

    user: dict[str, str]
    source: str = "crm_api"

    @classmethod
    def of_api(cls, request: web.Request) -> Author:
        return cls(people.short(people.api_user(request)))


def clean(state: State, data: dict[str, Any], path: str, author: Author) -> dict[str, Any]:
    """The values of the record that will be stored.

    Unknown names are dropped without a word. So is what the author's profile may not edit: whether Zoho
    refuses or drops that is not documented, and dropping is what a reader of its answers must survive.
    """
    profile = people.profile_of(state, author.user)
    kept = {}
    for api_name, value in data.items():
        field = fields.named(state, api_name)
        if field is None or field["field_read_only"]:
            continue
        stored = values.accepted(field, value, f"{path}.{api_name}")
        if fields.permission(field, profile) == "read_write":
            kept[api_name] = stored
    return kept


def insert(state: State, data: dict[str, Any], path: str, author: Author) -> Document:
    cleaned = clean(state, data, path, author)
    require_name(cleaned.get("Product_Name"), path)
    refuse_collisions(state, cleaned, None, path)
    now = crm_time(state.clock.now())
    record = {
        "id": state.store.new_id(),
        **fields.DEFAULTS,
        "Owner": author.user,
        **without_blanks(cleaned),
        "Created_Time": now,
        "Created_By": author.user,
        "Modified_Time": now,
        "Modified_By": author.user,
    }
    remember(state, record, None, author, "added")
    return keep(state, record)


def update(state: State, record: Document, data: dict[str, Any], path: str, author: Author) -> Document:
    """Only what was sent changes; null clears. Modified_Time moves even when no value does."""
    cleaned = clean(state, data, path, author)
    if "Product_Name" in cleaned:
        require_name(cleaned["Product_Name"], path)
    refuse_collisions(state, cleaned, record["id"], path)
    changed = without_blanks(
        {**record, **cleaned, "Modified_Time": crm_time(state.clock.now()), "Modified_By": author.user}
    )
    remember(state, changed, record, author, "updated")
    return keep(state, changed)


def delete(state: State, record: Document, author: Author) -> None:
    """Into the recycle bin."""
    state.crm_products.remove(record["id"])
    state.search_index.note(record["id"], None)
    state.crm_deleted.put(
        {
            "id": record["id"],
            "display_name": record.get("Product_Name"),
            "type": "recycle",
            "deleted_time": crm_time(state.clock.now()),
            "deleted_by": author.user,
            "created_by": record["Created_By"],
        }
    )


def keep(state: State, record: Document) -> Document:
    state.search_index.note(record["id"], record)
    return state.crm_products.put(record)


def without_blanks(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def require_name(name: Any, path: str) -> None:
    """Product_Name is the only field the module itself insists on."""
    if name is None:
        place = {"api_name": "Product_Name", "json_path": f"{path}.Product_Name"}
        raise ItemRefused("MANDATORY_NOT_FOUND", "required field not found", place)


def refuse_collisions(state: State, cleaned: dict[str, Any], own_id: str | None, path: str) -> None:
    """A unique value belongs to one record. Several collisions at once come as a list of errors."""
    errors = []
    for api_name in fields.unique_fields(state):
        holders = state.crm_products.having(api_name, cleaned.get(api_name))
        other = next((holder for holder in holders if holder["id"] != own_id), None)
        if other:
            errors.append(duplicate(api_name, f"{path}.{api_name}", other))
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ItemRefused(
            "MULTIPLE_OR_MULTI_ERRORS", "multiple errors found", {}, errors=[error.result for error in errors]
        )


def duplicate(api_name: str, path: str, other: Document) -> ItemRefused:
    details = {
        "api_name": api_name,
        "json_path": path,
        "id": other["id"],
        "duplicate_record": {"id": other["id"], "module": MODULE, "Owner": other["Owner"]},
    }
    return ItemRefused("DUPLICATE_DATA", "duplicate data", details)


def by_id(state: State, id: Any, path: str) -> Document:
    """The record with that id, or the refusal of the item that asked for it."""
    if id is None or id == "":
        place = {"api_name": "id", "json_path": f"{path}.id"}
        raise ItemRefused("MANDATORY_NOT_FOUND", "required field not found", place)
    record = state.crm_products.get(id) if isinstance(id, str) else None
    if record is None:
        raise invalid_data("id", f"{path}.id", "the id given seems to be invalid", id=id)
    return record


def done(record: Document, message: str, **extra: Any) -> Result:
    """A success as the batch answers tell of it: the id is inside `details`."""
    details = {
        name: record[name] for name in ("Modified_Time", "Modified_By", "Created_Time", "id", "Created_By")
    }
    return {
        "code": "SUCCESS",
        **extra,
        "details": {**details, "$approval_state": "approved"},
        "message": message,
        "status": "success",
    }


def match(state: State, data: dict[str, Any], check_fields: list[str]) -> tuple[Document | None, str | None]:
    """The record an upsert means, and the field that told: the first field, in order, that finds one."""
    for api_name in check_fields:
        value = data.get(api_name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            found = state.crm_products.first(api_name, value)
            if found:
                return found, api_name
    return None, None


def remember(state: State, record: Document, former: Document | None, author: Author, action: str) -> None:
    """Add to the record's timeline: what changed, from what to what, and by whose hand."""
    history = None
    if former is not None:
        names = {*record, *former} - {"Modified_Time", "Modified_By"}
        differing = sorted(name for name in names if record.get(name) != former.get(name))
        history = [{"api_name": name, "old": former.get(name), "new": record.get(name)} for name in differing]
    entry = {
        "id": state.store.new_id(),
        "action": action,
        "source": author.source,
        "audited_time": record["Modified_Time"],
        "done_by": author.user,
        "history": history,
    }
    timeline = state.crm_timelines.get(record["id"])
    entries = [entry, *(timeline["entries"] if timeline else [])][:HISTORY_KEPT]
    state.crm_timelines.put({"id": record["id"], "entries": entries})
