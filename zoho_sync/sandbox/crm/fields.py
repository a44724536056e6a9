"""The fields of Products: the standard ones, and the custom ones that were added.

Zoho CRM API: "Fields Meta Data", "Create Custom Fields", "Update Custom Fields"; help page "Standard Fields
in Products" for the lengths, which vary by organisation and can be set here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zoho_sync.sandbox.state import State
from zoho_sync.sandbox.store import Document

# Data type: what it is in JSON, its greatest length, and whether it may be made unique.
TYPES: dict[str, tuple[str, int, bool]] = {
    "text": ("string", 255, True),
    "textarea": ("string", 2000, False),
    "email": ("string", 100, True),
    "phone": ("string", 30, True),
    "website": ("string", 450, True),
    "picklist": ("string", 120, False),
    "multiselectpicklist": ("jsonarray", 255, False),
    "date": ("string", 20, False),
    "datetime": ("string", 120, False),
    "integer": ("integer", 9, True),
    "bigint": ("string", 18, True),
    "double": ("double", 18, False),
    "currency": ("double", 16, False),
    "percent": ("double", 5, False),
    "boolean": ("boolean", 5, False),
    "lookup": ("jsonobject", 120, False),
    "ownerlookup": ("jsonobject", 120, False),
    "profileimage": ("string", 255, False),
}
TEXTAREA_LENGTHS = {"small": 2000, "large": 32_000, "rich_text": 50_000}
CREATABLE = set(TYPES) - {"ownerlookup", "profileimage", "lookup"}
UNIQUE_FIELDS_AT_MOST = 2
CUSTOM_FIELDS_BY_EDITION = {
    "free": 0,
    "standard": 10,
    "professional": 155,
    "enterprise": 300,
    "ultimate": 500,
}

READ_ONLY = {
    "Created_By",
    "Created_Time",
    "Modified_By",
    "Modified_Time",
    "Locked__s",
    "Record_Status__s",
    "Record_Image",
    "Tag",
}
STANDARD = (
    ("Product_Name", "Product Name", "text"),
    ("Product_Code", "Product Code", "text"),
    ("Product_Active", "Product Active", "boolean"),
    ("Product_Category", "Product Category", "picklist"),
    ("Unit_Price", "Unit Price", "currency"),
    ("Commission_Rate", "Commission Rate", "currency"),
    ("Tax", "Tax", "multiselectpicklist"),
    ("Taxable", "Taxable", "boolean"),
    ("Description", "Description", "textarea"),
    ("Manufacturer", "Manufacturer", "picklist"),
    ("Vendor_Name", "Vendor Name", "lookup"),
    ("Sales_Start_Date", "Sales Start Date", "date"),
    ("Sales_End_Date", "Sales End Date", "date"),
    ("Support_Start_Date", "Support Start Date", "date"),
    ("Support_Expiry_Date", "Support End Date", "date"),
    ("Usage_Unit", "Usage Unit", "picklist"),
    ("Qty_Ordered", "Qty Ordered", "double"),
    ("Qty_in_Stock", "Quantity in Stock", "double"),
    ("Qty_in_Demand", "Quantity in Demand", "double"),
    ("Reorder_Level", "Reorder Level", "double"),
    ("Handler", "Handler", "ownerlookup"),
    ("Owner", "Product Owner", "ownerlookup"),
    ("Tag", "Tag", "text"),
    ("Record_Image", "Product Image", "profileimage"),
    ("Created_By", "Created By", "ownerlookup"),
    ("Created_Time", "Created Time", "datetime"),
    ("Modified_By", "Modified By", "ownerlookup"),
    ("Modified_Time", "Modified Time", "datetime"),
    ("Locked__s", "Locked", "boolean"),
    ("Record_Status__s", "Record Status", "picklist"),
)
DEFAULTS: dict[str, Any] = {
    "Product_Active": True,
    "Taxable": True,
    "Locked__s": False,
    "Record_Status__s": "Available",
}


def seed(state: State) -> None:
    """Put the standard fields there; their lengths follow the settings at each start."""
    lengths = {
        "Product_Name": state.settings.product_name_length,
        "Product_Code": state.settings.product_code_length,
        "Description": 32_000,
    }
    for api_name, label, data_type in STANDARD:
        known = state.crm_fields.first("api_name", api_name)
        length = lengths.get(api_name, TYPES[data_type][1])
        if known is None:
            field = new_field(state, api_name, label, data_type, length)
            state.crm_fields.put({**field, "field_read_only": api_name in READ_ONLY})
        elif api_name in lengths and known["length"] != length:
            state.crm_fields.put({**known, "length": length})


def new_field(state: State, api_name: str, label: str, data_type: str, length: int) -> Document:
    return {
        "id": state.store.new_id(),
        "api_name": api_name,
        "field_label": label,
        "data_type": data_type,
        "length": length,
        "decimal_place": 2 if data_type in ("currency", "double") else None,
        "custom_field": False,
        "field_read_only": False,
        "system_mandatory": api_name == "Product_Name",
        "unique": False,
        "external": None,
        "tooltip": None,
        "pick_list_values": [],
        "profiles": {},
    }


def named(state: State, api_name: str) -> Document | None:
    """The field of exactly that name. API names are case-sensitive; the index is not."""
    field = state.crm_fields.first("api_name", api_name)
    return field if field and field["api_name"] == api_name else None


def unique_fields(state: State) -> list[str]:
    """The user-defined unique fields, oldest first. External ids count among them."""
    return [field["api_name"] for field in state.crm_fields if is_unique(field)]


def is_unique(field: Document) -> bool:
    return bool(field["unique"] or field["external"])


def blanks(state: State, names: Iterable[str]) -> dict[str, Any]:
    """How fields read while nothing is set: a checkbox is false, the rest null. Unknown names fall out."""
    known = {name: field for name in names if (field := named(state, name))}
    return {name: False if field["data_type"] == "boolean" else None for name, field in known.items()}


def permission(field: Document, profile_id: str) -> str:
    """What a profile may do with a field: read_write unless something else was said."""
    return str(field["profiles"].get(profile_id, "read_write"))


# What fields of a catalogue have no use for, but the metadata tells all the same.
ALWAYS: dict[str, Any] = {
    **dict.fromkeys(("associated_module", "display_format_properties", "customizable_properties"), None),
    **dict.fromkeys(("association_details", "multi_module_lookup", "parent_field", "child_fields"), None),
    **dict.fromkeys(("private", "crypt", "range", "created_time", "modified_time"), None),
    **dict.fromkeys(("hipaa_compliance", "global_picklist", "display_format"), None),
    **dict.fromkeys(("history_tracking", "additional_column"), None),
    **dict.fromkeys(("webhook", "filterable", "visible", "searchable", "sortable", "public"), True),
    **dict.fromkeys(("colour_code_enabled_by_system", "virtual_field", "separator"), False),
    **dict.fromkeys(("history_tracking_enabled", "enable_colour_code", "hipaa_compliance_enabled"), False),
    **dict.fromkeys(("businesscard_supported", "pick_list_values_sorted_lexically"), False),
    **{name: {} for name in ("lookup", "formula", "currency", "rollup_summary", "multiselectlookup")},
    **{name: {} for name in ("auto_number", "convert_mapping")},
    "email_parser": {"fields_update_supported": False, "record_operations_supported": False},
    "type": "used",
    "display_type": -1,
    "ui_type": 1,
    "column_name": "",
}


def metadata(state: State, field: Document) -> dict[str, Any]:
    """The field as `GET /settings/fields` tells of it."""
    writable = not field["field_read_only"]
    return {
        **ALWAYS,
        **{name: value for name, value in field.items() if name not in ("unique", "profiles")},
        "display_label": field["field_label"],
        "json_type": TYPES[field["data_type"]][0],
        "read_only": not writable,
        "unique": {"case_sensitive": False} if field["unique"] else {},
        "profiles": profiles(state, field),
        "operation_type": dict.fromkeys(("web_create", "web_update", "api_create", "api_update"), writable),
        "view_type": {"view": True, "create": writable, "quick_create": False, "edit": writable},
        "blueprint_supported": writable,
        "mass_update": writable,
        "display_field": field["api_name"] == "Product_Name",
        "created_source": "api" if field["custom_field"] else "default",
    }


def profiles(state: State, field: Document) -> list[dict[str, str]] | None:
    """Every profile's permission; null when the token's user may not see it."""
    if not state.settings.crm_module_customization:
        return None
    return [
        {"id": profile["id"], "name": profile["name"], "permission_type": permission(field, profile["id"])}
        for profile in state.crm_profiles
    ]
