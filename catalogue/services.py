"""The deeds of the catalogue: submit, approve, reject, publish. One transaction each, its audit entry inside it.

Admin, REST, tasks and commands are doors to these functions. The actor comes as a keyword; each function
checks the right of that person, does the deed or raises a `Refused` whose text is fit for them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from catalogue import audit
from catalogue.amounts import rand
from catalogue.bundles import component_entries, live_bundles_with
from catalogue.content import differences, fingerprint, hardware_of, logical_key, pricing_of, product_content
from catalogue.ending import archive_others
from catalogue.errors import ContentChanged, NotAllowed, NotReady, Refused, WrongStatus
from catalogue.models import AuditEntry, PackageStatus, Product, ProductPricing, ProductStatus, ServicePackage
from catalogue.readiness import publishing_problems
from catalogue.rights import ensure_may
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
    "components",
    "hardware_model",
    "hardware_included",
    "hardware_price",
    "promotion_price",
    "promotion_months",
    "promotion_from",
    "promotion_to",
    "installation_fee",
    "discounted_installation_fee",
    "installation_days",
    "zones",
    "featured",
    "popular",
    "valid_to",
)


@dataclass(frozen=True)
class Published:
    """What a publish did. `price_waiting` is set when the product asks for another price than the package keeps.

    `bundles` are live and hold the package; `stranded_bundles` are live and hold a version that was archived.
    """

    package: ServicePackage
    created: bool
    changes: dict[str, list[Any]]
    archived: list[ServicePackage]
    price_waiting: Decimal | None = None
    price_news: str = ""
    bundles: tuple[str, ...] = ()
    stranded_bundles: tuple[str, ...] = ()

    def __str__(self) -> str:
        deed = "published" if self.created else "updated" if self.changes else "already up to date"
        sentence = f"{self.package} {deed}"
        if self.archived:
            sentence += f"; earlier version archived: {', '.join(package.sku for package in self.archived)}"
        if self.price_waiting is not None:
            news = self.price_news or "a live package's price moves only through a price change"
            sentence += f"; the price stays at {rand(self.package.price)} although the product now says {rand(self.price_waiting)}: {news}"
        if self.bundles:
            sentence += f"; it is part of {', '.join(self.bundles)}, whose savings follow its price"
        if self.stranded_bundles:
            names = ", ".join(self.stranded_bundles)
            sentence += f"; the archived version is a component of {names}: choose its successor there"
        return sentence


@transaction.atomic
def submit(product_id: Any, *, actor: User) -> Product:
    """draft → pending: ask for approval. Refused while the product is incomplete."""
    product = _locked(product_id)
    ensure_may(actor, "catalogue.submit_product", "submit products")
    _ensure_status(product, "submitted", ProductStatus.DRAFT)
    if problems := publishing_problems(product):
        raise NotReady(*(f"{product}: {problem}" for problem in problems))
    return _move(product, ProductStatus.PENDING, "submitted", actor, rejection_reason="")


@transaction.atomic
def approve(product_id: Any, *, actor: User) -> Product:
    """pending → approved. Someone other than its author and last editor signs its content.

    Whoever may approve pricing too signs both at once; otherwise a pricing manager does, before it is published.
    """
    product = _locked(product_id)
    ensure_may(actor, "catalogue.approve_product", "approve products")
    _ensure_status(product, "approved", ProductStatus.PENDING)
    if actor.pk in (product.created_by_id, product.changed_by_id):
        raise NotAllowed(f"{product}: you made or last changed it, so someone else must approve it")
    if problems := publishing_problems(product):
        raise NotReady(*(f"{product}: {problem}" for problem in problems))
    now = timezone.now()
    signature = fingerprint(product)
    values: dict[str, Any] = {"approved_by": actor, "approved_at": now, "approved_fingerprint": signature}
    _move(product, ProductStatus.APPROVED, "approved", actor, **values)
    if actor.has_perm("catalogue.approve_pricing"):
        _sign_pricing(product, actor)
    return product


@transaction.atomic
def approve_pricing(product_id: Any, *, actor: User) -> Product:
    """Sign the pricing of a pending or approved product. Needed before it is published, like the approval itself."""
    product = _locked(product_id)
    ensure_may(actor, "catalogue.approve_pricing", "approve pricing")
    _ensure_status(product, "approved in its pricing", ProductStatus.PENDING, ProductStatus.APPROVED)
    if actor.pk in (product.created_by_id, product.changed_by_id):
        raise NotAllowed(f"{product}: you made or last changed it, so someone else must approve its pricing")
    if problems := [p for p in publishing_problems(product) if p.field.startswith("pricing.")]:
        raise NotReady(*(f"{product}: {problem}" for problem in problems))
    _sign_pricing(product, actor)
    return product


def _sign_pricing(product: Product, actor: User) -> None:
    pricing = pricing_of(product)
    assert pricing is not None  # publishing_problems saw it
    if pricing.approved_by_id is not None:
        return
    pricing.approved_by, pricing.approved_at = actor, timezone.now()
    pricing.save(update_fields=["approved_by", "approved_at"])
    content = product_content(product)
    signed = {name: [None, value] for name, value in content.items() if name.startswith("pricing.") and value}
    audit.record("pricing approved", product, actor=actor, changes=signed)


@transaction.atomic
def archive(product_id: Any, *, actor: User, reason: str) -> Product:
    """Put a product away for good. Refused while a package made of it is active: end that first."""
    product = _locked(product_id)
    ensure_may(actor, "catalogue.archive_product", "archive products")
    statuses = (ProductStatus.DRAFT, ProductStatus.PENDING, ProductStatus.APPROVED)
    _ensure_status(product, "archived", *statuses)
    if not reason.strip():
        raise Refused(f"{product}: say why it is archived")
    if live := product.packages.filter(status=PackageStatus.ACTIVE).first():
        raise Refused(f"{product}: {live.sku} is active still; set the end of its life first")
    return _move(product, ProductStatus.ARCHIVED, "archived", actor, detail=reason.strip())


@transaction.atomic
def reject(product_id: Any, *, actor: User, reason: str) -> Product:
    """pending → draft, with a reason for the author."""
    product = _locked(product_id)
    ensure_may(actor, "catalogue.approve_product", "reject products")
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


def record_edit(product: Product, *, actor: User, before: dict[str, Any] | None) -> bool:
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
    pricing = pricing_of(product)
    if pricing and any(name.startswith("pricing.") for name in changes):
        pricing.approved_by, pricing.approved_at = None, None
        pricing.save(update_fields=["approved_by", "approved_at"])
    audit.record("edited", product, actor=actor, changes=changes, detail="approval voided" if voided else "")
    return voided


def record_edits(before: dict[Any, dict[str, Any]], *, actor: User) -> int:
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


def record_creations(product_ids: list[Any], *, actor: User) -> None:
    """`record_edit` for many products just made in this transaction, in few statements."""
    made = Product.objects.with_content_only().filter(pk__in=product_ids).iterator(chunk_size=1000)
    created = ((product, differences({}, product_content(product))) for product in made)
    audit.record_many("created", created, actor=actor)


@transaction.atomic
def publish(product_id: Any, *, actor: User, at: datetime | None = None) -> Published:
    """Turn an approved product into a live package and write down what that means to others. Never waits for Zoho.

    Under the same business key the live package is updated in place, its price excepted: a price moves only
    through a price change. A new business key of the same variant archives the earlier version.
    """
    product = _locked(product_id)
    ensure_may(actor, "catalogue.publish_product", "publish products")
    _ensure_publishable(product)
    return _publish(product, actor, at or timezone.now())


@contextmanager
def rehearsed_publish(product_id: Any, *, actor: User) -> Iterator[Published]:
    """Inside, everything is as a publish by `actor` would leave it; afterwards nothing has happened.

    Approval and rights are taken for granted; raises NotReady for a product that is incomplete.
    """
    with transaction.atomic():
        product = _locked(product_id)
        if problems := publishing_problems(product):
            raise NotReady(*(f"{product}: {problem}" for problem in problems))
        yield _publish(product, actor, timezone.now())
        transaction.set_rollback(True)


def live_package_of(product: Product) -> ServicePackage | None:
    """The package with the product's business key, whatever its status; None when it was never published."""
    return ServicePackage.objects.filter(
        sku__iexact=product.sku, market_segment=product.market_segment, provider__iexact=product.provider
    ).first()


