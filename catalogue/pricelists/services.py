"""Price lists: upload, read, apply, cancel, and draft price changes from them.

A person asks, and a job does it. Applying goes in batches of rows: what a lost worker has done is done, and the next
one goes on behind it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

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
from catalogue.models.price_list import MOVES
from catalogue.pricelists.deals import read_deals
from catalogue.pricelists.plan import decide
from catalogue.pricelists.tables import LARGEST_FILE_MB, Found
from catalogue.pricelists.writing import carry_out, vanished_rows
from catalogue.signals import price_asked
from circletel.core import audit, jobs
from circletel.core.database import copy_in
from circletel.core.errors import Refused, WrongStatus
from circletel.core.jobs import RunningJob
from circletel.core.models import JobState
from circletel.core.rights import ensure_may

BATCH = 500
PERMISSION = "catalogue.import_pricelist"
DEED = "upload and apply supplier price lists"
CANCELLABLE = (
    PriceListStatus.UPLOADED,
    PriceListStatus.FAILED,
    PriceListStatus.PREVIEWED,
    PriceListStatus.APPLYING,
)
OPEN = (JobState.WAITING, JobState.RUNNING)


@transaction.atomic
def upload(*, supplier: Supplier, file_name: str, content: bytes, actor: User) -> PriceList:
    """Take a workbook in. A job reads it and prepares the preview; nothing of the catalogue changes."""
    ensure_may(actor, PERMISSION, DEED)
    if len(content) > LARGEST_FILE_MB * 1024 * 1024:
        raise Refused(f"{file_name} has more than {LARGEST_FILE_MB} MB")
    price_list = PriceList.objects.create(
        supplier=supplier,
        file_name=file_name[:200],
        file_hash=hashlib.sha256(content).hexdigest(),
        content=content,
        uploaded_by=actor,
    )
    audit.record("price list uploaded", price_list, actor=actor, detail=f"SHA-256 {price_list.file_hash}")
    price_list.job = jobs.request(READ, actor=actor, price_list=str(price_list.pk))
    price_list.save(update_fields=["job"])
    return price_list


@transaction.atomic
def read_again(price_list_id: UUID, *, actor: User) -> PriceList:
    """Have a list that could not be read before read once more. Raises NotAllowed or WrongStatus."""
    ensure_may(actor, PERMISSION, DEED)
    price_list = _locked(price_list_id)
    if price_list.state != PriceListStatus.FAILED:
        raise WrongStatus(f"{price_list} cannot be read again: {_state(price_list)}")
    price_list.job = jobs.request(READ, actor=actor, price_list=str(price_list.pk))
    _move(price_list, PriceListStatus.UPLOADED, "price list read again", actor)
    return price_list


@transaction.atomic
def request_apply(price_list_id: UUID, *, actor: User) -> PriceList:
    """Have a previewed list applied. Raises NotAllowed or WrongStatus; a list older than the last applied is refused."""
    ensure_may(actor, PERMISSION, DEED)
    price_list = _locked(price_list_id)
    _ensure_appliable(price_list)
    price_list.applied_by = actor
    price_list.job = jobs.request(APPLY, actor=actor, total=price_list.total, price_list=str(price_list.pk))
    _move(price_list, PriceListStatus.APPLYING, "price list apply", actor, detail=price_list.summary)
    return price_list


def unfinished(supplier: Supplier, content: bytes) -> PriceList | None:
    """The list of this very file that is being applied."""
    return PriceList.objects.filter(
        supplier=supplier,
        file_hash=hashlib.sha256(content).hexdigest(),
        status=PriceListStatus.APPLYING,
        job__state__in=OPEN,
    ).first()


@transaction.atomic
def cancel(price_list_id: UUID, *, actor: User) -> PriceList:
    """Give a list up. What was applied of it already stays; nothing more is."""
    ensure_may(actor, PERMISSION, "cancel supplier price lists")
    job = PriceList.objects.select_related("job").get(pk=price_list_id).job
    if job is not None and not job.has_ended and not job.cancel_requested:
        # Before the list is locked: a batch that is being applied locks its job first, too.
        jobs.cancel(job.pk, actor=actor)
    price_list = _locked(price_list_id)
    if price_list.status not in CANCELLABLE:
        raise WrongStatus(f"{price_list} cannot be cancelled: {_state(price_list)}")
    done = price_list.rows.exclude(applied_at=None).count()
    detail = f"{done} of {price_list.total} rows were applied before" if done else ""
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


def _ensure_appliable(price_list: PriceList) -> None:
    if price_list.state != PriceListStatus.PREVIEWED:
        raise WrongStatus(f"{price_list} cannot be applied: {_state(price_list)}, not ready to apply")
    others = PriceList.objects.filter(supplier=price_list.supplier).exclude(pk=price_list.pk)
    applying = others.filter(status=PriceListStatus.APPLYING)
    # Those whose job ended before it could say so to its list.
    for stuck in applying.exclude(job__state__in=OPEN).select_related("job"):
        PriceList.objects.filter(pk=stuck.pk).update(status=stuck.state)
    if applying.exists():
        raise WrongStatus(f"another list of {price_list.supplier} is being applied: wait until it is done")
    newer = others.filter(status=PriceListStatus.APPLIED, uploaded_at__gt=price_list.uploaded_at).first()
    if newer is not None:
        raise WrongStatus(
            f"{newer.file_name} was uploaded later and is applied already; upload {price_list.file_name} again if it"
            " is meant to replace it"
        )


# --- what the jobs do


def _read(job: RunningJob) -> str:
    """Read the workbook and decide about each deal, for the preview."""
    with _list_of(job, PriceListStatus.UPLOADED, failed=PriceListStatus.FAILED) as price_list:
        if price_list is None:
            return ""
        found = Found()
        deals = read_deals(
            bytes(price_list.content),
            list(price_list.supplier.mappings.filter(active=True).prefetch_related("columns")),
            vat_rate=_vat_rate(),
            markup=price_list.supplier.markup_percent,
            found=found,
        )
        with transaction.atomic():
            job.renew()
            price_list.rows.all().delete()  # those of a worker that was lost
        for start in range(0, len(deals), BATCH):
            batch = deals[start : start + BATCH]
            decide(batch, price_list.supplier)
            for position, deal in enumerate(batch, start=start + 1):
                deal.price_list, deal.position = price_list, position
                if deal.outcome not in MOVES:
                    # What stays as it is need not be kept twice.
                    deal.values = {}
            with transaction.atomic():
                job.renew()
                copy_in(PriceListRow, batch)
            job.progress(start + len(batch), len(deals), "deals read")
        with transaction.atomic():
            job.renew()
            ids = {deal.deal_id.upper() for deal in deals}
            copy_in(PriceListRow, vanished_rows(price_list, found.mappings, ids, len(deals) + 1))
            price_list.remarks, price_list.counts = found.remarks, _counts(price_list)
            price_list.status = PriceListStatus.PREVIEWED
            price_list.save(update_fields=["status", "remarks", "counts"])
        return price_list.summary


def _apply(job: RunningJob) -> str:
    """Apply the rows that are left, batch by batch."""
    with _list_of(job, PriceListStatus.APPLYING, failed=PriceListStatus.PREVIEWED) as price_list:
        if price_list is None:
            return ""
        actor, position = job.actor, 0
        assert actor is not None  # a person asked
        left = price_list.rows.filter(applied_at=None, outcome__in=MOVES).order_by("position")
        while rows := list(left.filter(position__gt=position)[:BATCH]):
            with transaction.atomic():
                job.renew()
                _apply_rows(rows, price_list, actor)
            position = rows[-1].position
            job.progress(job.job.done + len(rows), text="rows applied")
        with transaction.atomic():
            job.renew()
            price_list.counts, price_list.applied_at = _counts(price_list), timezone.now()
            _move(price_list, PriceListStatus.APPLIED, "price list applied", actor, detail=price_list.summary)
        return price_list.summary


READ = jobs.JobKind("catalogue.read_price_list", "Read price list", _read, PERMISSION)
APPLY = jobs.JobKind("catalogue.apply_price_list", "Apply price list", _apply, PERMISSION)


@contextmanager
def _list_of(
    job: RunningJob, status: PriceListStatus, *, failed: PriceListStatus
) -> Iterator[PriceList | None]:
    """The job's list while it has this status; None when it has another by now. What ends the job ends that, too."""
    lists = PriceList.objects.filter(pk=job.parameters["price_list"], status=status)
    try:
        yield lists.select_related("supplier").first()
    except jobs.LeaseLost:
        raise
    except jobs.Cancelled:
        lists.update(status=PriceListStatus.CANCELLED)
        raise
    except Exception:
        lists.update(status=failed)
        raise


