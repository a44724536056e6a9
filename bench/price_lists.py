"""A supplier's list of 17,500 deals: reading, applying, the same again, and a rise of every price; time and memory.

PRICE_LIST names a real workbook of MTN's to multiply; without it one is made up.
"""

import io
import os
import resource
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from bench import _database

DEALS = 17_500
SECONDS, MEGABYTES = 90, 500
TITLES = [
    "Deal ID", "Promo Start date (mm/dd/yyyy)", "Promo End date (mm/dd/yyyy)", "OEM and Device",
    "Freebies description 1\n(Devices)", "Total Subscription Incl Vat", "Total Subscription Ex Vat",
    "Once-off Pay-in (incl VAT)", "Device Status", "Price Plan", "Contract Term", "Inclusive Price Plan SMS",
    "Total Data", "Total Minutes", "EBU Inventory Status (Main device)",
]  # fmt: skip


def run() -> str:
    _database.start()
    from django.contrib.auth.models import User

    from catalogue.models import Product

    actor = User.objects.create_superuser("bench")
    rows = _rows()
    raised = [rows[0], *(_raised(rows[0], row) for row in rows[1:])]
    steps: list[tuple[str, Callable[[], str]]] = [
        ("first run", lambda: _import(_workbook(rows), actor)),
        ("the same file again", lambda: _import(_workbook(rows), actor)),
        ("every price and last day changed", lambda: _import(_workbook(raised), actor)),
    ]
    lines = []
    for name, step in steps:
        summary = step()
        lines.append(f"  {name}: {summary}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines.append(f"  {Product.objects.count()} products; peak memory {peak:.0f} MB (at most {MEGABYTES})")
    return "\n".join(lines)


def _import(content: bytes, actor: Any) -> str:
    from catalogue.models import Supplier
    from catalogue.pricelists import services
    from circletel.core import jobs

    begun, cpu = time.monotonic(), time.process_time()
    price_list = services.upload(
        supplier=Supplier.objects.get(code="mtn"),
        file_name="bench.xlsx",
        content=content,
        actor=actor,
    )
    jobs.run(price_list.job_id)
    read = time.monotonic()
    jobs.run(services.request_apply(price_list.pk, actor=actor).job_id)
    applied = time.monotonic()
    price_list.refresh_from_db()
    return (
        f"{price_list.summary}; read in {read - begun:.1f} s, applied in {applied - read:.1f} s,"
        f" together {applied - begun:.1f} s (at most {SECONDS}), of which this process computed {time.process_time() - cpu:.1f} s"
    )


def _rows() -> list[list[Any]]:
    real = os.environ.get("PRICE_LIST")
    header, *deals = _real_rows(Path(real)) if real else _made_up()
    place = header.index("Deal ID")
    many = []
    for number in range(DEALS):
        row = list(deals[number % len(deals)])
        row[place] = f"{row[place]}-{number // len(deals)}"
        many.append(row)
    return [header, *many]


def _real_rows(path: Path) -> list[list[Any]]:
    from python_calamine import CalamineWorkbook

    return list(CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows())


def _made_up() -> list[list[Any]]:
    devices = ["Use Your Own", *(f"Phone {number}" for number in range(120))]
    deals: list[list[Any]] = []
    for number in range(400):
        price = 99.0 + 10 * number
        deals.append(
            [f"2025EBU{number}", date(2025, 2, 1), date(2025, 11, 7), devices[number % len(devices)],
             "Watch" if number % 3 else "None", price, price / 1.15, 0.0, "CTB", f"Plan {number % 70}",
             (12.0, 24.0, 36.0)[number % 3], "200sms", "30.0GB", "500min", "Available"]
        )  # fmt: skip
    return [TITLES, *deals]


def _raised(header: list[Any], row: list[Any]) -> list[Any]:
    row = list(row)
    row[header.index("Total Subscription Incl Vat")] += 23
    row[header.index("Total Subscription Ex Vat")] += 20
    row[header.index("Promo End date (mm/dd/yyyy)")] = date(2025, 12, 7)
    return row


def _workbook(rows: list[list[Any]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
