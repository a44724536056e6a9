import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from catalogue.management.commands.import_products import file_content, in_columns
from catalogue.management.people import person_named
from catalogue.models import Outcome, PriceList, Supplier
from catalogue.models.price_list import MOVES
from catalogue.pricelists import services
from circletel.core import jobs
from circletel.core.errors import Refused
from circletel.core.models import Job, JobState

MOST_SHOWN = 50


class Command(BaseCommand):
    help = (
        "Bring a supplier's workbook into the catalogue: good deals become draft products or change them, bad ones are"
        " listed and left out. docs/supplier-price-lists.md says how."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--supplier", metavar="CODE", required=True, help="whose list it is, such as mtn")
        parser.add_argument("--user", metavar="USERNAME", help="who imports; without it, the only superuser")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        actor, supplier = (
            person_named(options["user"], option="--user", deed="imports"),
            _supplier(options["supplier"]),
        )
        path, content = options["file"], file_content(options["file"])
        try:
            if options["dry_run"]:
                self._rehearse(supplier, path, content, actor)
            else:
                self._import(supplier, path, content, actor)
        except Refused as refusal:
            raise CommandError(f"Nothing was imported: {refusal}.") from None

    def _rehearse(self, supplier: Supplier, path: Path, content: bytes, actor: User) -> None:
        with transaction.atomic():
            price_list = self._read(supplier, path, content, actor)
            self._report(price_list)
            transaction.set_rollback(True)
        self.stdout.write(f"Nothing written. It would be: {price_list.summary}.")

    def _import(self, supplier: Supplier, path: Path, content: bytes, actor: User) -> None:
        price_list = services.unfinished(supplier, content)
        if price_list is not None and price_list.job is not None:
            done, total = price_list.job.done, price_list.job.total
            self.stderr.write(f"Going on where it was interrupted, at {done} of {total} rows.")
        else:
            price_list = services.request_apply(self._read(supplier, path, content, actor).pk, actor=actor)
        self._finish(price_list, lambda job: self.stderr.write(f"{job.done} of {job.total} rows applied"))
        self._report(price_list)
        nothing = not any(price_list.count(outcome) for outcome in MOVES)
        self.stdout.write(f"{price_list.summary}." + (" Nothing changed." if nothing else ""))

    def _read(self, supplier: Supplier, path: Path, content: bytes, actor: User) -> PriceList:
        price_list = services.upload(supplier=supplier, file_name=path.name, content=content, actor=actor)
        self._finish(price_list, None)
        return price_list

    def _finish(self, price_list: PriceList, on_progress: Callable[[Job], None] | None) -> None:
        """Does the list's job here, or waits for the worker that has it."""
        job = price_list.job
        assert job is not None  # it was asked for just now
        while not job.has_ended:
            if not jobs.run(job.pk, on_progress=on_progress):
                time.sleep(1)
            job.refresh_from_db()
        if job.state != JobState.DONE:
            raise CommandError(f"Nothing was imported: {job.error.removeprefix('Refused: ')}.")
        price_list.refresh_from_db(fields=["status", "counts", "remarks"])

    def _report(self, price_list: PriceList) -> None:
        for remark in price_list.remarks:
            self.stderr.write(f"Left out: {remark}.")
        if refused := price_list.count(Outcome.REFUSED):
            rows = price_list.rows.filter(outcome=Outcome.REFUSED).order_by("position")[:MOST_SHOWN]
            lines = [("SHEET", "ROW", "DEAL", "REASON")]
            lines += [
                (one.sheet, str(one.number), one.deal_id or "-", why) for one in rows for why in one.reasons
            ]
            self.stderr.write(in_columns(lines, numbers=1), ending="")
            if refused > MOST_SHOWN:
                self.stderr.write(
                    f"… and {refused - MOST_SHOWN} more refused rows; the admin lists them all."
                )


def _supplier(code: str) -> Supplier:
    supplier = Supplier.objects.filter(code=code).first()
    if supplier is None:
        known = ", ".join(Supplier.objects.values_list("code", flat=True)) or "none"
        raise CommandError(f"There is no supplier {code!r}; known are: {known}.")
    return supplier