def _apply_rows(rows: list[PriceListRow], price_list: PriceList, actor: User) -> None:
    """Decided anew: the catalogue may have moved since the preview."""
    now = timezone.now()
    gone = [row for row in rows if row.outcome == Outcome.VANISHED]
    here = [row for row in rows if row.outcome != Outcome.VANISHED]
    decisions = decide(here, price_list.supplier, lock=True)
    carry_out(here, decisions, price_list=price_list, actor=actor)
    SupplierDeal.objects.filter(
        supplier=price_list.supplier, deal_id__in=[row.deal_id for row in gone], vanished_at=None
    ).update(vanished_at=now)
    PriceListRow.objects.filter(pk__in=[row.pk for row in gone]).update(applied_at=now)


def _vat_rate() -> Any:
    try:
        return vat_rate_today()
    except NoVatRate as error:
        raise Refused(str(error)) from error


def _counts(price_list: PriceList) -> dict[str, int]:
    grouped = price_list.rows.order_by().values_list("outcome").annotate(number=Count("pk"))
    return dict(grouped)


def _locked(price_list_id: UUID) -> PriceList:
    return PriceList.objects.select_for_update(of=("self",)).select_related("supplier").get(pk=price_list_id)


def _move(
    price_list: PriceList, status: PriceListStatus, action: str, actor: User, *, detail: str = ""
) -> None:
    changes = {"status": [price_list.status, status.value]}
    price_list.status = status
    price_list.save(update_fields=["status", "job", "applied_by", "applied_at", "counts"])
    audit.record(action, price_list, actor=actor, changes=changes, detail=detail)


def _state(price_list: PriceList) -> str:
    words = price_list.state.label.lower()
    return f"it {words}" if price_list.state == PriceListStatus.FAILED else f"it is {words}"
