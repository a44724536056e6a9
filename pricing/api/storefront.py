"""What a customer pays, and holding a price for one: the part of the storefront that only pricing can answer."""

from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from catalogue.api import examples
from catalogue.api.asked import Parameter
from catalogue.api.problems import NotOnSale
from catalogue.api.serializers import AmountSerializer, CurrencyField
from catalogue.api.views import INVALID, UNAVAILABLE, described, problem
from catalogue.api.window import JSON, MAX_AGE_SECONDS, StorefrontView
from catalogue.models import PackageStatus, ServicePackage, vat_rate_at
from catalogue.storefront.document import CURRENCY, amount, as_json, instant
from circletel.core.rest import parameters
from circletel.core.rest.parameters import ensure_understood
from circletel.core.rest.problems import InvalidParameters, Problem
from circletel.core.rest.serializers import ProblemSerializer
from pricing import price_lock
from pricing.price_lock import Expired, Forged, LockRefused, PriceLock, Withdrawn
from pricing.rule import NoPrice, PriceHistory, Reason, price_for_customer

_DAY_OR_INSTANT = {"type": "string", "examples": ["2026-11-23", "2026-11-23T08:00:00+02:00"]}
PRICE_PARAMETERS = {
    "signed_up_at": Parameter(
        read=parameters.instant,
        expected=parameters.INSTANT,
        schema=_DAY_OR_INSTANT,
        meaning="When the customer signed up; without it at this instant.",
    ),
    "at": Parameter(
        read=parameters.instant,
        expected=parameters.INSTANT,
        schema=_DAY_OR_INSTANT,
        meaning="For which instant the price is asked; without it this one.",
    ),
}
TOKEN = Parameter(
    read=str, expected="a token as price-lock gave it", schema={"type": "string"}, meaning="What to check."
)
_PARTS = {"including_vat": "899.00", "vat": "117.26", "excluding_vat": "781.74"}
_LATER = {"including_vat": "949.00", "vat": "123.78", "excluding_vat": "825.22"}
_LOCK = {
    "package": examples.PACKAGE["id"],
    "version": 2,
    "price": _PARTS,
    "vat_rate": "0.1500",
    "currency": CURRENCY,
    "expires_at": "2026-11-02T09:00:00+02:00",
}
_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The package's id.")


class NextChangeSerializer(serializers.Serializer):
    at = serializers.DateTimeField(help_text="From this instant on.")
    price = AmountSerializer(help_text="A month, with the VAT rate of then.")


class CustomerPriceSerializer(serializers.Serializer):
    """What one customer pays for a package."""

    package = serializers.UUIDField()
    signed_up_at = serializers.DateTimeField(help_text="As asked.")
    at = serializers.DateTimeField(help_text="As asked.")
    price = AmountSerializer(help_text="A month, before any promotion.")
    reason = serializers.ChoiceField([reason.value for reason in Reason], help_text="Why this price.")
    next_change = NextChangeSerializer(
        allow_null=True,
        help_text="When the price next moves, as far as published; null when no move is known.",
    )
    currency = CurrencyField(help_text="Of every amount.")


class HeldPriceSerializer(serializers.Serializer):
    package = serializers.UUIDField()
    version = serializers.IntegerField(help_text="Which price of the package: 1 was the first.")
    price = AmountSerializer(help_text="A month, before any promotion.")
    vat_rate = serializers.DecimalField(5, 4, help_text="As a fraction: 0.1500 is 15 %.")
    currency = CurrencyField(help_text="Of every amount.")
    expires_at = serializers.DateTimeField(help_text="Held until just before this instant.")


class PriceLockSerializer(HeldPriceSerializer):
    token = serializers.CharField(help_text="Signed; to be handed in with the order.")


class NoPriceThen(Problem):
    status_code = HTTPStatus.NOT_FOUND
    type = "urn:circletel:problem:no-price-then"
    title = "The package has no price at that instant"


def _refusal(kind: type[Problem], description: str, detail: str) -> dict[Any, Any]:
    told = {"type": kind.type, "title": kind.title, "status": int(kind.status_code), "detail": detail}
    return problem(int(kind.status_code), ProblemSerializer, description, told)


def _refused(kind: type[LockRefused]) -> dict[Any, Any]:
    return _refusal(kind, f"{kind.title}.", f"{kind.title}.")


_NO_PRICE = _refusal(
    NoPriceThen,
    "There is no such package, or it had no price yet.",
    "The package had no price yet at 1 Jan 2019 00:00 SAST.",
)


