"""The deeds of the catalogue: submit, approve, reject, publish. One transaction each, its audit entry inside it.

Admin, REST, tasks and commands are doors to these functions. The actor comes as a keyword; each function
checks the right of that person, does the deed or raises a `Refused` whose text is fit for them.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from catalogue import audit
from catalogue.content import differences, fingerprint, hardware_of, logical_key, pricing_of, product_content
from catalogue.errors import ContentChanged, NotAllowed, NotReady, Refused, WrongStatus
from catalogue.models import AuditEntry, PackageStatus, Product, ProductPricing, ProductStatus, ServicePackage
from catalogue.readiness import publishing_problems
from catalogue.signals import package_changed, price_asked

PACKAGE_CONTENT = (
    "name",
    "service_type",
    "category",
    "technology",
    "speed_down_mbps",
    "speed_up_mbps",
    "data_limit",
    "contract_months",
    "description",
    "features",
    "add_ons",
    "hardware_model",
    "hardware_included",
    "hardware_price",
    "promotion_price",
    "promotion_months",
    "promotion_from",
    "promotion_to",
    "installation_fee",
    "valid_to",
)


@dataclass(frozen=True)
class Published:
    """What a publish did. `price_waiting` is set when the product asks for another price than the package keeps."""

    package: ServicePackage
    created: bool
    changes: dict[str, list[Any]]
    archived: list[ServicePackage]
    price_waiting: Decimal | None = None
    price_news: str = ""

    def __str__(self) -> str:
        deed = "published" if self.created else "updated" if self.changes else "already up to date"
        sentence = f"{self.package} {deed}"
        if self.archived:
            sentence += f"; earlier version archived: {', '.join(package.sku for package in self.archived)}"
        if self.price_waiting is not None:
            news = self.price_news or "a live package's price moves only through a price change"
            sentence += f"; the price stays at R {self.package.price} although the product now says R {self.price_waiting}: {news}"
        return sentence


@transaction.atomic
def submit(product_id: Any, *, actor: AbstractUser) -> Product:
    """draft → pending: ask for approval. Refused while the product is incomplete."""
    product = _locked(product_id)
    _ensure_may(actor, "submit_product", "submit products")
    _ensure_status(product, "submitted", ProductStatus.DRAFT)
    if problems := publishing_problems(product):
        raise NotReady(*(f"{product}: {problem}" for problem in problems))
    return _move(product, ProductStatus.PENDING, "submitted", actor, rejection_reason="")


@transaction.atomic
def approve(product_id: Any, *, actor: AbstractUser) -> Product:
    """pending → approved, with its pricing. Someone other than its author and last editor signs its content."""
    product = _locked(product_id)
    _ensure_may(actor, "approve_product", "approve products")
    _ensure_status(product, "approved", ProductStatus.PENDING)
    if actor.pk in (product.created_by_id, product.changed_by_id):
        raise NotAllowed(f"{product}: you made or last changed it, so someone else must approve it")
    if problems := publishing_problems(product):
        raise NotReady(*(f"{product}: {problem}" for problem in problems))
    now = timezone.now()
    pricing = pricing_of(product)
    assert pricing is not None  # publishing_problems saw it
    pricing.approved_by, pricing.approved_at = actor, now
    pricing.save(update_fields=["approved_by", "approved_at"])
    return _move(
        product,
        ProductStatus.APPROVED,
        "approved",
        actor,
        approved_by=actor,
        approved_at=now,
        approved_fingerprint=fingerprint(product),
    )


@transaction.atomic
def reject(product_id: Any, *, actor: AbstractUser, reason: str) -> Product:
    """pending → draft, with a reason for the author."""
    product = _locked(product_id)
    _ensure_may(actor, "approve_product", "reject products")
    _ensure_status(product, "rejected", ProductStatus.PENDING)
    if not reason.strip():
        raise Refused(f"{product}: say why it is rejected, so that its author can mend it")
    return _move(
        product,
        ProductStatus.DRAFT,
        "rejected",
        actor,
        detail=reason.strip(),
        rejection_reason=reason.strip(),
    )


def record_edit(product: Product, *, actor: AbstractUser, before: dict[str, Any] | None) -> bool:
    """Write down an edit just saved in this transaction; `before` is `product_content` as it was, None when new.

    An approval signs content: when anything of substance changed, a pending or approved product goes back to draft.
    Returns True when an approval or a pending request was voided by it.
    """
    product = Product.objects.with_content().get(pk=product.pk)
    if before is None:
        audit.record("created", product, actor=actor, changes=differences({}, product_content(product)))
        return False
    changes = differences(before, product_content(product))
    if not changes:
        return False
    voided = product.status in (ProductStatus.PENDING, ProductStatus.APPROVED)
    if voided:
        changes["status"] = [product.status, ProductStatus.DRAFT.value]
    product.status = ProductStatus.DRAFT if voided else product.status
    product.changed_by = actor
    product.approved_by, product.approved_at, product.approved_fingerprint = None, None, ""
    product.version += 1
    product.save()
    if pricing := pricing_of(product):
        pricing.approved_by, pricing.approved_at = None, None
        pricing.save(update_fields=["approved_by", "approved_at"])
    audit.record("edited", product, actor=actor, changes=changes, detail="approval voided" if voided else "")
    return voided


def record_edits(before: dict[Any, dict[str, Any]], *, actor: AbstractUser) -> int:
    """`record_edit` for many products, in few statements; `before` is {product id: `product_content` as it was}.

    Returns how many approvals and pending requests were voided.
    """
    edited: list[tuple[Product, dict[str, list[Any]]]] = []
    voided: list[tuple[Product, dict[str, list[Any]]]] = []
    for product in Product.objects.with_content_only().filter(pk__in=before).iterator(chunk_size=1000):
        changes = differences(before[product.pk], product_content(product))
        if changes and product.status in (ProductStatus.PENDING, ProductStatus.APPROVED):
            voided.append((product, changes | {"status": [product.status, ProductStatus.DRAFT.value]}))
        elif changes:
            edited.append((product, changes))
    touched = Product.objects.filter(pk__in=[product.pk for product, _ in edited + voided])
    touched.update(
        # An archived product stays archived, also when it is edited.
        status=Case(
            When(status=ProductStatus.ARCHIVED, then=F("status")), default=Value(ProductStatus.DRAFT)
        ),
        version=F("version") + 1,
        changed_by=actor,
        changed_at=timezone.now(),
        approved_by=None,
        approved_at=None,
        approved_fingerprint="",
    )
    repriced = [
        product.pk
        for product, changes in edited + voided
        if any(name.startswith("pricing.") for name in changes)
    ]
    ProductPricing.objects.filter(product__in=repriced).update(approved_by=None, approved_at=None)
    audit.record_many("edited", edited, actor=actor)
    audit.record_many("edited", voided, actor=actor, detail="approval voided")
    return len(voided)


def record_creations(product_ids: list[Any], *, actor: AbstractUser) -> None:
    """`record_edit` for many products just made in this transaction, in few statements."""
    made = Product.objects.with_content_only().filter(pk__in=product_ids).iterator(chunk_size=1000)
    created = ((product, differences({}, product_content(product))) for product in made)
    audit.record_many("created", created, actor=actor)


@transaction.atomic
def publish(product_id: Any, *, actor: AbstractUser, at: datetime | None = None) -> Published:
    """Turn an approved product into a live package and write down what that means to others. Never waits for Zoho.

    Under the same business key the live package is updated in place, its price excepted: a price moves only
    through a price change. A new business key of the same variant archives the earlier version.
    """
    product = _locked(product_id)
    _ensure_may(actor, "publish_product", "publish products")
    _ensure_publishable(product)
    now = at or timezone.now()
    package = (
        ServicePackage.objects.select_for_update()
        .filter(
            sku__iexact=product.sku, market_segment=product.market_segment, provider__iexact=product.provider
        )
        .first()
    )
    created = package is None
    if package is None:
        package = _new_package(product, actor, now)
    before = _package_content(package) if not created else {}
    _copy_content(product, package)
    archived = _archive_earlier_versions(package, actor=actor)
    after = _package_content(package)
    changes = differences(before, after)
    package.source_version = product.version
    if changes:
        if not created:
            package.version += 1
        package.save()
        package_changed.send(ServicePackage, package=package)
    else:
        ServicePackage.objects.filter(pk=package.pk).update(source_version=product.version)
    pricing = pricing_of(product)
    assert pricing is not None  # _ensure_publishable saw it
    asked, news = pricing.regular_price, ""
    if not created:
        answers = price_asked.send(ServicePackage, package=package, price=asked, actor=actor)
        news = "; ".join(answer for _receiver, answer in answers if answer)
    waiting = asked if asked != package.current_price else None
    outcome = Published(package, created, changes, archived, waiting, news)
    audit.record("published", product, actor=actor, changes=changes, detail=str(outcome))
    return outcome


def record_refusal(action: str, product_id: Any, *, actor: AbstractUser, refusal: Refused) -> None:
    """Write a refused attempt into the audit trail. Called by the doors, outside the transaction that was undone."""
    product = Product.objects.filter(pk=product_id).first()
    if product is not None:
        audit.record(action, product, actor=actor, result=AuditEntry.Result.REFUSED, detail=str(refusal))


def _locked(product_id: Any) -> Product:
    Product.objects.select_for_update().get(pk=product_id)
    return Product.objects.with_content().get(pk=product_id)


def _ensure_may(actor: AbstractUser, permission: str, deed: str) -> None:
    if not actor.has_perm(f"catalogue.{permission}"):
        raise NotAllowed(f"{actor.get_full_name() or actor.get_username()} may not {deed}")


def _ensure_status(product: Product, deed: str, *wanted: ProductStatus) -> None:
    if product.status not in wanted:
        names = " or ".join(status.label.lower() for status in wanted)
        raise WrongStatus(
            f"{product} cannot be {deed}: it is {product.get_status_display().lower()}, not {names}"
        )


def _ensure_publishable(product: Product) -> None:
    """Everything that speaks against publishing, at once. Raises WrongStatus, ContentChanged or NotReady."""
    status_wrong = product.status != ProductStatus.APPROVED
    reasons = [f"it is {product.get_status_display().lower()}, not approved"] if status_wrong else []
    tampered = not status_wrong and product.approved_fingerprint != fingerprint(product)
    if tampered:
        reasons.append("its content is not what was approved: have it approved again")
    reasons += [str(problem) for problem in publishing_problems(product)]
    if reasons:
        kind = WrongStatus if status_wrong else ContentChanged if tampered else NotReady
        raise kind(*(f"{product} cannot be published: {reason}" for reason in reasons))


def _move(
    product: Product,
    status: ProductStatus,
    action: str,
    actor: AbstractUser,
    *,
    detail: str = "",
    **values: Any,
) -> Product:
    changes = {"status": [product.status, status.value]}
    product.status = status
    for field, value in values.items():
        setattr(product, field, value)
    product.save(update_fields=["status", *values])
    audit.record(action, product, actor=actor, changes=changes, detail=detail)
    return product


def _new_package(product: Product, actor: AbstractUser, now: datetime) -> ServicePackage:
    pricing = pricing_of(product)
    assert pricing is not None  # _ensure_publishable saw it
    valid_from = product.valid_from or now
    return ServicePackage(
        sku=product.sku,
        market_segment=product.market_segment,
        provider=product.provider,
        price=pricing.regular_price,
        price_history=[
            {
                "price": f"{pricing.regular_price:.2f}",
                "effective_from": now.isoformat(),
                "reason": "first publication",
            }
        ],
        valid_from=valid_from,
        published_at=now,
        published_by=actor,
    )


def _copy_content(product: Product, package: ServicePackage) -> None:
    """Carry over everything of substance but the price and the business key."""
    pricing, hardware = pricing_of(product), hardware_of(product)
    assert pricing is not None  # _ensure_publishable saw it
    for field in (
        "name",
        "service_type",
        "category",
        "technology",
        "speed_down_mbps",
        "speed_up_mbps",
        "data_limit",
    ):
        setattr(package, field, getattr(product, field))
    package.contract_months, package.description, package.valid_to = (
        product.contract_months,
        product.description,
        product.valid_to,
    )
    if product.valid_from:
        package.valid_from = product.valid_from
    package.features = [feature.text for feature in product.features.all()]
    package.add_ons = product_content(product)["add_ons"]
    package.hardware_model = hardware.model if hardware else ""
    package.hardware_included = bool(hardware and hardware.included)
    # What the customer pays for the device. What it costs us is never a price.
    package.hardware_price = (
        (Decimal("0.00") if hardware.included else hardware.retail_value) if hardware else None
    )
    for field in (
        "promotion_price",
        "promotion_months",
        "promotion_from",
        "promotion_to",
        "installation_fee",
    ):
        setattr(package, field, getattr(pricing, field))
    package.source_admin_product = product
    package.logical_key = logical_key(product)
    package.status = PackageStatus.ACTIVE


def _package_content(package: ServicePackage) -> dict[str, Any]:
    fields = (*PACKAGE_CONTENT, "price", "status", "valid_from", "logical_key")
    return {field: _shown(getattr(package, field)) for field in fields}


def _shown(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if hasattr(value, "isoformat") else value


def _archive_earlier_versions(package: ServicePackage, *, actor: AbstractUser) -> list[ServicePackage]:
    earlier = list(
        ServicePackage.objects.select_for_update()
        .filter(logical_key=package.logical_key, status=PackageStatus.ACTIVE)
        .exclude(pk=package.pk)
    )
    for old in earlier:
        package.version = max(package.version, old.version + 1)
        old.status = PackageStatus.ARCHIVED
        old.save(update_fields=["status", "changed_at"])
        package_changed.send(ServicePackage, package=old)
        audit.record(
            "archived",
            old,
            actor=actor,
            changes={"status": ["active", "archived"]},
            detail=f"succeeded by {package.sku}",
        )
    return earlier
