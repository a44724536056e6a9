"""How many match on all pages: the same for every page of an epoch, and the dearest part of each."""

from collections.abc import Callable, Hashable

from django.utils import timezone

from catalogue.storefront import epoch as epochs
from catalogue.storefront.epoch import Epoch

MOST = 1_000
# Filters longer than this are asked once; nobody fills the memory with them.
LONGEST_KEY = 500

_known: tuple[Epoch | None, dict[Hashable, int]] = (None, {})


def total(key: Hashable, count: Callable[[], int]) -> int:
    """What `count` says, or said for `key` since the catalogue last changed. One cheap query where it is known."""
    global _known
    if len(repr(key)) > LONGEST_KEY:
        return count()
    epoch, keeps = epochs.current(timezone.now())
    if not keeps:
        return count()
    of, totals = _known
    if of is not epoch:
        totals = {}
        _known = (epoch, totals)
    if key not in totals:
        counted = count()
        # A change while it was counted makes it one of no epoch.
        if len(totals) >= MOST or epochs.current(timezone.now())[0] is not epoch:
            return counted
        totals[key] = counted
    return totals[key]
