"""What people and programs can do in the catalogue, from top to bottom."""

from typing import Any

from django import forms
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from catalogue import batches, ending, services
from catalogue.content import pricing_of
from catalogue.models import (
    HubDelivery,
    PackageStatus,
    PackageVersion,
    PriceList,
    PriceListRow,
    PriceListStatus,
    Product,
    ProductStatus,
    ServicePackage,
)
from catalogue.pricelists import services as price_lists
from catalogue.services.publishing import Published
from catalogue.tmf620 import hub
from circletel.core.actions import Action, ReasonForm, reason_form

# --- products


def _in_status(*statuses: str) -> Any:
    return lambda record: record.status in statuses


def _pricing_waits(product: Product) -> bool:
    pricing = pricing_of(product)
    is_signed = pricing is not None and pricing.approved_by_id is not None
    return product.status in (ProductStatus.PENDING, ProductStatus.APPROVED) and not is_signed


def _worth_saying(published: Published) -> list[str]:
    """Of many that are published, those that did more than that."""
    more = (
        published.price_waiting is not None,
        published.archived,
        published.bundles,
        published.stranded_bundles,
    )
    return [str(published)] if any(more) else []


SUBMIT = Action(
    name="submit",
    label="Submit for approval",
    model=Product,
    service=services.submit,
    permission="catalogue.submit_product",
    offered=_in_status(ProductStatus.DRAFT),
    title="Submit for approval?",
    description="Someone other than you approves it. Editing it afterwards takes the request back.",
    submit="Submit",
    icon="send",
    variant=ActionVariant.PRIMARY,
    in_row=True,
    bulk_label="Submit selected products for approval",
    bulk_job=batches.plan,
    done="{} waits for approval.",
    bulk_done="submitted",
)
APPROVE = Action(
    name="approve",
    model=Product,
    service=services.approve,
    permission="catalogue.approve_product",
    offered=_in_status(ProductStatus.PENDING),
    title="Approve this product?",
    description="You sign its content and its pricing as they stand. Any later edit voids the approval.",
    icon="check",
    variant=ActionVariant.SUCCESS,
    in_row=True,
    bulk_label="Approve selected products",
    bulk_job=batches.plan,
    done="{} is approved.",
    bulk_done="approved",
)
APPROVE_PRICING = Action(
    name="approve_pricing",
    model=Product,
    service=services.approve_pricing,
    permission="catalogue.approve_pricing",
    offered=_pricing_waits,
    title="Approve the pricing?",
    description="You sign the prices and fees as they stand. Any later edit of them voids it.",
    icon="payments",
    variant=ActionVariant.SUCCESS,
    bulk_label="Approve the pricing of selected products",
    bulk_job=batches.plan,
    done="The pricing of {} is approved.",
    bulk_done="approved in their pricing",
)
REJECT = Action(
    name="reject",
    model=Product,
    service=services.reject,
    permission="catalogue.approve_product",
    offered=_in_status(ProductStatus.PENDING),
    title="Send it back to its author?",
    description="It becomes a draft again.",
    form=reason_form(help_text="Its author reads this on the product page."),
    icon="undo",
    done="{} went back to its author.",
)
PUBLISH = Action(
    name="publish",
    model=Product,
    service=services.publish,
    permission="catalogue.publish_product",
    offered=_in_status(ProductStatus.APPROVED),
    title="Publish this product?",
    description=(
        "The storefront sells it at once, and Zoho CRM and Zoho Billing get it within seconds."
        " The price of a package that is live already does not move."
    ),
    icon="publish",
    variant=ActionVariant.PRIMARY,
    in_row=True,
    bulk_label="Publish selected products",
    bulk_job=batches.plan,
    done="{}.",
    bulk_done="published",
    warnings=_worth_saying,
)
ARCHIVE = Action(
    name="archive",
    model=Product,
    service=services.archive,
    permission="catalogue.archive_product",
    offered=_in_status(ProductStatus.DRAFT, ProductStatus.PENDING, ProductStatus.APPROVED),
    title="Put this product away for good?",
    description="It can be neither edited nor published any more. Its SKU is free for another product.",
    form=ReasonForm,
    icon="archive",
    done="{} is archived.",
)
PRODUCT = (SUBMIT, APPROVE, APPROVE_PRICING, REJECT, PUBLISH, ARCHIVE)
for one in PRODUCT:
    if one.bulk_job:
        batches.offer(one)


# --- packages, and their versions

LOCAL_INSTANT = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})


class EndOfSaleForm(BaseDialogForm):
    at = forms.DateTimeField(
        label="From",
        required=False,
        widget=LOCAL_INSTANT,
        help_text="South African time. Empty takes it back.",
    )


