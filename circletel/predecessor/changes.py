"""Price changes of the predecessor: drafts, waiting and cancelled ones, and the history of those that took effect."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from catalogue.models import ServicePackage
from catalogue.signals import package_changed
from circletel.core import audit
from circletel.core.errors import Refused
from circletel.predecessor.fields import FIELDS, day, plain, text
from circletel.predecessor.reading import identity, instant, read_cell
from circletel.predecessor.run import MigrationRun, Outcome
from circletel.predecessor.source import CHANGES, Row
from pricing.models import Audience, PriceChange, PriceChangeStatus, PriceEntry
from pricing.models.ledger import open_ledger, succeed
from pricing.notice import beginning_of, civil_day

IMPORTED = "price change imported"
_NEVER_MOVED = (
    "took effect there, but Zoho Billing moves no subscription when its plan changes: look among the subscriptions"
    " who still pays R {old}"
)


@dataclass(frozen=True)
class OldChange:
    """One row of the predecessor's price_changes, understood."""

    row: Row
    id: UUID
    old_price: Decimal
    new_price: Decimal
    status: str
    published_at: datetime | None
    effective_date: date | None

    @classmethod
    def of(cls, row: Row) -> "OldChange":
        """Raises Refused."""
        status = text(row.values.get("status")).casefold() or PriceChangeStatus.DRAFT.value
        if status not in PriceChangeStatus.values:
            raise Refused(f"status: {status!r} is none of {', '.join(PriceChangeStatus.values)}")
        return cls(
            row,
            identity(row.id),
            _price(row, "old_price"),
            _price(row, "new_price"),
            status,
            instant("published_at", row.values.get("published_at")),
            read_cell("effective_date", FIELDS["promo_from"].column, day(row.values.get("effective_date"))),
        )

    @property
    def effective_at(self) -> datetime | None:
        if self.effective_date is None:
            return None
        begins = beginning_of(self.effective_date)
        return max(begins, self.published_at) if self.published_at else begins

    def store(self, package: ServicePackage, run: MigrationRun, **values: Any) -> PriceChange:
        """Our price change under the same id, with an entry in the audit trail."""
        said = self.row.values
        fields: dict[str, Any] = {
            "old_price": self.old_price,
            "status": self.status,
            "effective_date": self.effective_date,
            "reason": text(said.get("reason")) or "Brought along from the predecessor, which gave no reason.",
            "notes": text(said.get("admin_notes")),
            "customer_message": text(said.get("customer_message"))[:2000],
            "created_by": run.actor,
        }
        change = PriceChange.objects.create(
            id=self.id, package=package, new_price=self.new_price, **(fields | values)
        )
        audit.record(IMPORTED, change, actor=run.actor, changes={"status": [None, change.status]})
        return change


def histories_of(rows: Iterable[Row]) -> dict[str, list[OldChange]]:
    """The changes that took effect, by package, the earliest first. What cannot be read is refused later."""
    found: dict[str, list[OldChange]] = {}
    for row in rows:
        with suppress(Refused):
            change = OldChange.of(row)
            if change.status == PriceChangeStatus.EFFECTIVE:
                found.setdefault(text(row.values.get("service_package_id")), []).append(change)
    for changes in found.values():
        changes.sort(key=lambda one: (str(one.effective_date), str(one.published_at)))
    return found


def history_problem(history: Sequence[OldChange], package: ServicePackage) -> str:
    """Why the changes do not tell how `package` came to its price; empty when they do."""
    price, published = history[0].old_price, None
    for one in history:
        if one.published_at is None or one.effective_date is None:
            return "published_at or effective_date is empty, so it cannot be said from when it held"
        if one.old_price != price:
            return f"it begins at R {one.old_price}, but the one before it ended at R {price}"
        if one.old_price == one.new_price:
            return "new_price: is the old price"
        if published is not None and one.published_at < published:
            return "it was published before the one it follows"
        price, published = one.new_price, one.published_at
    if price != package.price:
        return f"it leads to R {price}, but the package costs R {package.price}"
    return ""


