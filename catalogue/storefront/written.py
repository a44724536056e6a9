"""Documents written ahead: built when a package changes, in the same transaction, and served as they lie.

A trigger has emptied the document of every package that changed, so what nobody wrote down is never served stale.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.dispatch import receiver

from catalogue.models import NoVatRate, PackageDocument, PackageStatus, ServicePackage, vat_rate_today
from catalogue.signals import package_changed
from catalogue.storefront.document import SHAPE, midnight, variants

AT_ONCE = 5_000
WRITE = """
UPDATE service_package_documents d SET
    text = v.text, promoted_text = v.promoted_text, promotion_begins = v.begins, promotion_ends = v.ends,
    vat_rate = %(vat_rate)s, shape = %(shape)s
FROM unnest(%(ids)s::uuid[], %(texts)s::text[], %(promoted)s::text[], %(begins)s::timestamptz[],
            %(ends)s::timestamptz[]) AS v (id, text, promoted_text, begins, ends)
WHERE d.package_id = v.id
"""


@receiver(package_changed, dispatch_uid="catalogue.storefront")
def write_document(package: ServicePackage, **_: Any) -> None:
    write_down([package.pk])


def write_down(package_ids: Sequence[UUID]) -> None:
    """Build and keep the documents of those of these packages that are live. Belongs into the transaction of the change.

    Three statements for up to 5,000 packages. Does nothing while no VAT rate is recorded: nothing is quoted then.
    """
    try:
        vat_rate = vat_rate_today()
    except NoVatRate:
        return
    for begin in range(0, len(package_ids), AT_ONCE):
        with transaction.atomic(savepoint=False):
            # Locked, so that no change slips in between reading a package and writing what it says.
            packages = list(
                ServicePackage.objects.select_for_update(no_key=True)
                .filter(pk__in=package_ids[begin : begin + AT_ONCE], status=PackageStatus.ACTIVE)
                .order_by("pk")
            )
            if packages:
                _write(packages, vat_rate)


def write_missing() -> int:
    """Write down what is missing or of another make or VAT rate, some at a time. Returns how many packages."""
    try:
        vat_rate = vat_rate_today()
    except NoVatRate:
        return 0
    missing = PackageDocument.objects.filter(
        Q(text=None) | ~Q(vat_rate=vat_rate) | ~Q(shape=SHAPE), package__status=PackageStatus.ACTIVE
    )
    ids = list(missing.values_list("pk", flat=True)[:AT_ONCE])
    write_down(ids)
    return len(ids)


def _write(packages: Sequence[ServicePackage], vat_rate: Any) -> None:
    texts = [variants(package, vat_rate) for package in packages]
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE,
            {
                "vat_rate": vat_rate,
                "shape": SHAPE,
                "ids": [package.pk for package in packages],
                "texts": [plain for plain, _promoted in texts],
                "promoted": [promoted for _plain, promoted in texts],
                "begins": [
                    package.promotion_from and midnight(package.promotion_from) for package in packages
                ],
                "ends": [package.promotion_to and midnight(package.promotion_to, 1) for package in packages],
            },
        )
