"""Users and profiles. The token's user has a profile of its own; people share Administrator and Standard."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from zoho_sync.sandbox import oauth
from zoho_sync.sandbox.clock import crm_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document
from zoho_sync.sandbox.web import access_token

API_USER = "API User"
PERSON = "Sipho Dube"
PROFILES = (
    ("Administrator", "Full access to all features", False),
    ("Standard", "The permissions of an ordinary user", False),
    ("API Integration", "For programs that read and write through the API", True),
)


def seed(state: State) -> None:
    if not len(state.crm_profiles):
        for name, description, custom in PROFILES:
            created = crm_time(state.clock.now())
            state.crm_profiles.put(
                {
                    "id": state.store.new_id(),
                    "name": name,
                    "description": description,
                    "custom": custom,
                    "created_time": created,
                }
            )
    user_named(state, API_USER)


def user_named(state: State, full_name: str) -> Document:
    """The user of that name, who is hired on the spot if need be."""
    found = state.crm_users.first("full_name", full_name)
    if found:
        return found
    profile = "API Integration" if full_name == API_USER else "Standard"
    return state.crm_users.put({"id": state.store.new_id(), "full_name": full_name, "profile": profile})


def api_user(request: web.Request) -> Document:
    """Who calls: the user who gave the consent behind the token."""
    state = state_of(request)
    of_person = oauth.is_of_person(state, access_token(request))
    return user_named(state, PERSON if of_person else API_USER)


def short(user: Document) -> dict[str, str]:
    """A user as other records mention one."""
    return {"name": user["full_name"], "id": user["id"]}


def profile_of(state: State, user: dict[str, str]) -> str:
    """The id of the user's profile."""
    known = state.crm_users.get(user["id"])
    name = known["profile"] if known else "Standard"
    return next(str(profile["id"]) for profile in state.crm_profiles if profile["name"] == name)


def full_user(state: State, user: Document) -> dict[str, Any]:
    first, _, last = user["full_name"].rpartition(" ")
    profile = state.crm_profiles.get(profile_of(state, short(user)))
    assert profile is not None
    return {
        "id": user["id"],
        "full_name": user["full_name"],
        "first_name": first or None,
        "last_name": last,
        "email": user["full_name"].casefold().replace(" ", ".") + "@sandbox.example",
        "status": "active",
        "confirm": True,
        "profile": {"name": profile["name"], "id": profile["id"]},
        "role": {"name": "CEO", "id": "584321000000026005"},
        "time_zone": "Africa/Johannesburg",
    }
