"""The deeds about price lists: upload, read, apply, cancel, and draft price changes from them.

A person asks (the right is checked, the audit entry written); a worker does, in steps that may be interrupted
anywhere. What is left to do is in the database: a message is only a nudge.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from catalogue.models import (
    NoVatRate,
    Outcome,
    PriceList,
    PriceListRow,
    PriceListStatus,
    ServicePackage,
    Supplier,
    SupplierDeal,
    vat_rate_today,
)
from catalogue.pricelists.deals import read_deals
from catalogue.pricelists.plan import decide
from catalogue.pricelists.tables import Found
from catalogue.pricelists.workbook import LARGEST_FILE_MB, UnreadableWorkbook
from catalogue.pricelists.writing import carry_out, deal_of, row_of, vanished_rows
from catalogue.signals import price_asked
from circletel.core import audit
from circletel.core.database.copying import copy_in
from circletel.core.enqueue import enqueue, send_now
from circletel.core.errors import Refused, WrongStatus
from circletel.core.origin import Origin, acting_from, current_origin
from circletel.core.rights import ensure_may

BATCH = 500
MOVES = (Outcome.NEW, Outcome.CHANGED, Outcome.VANISHED)
# A list that nobody touched for so long has lost its worker.
LOST_AFTER = timedelta(minutes=2)
WORK = "catalogue.tasks.work_on_price_list"
log = structlog.get_logger(__name__)


@transaction.atomic
def upload(
    *, supplier: Supplier, file_name: str, content: bytes, actor: User, wake: bool = True
) -> PriceList:
    """Take a workbook in. A worker reads it and prepares the preview; nothing of the catalogue changes.

    Without `wake` the caller reads it itself.
    """
    ensure_may(actor, "catalogue.import_pricelist", "upload and apply supplier price lists")
    if len(content) > LARGEST_FILE_MB * 1024 * 1024:
        raise Refused(f"{file_name} has more than {LARGEST_FILE_MB} MB")
    price_list = PriceList.objects.create(
        supplier=supplier,
        file_name=file_name[:200],
        file_hash=hashlib.sha256(content).hexdigest(),
        content=content,
        uploaded_by=actor,
        origin=asdict(current_origin()),
    )
    audit.record("price list uploaded", price_list, actor=actor, detail=f"SHA-256 {price_list.file_hash}")
    if wake:
        enqueue(WORK, str(price_list.pk))
    return price_list


@transaction.atomic
def read(price_list_id: UUID) -> None:
    """Read the workbook and decide about each deal, for the preview. Whoever comes second finds nothing to do."""
    price_list = _claimed(price_list_id, PriceListStatus.UPLOADED)
    if price_list is None:
        return
    try:
        with transaction.atomic():
            _prepare(price_list)
    except (UnreadableWorkbook, NoVatRate) as trouble:
        price_list.status, price_list.trouble = PriceListStatus.FAILED, str(trouble)
    except Exception as trouble:
        # The same file would fail again each minute; a person must look.
        log.exception("price_list_not_read", price_list=str(price_list.pk))
        price_list.status = PriceListStatus.FAILED
        price_list.trouble = f"a fault of ours ({type(trouble).__name__}): show this file to the developers"
    else:
        price_list.status = PriceListStatus.PREVIEWED
    price_list.save(update_fields=["status", "trouble", "remarks", "counts", "total", "touched_at"])


@transaction.atomic
def request_apply(price_list_id: UUID, *, actor: User, wake: bool = True) -> PriceList:
    """Have a previewed list applied. Raises NotAllowed or WrongStatus; a list older than the last applied is refused.

    Without `wake` the caller goes on with `apply` itself.
    """
    price_list = _begin(price_list_id, actor)
    if wake:
        enqueue(WORK, str(price_list.pk))
    return price_list


def unfinished(supplier: Supplier, content: bytes) -> PriceList | None:
    """The list of this very file that was being applied when something interrupted it."""
    return PriceList.objects.filter(
        supplier=supplier,
        file_hash=hashlib.sha256(content).hexdigest(),
        status=PriceListStatus.APPLYING,
    ).first()


def apply(price_list_id: UUID, *, steps: int | None = None) -> bool:
    """Go on applying, `steps` batches or to the end; True when nothing is left. Safe to interrupt, repeat and run twice."""
    while steps is None or steps > 0:
        try:
            if not _apply_batch(price_list_id):
                return True
        except Exception as trouble:
            words = f"interrupted by {type(trouble).__name__}; it is tried again each minute"
            PriceList.objects.filter(pk=price_list_id).update(trouble=words)
            raise
        steps = None if steps is None else steps - 1
    return False


@transaction.atomic
def cancel(price_list_id: UUID, *, actor: User) -> PriceList:
    """Give a list up. What was applied of it already stays; nothing more is."""
    ensure_may(actor, "catalogue.import_pricelist", "cancel supplier price lists")
    price_list = _locked(price_list_id)
    if price_list.status not in (
        PriceListStatus.UPLOADED,
        PriceListStatus.PREVIEWED,
        PriceListStatus.APPLYING,
    ):
        raise WrongStatus(f"{price_list} cannot be cancelled: it is {_status(price_list)}")
    detail = f"{price_list.done} of {price_list.total} rows were applied before" if price_list.done else ""
    _move(price_list, PriceListStatus.CANCELLED, "price list cancelled", actor, detail=detail)
    return price_list


def draft_price_changes(row_ids: Iterable[int], *, actor: User) -> list[str]:
    """Ask for the proposed price of each row's package; what became of each, as a sentence.

    The prices do not move: a pricing manager publishes the drafts. Raises NotAllowed.
    """
    ensure_may(actor, "catalogue.draft_price_changes", "draft price changes")
    said = []
    rows = PriceListRow.objects.filter(
        pk__in=list(row_ids), package__isnull=False, proposed_price__isnull=False
    )
    for row in rows.select_related("price_list__supplier").defer("price_list__content").order_by("position"):
        with transaction.atomic():
            assert row.package_id is not None  # filtered above
            package = ServicePackage.objects.select_for_update().get(pk=row.package_id)
            answers = price_asked.send(
                ServicePackage,
                package=package,
                price=row.proposed_price,
                actor=actor,
                reason=f"{row.price_list.supplier} changed the price of {row.deal_id} ({row.price_list.file_name}).",
            )
        news = "; ".join(answer for _receiver, answer in answers if answer)
        said.append(f"{package}: {news or 'has this price already'}")
    return said


def record_refusal(action: str, price_list_id: UUID, *, actor: User, refusal: Refused) -> None:
    """Write a refused attempt into the audit trail. Called by the doors, outside the transaction that was undone."""
    audit.record_refusal(action, PriceList, price_list_id, actor=actor, refusal=refusal)


def sweep() -> None:
    """Wake a worker for each list that waits, or whose worker was lost."""
    waiting = (PriceListStatus.UPLOADED, PriceListStatus.APPLYING)
    lost = PriceList.objects.filter(status__in=waiting, touched_at__lt=timezone.now() - LOST_AFTER)
    for price_list in lost:
        send_now(WORK, str(price_list.pk))


# --- reading


def _prepare(price_list: PriceList) -> None:
    supplier = price_list.supplier
    found = Found()
    mappings = list(supplier.mappings.filter(active=True).prefetch_related("columns"))
    deals = read_deals(
        bytes(price_list.content),
        mappings,
        vat_rate=vat_rate_today(),
        markup=supplier.markup_percent,
        found=found,
    )
    for start in range(0, len(deals), BATCH):
        batch = decide(deals[start : start + BATCH], supplier)
        rows = (
            row_of(decision, price_list, start + offset) for offset, decision in enumerate(batch, start=1)
        )
        copy_in(PriceListRow, rows)
    ids = {deal.deal_id.upper() for deal in deals}
    copy_in(PriceListRow, vanished_rows(price_list, found.mappings, ids, len(deals) + 1))
    price_list.remarks = found.remarks
    price_list.counts = _counts(price_list)
    price_list.total = sum(price_list.counts.get(outcome, 0) for outcome in MOVES)


def _counts(price_list: PriceList) -> dict[str, int]:
    grouped = price_list.rows.order_by().values_list("outcome").annotate(number=Count("pk"))
    return dict(grouped)


# --- applying


def _begin(price_list_id: UUID, actor: User) -> PriceList:
    ensure_may(actor, "catalogue.import_pricelist", "upload and apply supplier price lists")
    price_list = _locked(price_list_id)
    if price_list.status != PriceListStatus.PREVIEWED:
        raise WrongStatus(f"{price_list} cannot be applied: it is {_status(price_list)}, not ready to apply")
    others = PriceList.objects.filter(supplier=price_list.supplier)
    if others.filter(status=PriceListStatus.APPLYING).exists():
        raise WrongStatus(f"another list of {price_list.supplier} is being applied: wait until it is done")
    newer = others.filter(status=PriceListStatus.APPLIED, uploaded_at__gt=price_list.uploaded_at).first()
    if newer is not None:
        raise WrongStatus(
            f"{newer.file_name} was uploaded later and is applied already; upload {price_list.file_name} again if it"
            " is meant to replace it"
        )
    price_list.applied_by = actor
    price_list.origin = asdict(current_origin())
    _move(price_list, PriceListStatus.APPLYING, "price list apply", actor, detail=price_list.summary)
    return price_list


@transaction.atomic
def _apply_batch(price_list_id: UUID) -> bool:
    """The next rows behind the cursor, which moves with them in one transaction; False when there are none."""
    price_list = _claimed(price_list_id, PriceListStatus.APPLYING)
    if price_list is None:
        return False
    actor = price_list.applied_by
    assert actor is not None  # set when it began
    rows = list(
        price_list.rows.filter(position__gt=price_list.cursor, outcome__in=MOVES).order_by("position")[:BATCH]
    )
    with acting_from(Origin(**price_list.origin)):
        if not rows:
            price_list.counts = _counts(price_list)
            price_list.applied_at = timezone.now()
            _move(price_list, PriceListStatus.APPLIED, "price list applied", actor, detail=price_list.summary)
            return False
        _apply_rows(rows, price_list, actor)
    price_list.cursor, price_list.done, price_list.trouble = (
        rows[-1].position,
        price_list.done + len(rows),
        "",
    )
    price_list.save(update_fields=["cursor", "done", "trouble", "touched_at"])
    return True


def _apply_rows(rows: list[PriceListRow], price_list: PriceList, actor: User) -> None:
    """Decided anew: the catalogue may have moved since the preview."""
    now = timezone.now()
    gone = [row for row in rows if row.outcome == Outcome.VANISHED]
    here = [row for row in rows if row.outcome != Outcome.VANISHED]
    decisions = decide([deal_of(row) for row in here], price_list.supplier, lock=True)
    carry_out(here, decisions, price_list=price_list, actor=actor)
    SupplierDeal.objects.filter(
        supplier=price_list.supplier, deal_id__in=[row.deal_id for row in gone], vanished_at=None
    ).update(vanished_at=now)
    PriceListRow.objects.filter(pk__in=[row.pk for row in gone]).update(applied_at=now)


# --- shared


def _claimed(price_list_id: UUID, status: PriceListStatus) -> PriceList | None:
    """The list, locked, if it is in that status and nobody else works on it."""
    return (
        PriceList.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("supplier", "applied_by")
        .filter(pk=price_list_id, status=status)
        .first()
    )


def _locked(price_list_id: UUID) -> PriceList:
    return PriceList.objects.select_for_update(of=("self",)).select_related("supplier").get(pk=price_list_id)


def _move(
    price_list: PriceList, status: PriceListStatus, action: str, actor: Any, *, detail: str = ""
) -> None:
    changes = {"status": [price_list.status, status.value]}
    price_list.status = status
    price_list.save(update_fields=["status", "applied_by", "applied_at", "origin", "counts", "touched_at"])
    audit.record(action, price_list, actor=actor, changes=changes, detail=detail)


def _status(price_list: PriceList) -> str:
    return price_list.get_status_display().lower()