def package_as_of(product: Product, *, actor: User) -> ServicePackage:
    """The package a first publish would make, as far as the product goes; not stored. An absent price is None."""
    package = _new_package(product, actor, timezone.now())
    _copy_content(product, package)
    return package


def _publish(product: Product, actor: User, now: datetime) -> Published:
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
    archived = archive_others(
        package, package.logical_key, actor=actor, because=f"succeeded by {package.sku}"
    )
    for old in archived:
        package.version = max(package.version, old.version + 1)
    after = _package_content(package)
    changes = differences(before, after)
    package.source_version = product.version
    if changes:
        if not created:
            package.version += 1
        package.save()
        deed = "published" if created else "updated"
        package_changed.send(ServicePackage, package=package, deed=deed, actor=actor)
    else:
        ServicePackage.objects.filter(pk=package.pk).update(source_version=product.version)
    pricing = pricing_of(product)
    assert pricing is not None  # publishing_problems saw it
    asked, news = pricing.regular_price, ""
    if not created:
        answers = price_asked.send(ServicePackage, package=package, price=asked, actor=actor)
        news = "; ".join(answer for _receiver, answer in answers if answer)
    waiting = asked if asked != package.current_price else None
    touched = () if created or not changes else tuple(map(str, live_bundles_with([package])))
    stranded = tuple(map(str, live_bundles_with(archived)))
    outcome = Published(package, created, changes, archived, waiting, news, touched, stranded)
    audit.record("published", product, actor=actor, changes=changes, detail=str(outcome))
    return outcome


