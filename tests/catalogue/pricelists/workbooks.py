"""Small workbooks in the shape of MTN's list, made of facts."""

import io
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl

from catalogue.models import ColumnMapping, PriceListRow, Supplier
from catalogue.pricelists.deals import read_deals
from catalogue.pricelists.tables import Found

TITLES = {
    "deal_id": "Deal ID",
    "begins": "Promo Start date (mm/dd/yyyy)",
    "ends": "Promo End date (mm/dd/yyyy)",
    "device": "OEM and Device",
    "freebie": "Freebies description 1\n(Devices)",
    "incl": "Total Subscription Incl Vat",
    "excl": "Total Subscription Ex Vat",
    "pay_in": "Once-off Pay-in (incl VAT)",
    "status": "Device Status",
    "plan": "Price Plan",
    "months": "Contract Term",
    "sim": "Free Sim",
    "sms_bundle": "SMS Bundle",
    "sms": "Inclusive Price Plan SMS",
    "data": "Total Data",
    "minutes": "Total Minutes",
    "stock": "EBU Inventory Status (Main device)",
}
FIBRE_5G: dict[str, Any] = {
    "deal_id": "202504EBU1603",
    "begins": date(2025, 4, 1),
    "ends": date(2025, 11, 7),
    "device": "Use Your Own",
    "freebie": "None",
    "incl": 599.0,
    "excl": 599 / 1.15,
    "pay_in": 0.0,
    "status": "CTB",
    "plan": "MTN Business 5G FWA 500GB",
    "months": 24.0,
    "sim": "Yes",
    "sms_bundle": "0sms",
    "sms": "0sms",
    "data": "500.0GB",
    "minutes": "0min",
    "stock": "Available",
}
WITHOUT = object()


def deal(**values: Any) -> dict[str, Any]:
    """5G for 599 unless told otherwise; `incl` alone carries `excl` along."""
    if isinstance(values.get("incl"), int | float) and "excl" not in values:
        values["excl"] = values["incl"] / 1.15
    return FIBRE_5G | values


def mtn_workbook(*deals: dict[str, Any], titles: dict[str, str] = TITLES, above: int = 0) -> bytes:
    rows = [[each[name] for name in titles] for each in deals]
    return workbook({"Sheet1": [[]] * above + [list(titles.values()), *rows]})


def workbook(sheets: dict[str, Iterable[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for number, row in enumerate(rows, start=1):
            for place, cell in enumerate(row, start=1):
                sheet.cell(number, place, cell)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def read(content: bytes, supplier: str = "mtn", markup: str = "0") -> list[PriceListRow]:
    return read_all(content, supplier, markup)[0]


def read_all(content: bytes, supplier: str = "mtn", markup: str = "0") -> tuple[list[PriceListRow], Found]:
    mappings = list(
        ColumnMapping.objects.filter(supplier=Supplier.objects.get(code=supplier)).prefetch_related("columns")
    )
    found = Found()
    deals = read_deals(content, mappings, vat_rate=Decimal("0.15"), markup=Decimal(markup), found=found)
    return deals, found
