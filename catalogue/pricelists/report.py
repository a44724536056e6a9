"""Refused rows for people outside the admin: as a table on the console, as CSV to send back to the supplier."""

import csv
from collections.abc import Iterator

from catalogue.models import Outcome, PriceList
from circletel.core.spreadsheet import safe_cell

TITLES = ("Sheet", "Row", "Deal id", "Name", "Reasons")


def refused_table(price_list: PriceList, most: int) -> str:
    """The first `most` refused rows in columns, a line for each reason."""
    rows = price_list.rows.filter(outcome=Outcome.REFUSED).order_by("position")[:most]
    lines = [("SHEET", "ROW", "DEAL", "REASON")]
    lines += [
        (row.sheet, str(row.number), row.deal_id or "-", reason) for row in rows for reason in row.reasons
    ]
    widths = [max(len(line[place]) for line in lines) for place in range(3)]
    return "".join(
        f"{sheet:{widths[0]}}  {row:>{widths[1]}}  {deal:{widths[2]}}  {reason}\n"
        for sheet, row, deal, reason in lines
    )


def refused_csv(price_list: PriceList) -> Iterator[str]:
    """CSV, line by line, with a byte order mark so that Excel reads it as UTF-8. No cell is taken for a formula."""
    writer = csv.writer(_Lines())
    yield "\ufeff" + writer.writerow(TITLES)
    rows = price_list.rows.filter(outcome=Outcome.REFUSED).order_by("position")
    for row in rows.values_list("sheet", "number", "deal_id", "name", "reasons").iterator(chunk_size=1000):
        *cells, reasons = row
        yield writer.writerow([safe_cell(cell) for cell in (*cells, " | ".join(reasons))])


class _Lines:
    """A file that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line
