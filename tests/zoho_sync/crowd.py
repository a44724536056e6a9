"""Many records at once, made in few statements."""

from copy import copy
from uuid import uuid4

from catalogue.models import ServicePackage
from zoho_sync.models import Kind, ProductIntegration, SyncStatus


def crowd(row: ProductIntegration, number: int, **values) -> None:
    """`number` more packages like that of `row`, each with one dead plan that fails of the same cause."""
    template = ServicePackage.objects.get(pk=row.package_id)
    row.refresh_from_db()
    packages = []
    for index in range(number):
        one = copy(template)
        one.pk, one._state = uuid4(), copy(template._state)
        one._state.adding = True
        one.sku, one.slug, one.logical_key = f"N-{index}", f"n-{index}", f"n-{index}"
        packages.append(one)
    ServicePackage.objects.bulk_create(packages, batch_size=1000)
    defaults = {"status": SyncStatus.DEAD, "cause": row.cause, "failing_since": row.failing_since}
    ProductIntegration.objects.bulk_create(
        [
            ProductIntegration(
                package=one,
                kind=Kind.BILLING_PLAN,
                remote_key=one.sku,
                desired_hash="x",
                **(defaults | values),
            )
            for one in packages
        ],
        batch_size=1000,
    )
