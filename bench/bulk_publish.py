"""A batch of 1,000 products published by its task: the answer at once, the work in under 60 s; time and queries."""

import resource
import time
from decimal import Decimal
from typing import Any

from bench import _database

PRODUCTS, SECONDS = 1_000, 60


def run() -> str:
    _database.start()
    from django.contrib.auth.models import User
    from django.db import connection

    from catalogue import batches, services
    from catalogue.models import ServicePackage
    from circletel.core import jobs
    from tests.factories import approved_product, mr_botha

    products = _approved(PRODUCTS)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    actor = User.objects.get(pk=mr_botha().pk)
    lines = []
    for name in ("first publication", "the same again"):
        begun = time.monotonic()
        job = batches.plan("publish", products, actor=actor)
        jobs.start(job.pk, actor=actor)
        answered = time.monotonic()
        cpu = time.process_time()
        jobs.run(job.pk)
        seconds, cpu = time.monotonic() - answered, time.process_time() - cpu
        job.refresh_from_db()
        lines.append(
            f"  {name}: answered in {answered - begun:.2f} s, done in {seconds:.1f} s (at most {SECONDS}), of which"
            f" this process computed {cpu:.1f} s; {job.get_state_display()}, {batches.progress(job)['done']} done"
        )
    queries = _queries_of_one(services, approved_product, actor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines.append(
        f"  {ServicePackage.objects.count()} packages; {queries} queries a product; peak memory {peak:.0f} MB"
    )
    return "\n".join(lines)


def _approved(number: int) -> list[Any]:
    """Approved as a person would have it, but all in a few statements."""
    from django.utils import timezone

    from catalogue.content import content_of, fingerprint
    from catalogue.models import Product, ProductPricing
    from catalogue.product_import.apply import create_products
    from tests.factories import draft_product, mr_botha, ms_naidoo

    sample = content_of(
        (one := draft_product(regular_price="899.00", installation_fee=Decimal("999.00"))), one.pricing, None
    ) | {"features": ["Uncapped", "Free router", "No fair use policy"]}
    device = {"hardware.model": "AX1", "hardware.included": True, "hardware.retail_value": "1499.00"}
    contents = [
        sample | device | {"sku": f"BENCH-{place}", "name": f"Bench {place}"} for place in range(number)
    ]
    made = [product.pk for product in create_products(contents, actor=ms_naidoo())]
    approval = {"approved_by": mr_botha(), "approved_at": timezone.now()}
    ProductPricing.objects.filter(product__in=made).update(**approval)
    approved = list(Product.objects.with_content().filter(pk__in=made))
    for product in approved:
        product.status, product.approved_fingerprint = "approved", fingerprint(product)
        product.approved_by, product.approved_at = approval["approved_by"], approval["approved_at"]
    fields = ["status", "approved_fingerprint", "approved_by", "approved_at"]
    Product.objects.bulk_update(approved, fields, batch_size=200)
    return made


def _queries_of_one(services, approved_product, actor) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    product = approved_product()
    with CaptureQueriesContext(connection) as queries:
        services.publish(product.pk, actor=actor)
    return len(queries)
