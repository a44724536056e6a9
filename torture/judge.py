"""After all is mended: is anything lost, doubled or wrong? Each complaint names its record and says what is there."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from catalogue.models import BatchItem, ItemState, PackageStatus, Product, ServicePackage
from circletel.core.models import AuditEntry, Job
from pricing.models import PriceChange, PriceChangeStatus
from pricing.rule import price_for_customer
from torture.faults import DATABASE, WEB
from torture.records import Deed, Fault, Outcome, Records, Request
from zoho_sync.compare.diff import differences
from zoho_sync.desired import DesiredRecord, current_terms, desired_records, table_of
from zoho_sync.models import Kind, ProductIntegration, SyncStatus
from zoho_sync.operating.models import Resync

# Where each kind of record lies in the sandbox, and the fields of its key and its id.
STORES = {
    Kind.CRM_PRODUCT: ("crm_products", "ct_Package_Key", "id"),
    Kind.BILLING_PRODUCT: ("billing_products", "name", "product_id"),
    Kind.BILLING_PLAN: ("billing_plans", "plan_code", "plan_id"),
    Kind.BILLING_INSTALLATION: ("billing_addons", "addon_code", "addon_id"),
    Kind.BILLING_HARDWARE: ("billing_addons", "addon_code", "addon_id"),
}
# What Zoho shows as the price of each kind.
PRICES = {Kind.CRM_PRODUCT: "Unit_Price", Kind.BILLING_PLAN: "recurring_price"}
# The audit entry of a deed, done or refused. Deeds of one product may happen again after it was changed.
OF_PRODUCTS = {"submit": "submitted", "approve": "approved", "publish": "published"}
OF_CHANGES = ("price change published", "price change cancelled")
Stored = Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Complaint:
    """`kind` is lost, doubled, wrong, owed or refused; `what` names the record and says what is there."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


def judge(records: Records, stored: Stored) -> list[Complaint]:
    """Everything that speaks against the run. `stored` is what the sandbox holds, by the names of its tables."""
    return [
        *judge_zoho(stored),
        *judge_prices(),
        *judge_deeds(records.deeds),
        *judge_answers(records.requests, records.faults),
    ]


def judge_zoho(stored: Stored) -> Iterator[Complaint]:
    """Each record we know is there once and says what it ought to, and there is no other."""
    rows = list(ProductIntegration.objects.select_related("package"))
    yield from _rows_in_step(rows)
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for table, key, _id in set(STORES.values()):
        for record in stored[table]:
            found[table, str(record.get(key, ""))].append(record)
    expected: dict[tuple[str, str], ProductIntegration] = {}
    for row in rows:
        expected.setdefault((STORES[Kind(row.kind)][0], row.remote_key), row)
    for place, row in expected.items():
        if not found[place]:
            yield Complaint("lost", f"{row}: {place[0]} holds nothing under {place[1]}")
        elif len(found[place]) > 1:
            yield Complaint("doubled", f"{row}: {place[0]} holds {len(found[place])} under {place[1]}")
        elif str(found[place][0].get(STORES[Kind(row.kind)][2])) != row.remote_id:
            yield Complaint(
                "wrong", f"{row}: {place[0]} has another id under {place[1]} than {row.remote_id}"
            )
    for place in found.keys() - expected.keys():
        for _each in found[place]:
            yield Complaint("doubled", f"{place[0]} holds {place[1]}, which no package has")
    yield from _contents(rows, found)


def _rows_in_step(rows: Iterable[ProductIntegration]) -> Iterator[Complaint]:
    for row in rows:
        if row.status != SyncStatus.OK:
            yield Complaint("owed", f"{row} is {row.get_status_display().lower()}: {row.last_sync_error}")
        if row.lease_token is not None:
            yield Complaint("wrong", f"{row} is still held by a worker")


def _contents(
    rows: list[ProductIntegration], found: Mapping[tuple[str, str], list[dict[str, Any]]]
) -> Iterator[Complaint]:
    """What the package wants, beside what Zoho holds."""
    terms, known = current_terms(), defaultdict(set)
    for row in rows:
        known[row.package_id].add(row.kind)
    for package in ServicePackage.objects.exclude(status=PackageStatus.DRAFT):
        for record in desired_records(package, terms):
            if record.kind not in known[package.pk]:
                yield Complaint("lost", f"{package} ({record.kind}): nobody knows that it is owed")
            for held in found.get((STORES[record.kind][0], record.key), [])[:1]:
                table = table_of(record.kind, terms)
                if unlike := differences(table, record.payload, _as_told(record, held)):
                    differing = sorted(each.field.name for each in unlike)
                    yield Complaint("wrong", f"{package} ({record.kind}) differs in {', '.join(differing)}")
                yield from _price_in(package, record, held)


def _as_told(record: DesiredRecord, held: Mapping[str, Any]) -> dict[str, Any]:
    """The record as Zoho would tell it: the sandbox keeps the codes of an add-on's plans only, and of a CRM
    record what is not empty."""
    if record.kind is Kind.CRM_PRODUCT:
        return {**dict.fromkeys(record.payload), **held}
    plans = [{"plan_code": one} if isinstance(one, str) else one for one in held.get("plans", [])]
    return {**held, "plans": plans}


