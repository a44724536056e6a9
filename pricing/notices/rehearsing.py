"""The notices that would be sent in the days to come, in lines for people. Writes nothing."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pricing.notice import civil_day
from pricing.notices import owing


def lines(now: datetime, days: int) -> Iterator[str]:
    """Day by day; the last line sums up."""
    number = 0
    for one in owing.coming(now, civil_day(now) + timedelta(days=days)):
        number += one.number
        yield f"{one.day}  {one.number:>6} notices  {one.stage}  {one.package}"
    yield f"{number} notices are due within {days} days; receipts follow moves that are confirmed."
