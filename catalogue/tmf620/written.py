"""Documents written down ahead: a package hardly changes, so its JSON is built when it does, and served as it lies.

What was written is used while the package, the VAT rate and the promotion are those it was written with;
otherwise it is built for the answer, and the sweep writes it down.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet
from django.utils import timezone

from catalogue.models import NoVatRate, ServicePackage, TmfDocument, vat_rate_today
from catalogue.tmf620 import resources
from catalogue.tmf620.dialects import DIALECTS, Kind, Rendering
from catalogue.tmf620.values import Document

# By kind: every resource that stands for a package.
BUILDERS: dict[Kind, Callable[[ServicePackage, Rendering], list[Document]]] = {
    Kind.OFFERING: lambda package, rendering: [resources.offering(package, rendering)],
    Kind.SPECIFICATION: lambda package, rendering: [resources.specification(package, rendering)],
    Kind.PRICE: resources.prices,
}
# Stands for the address of this server. JSON never holds it as it is, so no text of a package is taken for it.
ROOT = "\x01"
MOST_AT_ONCE = 500
# What decides whether a promotion is offered, and what is kept of a document.
PROMOTION = ("price", "new_customer_price", "promotion_price", "promotion_from", "promotion_to")
WRITTEN = ("written__changed_at", "written__vat_rate", "written__promoted", "written__text")


def as_json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def write_down(packages: Iterable[ServicePackage], at: datetime) -> None:
    """Build and keep the documents of these packages. Does nothing while no VAT rate is recorded."""
    try:
        vat_rate = vat_rate_today()
    except NoVatRate:
        return
    TmfDocument.objects.bulk_create(
        (document for package in packages for document in _documents(package, at, vat_rate)),
        update_conflicts=True,
        unique_fields=["package", "resource"],
        update_fields=["text", "changed_at", "vat_rate", "promoted"],
        batch_size=1000,
    )


def texts(packages: QuerySet[ServicePackage], kind: Kind, rendering: Rendering) -> list[str]:
    """What stands for each of the packages, as JSON with commas between, in at most three queries."""
    resource = f"{rendering.dialect.version}/{kind}"
    beside = FilteredRelation("tmf620_documents", condition=Q(tmf620_documents__resource=resource))
    page = list(packages.alias(written=beside).values_list("pk", "changed_at", *PROMOTION, *WRITTEN))
    root = as_json(rendering.root)[1:-1]
    # Only amounts with and without VAT depend on its rate.
    shows_vat = kind is Kind.PRICE or (kind is Kind.OFFERING and rendering.dialect.embeds_prices)
    rate = rendering.vat_rate if shows_vat else None
    found = {}
    for pk, changed_at, *promotion, written_at, written_rate, promoted, text in page:
        true = written_at == changed_at and rate in (None, written_rate)
        if true and promoted == _is_promoted(promotion, rendering.at):
            found[pk] = text.replace(ROOT, root)
    missing = [pk for pk, *_ in page if pk not in found]
    if missing:
        whole = ServicePackage.objects.in_bulk(missing)
        found |= {pk: _text(kind, whole[pk], rendering) for pk in missing if pk in whole}
    return [found[pk] for pk, *_ in page if pk in found]


def catch_up() -> int:
    """Write down what is missing or no longer true, some at a time. Returns how many packages."""
    now = timezone.now()
    try:
        vat_rate = vat_rate_today()
    except NoVatRate:
        return 0
    # The documents of a package are written together: one tells for all.
    one = f"{next(iter(DIALECTS))}/{next(iter(BUILDERS))}"
    true = TmfDocument.objects.filter(
        resource=one, package=OuterRef("pk"), changed_at=OuterRef("changed_at"), vat_rate=vat_rate
    )
    stale = list(ServicePackage.objects.on_sale(now).exclude(Exists(true))[:MOST_AT_ONCE])
    write_down(stale, now)
    return len(stale)


def _is_promoted(promotion: list[Any], at: datetime) -> bool:
    values = dict(zip(PROMOTION, promotion, strict=True))
    # Most packages have none, and making a model of each row would cost more than the rest of the list.
    return (
        values["promotion_price"] is not None and ServicePackage(**values).promotion_price_at(at) is not None
    )


def _documents(package: ServicePackage, at: datetime, vat_rate: Any) -> Iterable[TmfDocument]:
    for version, dialect in DIALECTS.items():
        rendering = Rendering(dialect, ROOT, at)
        rendering.vat_rate = vat_rate
        for kind in BUILDERS:
            yield TmfDocument(
                package=package,
                resource=f"{version}/{kind}",
                text=_with_root(_text(kind, package, rendering)),
                changed_at=package.changed_at,
                vat_rate=vat_rate,
                promoted=package.promotion_price_at(at) is not None,
            )


def _text(kind: Kind, package: ServicePackage, rendering: Rendering) -> str:
    return ",".join(map(as_json, BUILDERS[kind](package, rendering)))


def _with_root(text: str) -> str:
    # Quotes inside a value are escaped, so that this can only be an attribute of ours.
    return text.replace('"href":"\\u0001', f'"href":"{ROOT}')
