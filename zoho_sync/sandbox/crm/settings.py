"""The doors of CRM's set-up: fields, profiles, layouts, the organisation and the current user.

Zoho CRM API: "Fields Meta Data", "Create Custom Fields", "Update Custom Fields", "Get Profiles", "Layouts
Metadata", "Get Organization Data".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document
from zoho_sync.sandbox.web import reply

from . import fields, people
from .envelope import (
    ItemRefused,
    Result,
    batch,
    check_module,
    invalid_data,
    items,
    no_content,
    required_parameter,
)

FIELDS_PER_CALL = 5
LABEL_LENGTH = 25
PERMISSIONS = ("read_write", "read_only", "hidden")


async def list_fields(request: web.Request) -> web.Response:
    """`GET /settings/fields?module=Products`; there are no unused fields here."""
    check_module(required_parameter(request, "module"))
    state = state_of(request)
    if request.query.get("type") == "unused":
        return no_content()
    return reply({"fields": [fields.metadata(state, field) for field in state.crm_fields]})


async def get_field(request: web.Request) -> web.Response:
    """`GET /settings/fields/{id}?module=Products`"""
    check_module(required_parameter(request, "module"))
    state = state_of(request)
    field = state.crm_fields.get(request.match_info["id"])
    return reply({"fields": [fields.metadata(state, field)]}) if field else no_content()


async def create_fields(request: web.Request) -> web.Response:
    """`POST /settings/fields?module=Products`: up to five at a time."""
    check_module(required_parameter(request, "module"))
    state = state_of(request)
    sent = await items(request, "fields", FIELDS_PER_CALL)
    results = each(sent, "field created", lambda wish, path: create(state, wish, path))
    return batch("fields", results, all_good=201)


async def update_fields(request: web.Request) -> web.Response:
    """`PATCH /settings/fields?module=Products` with an `id` in each, or `PATCH /settings/fields/{id}`."""
    check_module(required_parameter(request, "module"))
    state = state_of(request)
    id = request.match_info.get("id")
    sent = await items(request, "fields", 1 if id else FIELDS_PER_CALL)
    results = each(sent, "field updated", lambda wish, path: change(state, id or wish.get("id"), wish, path))
    return batch("fields", results, all_good=200)


def each(
    sent: list[dict[str, Any]], message: str, deed: Callable[[dict[str, Any], str], Document]
) -> list[Result]:
    results: list[Result] = []
    for index, wish in enumerate(sent):
        try:
            field = deed(wish, f"$.fields[{index}]")
            results.append(
                {"code": "SUCCESS", "details": {"id": field["id"]}, "message": message, "status": "success"}
            )
        except ItemRefused as refused:
            results.append(refused.result)
    return results


def create(state: State, wish: dict[str, Any], path: str) -> Document:
    for name in ("field_label", "data_type"):
        if not isinstance(wish.get(name), str) or not wish[name].strip():
            place = {"api_name": name, "json_path": f"{path}.{name}"}
            raise ItemRefused("MANDATORY_NOT_FOUND", "required field not found", place)
    label, data_type = wish["field_label"].strip(), wish["data_type"]
    if len(label) > LABEL_LENGTH:
        raise invalid_data("field_label", f"{path}.field_label", maximum_length=LABEL_LENGTH)
    if data_type not in fields.CREATABLE:
        raise invalid_data("data_type", f"{path}.data_type", supported_values=sorted(fields.CREATABLE))
    api_name = re.sub(r"\W+", "_", label).strip("_")
    holder = state.crm_fields.first("api_name", api_name)
    if holder or not api_name:
        place = {
            "api_name": "field_label",
            "json_path": f"{path}.field_label",
            "id": holder["id"] if holder else "",
        }
        raise ItemRefused("DUPLICATE_DATA", "duplicate data", place)
    refuse_beyond_edition(state)
    field = fields.new_field(state, api_name, label, data_type, length_for(wish, data_type, path))
    return adjust(state, {**field, "custom_field": True}, wish, path)


def change(state: State, id: Any, wish: dict[str, Any], path: str) -> Document:
    """Permissions, length, uniqueness and picklist values may change; what kind of field it is may not."""
    field = state.crm_fields.get(id) if isinstance(id, str) else None
    if field is None:
        raise invalid_data("id", f"{path}.id", "the id given seems to be invalid")
    for fixed in ("data_type", "external"):
        if fixed in wish and wish[fixed] != field[fixed]:
            raise invalid_data(fixed, f"{path}.{fixed}", "this cannot be changed")
    if "length" in wish:
        if field["data_type"] == "textarea" or not field["custom_field"]:
            raise invalid_data("length", f"{path}.length", "this cannot be changed")
        field = {**field, "length": length_for(wish, field["data_type"], path)}
    return adjust(state, field, wish, path)


def adjust(state: State, field: Document, wish: dict[str, Any], path: str) -> Document:
    """What creating and changing a field have in common."""
    unique = wanted_unique(state, field, wish.get("unique"), path)
    permissions = dict(field["profiles"])
    for index, wanted in enumerate(wish.get("profiles") or []):
        place = f"{path}.profiles[{index}]"
        if not state.crm_profiles.get(str(wanted.get("id"))):
            raise invalid_data("id", f"{place}.id", "the id given seems to be invalid")
        if wanted.get("permission_type") not in PERMISSIONS:
            raise invalid_data(
                "permission_type", f"{place}.permission_type", supported_values=list(PERMISSIONS)
            )
        permissions[wanted["id"]] = wanted["permission_type"]
    values = [{"id": None, **value} for value in wish.get("pick_list_values") or field["pick_list_values"]]
    changed = {
        **field,
        "unique": unique,
        # Profiles that are not named keep their permission; for a new field that is read and write.
        "profiles": permissions,
        "external": wish.get("external", field["external"]),
        "tooltip": wish.get("tooltip", field["tooltip"]),
        "pick_list_values": values,
    }
    state.crm_fields.put(changed)
    if fields.is_unique(changed):
        state.crm_products.add_index(field["api_name"])
    elif field["api_name"] != "Product_Name":
        state.crm_products.drop_index(field["api_name"])
    return changed


def wanted_unique(state: State, field: Document, wish: Any, path: str) -> bool:
    """A module may have two unique fields, of certain types; they are always blind to case."""
    if wish is None or wish == {}:
        return bool(field["unique"])
    place = f"{path}.unique"
    if isinstance(wish, dict) and wish.get("_disable"):
        return False
    if wish is False:
        return False
    if isinstance(wish, dict) and wish.get("case_sensitive") not in (False, "false"):
        raise invalid_data("unique", place, "only case_sensitive false is supported")
    if not fields.TYPES[field["data_type"]][2]:
        raise invalid_data("unique", place, "a field of this type cannot be unique")
    others = [each for each in state.crm_fields if each["unique"] and each["id"] != field["id"]]
    if len(others) >= fields.UNIQUE_FIELDS_AT_MOST:
        details = {"api_name": "unique", "json_path": place, "limit": fields.UNIQUE_FIELDS_AT_MOST}
        raise ItemRefused("LIMIT_EXCEEDED", "the limit of unique fields has been reached", details)
    refuse_repeated_values(state, field["api_name"], place)
    return True


def refuse_repeated_values(state: State, api_name: str, path: str) -> None:
    """A field whose values repeat cannot become unique. What Zoho says then is not documented."""
    seen: set[str] = set()
    for record in state.crm_products:
        value = record.get(api_name)
        folded = str(value).strip().casefold()
        if value is not None and folded in seen:
            details = {"api_name": api_name, "json_path": path, "id": record["id"]}
            raise ItemRefused("DUPLICATE_DATA", "duplicate data", details)
        seen.add(folded)


def length_for(wish: dict[str, Any], data_type: str, path: str) -> int:
    ceiling = fields.TYPES[data_type][1]
    if data_type == "textarea":
        ceiling = fields.TEXTAREA_LENGTHS.get((wish.get("textarea") or {}).get("type", "small"), ceiling)
    length = wish.get("length", ceiling)
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= ceiling:
        raise invalid_data("length", f"{path}.length", maximum_length=ceiling)
    return length


def refuse_beyond_edition(state: State) -> None:
    limit = fields.CUSTOM_FIELDS_BY_EDITION.get(state.settings.crm_edition, 155)
    if sum(field["custom_field"] for field in state.crm_fields) >= limit:
        details = {"limit": limit, "api_name": "fields", "json_path": "$.fields"}
        raise ItemRefused("LIMIT_EXCEEDED", "the limit of custom fields has been reached", details)


async def list_profiles(request: web.Request) -> web.Response:
    """`GET /settings/profiles`"""
    state = state_of(request)
    return reply({"profiles": [profile_row(profile) for profile in state.crm_profiles]})


async def get_profile(request: web.Request) -> web.Response:
    """`GET /settings/profiles/{id}`: adds what the profile may do. Field permissions are not in it."""
    state = state_of(request)
    profile = state.crm_profiles.get(request.match_info["id"])
    if profile is None:
        return no_content()
    may_customise = profile["name"] != "Standard"
    permissions = [
        permission(profile, 1, "Crm_Implied_View_Products", "View", "Products", True),
        permission(profile, 2, "Crm_Implied_Create_Products", "Create", "Products", True),
        permission(profile, 3, "Crm_Implied_Edit_Products", "Edit", "Products", True),
        permission(profile, 4, "Crm_Implied_Delete_Products", "Delete", "Products", may_customise),
        permission(profile, 5, "Crm_Implied_Customize_Zoho_CRM", "Module Customization", None, may_customise),
    ]
    names = [each["name"] for each in permissions]
    section = {"name": "Module Permissions", "categories": [category(names)]}
    return reply(
        {"profiles": [{**profile_row(profile), "permissions_details": permissions, "sections": [section]}]}
    )


def profile_row(profile: Document) -> dict[str, Any]:
    return {
        "id": profile["id"],
        "name": profile["name"],
        "api_name": profile["name"].replace(" ", "_"),
        "display_label": profile["name"],
        "type": "normal_profile",
        "custom": profile["custom"],
        "description": profile["description"],
        "created_time": profile["created_time"],
        "modified_time": profile["created_time"],
        "created_by": None,
        "modified_by": None,
    }


def permission(
    profile: Document, number: int, name: str, label: str, module: str | None, enabled: bool
) -> dict[str, Any]:
    id = str(int(profile["id"]) * 10 + number)
    return {
        "id": id[-19:],
        "name": name,
        "display_label": label,
        "module": module,
        "enabled": enabled,
        "customizable": True,
    }


def category(names: list[str]) -> dict[str, Any]:
    return {"name": "Products", "display_label": "Products", "permissions_details": names, "module": None}


async def list_layouts(request: web.Request) -> web.Response:
    """`GET /settings/layouts?module=Products`: one layout, with all fields in one section."""
    check_module(required_parameter(request, "module"))
    state = state_of(request)
    shown = [
        {**fields.metadata(state, field), "required": field["system_mandatory"], "sequence_number": number}
        for number, field in enumerate(state.crm_fields, start=1)
    ]
    section = {
        "api_name": "Product_Information",
        "name": "Product Information",
        "type": "used",
        "fields": shown,
    }
    layout = {
        "id": "584321000000000091",
        "name": "Standard",
        "api_name": "Standard",
        "display_label": "Standard",
        "status": "active",
        "visible": True,
        "profiles": [
            {"id": profile["id"], "name": profile["name"], "default": True} for profile in state.crm_profiles
        ],
        "sections": [section],
    }
    return reply({"layouts": [layout]})


async def get_organisation(request: web.Request) -> web.Response:
    """`GET /org`: among others the edition, which Zoho calls `paid_type`."""
    edition = state_of(request).settings.crm_edition
    organisation = {
        "id": "584321000000000050",
        "zgid": "58432100",
        "company_name": "Sandbox",
        "currency": "South African Rand - ZAR",
        "currency_symbol": "R",
        "iso_code": "ZAR",
        "mc_status": False,
        "time_zone": "Africa/Johannesburg",
        "country_code": "ZA",
        "license_details": {
            "paid": edition != "free",
            "paid_type": edition,
            "paid_expiry": None,
            "trial_type": None,
            "trial_expiry": None,
            "users_license_purchased": 10,
            "portal_users_license_purchased": 0,
        },
    }
    return reply({"org": [organisation]})


async def list_users(request: web.Request) -> web.Response:
    """`GET /users?type=CurrentUser`: whose token this is. Other types list everybody."""
    state = state_of(request)
    everybody = list(state.crm_users)
    if request.query.get("type") == "CurrentUser":
        everybody = [people.api_user(request)]
    info = {"per_page": 200, "count": len(everybody), "page": 1, "more_records": False}
    return reply({"users": [people.full_user(state, user) for user in everybody], "info": info})
