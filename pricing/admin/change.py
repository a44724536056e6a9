"""Price changes: draft, publish, amend, cancel, and many at once."""

from itertools import chain
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from unfold.decorators import action, display

from circletel.core.actions import Action
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import section
from circletel.core.admin.long_lists import LongList
from circletel.core.amounts import rand, signed_percent, signed_rand
from circletel.core.errors import Refused
from pricing import capacity, services
from pricing.actions import AMEND, CANCEL, PUBLISH
from pricing.admin.batch import batch_page
from pricing.admin.forms import PriceChangeForm
from pricing.admin.impact import impact_csv_file, impact_page, renewals_csv_file
from pricing.admin.impact import summary as impact_summary
from pricing.admin.notices import panel_of
from pricing.admin.proof import moves_url, progress_of, proof_csv, proof_page
from pricing.impact import impact_of
from pricing.models import PriceChange, PriceChangeStatus
from pricing.notice import earliest_effective_date, publication_problems
from pricing.proof import summary

BADGES = {
    "Draft": "info",
    "Published": "warning",
    "Effective": "success",
    "Cancelled": "default",
    "Held": "danger",
}
# The links that its page shows in which status.
LINKS_BY_STATUS = {
    PriceChangeStatus.DRAFT: {"impact"},
    PriceChangeStatus.PUBLISHED: {"impact", "moves_of_one"},
    PriceChangeStatus.EFFECTIVE: {"moves_of_one", "proof"},
    PriceChangeStatus.CANCELLED: {"moves_of_one"},
}
OPEN = (PriceChangeStatus.DRAFT, PriceChangeStatus.PUBLISHED)
HISTORY = (
    ("created_by", "created_at"),
    ("approved_by", "published_at"),
    ("effective_at", "applied_at"),
    ("cancelled_by", "cancelled_at"),
    ("version", "batch"),
    ("affected_customers_count", "new_customers_count"),
    ("counted_at", "amends"),
)