def objections(deed: str, product: Product, *, actor: User) -> list[str]:
    """What would be said against submitting, approving or publishing `product` now; empty when nothing is.

    For previews of many: it asks the database nothing, so not for the VAT rate. The deed itself decides again.
    """
    status = product.get_status_display().lower()
    if deed == "publish":
        return _objections_to_publishing(product, with_vat=False)[1]
    wanted = ProductStatus.DRAFT if deed == "submit" else ProductStatus.PENDING
    found = [f"it is {status}, not {wanted.label.lower()}"] if product.status != wanted else []
    if deed == "approve" and actor.pk in (product.created_by_id, product.changed_by_id):
        found.append("you made or last changed it, so someone else must approve it")
    return found + [str(problem) for problem in publishing_problems(product, with_vat=False)]


def record_refusal(action: str, product_id: Any, *, actor: User, refusal: Refused) -> None:
    """Write a refused attempt into the audit trail. Called by the doors, outside the transaction that was undone."""
    product = Product.objects.filter(pk=product_id).first()
    if product is not None:
        audit.record(action, product, actor=actor, result=AuditEntry.Result.REFUSED, detail=str(refusal))


def _locked(product_id: Any) -> Product:
    Product.objects.select_for_update().get(pk=product_id)
    return Product.objects.with_content().get(pk=product_id)


def _ensure_status(product: Product, deed: str, *wanted: ProductStatus) -> None:
    if product.status not in wanted:
        names = " or ".join(status.label.lower() for status in wanted)
        raise WrongStatus(
            f"{product} cannot be {deed}: it is {product.get_status_display().lower()}, not {names}"
        )


def _ensure_publishable(product: Product) -> None:
    """Everything that speaks against publishing, at once. Raises WrongStatus, ContentChanged or NotReady."""
    kind, reasons = _objections_to_publishing(product)
    if reasons:
        raise kind(*(f"{product} cannot be published: {reason}" for reason in reasons))


def _objections_to_publishing(product: Product, *, with_vat: bool = True) -> tuple[type[Refused], list[str]]:
    status_wrong = product.status != ProductStatus.APPROVED
    reasons = [f"it is {product.get_status_display().lower()}, not approved"] if status_wrong else []
    pricing = pricing_of(product)
    if not status_wrong and pricing is not None and pricing.approved_by_id is None:
        reasons.append("its pricing is not approved yet: a pricing manager does that on its page")
    tampered = not status_wrong and product.approved_fingerprint != fingerprint(product)
    if tampered:
        reasons.append("its content is not what was approved: have it approved again")
    reasons += [str(problem) for problem in publishing_problems(product, with_vat=with_vat)]
    kind = WrongStatus if status_wrong else ContentChanged if tampered else NotReady
    return kind, reasons


def _move(
    product: Product,
    status: ProductStatus,
    action: str,
    actor: User,
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


def _new_package(product: Product, actor: User, now: datetime) -> ServicePackage:
    pricing = pricing_of(product)
    price = pricing.regular_price if pricing else None
    shown = "" if price is None else f"{price:.2f}"
    history = [{"price": shown, "effective_from": now.isoformat(), "reason": "first publication"}]
    return ServicePackage(
        sku=product.sku,
        market_segment=product.market_segment,
        provider=product.provider,
        price=price,
        price_history=history,
        valid_from=product.valid_from or now,
        published_at=now,
        published_by=actor,
    )


def _copy_content(product: Product, package: ServicePackage) -> None:
    """Carry over everything of substance but the price and the business key."""
    pricing, hardware = pricing_of(product), hardware_of(product)
    for field in (
        "name",
        "service_type",
        "category",
        "technology",
        "speed_down_mbps",
        "speed_up_mbps",
        "data_limit",
        "installation_days",
        "zones",
        "featured",
        "popular",
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
    package.components = component_entries(product)
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
        "discounted_installation_fee",
    ):
        setattr(package, field, getattr(pricing, field, None))
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