def write_history(package: ServicePackage, history: Sequence[OldChange], run: MigrationRun) -> None:
    """Open the ledger of a new package with its first price, and write the changes since, in the caller's transaction."""
    price = package.price
    package.price = history[0].old_price if history else price
    open_ledger(package)
    package.price = price
    for version, one in enumerate(history, start=2):
        change = one.store(
            package,
            run,
            published_at=one.published_at,
            effective_at=one.effective_at,
            applied_at=one.effective_at,
            version=version,
            approved_by=run.approver,
        )
        for audience, at in ((Audience.NEW, one.published_at), (Audience.EXISTING, one.effective_at)):
            assert at is not None  # history_problem was asked before
            succeed(package, audience, version=version, price=one.new_price, at=at, change=change)


def import_changes(run: MigrationRun, rows: list[Row], histories: dict[str, list[OldChange]]) -> None:
    def write(row: Row) -> Outcome:
        change = OldChange.of(row)
        effective = change.status == PriceChangeStatus.EFFECTIVE
        package = _package_of(row)
        if PriceChange.objects.filter(pk=change.id).exists():
            if not effective or package.pk not in run.written_packages:
                return Outcome.UNCHANGED
            run.remark(CHANGES, row, _NEVER_MOVED.format(old=change.old_price))
        elif effective and package.pk in run.written_packages:
            raise Refused(history_problem(histories[str(package.pk)], package))
        elif effective:
            raise Refused(
                f"{package} was here before it: its price moves only through a price change made here"
            )
        elif change.status == PriceChangeStatus.PUBLISHED:
            _import_published(change, package, run)
        elif change.status == PriceChangeStatus.CANCELLED:
            at = instant("updated_at", row.values.get("updated_at")) or timezone.now()
            change.store(package, run, cancelled_at=at)
        else:
            _import_draft(change, package, run)
        return Outcome.NEW

    run.each(CHANGES, rows, write)


def _price(row: Row, name: str) -> Decimal:
    found: Decimal = read_cell(name, FIELDS["price_incl_vat"].column, plain(row.values.get(name)))
    return found


def _package_of(row: Row) -> ServicePackage:
    key = row.values.get("service_package_id")
    package = ServicePackage.objects.select_for_update().filter(pk=identity(key)).first()
    if package is None:
        raise Refused(f"service_package_id: package {key} is not here; was it refused above?")
    return package


def _import_draft(change: OldChange, package: ServicePackage, run: MigrationRun) -> None:
    """A draft at the price the package has now."""
    if change.new_price == package.price:
        raise Refused(f"new_price: {package} costs R {package.price} already")
    if change.old_price != package.price:
        words = f"was drafted at R {change.old_price}; the package costs R {package.price}"
        run.remark(CHANGES, change.row, words)
    change.store(package, run, status=PriceChangeStatus.DRAFT, old_price=package.price, changed_by=run.actor)


def _import_published(change: OldChange, package: ServicePackage, run: MigrationRun) -> None:
    """Its dates were announced, so they stand; a date that passed unheeded begins anew, as a draft."""
    published_at, now = change.published_at, timezone.now()
    if published_at is None or change.effective_date is None:
        raise Refused("published_at, effective_date: a published change has both")
    if change.effective_date <= civil_day(now):
        words = f"was to take effect on {change.effective_date:%-d %b %Y} and never did: publish it again, with notice"
        run.remark(CHANGES, change.row, words)
        _import_draft(change, package, run)
        return
    if published_at > now:
        raise Refused(f"published_at: {published_at:%-d %b %Y} has not come yet")
    if change.old_price != package.price:
        raise Refused(f"old_price: the package costs R {package.price}, not R {change.old_price}")
    entries = PriceEntry.objects.filter(package=package)
    begun = entries.filter(audience=Audience.NEW).aggregate(last=Max("valid_from"))["last"]
    at = max(published_at, begun)
    version = entries.aggregate(highest=Max("version"))["highest"] + 1
    published = change.store(
        package,
        run,
        published_at=at,
        effective_at=change.effective_at,
        version=version,
        approved_by=run.approver,
    )
    succeed(package, Audience.NEW, version=version, price=change.new_price, at=at, change=published)
    package.new_customer_price = change.new_price
    package.save(update_fields=["new_customer_price", "changed_at"])
    package_changed.send(ServicePackage, package=package, deed=IMPORTED, actor=run.actor)
    if not change.row.values.get("notice_sent_at"):
        run.remark(CHANGES, change.row, "no notice was ever sent: customers do not know of it")
