"""Zoho Billing v1, from the catalogue to the payment. One file per family of records; a new family adds its routes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import ModuleType

from aiohttp import web

from zoho_sync.sandbox import oauth
from zoho_sync.sandbox.limits import LimitReached
from zoho_sync.sandbox.state import state_of
from zoho_sync.sandbox.web import access_token

from . import (
    addons,
    coupons,
    creditnotes,
    customers,
    invoices,
    payments,
    plans,
    products,
    renewals,
    settings,
    subscriptions,
)
from .envelope import INVALID_URL, internal_error, refusal

V1 = "/billing/v1"
ORGANISATION_HEADER = "X-com-zoho-subscriptions-organizationid"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def family(plural: str, key: str, rooms: ModuleType) -> list[web.RouteDef]:
    """The seven doors every family of catalogue records has."""
    one = f"{V1}/{plural}/{{{key}}}"
    return [
        web.post(f"{V1}/{plural}", rooms.create),
        web.get(f"{V1}/{plural}", rooms.list_all),
        web.get(one, rooms.get),
        web.put(one, rooms.update),
        web.delete(one, rooms.delete),
        web.post(f"{one}/markasactive", rooms.mark_active),
        web.post(f"{one}/markasinactive", rooms.mark_inactive),
    ]


def read_and_delete(plural: str, key: str, rooms: ModuleType) -> list[web.RouteDef]:
    one = f"{V1}/{plural}/{{{key}}}"
    return [web.get(one, rooms.get), web.delete(one, rooms.delete)]


SUBSCRIPTION = f"{V1}/subscriptions/{{subscription_id}}"
ROUTES = [
    web.get(f"{V1}/organizations", settings.list_organisations),
    web.get(f"{V1}/settings/taxes", settings.list_taxes),
    *family("products", "product_id", products),
    *family("plans", "plan_code", plans),
    *family("addons", "addon_code", addons),
    *family("coupons", "coupon_code", coupons),
    *family("customers", "customer_id", customers),
    *read_and_delete("subscriptions", "subscription_id", subscriptions),
    web.get(f"{V1}/subscriptions", subscriptions.list_all),
    web.post(f"{V1}/subscriptions", subscriptions.create),
    web.put(f"{SUBSCRIPTION}", subscriptions.update),
    web.post(f"{SUBSCRIPTION}/cancel", subscriptions.cancel),
    web.post(f"{SUBSCRIPTION}/reactivate", subscriptions.reactivate),
    web.post(f"{SUBSCRIPTION}/pause", subscriptions.pause),
    web.post(f"{SUBSCRIPTION}/resume", subscriptions.resume),
    web.post(f"{SUBSCRIPTION}/coupons/{{coupon_code}}", subscriptions.put_coupon),
    web.delete(f"{SUBSCRIPTION}/coupons", subscriptions.take_coupon_off),
    web.get(f"{SUBSCRIPTION}/scheduledchanges", subscriptions.scheduled_changes),
    web.delete(f"{SUBSCRIPTION}/scheduledchanges", subscriptions.drop_scheduled_changes),
    *read_and_delete("invoices", "invoice_id", invoices),
    web.get(f"{V1}/invoices", invoices.list_all),
    web.post(f"{V1}/invoices/{{invoice_id}}/void", invoices.void),
    web.post(f"{V1}/invoices/{{invoice_id}}/converttoopen", invoices.convert_to_open),
    *read_and_delete("payments", "payment_id", payments),
    web.get(f"{V1}/payments", payments.list_all),
    web.post(f"{V1}/payments", payments.create),
    *read_and_delete("creditnotes", "creditnote_id", creditnotes),
    web.post(f"{V1}/creditnotes", creditnotes.create),
    web.post(f"{V1}/creditnotes/{{creditnote_id}}/void", creditnotes.void),
    web.post(f"{V1}/creditnotes/{{creditnote_id}}/invoices", creditnotes.apply_to_invoices),
]


async def gate(request: web.Request, handler: Handler) -> web.Response:
    """Whose token, which organisation, within which limits; then the call itself."""
    state = state_of(request)
    check_token(request)
    check_organisation(request)
    try:
        with state.billing_limits.slot():
            state.billing_limits.check_and_count()
            await asyncio.sleep(state.settings.latency_ms / 1000)
            renewals.catch_up(state)
            response = await handler(request)
    except LimitReached as limit:
        raise refusal(int(limit.code), limit.message, 429) from None
    except web.HTTPNotFound:
        raise refusal(INVALID_URL, "Invalid URL Passed", 404) from None
    except web.HTTPMethodNotAllowed:
        raise refusal(INVALID_URL, "Invalid URL Passed", 405) from None
    assert isinstance(response, web.Response)
    return response


def check_token(request: web.Request) -> None:
    """No token, or one that never was: 14. One that has expired: 57."""
    standing = oauth.standing(state_of(request), access_token(request))
    if standing == "expired":
        raise refusal(57, "You are not authorized to perform this operation", 401)
    if standing != "live":
        raise refusal(14, "Invalid value passed for authtoken.", 401)


def check_organisation(request: web.Request) -> None:
    if request.path == f"{V1}/organizations":
        return
    given = request.headers.get(ORGANISATION_HEADER)
    if not given:
        raise refusal(2, f"Invalid value passed for {ORGANISATION_HEADER}")
    if given != state_of(request).settings.organization_id:
        raise refusal(6041, "This user is not associated with the CompanyID/CompanyName.")


__all__ = ["ROUTES", "gate", "internal_error"]
