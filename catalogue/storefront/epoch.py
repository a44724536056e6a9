"""Epochs: stretches of time within which one revision of the catalogue says the same.

Every request asks the database once, whether the revision is still the one this process knows. That is what makes
kept answers right: a publish is seen by the next request of every process, and nothing has to be told or expired.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from django.utils.http import http_date

from catalogue.storefront.document import SHAPE
from catalogue.storefront.wire import ask, reading_from

ASK = (
    "SELECT revision, vat_rate, (extract(epoch FROM begins) * 1000000)::bigint,"
    " (extract(epoch FROM ends) * 1000000)::bigint FROM storefront_epoch(%s, %s)"
)
# Told the revision that a process knows, the function would leave out the rest.
NOTHING_KNOWN = -1
# A third cheaper than the function, and all that has to be asked while nothing changes.
ASK_REVISION = "SELECT revision FROM catalogue_revision"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# Last-Modified counts whole seconds: it is told only when no later change can fall into the same one, whatever the
# clocks of database and web server say.
SETTLED = timedelta(seconds=2)


@dataclass(frozen=True)
class Epoch:
    revision: int
    vat_rate: Decimal | None
    """Of now; None when none is recorded."""
    begins: datetime | None
    """The last instant at which something began or ended; None when nothing ever did."""
    ends: datetime | None
    """The next instant at which something will: a promotion, a validity, a VAT rate. None when nothing is known."""

    @cached_property
    def etag(self) -> str:
        """Strong: for one address, equal tags mean equal bytes."""
        begins = (self.begins - BEGINNING) // timedelta(microseconds=1) if self.begins else 0
        return f'"{self.revision:x}-{begins:x}-{SHAPE}"'

    @cached_property
    def last_modified(self) -> str:
        """`changed_at` as HTTP writes it."""
        return http_date(self.changed_at.timestamp())

    @cached_property
    def changed_at(self) -> datetime:
        changed = BEGINNING + timedelta(microseconds=self.revision)
        return max(changed, self.begins) if self.begins else changed

    def is_settled(self, now: datetime) -> bool:
        return now - self.changed_at >= SETTLED


_known: Epoch | None = None


def current(now: datetime) -> tuple[Epoch, bool]:
    """The epoch of `now`, and whether answers may be kept by it. One query, and another when it is a new one.

    Inside a transaction they may not: the revision says nothing about what the transaction itself has written.
    """
    global _known
    known = _known
    keeps = not reading_from().in_atomic_block
    if known is not None and keeps and _is_still(known, now):
        return known, True
    epoch = _ask(now)
    if keeps:
        _known = epoch
    return epoch, keeps and epoch.revision > 0


def _is_still(epoch: Epoch, now: datetime) -> bool:
    if (epoch.ends is not None and now >= epoch.ends) or (epoch.begins is not None and now < epoch.begins):
        return False
    return [[str(epoch.revision).encode()]] == ask(ASK_REVISION)


def _ask(now: datetime) -> Epoch:
    [[revision, rate, begins, ends]] = ask(ASK, (NOTHING_KNOWN, now))
    assert revision is not None  # the function answers 0 when there is none
    return Epoch(int(revision), Decimal(rate.decode()) if rate else None, _instant(begins), _instant(ends))


def _instant(micros: bytes | None) -> datetime | None:
    return BEGINNING + timedelta(microseconds=int(micros)) if micros is not None else None


def seconds_left(epoch: Epoch, now: datetime, most: int) -> int:
    """For how many whole seconds an answer is certainly true as far as is known now, at most `most`."""
    if epoch.ends is None:
        return most
    return max(0, min(most, int((epoch.ends - now).total_seconds())))