class PriceView(StorefrontView):
    """Not kept: prices of existing customers move at instants the catalogue knows nothing of."""

    @extend_schema(
        operation_id="getCustomerPrice",
        summary="What a customer pays for a package",
        description="By when they signed up. Packages no longer on sale are answered too: customers keep them.",
        tags=["prices"],
        parameters=[_ID, *described(PRICE_PARAMETERS)],
        responses={
            200: OpenApiResponse(
                CustomerPriceSerializer,
                "The price and why.",
                examples.example(
                    "Before a rise",
                    {
                        "package": examples.PACKAGE["id"],
                        "signed_up_at": "2026-01-10T00:00:00+02:00",
                        "at": "2026-11-02T08:00:00+02:00",
                        "price": _PARTS,
                        "reason": Reason.OLD.value,
                        "next_change": {"at": "2027-01-01T00:00:00+02:00", "price": _LATER},
                        "currency": CURRENCY,
                    },
                ),
            ),
            **INVALID,
            **_NO_PRICE,
            **UNAVAILABLE,
        },
    )
    def get(self, request: HttpRequest, id: str) -> HttpResponse:
        values, now = ensure_understood(request.GET, PRICE_PARAMETERS), timezone.now()
        package = _package(id)
        signed_up_at, at = values["signed_up_at"] or now, values["at"] or now
        try:
            history = PriceHistory.of(package)
            paid = price_for_customer(history, signed_up_at, at)
        except NoPrice as error:
            raise NoPriceThen(str(error)) from error
        following = None
        if paid.next_change_at is not None and paid.next_price is not None:
            rate = vat_rate_at(paid.next_change_at)
            following = {"at": instant(paid.next_change_at), "price": amount(paid.next_price, rate)}
        response = _json(
            {
                "package": str(package.pk),
                "signed_up_at": instant(signed_up_at),
                "at": instant(at),
                "price": {
                    "including_vat": f"{paid.including_vat:.2f}",
                    "vat": f"{paid.vat:.2f}",
                    "excluding_vat": f"{paid.excluding_vat:.2f}",
                },
                "reason": paid.reason.value,
                "next_change": following,
                "currency": CURRENCY,
            }
        )
        response["Cache-Control"] = f"public, max-age={_seconds(now, history)}"
        return response


class PriceLockView(StorefrontView):
    @extend_schema(
        operation_id="lockPrice",
        summary="Hold the price of a package",
        description=(
            "A signed token with what a customer who signs up now pays. Whoever takes the order has it checked."
        ),
        tags=["prices"],
        parameters=[_ID],
        responses={
            200: OpenApiResponse(
                PriceLockSerializer,
                "The price, held.",
                examples.example("Held", {**_LOCK, "token": "WyI2YTFm…"}),
            ),
            **INVALID,
            **problem(404, ProblemSerializer, "Not on sale.", examples.NOT_ON_SALE),
            **UNAVAILABLE,
        },
    )
    def get(self, request: HttpRequest, id: str) -> HttpResponse:
        ensure_understood(request.GET, {})
        now, package = timezone.now(), _package(id)
        if not package.is_on_sale(now):
            raise NotOnSale()
        lock = price_lock.lock_price(package, now)
        return _unkept({**_held(lock), "token": lock.token})


class VerifyPriceLockView(StorefrontView):
    @extend_schema(
        operation_id="verifyPriceLock",
        summary="Check a held price",
        description="A later price does not touch a held one; a price that was taken back does.",
        tags=["prices"],
        parameters=[TOKEN.described("token")],
        responses={
            200: OpenApiResponse(HeldPriceSerializer, "It holds.", examples.example("Holds", _LOCK)),
            **_refused(Forged),
            **_refused(Expired),
            **_refused(Withdrawn),
        },
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        token = ensure_understood(request.GET, {"token": TOKEN})["token"]
        if not token:
            raise InvalidParameters([("token", f"is missing: expects {TOKEN.expected}")])
        return _unkept(_held(price_lock.verified(token, timezone.now())))


def _package(id: str) -> ServicePackage:
    try:
        key = UUID(id)
    except ValueError:
        raise NotOnSale() from None
    package = ServicePackage.objects.filter(pk=key).exclude(status=PackageStatus.DRAFT).first()
    if package is None:
        raise NotOnSale()
    return package


def _held(lock: PriceLock) -> dict[str, Any]:
    return {
        "package": str(lock.package_id),
        "version": lock.version,
        "price": amount(lock.price, lock.vat_rate),
        "vat_rate": f"{lock.vat_rate:.4f}",
        "currency": CURRENCY,
        "expires_at": instant(lock.expires_at),
    }


def _seconds(now: datetime, history: PriceHistory) -> int:
    """How long the price may be kept by others: never past the next change, nor past today, when VAT may change."""
    tomorrow = timezone.localtime(now, timezone.get_default_timezone()).replace(hour=23, minute=59, second=59)
    ends = min([tomorrow, *(step.valid_from for step in history.steps_after(now))])
    return max(0, min(MAX_AGE_SECONDS, int((ends - now).total_seconds())))


def _json(told: dict[str, Any]) -> HttpResponse:
    return HttpResponse(as_json(told), content_type=JSON)


def _unkept(told: dict[str, Any]) -> HttpResponse:
    response = _json(told)
    response["Cache-Control"] = "no-store"
    return response


urlpatterns = [
    path("packages/<str:id>/price", PriceView.as_view(), name="package-price"),
    path("packages/<str:id>/price-lock", PriceLockView.as_view(), name="package-price-lock"),
    path("price-locks/verify", VerifyPriceLockView.as_view(), name="price-lock-verify"),
]