def _price_in(package: ServicePackage, record: DesiredRecord, held: Mapping[str, Any]) -> Iterator[Complaint]:
    """The price, compared by hand: it must not rest on the comparison that the product itself uses."""
    name = PRICES.get(record.kind)
    if name and Decimal(str(held.get(name))) != package.current_price:
        words = f"{package} ({record.kind}) costs {held.get(name)} there and {package.current_price} here"
        yield Complaint("wrong", words)


def judge_prices() -> Iterator[Complaint]:
    """Package, ledger, rule and the SQL function say the same; a waiting change and its price come together."""
    now = timezone.now()
    waiting = dict(
        PriceChange.objects.filter(status=PriceChangeStatus.PUBLISHED).values_list("package_id", "new_price")
    )
    for package in ServicePackage.objects.exclude(status=PackageStatus.DRAFT).order_by("sku"):
        if package.new_customer_price != waiting.get(package.pk):
            words = (
                f"{package} offers {package.new_customer_price}, its waiting change {waiting.get(package.pk)}"
            )
            yield Complaint("wrong", words)
        newcomer = price_for_customer(package, now, now).including_vat
        if newcomer != package.current_price:
            words = f"{package}: newcomers pay {newcomer} by the rule, {package.current_price} by the package"
            yield Complaint("wrong", words)
        assert package.published_at is not None
        # Older than any price of the package: what existing customers pay.
        oldest = package.published_at - timedelta(days=1)
        existing = price_for_customer(package, oldest, now).including_vat
        if existing != package.price:
            yield Complaint(
                "wrong", f"{package}: customers pay {existing} by the rule, {package.price} by the package"
            )
        if (by_sql := _price_by_sql(package, now)) != newcomer:
            yield Complaint("wrong", f"{package}: newcomers pay {newcomer} by the rule, {by_sql} by SQL")


def _price_by_sql(package: ServicePackage, signed_up: Any) -> Decimal:
    with connection.cursor() as cursor:
        cursor.execute("SELECT get_current_price_for_customer(%s, %s)", [package.pk, signed_up])
        return Decimal(cursor.fetchone()[0])


def judge_deeds(deeds: Iterable[Deed]) -> Iterator[Complaint]:
    """What was acknowledged happened once and is in the audit trail; what was not answered, once or never."""
    promised: dict[tuple[str, str], Counter[Outcome]] = defaultdict(Counter)
    for deed in deeds:
        promised[deed.name, deed.target][deed.outcome] += 1
    trail: Counter[tuple[str, str, str]] = Counter(
        AuditEntry.objects.values_list("action", "target_id", "result")
    )
    for (name, target), told in promised.items():
        done, unknown = told[Outcome.DONE], told[Outcome.UNKNOWN]
        if name in OF_PRODUCTS:
            # The admin answers a refusal with a page too, and writes it down.
            there = trail[OF_PRODUCTS[name], target, "done"] + trail[name, target, "refused"]
            yield from _counted(f"{name} of {target}", there, at_least=done, at_most=None)
        elif name in OF_CHANGES:
            yield from _counted(
                f"{name} {target}", trail[name, target, "done"], at_least=done, at_most=done + unknown
            )
        elif name == "price change drafted":
            # By the trail: a product that is published at another price rewrites the draft that is open, reason and all.
            there = AuditEntry.objects.filter(action=name, detail=target, result="done").count()
            yield from _counted(f"price change “{target}”", there, at_least=done, at_most=done + unknown)
        elif name == "import":
            there = Product.objects.filter(sku=target).count()
            yield from _counted(f"product {target}", there, at_least=min(done, 1), at_most=1)
        elif name == "batch" and done:
            yield from _batch(target)
    for wish in Resync.objects.filter(finished_at=None):
        yield Complaint("owed", f"re-sync of {wish.package} to {wish.system} never ended")


def _counted(what: str, there: int, *, at_least: int, at_most: int | None) -> Iterator[Complaint]:
    if there < at_least:
        yield Complaint("lost", f"{what}: acknowledged {at_least} times, and it is there {there} times")
    elif at_most is not None and there > at_most:
        yield Complaint("doubled", f"{what}: it is there {there} times, asked for {at_most} times")


def _batch(id: str) -> Iterator[Complaint]:
    if not Job.objects.filter(pk=id).exists():
        yield Complaint("lost", f"batch {id} was accepted, and there is none")
        return
    odd = BatchItem.objects.filter(job=id).exclude(state__in=[ItemState.DONE, ItemState.REFUSED])
    for item in odd:
        yield Complaint("owed", f"batch {id}, product {item.product_id}: {item.state} {item.message}")


def judge_answers(requests: Iterable[Request], faults: Iterable[Fault]) -> Iterator[Complaint]:
    """No 5xx except while the database was down; no silence except while that or web was."""
    database = [fault for fault in faults if fault.name == DATABASE]
    web = [fault for fault in faults if fault.name == WEB]
    for request in requests:
        excuses = database if request.status >= 500 else database + web
        if (request.status >= 500 or request.status == 0) and not any(
            each.touches(request) for each in excuses
        ):
            said = request.status or "no answer"
            words = f"{request.who}: {request.method} {request.path}: {said} at {request.begun:.1f} s"
            yield Complaint("refused", words)
