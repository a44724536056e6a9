"""Epochs: stretches of time within which one revision of the catalogue says the same.

Every request asks the database once, whether the revision is still the one this process knows. That is what makes
kept answers right: a publish is seen by the next request of every process, and nothing has to be told or expired.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from catalogue.storefront.document import SHAPE

ASK = "SELECT revision, vat_rate, begins, ends FROM storefront_epoch(%s, %s)"
NOTHING_KNOWN = -1
# Last-Modified counts whole seconds: it is told only when no later change can fall into the same one, whatever the
# clocks of database and web server say.
SETTLED = timedelta(seconds=2)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Epoch:
    revision: int
    vat_rate: Decimal | None
    """Of now; None when none is recorded."""
    begins: datetime | None
    """The last instant at which something began or ended; None when nothing ever did."""
    ends: datetime | None
    """The next instant at which something will: a promotion, a validity, a VAT rate. None when nothing is known."""

    @property
    def etag(self) -> str:
        """Strong: for one address, equal tags mean equal bytes."""
        begins = int(self.begins.timestamp() * 1_000_000) if self.begins else 0
        return f'"{self.revision:x}-{begins:x}-{SHAPE}"'

    @property
    def changed_at(self) -> datetime:
        changed = datetime.fromtimestamp(self.revision / 1_000_000, UTC)
        return max(changed, self.begins) if self.begins else changed

    def is_settled(self, now: datetime) -> bool:
        return now - self.changed_at >= SETTLED


_known: Epoch | None = None


def current(now: datetime) -> tuple[Epoch, bool]:
    """The epoch of `now`, and whether answers may be kept by it. One query.

    Inside a transaction they may not: the revision says nothing about what the transaction itself has written.
    """
    global _known
    known = _known
    keeps = not connection.in_atomic_block
    fits = keeps and known is not None and (known.ends is None or now < known.ends) and _has_begun(known, now)
    revision, vat_rate, begins, ends = _ask(known.revision if known and fits else NOTHING_KNOWN, now)
    if known is not None and fits and revision == known.revision:
        return known, True
    epoch = Epoch(revision, vat_rate, begins, ends)
    if keeps:
        _known = epoch
    return epoch, keeps and revision > 0


def _has_begun(epoch: Epoch, now: datetime) -> bool:
    return epoch.begins is None or epoch.begins <= now


def _ask(revision: int, now: datetime) -> tuple[int, Decimal | None, datetime | None, datetime | None]:
    return healthy(lambda: _fetch(revision, now))


def _fetch(revision: int, now: datetime) -> tuple[int, Decimal | None, datetime | None, datetime | None]:
    with connection.cursor() as cursor:
        cursor.execute(ASK, (revision, now))
        row: tuple[int, Decimal | None, datetime | None, datetime | None] = cursor.fetchone()
    return row


def healthy(ask: Callable[[], Answer]) -> Answer:
    """The first question of a request is also the health check of its connection, which would cost one more."""
    connection.health_check_done = True
    try:
        return ask()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        return ask()


def seconds_left(epoch: Epoch, now: datetime, most: int) -> int:
    """For how many whole seconds an answer is certainly true as far as is known now, at most `most`."""
    if epoch.ends is None:
        return most
    return max(0, min(most, int((epoch.ends - now).total_seconds())))


def now() -> datetime:
    return timezone.now()
