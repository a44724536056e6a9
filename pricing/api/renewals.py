"""What subscriptions will be billed next, and since when they are on their package, over REST."""

from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
)
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from circletel.core.actions import perform
from circletel.core.rest.serializers import StrictSerializer
from circletel.core.rest.staff import StaffEndpoint, refusals
from circletel.core.spreadsheet import download
from pricing.actions import DECIDE_SINCE
from pricing.api.views import REFUSALS, TAG, PriceChangeEndpoint
from pricing.models import SinceHow, Subscription
from pricing.package_since import readings_of
from pricing.renewal_csv import file_name, renewals_csv
from pricing.renewal_preview import LineKind, next_invoices

SUBSCRIPTIONS = "subscriptions (staff)"
ID = OpenApiParameter(
    "id", str, OpenApiParameter.PATH, description="Zoho's id of the subscription, as price moves name it."
)


def _amount(help_text: str, **options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(12, 2, help_text=help_text, **options)


def _optional(help_text: str) -> serializers.DecimalField:
    return _amount(help_text, allow_null=True)


class RenewalLineSerializer(serializers.Serializer):
    kind = serializers.ChoiceField([kind.value for kind in LineKind])
    code = serializers.CharField(help_text="Zoho's plan or add-on code.")
    name = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price = _optional("As the invoice prints it; null where it is not known.")
    total = _optional("Of the line, before the discount; null where it is not known.")
    discount = _optional("Taken off this line; null where it is not known.")
    vat_rate = serializers.DecimalField(
        6, 4, allow_null=True, help_text="0.1500 is 15 %; null where it is not known."
    )
    rests_on = serializers.CharField(help_text="Why this price: the rule and its version, a decision, Zoho.")
    unknown = serializers.CharField(help_text="Why an amount is not known; empty when all are.")


class RenewalInvoiceSerializer(serializers.Serializer):
    on = serializers.DateField(help_text="The day of the invoice.")
    currency = serializers.CharField()
    prices_include_vat = serializers.BooleanField(help_text="Whether VAT is in the amounts of the lines.")
    lines = RenewalLineSerializer(many=True)
    coupon = serializers.CharField(help_text="The coupon that lowers it; empty without one.")
    discount = _optional("Of all lines; null where it is not known.")
    vat = _optional("Null where it is not known.")
    total = _optional("What the customer sees, VAT included; null where it is not known.")
    credit = _optional("Credited with it, for the rest of a term at former prices.")
    rests_on = serializers.ListField(
        child=serializers.CharField(), help_text="What its day and its discount rest on."
    )
    unknown = serializers.ListField(
        child=serializers.CharField(), help_text="Every reason why the total is not known."
    )
    remarks = serializers.ListField(child=serializers.CharField(), help_text="What could still change it.")


class ReadingSerializer(serializers.Serializer):
    since = serializers.DateTimeField(help_text="Came onto its package then, or later, until the next one.")
    prices = serializers.ListField(
        child=_optional("A month."), help_text="What it pays now, and after each step that is published."
    )


class PackageSinceSerializer(serializers.Serializer):
    """Between `earliest` and `latest` it came onto its package; `since` is null while it is not known when."""

    since = serializers.DateTimeField(source="on_package_since", allow_null=True)
    how = serializers.ChoiceField(SinceHow.choices, source="on_package_since_how", allow_blank=True)
    earliest = serializers.DateTimeField(source="on_package_earliest", allow_null=True)
    latest = serializers.DateTimeField(source="on_package_latest", allow_null=True)
    readings = serializers.SerializerMethodField(
        help_text="More than one where it makes a difference: a person decides."
    )

    @extend_schema_field(ReadingSerializer(many=True))
    def get_readings(self, subscription: Subscription) -> Any:
        found = readings_of(subscription, timezone.now())
        return ReadingSerializer(found if len(found) > 1 else [], many=True).data


class RenewalsSerializer(serializers.Serializer):
    subscription = serializers.CharField(source="of.subscription_id", help_text="Zoho's id.")
    number = serializers.CharField(source="of.number")
    customer = serializers.CharField(source="of.customer_name")
    status = serializers.CharField(source="of.status", help_text="In Zoho's words.")
    package = serializers.UUIDField(source="of.package_id", allow_null=True)
    at = serializers.DateTimeField()
    invoices = RenewalInvoiceSerializer(many=True, help_text="The next three, fewer where `ends` says why.")
    ends = serializers.CharField()
    on_package = PackageSinceSerializer(source="of")


class SinceDecisionSerializer(StrictSerializer):
    since = serializers.DateTimeField(help_text="One of the readings of the renewal preview.")
    reason = serializers.CharField(help_text="How you know, for the audit trail.")


LINE = {
    "kind": "plan",
    "code": "6f1c0c5e9d4b4b6f8a51d1c5c2b7a901",
    "name": "SkyFibre Home 100",
    "quantity": 1,
    "unit_price": "899.00",
    "total": "899.00",
    "discount": "89.90",
    "vat_rate": "0.1500",
    "rests_on": "the price rule, version 2: price change published on 2 Mar 2027",
    "unknown": "",
}
INVOICE = {
    "on": "2027-05-15",
    "currency": "ZAR",
    "prices_include_vat": True,
    "lines": [LINE],
    "coupon": "WELCOME",
    "discount": "89.90",
    "vat": "105.54",
    "total": "809.10",
    "credit": "0.00",
    "rests_on": [
        "billing day: Zoho Billing's list of 3 May 2027",
        "coupon WELCOME, for 2 more with this one: read from Zoho Billing on 3 May 2027",
    ],
    "unknown": [],
    "remarks": [],
}
WHY = "Zoho Billing does not say whether the add-on STATIC-IP recurs"
UNKNOWN = {
    **INVOICE,
    "on": "2027-06-15",
    "lines": [
        LINE,
        LINE
        | {
            "kind": "add_on",
            "code": "STATIC-IP",
            "name": "Static IP",
            "unit_price": None,
            "total": None,
            "discount": None,
            "rests_on": "read from Zoho Billing on 3 May 2027",
            "unknown": WHY,
        },
    ],
    "vat": None,
    "total": None,
    "discount": None,
    "unknown": [WHY],
}
ON_PACKAGE = {
    "since": None,
    "how": "",
    "earliest": "2027-03-01T00:30:00+02:00",
    "latest": "2027-03-03T00:30:00+02:00",
    "readings": [
        {"since": "2027-03-01T00:30:00+02:00", "prices": ["799.00", "899.00"]},
        {"since": "2027-03-02T10:00:00+02:00", "prices": ["899.00", "899.00"]},
    ],
}
RENEWALS = {
    "subscription": "584321000000100001",
    "number": "SUB-00042",
    "customer": "Nomsa Dlamini",
    "status": "live",
    "package": "6a1f5c1e-0f3c-4c55-9d8a-2f6f0a0c9b11",
    "at": "2027-05-03T09:00:00+02:00",
    "invoices": [INVOICE],
    "ends": "",
    "on_package": {
        **ON_PACKAGE,
        "since": "2027-01-10T10:00:00+02:00",
        "how": "first_invoice",
        "readings": [],
    },
}
EXAMPLES = [
    OpenApiExample("With a coupon", value=RENEWALS, response_only=True),
    OpenApiExample(
        "An amount that is not known, and since when it is on its package neither",
        value=RENEWALS | {"invoices": [UNKNOWN], "on_package": ON_PACKAGE},
        response_only=True,
    ),
    OpenApiExample(
        "Paused",
        value=RENEWALS
        | {
            "status": "paused",
            "invoices": [],
            "ends": "It is paused: its next invoice is known once it is resumed.",
        },
        response_only=True,
    ),
]
DECISION = OpenApiExample(
    "It was on this package before the price change",
    value={"since": "2027-03-01T00:30:00+02:00", "reason": "Upgraded by telephone on 1 March, ticket 4711"},
    request_only=True,
)


class SubscriptionEndpoint(StaffEndpoint):
    needs = "pricing.view_subscription"
    model = Subscription
    serializer_class = RenewalsSerializer

    def subscription(self, id: str) -> Subscription:
        """Raises Subscription.DoesNotExist."""
        return Subscription.objects.select_related("package").get(subscription_id=id)

    def shown(self, subscription: Subscription) -> Any:
        now = timezone.now()
        preview = next_invoices(subscription, now)
        told = {"of": subscription, "at": now, "invoices": preview.invoices, "ends": preview.ends}
        return RenewalsSerializer(told).data


class RenewalsView(SubscriptionEndpoint):
    @extend_schema(
        operation_id="getRenewals", tags=[SUBSCRIPTIONS], summary="What a subscription will be billed next",
        description=(
            "Its next three invoices, line by line, as things stand here: each line says what it rests on. What is"
            " not known is null, and the reason is given. No call to Zoho is made."
        ),
        parameters=[ID],
        responses={200: OpenApiResponse(RenewalsSerializer, "The renewal preview.", EXAMPLES),
                   **refusals(400, 401, 403, 404)},
    )  # fmt: skip
    def get(self, request: Request, id: str) -> Response:
        return Response(self.shown(self.subscription(id)))


class PackageSinceView(SubscriptionEndpoint):
    @extend_schema(
        operation_id="decidePackageSince", tags=[SUBSCRIPTIONS],
        summary="Decide since when a subscription is on its package",
        description=(
            "Where the instants at which it may have come lead to different prices (`on_package.readings`). Its held"
            " price moves go on from there; the reason stands in the audit trail."
        ),
        parameters=[ID], request=SinceDecisionSerializer, examples=[DECISION],
        responses={200: OpenApiResponse(RenewalsSerializer, "The renewal preview from now on.", EXAMPLES[:1]),
                   **refusals(400, 401, 403, 404, 409, 415, 422)},
    )  # fmt: skip
    def post(self, request: Request, id: str) -> Response:
        subscription = self.subscription(id)
        asked = self.understood(SinceDecisionSerializer).validated_data
        decided = perform(DECIDE_SINCE, subscription.pk, actor=self.actor, **asked)
        return Response(self.shown(decided))


class RenewalsCsvView(PriceChangeEndpoint):
    @extend_schema(
        operation_id="getPriceChangeRenewalsCsv", tags=[TAG],
        summary="The next invoices of all whom a price change concerns, as CSV",
        description="A row for each line of their next three invoices; a draft as if it were published.",
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "One row an invoice line."), **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> StreamingHttpResponse:
        with self.refusal_recorded("see the renewals of price change"):
            lines = renewals_csv(id, actor=self.actor)
        return download(lines, file_name(id))
