"""A batch of 1,000 products published by its task: the answer at once, the work in under 60 s; time and queries."""

import resource
import time
from decimal import Decimal

from bench import _database

PRODUCTS, SECONDS = 1_000, 60


def run() -> str:
    _database.start()
    from django.contrib.auth.models import User
    from django.db import connection

    from catalogue import batches, services
    from catalogue.models import ServicePackage
    from catalogue.tasks import run_batch
    from tests.factories import approved_product, mr_botha

    products = [
        approved_product(
            features=["Uncapped", "Free router", "No fair use policy"],
            regular_price="899.00",
            installation_fee=Decimal("999.00"),
            hardware={"model": "AX1", "included": True, "retail_value": Decimal("1499.00")},
        ).pk
        for _number in range(PRODUCTS)
    ]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    actor = User.objects.get(pk=mr_botha().pk)
    lines = []
    for name in ("first publication", "the same again"):
        begun = time.monotonic()
        batch = batches.plan("publish", products, actor=actor)
        batches.start(batch.pk, actor=actor)
        answered = time.monotonic()
        cpu = time.process_time()
        run_batch(str(batch.pk))
        seconds, cpu = time.monotonic() - answered, time.process_time() - cpu
        batch.refresh_from_db()
        lines.append(
            f"  {name}: answered in {answered - begun:.2f} s, done in {seconds:.1f} s (at most {SECONDS}), of which"
            f" this process computed {cpu:.1f} s; {batch.get_status_display()}, {batches.progress(batch)['done']} done"
        )
    queries = _queries_of_one(services, approved_product, actor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines.append(
        f"  {ServicePackage.objects.count()} packages; {queries} queries a product; peak memory {peak:.0f} MB"
    )
    return "\n".join(lines)


def _queries_of_one(services, approved_product, actor) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    product = approved_product()
    with CaptureQueriesContext(connection) as queries:
        services.publish(product.pk, actor=actor)
    return len(queries)
