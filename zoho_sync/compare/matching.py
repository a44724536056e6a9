"""Who belongs to whom in one list: each record of ours beside the one in Zoho that is meant.

Who a record is, its stored id says first and its key second. So two records whose keys somebody swapped are two
wrong links, not fifty differing fields; a record whose key was edited is one differing field, not one missing and
one strange record.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from zoho_sync.compare.listing import Listing
from zoho_sync.compare.records import Expected, Remote, Shelf


@dataclass(slots=True)
class Pair:
    """`remote` is None where Zoho has none. `key_holder` is another record that bears our key."""

    expected: Expected
    remote: Remote | None
    key_holder: Remote | None = None


class TooManyVanished(Exception):
    """So many records are gone that Zoho, or the way there, must be at fault."""


def pairs(listing: Listing, shelf: Shelf, *, most_missing: int) -> Iterator[Pair]:
    """Every record of ours in this list with Zoho's. What is left over, `listing.not_taken` tells afterwards.

    Memory grows with what differs, not with what is there. Raises TooManyVanished as soon as more than
    `most_missing` records that Zoho once had are not there.
    """
    odd, missing = list[Pair](), 0
    for sharing in listing.expected(shelf):
        mine = _one_of(sharing)
        same_key = [each for each in listing.with_key(shelf, mine.key) if each.key == mine.key]
        own = next((each for each in same_key if each.id == mine.remote_id), None)
        picked = own or next(iter(same_key), None)
        if picked is not None and (own is not None or not mine.remote_id):
            listing.take(shelf, picked)
            yield Pair(mine, picked)
            continue
        odd.append(Pair(mine, None, picked))
        missing += picked is None and bool(mine.remote_id) and mine.is_wanted
        if missing > most_missing:
            raise TooManyVanished
    # Those who did not meet by key meet by id, among what is left.
    for each in odd:
        each.remote = listing.with_id(shelf, each.expected.remote_id, only_left=True)
    for each in odd:
        if found := each.remote or each.key_holder:
            listing.take(shelf, found)
        yield each


def _one_of(sharing: list[Expected]) -> Expected:
    """Packages of one line share a Billing product: one of them stands for all, best one that knows it."""
    best = max(sharing, key=lambda each: (bool(each.remote_id), not each.is_owed))
    best.retired = all(each.retired for each in sharing)
    return best