class EndOfLifeForm(EndOfSaleForm):
    override_reason = forms.CharField(
        label="Why, although customers have it",
        required=False,
        widget=UnfoldAdminTextareaWidget,
        help_text="Needed only when subscriptions are known.",
    )


END_OF_SALE = Action(
    name="end_of_sale",
    model=ServicePackage,
    service=ending.end_sale,
    permission="catalogue.end_servicepackage",
    offered=_in_status(PackageStatus.ACTIVE),
    title="End the sale to new customers?",
    description="From that instant the storefront does not offer it. Existing customers keep it.",
    submit="Set end of sale",
    form=EndOfSaleForm,
    icon="block",
    done="{}: noted, and on its way to Zoho.",
)
END_OF_LIFE = Action(
    name="end_of_life",
    model=ServicePackage,
    service=ending.end_life,
    permission="catalogue.end_servicepackage",
    offered=_in_status(PackageStatus.ACTIVE),
    title="End this package for everybody?",
    description=(
        "At that instant it is archived and marked inactive in Zoho. Refused while subscriptions are known,"
        " unless you say why it ends all the same."
    ),
    submit="Set end of life",
    form=EndOfLifeForm,
    icon="event_busy",
    done="{}: noted, and on its way to Zoho.",
)
PUBLISH_AGAIN = Action(
    name="publish_again",
    model=PackageVersion,
    service=ending.publish_again,
    permission="catalogue.publish_product",
    title="Publish this version again?",
    description=(
        "The package says what it said then, as a new version, and Zoho gets it within seconds."
        " Its price stays where it is: that moves only through a price change."
    ),
    form=ReasonForm,
    icon="restore",
    done="{0} is published again as version {0.version}.",
)
PACKAGE = (END_OF_SALE, END_OF_LIFE)
VERSION = (PUBLISH_AGAIN,)

# --- suppliers' price lists


def _in_state(*states: PriceListStatus) -> Any:
    return lambda price_list: price_list.state in states


READ_LIST = Action(
    name="read_again",
    model=PriceList,
    service=price_lists.read_again,
    permission=price_lists.PERMISSION,
    offered=_in_state(PriceListStatus.FAILED),
    audit_name="price list read again",
    title="Read this workbook again?",
    description="With the column mappings, products and VAT rate of now. Nothing of the catalogue changes.",
    icon="refresh",
    variant=ActionVariant.PRIMARY,
    done="{} is being read.",
)
APPLY_LIST = Action(
    name="apply",
    model=PriceList,
    service=price_lists.request_apply,
    permission="catalogue.import_pricelist",
    offered=_in_state(PriceListStatus.PREVIEWED),
    audit_name="price list apply",
    title="Apply this price list?",
    description=(
        "New deals become draft products, changed ones change theirs under your name; an approval of a product"
        " that changes is voided. Refused rows are left out. No live price moves."
    ),
    icon="check",
    variant=ActionVariant.PRIMARY,
    done="{} is being applied.",
)
CANCEL_LIST = Action(
    name="cancel",
    model=PriceList,
    service=price_lists.cancel,
    permission="catalogue.import_pricelist",
    offered=_in_state(*price_lists.CANCELLABLE),
    audit_name="price list cancel",
    title="Give this price list up?",
    description="What was applied of it already stays; nothing more is.",
    submit="Give it up",
    icon="close",
    done="{} was cancelled.",
)
PRICE_LIST = (READ_LIST, APPLY_LIST, CANCEL_LIST)

DRAFT_PRICE_CHANGES = Action(
    name="draft_price_changes",
    model=PriceListRow,
    service=price_lists.draft_price_changes,
    permission="catalogue.draft_price_changes",
    takes_many=True,
    title="Draft price changes to the proposed prices?",
    on_page=False,
    bulk_label="Draft price changes to the proposed prices",
    done=lambda said: [f"{sentence}." for sentence in said],
    nothing_done=lambda said: "" if said else "None of these rows proposes a price for a live package.",
)

# --- events of TMF620

SEND_EVENT_AGAIN = Action(
    name="send_again",
    model=HubDelivery,
    service=hub.send_again,
    permission="catalogue.resend_hubdelivery",
    takes_many=True,
    title="Send again?",
    description="The event is sent to the listener at once, however often that failed before.",
    icon="sync",
    bulk_label="Send selected events again",
    done=lambda number: f"{number} event{'s' if number != 1 else ''} will be sent again at once.",
    nothing_done=lambda number: "" if number else "Nothing to send: what you chose was delivered.",
)
