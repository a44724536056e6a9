"""The buttons of a product: submit, approve, reject, publish, archive, for one and for many."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from catalogue import batches, services
from catalogue.admin.resync import ResyncDeeds
from catalogue.content import pricing_of
from catalogue.models import Product, ProductStatus, ServicePackage
from catalogue.services.publishing import Published
from circletel.core.admin.base import HidesCosts, moved_to
from circletel.core.errors import Refused
from zoho_sync.services import hurry

MOST_REASONS = 20
# What a person waits for. A larger selection becomes a batch, planned first and done by a worker.
MOST_AT_ONCE = 20
# Which deed is offered in which status. Anybody may still try another one and is told why not.
DEEDS_BY_STATUS = {
    ProductStatus.DRAFT: {"submit_one"},
    ProductStatus.PENDING: {"approve_one", "approve_pricing_one", "reject_one"},
    ProductStatus.APPROVED: {"approve_pricing_one", "publish_one"},
    ProductStatus.ARCHIVED: set(),
}


class RejectForm(BaseDialogForm):
    reason = forms.CharField(
        label="Reason",
        widget=UnfoldAdminTextareaWidget,
        help_text="Its author reads this on the product page.",
    )


class ArchiveForm(BaseDialogForm):
    reason = forms.CharField(
        label="Reason", widget=UnfoldAdminTextareaWidget, help_text="It stands in the audit trail."
    )


class ProductDeeds(HidesCosts, ResyncDeeds):
    """For the admin of products. Each button is a door to one service; what that refuses is shown and audited."""

    actions = (
        "submit_selected",
        "approve_selected",
        "approve_pricing_selected",
        "publish_selected",
        *ResyncDeeds.resync_actions,
    )
    actions_row = ("submit_one", "approve_one", "publish_one", *ResyncDeeds.resync_one)
    actions_detail = (
        "submit_one",
        "approve_one",
        "approve_pricing_one",
        "reject_one",
        "publish_one",
        "archive_one",
        *ResyncDeeds.resync_one,
    )

    def packages_behind(self, ids: Iterable[Any]) -> QuerySet[ServicePackage]:
        published = ServicePackage.objects.filter(source_admin_product__in=ids)
        return published.filter(integrations__isnull=False).distinct()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only the deeds that the product's status admits."""
        product = self.get_object(request, object_id)
        offered = DEEDS_BY_STATUS[ProductStatus(product.status)] if product else set()
        if product and (pricing := pricing_of(product)) and pricing.approved_by_id:
            offered = offered - {"approve_pricing_one"}
        if product and product.status != ProductStatus.ARCHIVED:
            offered = offered | {"archive_one"}
        if product and self.packages_behind([product.pk]).exists():
            offered = offered | set(self.resync_one)
        return [
            one
            for one in super().get_actions_detail(request, object_id)
            if one.method.original_function_name in offered
        ]

    def has_submit_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("catalogue.submit_product")

    def has_approve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("catalogue.approve_product")

    def has_approve_pricing_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("catalogue.approve_pricing")

    def has_archive_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("catalogue.archive_product")

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("catalogue.publish_product")

    @action(
        description="Submit for approval",
        permissions=["submit"],
        icon="send",
        url_path="submit",
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Submit for approval?",
            "description": "Someone other than you approves it. Editing it afterwards takes the request back.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Submit",
        },
    )
    def submit_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._one(request, object_id, "submit", services.submit, "{} waits for approval.")

    @action(
        description="Approve",
        permissions=["approve"],
        icon="check",
        url_path="approve",
        variant=ActionVariant.SUCCESS,
        dialog={
            "title": "Approve this product?",
            "description": "You sign its content and its pricing as they stand. Any later edit voids the approval.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Approve",
        },
    )
    def approve_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._one(request, object_id, "approve", services.approve, "{} is approved.")

    @action(
        description="Approve pricing",
        permissions=["approve_pricing"],
        icon="payments",
        url_path="approve-pricing",
        variant=ActionVariant.SUCCESS,
        dialog={
            "title": "Approve the pricing?",
            "description": "You sign the prices and fees as they stand. Any later edit of them voids it.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Approve pricing",
        },
    )
    def approve_pricing_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        deed, words = services.approve_pricing, "The pricing of {} is approved."
        return self._one(request, object_id, "approve pricing", deed, words)

    @action(
        description="Archive",
        permissions=["archive"],
        icon="archive",
        url_path="archive",
        dialog={
            "title": "Put this product away for good?",
            "description": "It can be neither edited nor published any more. Its SKU is free for another product.",
            "form_class": ArchiveForm,
            "form_submit_text": "Archive",
        },
    )
    def archive_one(self, request: HttpRequest, form: ArchiveForm, object_id: Any) -> HttpResponse:
        def deed(product_id: Any, *, actor: Any) -> Any:
            return services.archive(product_id, actor=actor, reason=form.cleaned_data["reason"])

        return self._one(request, object_id, "archive", deed, "{} is archived.")

    @action(
        description="Reject",
        permissions=["approve"],
        icon="undo",
        url_path="reject",
        dialog={
            "title": "Send it back to its author?",
            "description": "It becomes a draft again.",
            "form_class": RejectForm,
            "form_submit_text": "Reject",
        },
    )
    def reject_one(self, request: HttpRequest, form: RejectForm, object_id: Any) -> HttpResponse:
        def deed(product_id: Any, *, actor: Any) -> Any:
            return services.reject(product_id, actor=actor, reason=form.cleaned_data["reason"])

        return self._one(request, object_id, "reject", deed, "{} went back to its author.")

    @action(
        description="Publish",
        permissions=["publish"],
        icon="publish",
        url_path="publish",
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Publish this product?",
            "description": (
                "The storefront sells it at once, and Zoho CRM and Zoho Billing get it within seconds."
                " The price of a package that is live already does not move."
            ),
            "form_class": BaseDialogForm,
            "form_submit_text": "Publish",
        },
    )
    def publish_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._one(request, object_id, "publish", _publish_while_watched, "{}.")

    @action(description="Submit selected products for approval", permissions=["submit"])
    def submit_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        return self._many(request, queryset, "submit", services.submit, "submitted")

    @action(description="Approve selected products", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        return self._many(request, queryset, "approve", services.approve, "approved")

    @action(description="Approve the pricing of selected products", permissions=["approve_pricing"])
    def approve_pricing_selected(
        self, request: HttpRequest, queryset: QuerySet[Product]
    ) -> HttpResponse | None:
        return self._many(
            request, queryset, "approve pricing", services.approve_pricing, "approved in their pricing"
        )

    @action(description="Publish selected products", permissions=["publish"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        return self._many(request, queryset, "publish", services.publish, "published")

    def _one(
        self, request: HttpRequest, product_id: Any, name: str, deed: Callable[..., Any], sentence: str
    ) -> HttpResponse:
        page = reverse("admin:catalogue_product_change", args=[product_id])
        try:
            outcome = deed(product_id, actor=request.user)
        except Product.DoesNotExist:
            messages.error(request, "This product does not exist any more.")
            page = reverse("admin:catalogue_product_changelist")
        except Refused as refusal:
            services.record_refusal(name, product_id, actor=request.user, refusal=refusal)  # type: ignore[arg-type]
            for reason in refusal.reasons:
                messages.error(request, reason)
        else:
            messages.success(request, sentence.format(outcome))
        return moved_to(request, page)

    def _planned(self, request: HttpRequest, queryset: QuerySet[Product], deed: str) -> HttpResponse | None:
        ids = queryset.order_by("name", "sku").values_list("pk", flat=True)
        try:
            batch = batches.plan(deed, ids, actor=request.user)  # type: ignore[arg-type]
        except Refused as refusal:
            messages.error(request, str(refusal))
            return None
        messages.info(request, "This is a plan: nothing is done before you start it.")
        return HttpResponseRedirect(reverse("admin:catalogue_batch_change", args=[batch.pk]))

    def _many(
        self,
        request: HttpRequest,
        queryset: QuerySet[Product],
        name: str,
        deed: Callable[..., Any],
        done: str,
    ) -> HttpResponse | None:
        """Each product by itself: one that is refused never stops the others. Many go to a worker as a batch."""
        if queryset.count() > MOST_AT_ONCE:
            return self._planned(request, queryset, name)
        number = 0
        refusals: list[str] = []
        news: list[str] = []
        for product_id in list(queryset.order_by("name", "sku").values_list("pk", flat=True)):
            try:
                outcome = deed(product_id, actor=request.user)
            except Refused as refusal:
                services.record_refusal(name, product_id, actor=request.user, refusal=refusal)  # type: ignore[arg-type]
                refusals += refusal.reasons
            else:
                number += 1
                worth_saying = ("archived", "bundles", "stranded_bundles")
                if getattr(outcome, "price_waiting", None) is not None or any(
                    getattr(outcome, name, None) for name in worth_saying
                ):
                    news.append(str(outcome))
        if number:
            messages.success(request, f"{number} {done}.")
        for sentence in news[:MOST_REASONS]:
            messages.warning(request, sentence)
        for reason in refusals[:MOST_REASONS]:
            messages.error(request, reason)
        if len(refusals) > MOST_REASONS:
            messages.error(
                request, f"… and {len(refusals) - MOST_REASONS} more reasons; the audit trail has them all."
            )
        return None


def _publish_while_watched(product_id: Any, *, actor: User) -> Published:
    """One product, on a page that shows how it comes to Zoho."""
    published = services.publish(product_id, actor=actor)
    hurry(published.package)
    return published