@admin.register(PriceChange)
class PriceChangeAdmin(LongList, ActionsAdmin):
    """The only way a live package's price moves."""

    form = PriceChangeForm
    empty_words = (
        "Add a price change for one package, or draft one for many with “Change many prices”. "
        "Customers notice nothing before it is published."
    )
    list_display = (
        *("shown_package", "listed_price", "listed_difference", "listed_customers"),
        *("effective_date", "shown_status"),
    )
    list_filter = ("status", "package__market_segment", "package__service_type", "effective_date", "batch")
    search_fields = ("package__name", "package__sku", "batch", "reason")
    autocomplete_fields = ("package",)
    change_form_outer_before_template = "pricing/impact_panel.html"
    object_actions = ("impact", PUBLISH, AMEND, CANCEL, "moves_of_one", "proof")
    actions_list = ("batch",)
    extra_pages = {
        "<uuid:change_id>/impact.csv": "impact_csv",
        "<uuid:change_id>/renewals.csv": "renewals_csv",
        "<uuid:change_id>/proof.csv": "proof_csv",
    }
    change_form_outer_after_template = "pricing/notices/progress.html"

    # --- what is seen

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceChange]:
        people = ("created_by", "changed_by", "approved_by", "cancelled_by")
        return super().get_queryset(request).select_related("package", "amends__package", *people)

    def get_fieldsets(self, request: HttpRequest, obj: PriceChange | None = None) -> Any:
        change = ("package", ("new_price", "effective_date"), "reason", "customer_message", "notes")
        if obj is None:
            return [section(None, *change)]
        seen = ("package", ("shown_move", "shown_difference"), "standing")
        words = change[1:] if self.has_change_permission(request, obj) else ("effective_date", *change[2:])
        return [section(None, *seen, *words), section("What happened", *HISTORY)]

    def get_readonly_fields(self, request: HttpRequest, obj: PriceChange | None = None) -> Any:
        if obj is None:
            return ()
        return ("package", "shown_move", "shown_difference", "standing", *chain(*HISTORY))

    @display(description="Package", ordering="package__name", header=True)
    def shown_package(self, change: PriceChange) -> tuple[str, str]:
        return change.package.name, change.package.sku

    @display(description="Price a month", ordering="new_price", header=True)
    def listed_price(self, change: PriceChange) -> tuple[str, str]:
        return rand(change.new_price), f"from {rand(change.old_price)}"

    @display(description="Difference", ordering="percentage", header=True)
    def listed_difference(self, change: PriceChange) -> tuple[str, str]:
        return signed_rand(change.difference), signed_percent(change.percentage)

    @display(description="Customers", ordering="affected_customers_count", header=True)
    def listed_customers(self, change: PriceChange) -> tuple[str, str]:
        if change.counted_at is None:
            return "—", "not counted yet"
        return str(change.affected_customers_count), f"and {change.new_customers_count} at the new price"

    @display(description="Price a month")
    def shown_move(self, change: PriceChange) -> str:
        return f"{rand(change.old_price)} → {rand(change.new_price)}"

    @display(description="Difference")
    def shown_difference(self, change: PriceChange) -> str:
        return f"{signed_rand(change.difference)} ({signed_percent(change.percentage)})"

    @display(description="Status", ordering="status", label=BADGES)
    def shown_status(self, change: PriceChange) -> str:
        return "Held" if change.problem else change.get_status_display()

    @display(description="How it stands")
    def standing(self, change: PriceChange) -> str:
        """Who pays what from when; for a draft, what still speaks against publishing it."""
        lines = [*_standing(change), *_moves_standing(change)]
        return format_html_join("", "<div>{}</div>", ((line,) for line in lines))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """With what the change would do, before the button that publishes it."""
        panel = ""
        if request.method == "GET" and self.has_impact_permission(request):
            change = self.get_object(request, object_id)
            if change is not None and change.status in OPEN:
                panel = impact_summary(impact_of(change.pk, actor=request.user))  # type: ignore[arg-type]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "impact": panel})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        """With how its notices stand below it."""
        change = kwargs.get("obj")
        context["notices_panel"] = panel_of(change, request) if change and change.published_at else ""
        return super().render_change_form(request, context, *args, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("reason", "customer_message", "notes"):
            field.widget.attrs["rows"] = 3
        return field

    # --- who may what

    def has_draft_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("pricing.draft_pricechange")

    def has_impact_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("pricing.view_subscription")

    def has_moves_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("pricing.view_pricemove")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_draft_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: PriceChange | None = None) -> bool:
        is_draft = obj is None or obj.status == PriceChangeStatus.DRAFT
        return is_draft and self.has_draft_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: PriceChange | None = None) -> bool:
        return obj is not None and self.has_change_permission(request, obj)

    def is_offered(self, method: Any, record: PriceChange) -> bool:
        links = LINKS_BY_STATUS[PriceChangeStatus(record.status)]
        return super().is_offered(method, record) and (hasattr(method, "action") or method.__name__ in links)

    def after_action(self, request: HttpRequest, one: Action, outcome: Any) -> None:
        if one is PUBLISH:
            _warn_of_what_does_not_fit(request, outcome.pk)

    # --- how subscriptions follow

    @action(description="Price moves", permissions=["moves"], icon="move_down", url_path="moves")
    def moves_of_one(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return HttpResponseRedirect(moves_url(PriceChange(pk=object_id)))

    @action(description="Billing proof", permissions=["moves"], icon="receipt_long", url_path="proof")
    def proof(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return proof_page(self, request, object_id)

    def proof_csv_view(self, request: HttpRequest, change_id: UUID) -> HttpResponseBase:
        return proof_csv(self, request, str(change_id))

    def impact_csv_view(self, request: HttpRequest, change_id: UUID) -> HttpResponseBase:
        return impact_csv_file(request, change_id)

    def renewals_csv_view(self, request: HttpRequest, change_id: UUID) -> HttpResponseBase:
        return renewals_csv_file(request, change_id)

    # --- drafting

    def changeform_view(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> Any:
        """What only the service can see, a rival who was faster, comes back as a message."""
        try:
            return super().changeform_view(request, object_id, *args, **kwargs)
        except Refused as refusal:
            return self._told(request, object_id, refusal)

    def delete_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().delete_view(request, object_id, *args, **kwargs)
        except Refused as refusal:
            return self._told(request, object_id, refusal)

    def save_model(self, request: HttpRequest, obj: PriceChange, form: Any, change: bool) -> None:
        actor: Any = request.user
        if change:
            services.edit_price_change(obj.pk, form.wish(), actor=actor)
        else:
            package = form.cleaned_data["package"]
            made = services.create_price_change(package.pk, form.wish(), actor=actor)
            obj.pk, obj.package, obj._state.adding = made.pk, package, False
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: PriceChange) -> None:
        services.delete_price_change(obj.pk, actor=request.user)  # type: ignore[arg-type]

    # --- deeds

    @action(description="Impact", permissions=["impact"], icon="monitoring", url_path="impact")
    def impact(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return impact_page(self, request, object_id)

    @action(description="Many at once", permissions=["draft"], icon="table_rows", url_path="many")
    def batch(self, request: HttpRequest) -> HttpResponse:
        return batch_page(self, request)

    def _told(self, request: HttpRequest, object_id: Any, refusal: Refused) -> HttpResponse:
        for reason in refusal.reasons:
            messages.error(request, reason)
        if object_id:
            return HttpResponseRedirect(reverse("admin:pricing_pricechange_change", args=[object_id]))
        return HttpResponseRedirect(reverse("admin:pricing_pricechange_changelist"))


def _standing(change: PriceChange) -> list[str]:
    """In sentences."""
    if change.problem:
        return [f"Held: {change.problem}. The daily job tries again each night."]
    if change.status == PriceChangeStatus.DRAFT:
        now = timezone.now()
        problems = publication_problems(change, now)
        earliest = f"Published today, the earliest effective date is {earliest_effective_date(change, now):%-d %b %Y}."
        return [earliest, *(f"Not ready, {problem}." for problem in problems)]
    if change.status == PriceChangeStatus.CANCELLED:
        if change.published_at is None:
            return ["Given up before it was published; nobody ever paid it."]
        return [
            f"Who signed up before it was cancelled keeps {rand(change.new_price)} until the next change."
        ]
    both = f"{rand(change.new_price)} for everybody since {timezone.localtime(change.effective_at):%-d %b %Y %H:%M}."
    if change.status == PriceChangeStatus.EFFECTIVE:
        return [both]
    return [
        f"New customers pay {rand(change.new_price)} since {timezone.localtime(change.published_at):%-d %b %Y %H:%M}.",
        f"Existing customers pay {rand(change.old_price)} until {change.effective_date:%-d %b %Y} begins,"
        f" then {rand(change.new_price)}.",
    ]


def _moves_standing(change: PriceChange) -> list[str]:
    """How far the subscriptions are, and whether their invoices prove it."""
    if change.published_at is None:
        return []
    progress = progress_of(change)
    told = ", ".join(f"{number} {label.lower()}" for label, number in progress) or "none"
    lines = [f"Subscriptions: {told}."]
    if change.status == PriceChangeStatus.EFFECTIVE:
        found = summary(change)
        verified = (
            f"Verified on {timezone.localtime(change.verified_at):%-d %b %Y}." if change.verified_at else ""
        )
        lines.append(
            verified or f"Not verified: {found.open} of {found.cases} first invoices are not proven right."
        )
    return lines


def _warn_of_what_does_not_fit(request: HttpRequest, change_id: Any) -> None:
    today = timezone.localdate()
    if late := capacity.too_late(today)[str(change_id)]:
        messages.warning(
            request,
            f"{late} subscriptions cannot be moved before their renewal with {capacity.daily_quota()} calls a day:"
            " they would be billed the old price once more. Ask Zoho for more calls, or amend to a later date.",
        )
