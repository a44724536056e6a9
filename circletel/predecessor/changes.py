"""Price changes of the predecessor that wait, were given up, or took effect."""

from collections.abc import Callable, Mapping

from django.db.models import Max
from django.utils import timezone

from catalogue.legacy.source import Row
from catalogue.models import ServicePackage
from catalogue.signals import package_changed
from circletel.core import audit
from circletel.core.errors import Refused
from circletel.predecessor.history import EFFECTIVE, IMPORTED, OldChange, PriceHistory
from circletel.predecessor.report import Outcome
from circletel.predecessor.tables import CHANGES, OldTable, first_of
from circletel.predecessor.values import identity, instant
from circletel.predecessor.work import Move
from pricing.ledger import open_ledger, succeed
from pricing.models import Audience, PriceChange, PriceChangeStatus, PriceEntry
from pricing.notice import civil_day

_NEVER_MOVED = (
    "took effect there, but Zoho Billing moves no subscription when its plan changes: look among the subscriptions"
    " who still pays R {old}"
)


def histories_of(table: OldTable) -> dict[str, PriceHistory]:
    """The changes that took effect, by package. What cannot be read is refused later, row by row."""
    found: dict[str, list[OldChange]] = {}
    for row in table.rows:
        try:
            change = OldChange.of(row)
        except ValueError:
            continue
        if change.status == EFFECTIVE:
            found.setdefault(package_id_in(row), []).append(change)
    return {package: PriceHistory.of(changes) for package, changes in found.items()}


def needs_approver(table: OldTable) -> int:
    """How many changes somebody has to answer for, who is not the one that brings them in."""
    return sum(str(row.values.get("status")).casefold() in ("published", EFFECTIVE) for row in table.rows)


def package_id_in(row: Row) -> str:
    return str(first_of(row.values, "service_package_id", "package_id"))


def import_changes(move: Move, table: OldTable, histories: Mapping[str, PriceHistory]) -> None:
    # Written with its package in this run.
    written_now = {
        str(one.id)
        for key, history in histories.items()
        if key in move.fresh
        for one in history.changes
        if PriceChange.objects.filter(pk=one.id).exists()
    }

    def write(row: Row) -> Outcome:
        change = OldChange.of(row)
        if row.id in written_now:
            move.remark(CHANGES, row, _NEVER_MOVED.format(old=change.old_price))
            return Outcome.NEW
        if PriceChange.objects.filter(pk=identity(row.id)).exists():
            return Outcome.UNCHANGED
        package = _package_of(row)
        if change.status == EFFECTIVE:
            raise Refused(_why_no_history(package, histories[str(package.pk)], move))
        _WRITERS[change.status](change, package, move)
        return Outcome.NEW

    move.each(CHANGES, table.rows, write)


def _package_of(row: Row) -> ServicePackage:
    key = package_id_in(row)
    package = ServicePackage.objects.select_for_update().filter(pk=identity(key)).first()
    if package is None:
        raise Refused(f"service_package_id: package {key} is not here; was it refused above?")
    return package


def _why_no_history(package: ServicePackage, history: PriceHistory, move: Move) -> str:
    if str(package.pk) in move.fresh:
        return history.problem_with(package)
    return f"{package} was here before it: its price moves only through a price change made here"


def _draft(change: OldChange, package: ServicePackage, move: Move) -> None:
    if change.new_price == package.price:
        raise Refused(f"new_price: {package} costs R {package.price} already")
    if change.old_price != package.price:
        words = f"was drafted at R {change.old_price}; the package costs R {package.price}"
        move.remark(CHANGES, change.row, words)
    draft = PriceChange.objects.create(
        id=change.id,
        package=package,
        old_price=package.price,
        new_price=change.new_price,
        effective_date=change.effective_date,
        created_by=move.actor,
        changed_by=move.actor,
        **change.words(),
    )
    audit.record(IMPORTED, draft, actor=move.actor, changes={"status": [None, "draft"]})


def _published(change: OldChange, package: ServicePackage, move: Move) -> None:
    """Its dates were announced, so they stand; a date that passed unheeded begins anew, as a draft."""
    if change.published_at is None or change.effective_date is None:
        raise Refused("published_at, effective_date: a published change has both")
    now = timezone.now()
    if change.effective_date <= civil_day(now):
        words = f"was to take effect on {change.effective_date:%-d %b %Y} and never did: publish it again, with notice"
        move.remark(CHANGES, change.row, words)
        _draft(change, package, move)
        return
    if change.published_at > now:
        raise Refused(f"published_at: {change.published_at:%-d %b %Y} has not come yet")
    if change.old_price != package.price:
        raise Refused(f"old_price: the package costs R {package.price}, not R {change.old_price}")
    _write_published(change, package, move)
    if first_of(change.row.values, "notice_sent_at") is None:
        move.remark(CHANGES, change.row, "no notice was ever sent: customers do not know of it")


def _write_published(change: OldChange, package: ServicePackage, move: Move) -> None:
    assert change.published_at is not None  # _published saw it
    open_ledger(package)
    entries = PriceEntry.objects.filter(package=package)
    begun = entries.filter(audience=Audience.NEW).aggregate(last=Max("valid_from"))["last"]
    at = max(change.published_at, begun)
    version = (entries.aggregate(highest=Max("version"))["highest"] or 0) + 1
    published = PriceChange.objects.create(
        id=change.id,
        package=package,
        old_price=change.old_price,
        new_price=change.new_price,
        status=PriceChangeStatus.PUBLISHED,
        published_at=at,
        effective_date=change.effective_date,
        effective_at=change.effective_at,
        version=version,
        created_by=move.actor,
        approved_by=move.approver,
        **change.words(),
    )
    succeed(package, Audience.NEW, version=version, price=change.new_price, at=at, change=published)
    package.new_customer_price = change.new_price
    package.save(update_fields=["new_customer_price", "changed_at"])
    audit.record(IMPORTED, published, actor=move.actor, changes={"status": [None, "published"]})
    package_changed.send(ServicePackage, package=package, deed=IMPORTED, actor=move.actor)


def _cancelled(change: OldChange, package: ServicePackage, move: Move) -> None:
    given_up = PriceChange.objects.create(
        id=change.id,
        package=package,
        old_price=change.old_price,
        new_price=change.new_price,
        status=PriceChangeStatus.CANCELLED,
        effective_date=change.effective_date,
        cancelled_at=instant("updated_at", change.row.values.get("updated_at")) or timezone.now(),
        created_by=move.actor,
        **change.words(),
    )
    audit.record(IMPORTED, given_up, actor=move.actor, changes={"status": [None, "cancelled"]})


_WRITERS: dict[str, Callable[[OldChange, ServicePackage, Move], None]] = {
    "draft": _draft,
    "published": _published,
    "cancelled": _cancelled,
}
