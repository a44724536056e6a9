"""One comparison, list by list: read both sides, match, and look again at what moved meanwhile."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Q

from catalogue.models import ServicePackage
from pricing.billed import judge_billed
from pricing.mirror.standing import mirror_standing
from reconciliation.matching import Tables, finding, judge, judge_pair, when, wrongly_billed
from reconciliation.models import SUBSCRIPTION, Finding, FindingType
from zoho_sync.billing.calls import PER_PAGE
from zoho_sync.compare.listing import Listing, Pair, TooManyVanished, pairs
from zoho_sync.compare.records import SHELVES, Expected, Remote, Shelf, expected_for, expected_records
from zoho_sync.compare.remote import Zoho
from zoho_sync.connection.background import BackgroundHttp
from zoho_sync.connection.errors import ZohoError
from zoho_sync.desired import current_terms, table_of
from zoho_sync.models import Kind, ProductIntegration, System

# Fewer than this may vanish by hand without anything being wrong with Zoho.
FEW = 3
MOST_VANISHED_PERCENT = 20
# How long a run waits for Zoho's limits, in all, before it gives up.
PATIENCE_SECONDS = 900.0
TELL_EVERY = 1000
# Strangers are looked up in our own rows so many at a time.
SOME = 500
SUBSCRIPTIONS = "Subscriptions"
NAMES = ("acknowledged_payload__Product_Name", "acknowledged_payload__name")


class Comparison:
    """What differs between the catalogue and Zoho now. `run()` once, then read the attributes."""

    def __init__(
        self,
        systems: Sequence[System],
        *,
        only: Sequence[str] = (),
        begun: datetime,
        progress: Callable[[str], None] = lambda words: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.findings: list[Finding] = []
        """Unsaved."""
        self.compared = self.owed = 0
        self.coverage: list[dict[str, Any]] = []
        self.covered: set[Any] = set()
        """Kinds that were read as a whole, or (kind, package) where only some packages were asked for."""
        self.trouble = ""
        self.mirror_trouble = ""
        """Why the part about subscriptions is not complete; it says nothing about the lists."""
        self.alarmed = False
        self._shelves = [shelf for shelf in SHELVES if shelf.system in systems]
        self._subscriptions = System.BILLING in systems
        self._only = list(only)
        self._begun = begun
        self._progress = progress
        self.terms = current_terms()
        self._tables: Tables = {kind.value: table_of(kind, self.terms) for kind in Kind}
        self._listing = Listing()
        patience = PATIENCE_SECONDS
        self._zoho = Zoho(
            self.terms, {system: BackgroundHttp(system, patience=patience, sleep=sleep) for system in System}
        )

    @property
    def lists_are_complete(self) -> bool:
        """All of Zoho's lists could be read, whatever is to be said of the mirror of subscriptions."""
        return not self.trouble

    @property
    def is_complete(self) -> bool:
        return self.lists_are_complete and not self.mirror_trouble

    def run(self) -> None:
        """Compare. A list that cannot be read is told in `trouble`; the others are compared all the same."""
        with closing(self._listing), self._zoho:
            self._expect()
            for shelf in self._shelves:
                try:
                    self._compare(shelf)
                except ZohoError as error:
                    self._tell(f"{shelf.name} could not be read: {error}")
                except TooManyVanished:
                    self._alarm(shelf)
                    return
            if self._subscriptions:
                self._compare_subscriptions()

    def _compare_subscriptions(self) -> None:
        """The mirror as it stands. One that is out of date is judged all the same, and closes no finding.

        Where subscriptions were never pulled there is nothing to judge, which is no trouble.
        """
        self._progress("comparing what subscriptions are billed")
        standing, judged = mirror_standing(self._begun), 0
        packages = list(ServicePackage.objects.filter(sku__in=self._only).values_list("pk", flat=True))
        for number, wrong in judge_billed(self._begun, packages):
            judged += number
            self.findings += map(wrongly_billed, wrong)
        as_of = standing.as_of.isoformat() if standing.as_of else None
        self.coverage.append({"list": SUBSCRIPTIONS, "ours": judged, "theirs": judged, "as_of": as_of})
        if standing.trouble:
            self.mirror_trouble = f"{SUBSCRIPTIONS}: {standing.trouble}."
        elif standing.was_pulled:
            self.covered |= {(SUBSCRIPTION, str(pk)) for pk in packages} if self._only else {SUBSCRIPTION}

    def _expect(self) -> None:
        self._progress("reading the catalogue")
        place = {kind: shelf for shelf in self._shelves for kind in shelf.kinds}
        for each in expected_records(list(place), skus=self._only, terms=self.terms):
            self._listing.expect(place[Kind(each.kind)], each)
            if self._only:
                self.covered.add((each.kind, each.package))

    def _compare(self, shelf: Shelf) -> None:
        self._listing.add(shelf, self._read(shelf))
        expected, theirs = self._listing.counts(shelf)
        compared, differing = 0, list[tuple[Pair, list[Finding]]]()
        for pair in pairs(self._listing, shelf, most_missing=self._most_missing(expected)):
            compared += 1
            self.owed += pair.expected.is_owed
            if found := judge_pair(pair, self._tables):
                differing.append((pair, found))
        self.compared += compared
        self.findings += list(self._settled(shelf, differing, shifting=theirs >= PER_PAGE))
        self.coverage.append({"list": shelf.name, "ours": compared, "theirs": theirs})
        if not self._only:
            self.covered |= {kind.value for kind in shelf.kinds} | {shelf.kind_of("")}
            self.findings += unknown_in(self._listing, shelf)

    def _read(self, shelf: Shelf) -> Iterator[Remote]:
        self._progress(f"reading {shelf.name}")
        keys = (
            sorted({each.key for sharing in self._listing.expected(shelf) for each in sharing})
            if self._only
            else ()
        )
        found = self._zoho.by_key(shelf, keys) if self._only else self._zoho.everything(shelf)
        for number, remote in enumerate(found, start=1):
            yield remote
            if number % TELL_EVERY == 0:
                self._progress(f"reading {shelf.name}: {number}")

    def _most_missing(self, expected: int) -> int:
        if self._only:
            return expected
        return max(FEW - 1, expected * MOST_VANISHED_PERCENT // 100)

    def _settled(
        self, shelf: Shelf, differing: Sequence[tuple[Pair, list[Finding]]], *, shifting: bool
    ) -> Iterator[Finding]:
        """What holds of each record once everything that moved during the run has been looked at again."""
        moved = self._moved_here([pair.expected.row for pair, _found in differing if pair.expected.row])
        for pair, found in differing:
            mine, remote = pair.expected, pair.key_holder or pair.remote
            # A list read by page numbers shifts when something before it is deleted, and then skips a record.
            skipped = remote is None and shifting and not self._reads_by_id(shelf)
            if mine.row in moved or skipped or (remote is not None and self._is_news(remote)):
                yield from self._judged_again(shelf, mine, remote)
            else:
                yield from found

    def _judged_again(self, shelf: Shelf, mine: Expected, remote: Remote | None) -> list[Finding]:
        fresh = [each for each in expected_for([mine.package], shelf.kinds) if each.kind == mine.kind]
        if not fresh or fresh[0].is_owed:
            return []
        return judge(fresh[0], self._zoho.again(shelf, remote, mine.key), self._tables)

    def _reads_by_id(self, shelf: Shelf) -> bool:
        return shelf.family is None and self._zoho.queries_granted

    def _moved_here(self, rows: Sequence[str]) -> set[str]:
        """Those of these rows whose package or sync changed while the run was going on."""
        since = (
            Q(changed_at__gt=self._begun)
            | Q(last_synced_at__gt=self._begun)
            | Q(package__changed_at__gt=self._begun)
        )
        found = ProductIntegration.objects.filter(since, pk__in=rows)
        return {str(pk) for pk in found.values_list("pk", flat=True)}

    def _is_news(self, remote: Remote) -> bool:
        changed = when(remote.modified_at)
        return changed is not None and changed > self._begun

    def _alarm(self, shelf: Shelf) -> None:
        self.alarmed = True
        self.findings = []
        self._tell(
            f"{shelf.name}: more than {MOST_VANISHED_PERCENT} % of our records are not there any"
            " more. Nothing is proposed: look at Zoho first, and at which organisation the settings point to"
        )

    def _tell(self, words: str) -> None:
        self.trouble = f"{self.trouble} {words.rstrip('.')}.".strip()


def unknown_in(listing: Listing, shelf: Shelf) -> Iterator[Finding]:
    """Records in use that belong to no package, read from the list some at a time."""
    left = (each for each in listing.not_taken(shelf) if each.is_active)
    while some := list(islice(left, SOME)):
        yield from strangers_in(shelf, some)


def strangers_in(shelf: Shelf, remotes: Sequence[Remote]) -> Iterator[Finding]:
    """What records that belong to no package are: a second one of ours, or one we know nothing of."""
    rows = ProductIntegration.objects.filter(kind__in=list(shelf.kinds))
    # What was published while the lists were read is no stranger.
    ours = set(rows.filter(remote_id__in=[each.id for each in remotes]).values_list("remote_id", flat=True))
    strangers = [each for each in remotes if each.id not in ours]
    keys, names, codes = _known(rows, strangers)
    for remote in strangers:
        double = remote.key in keys or remote.name in names or (remote.code != "" and remote.code in codes)
        type = FindingType.DUPLICATE if double else FindingType.MISSING_HERE
        key = (
            keys.get(remote.key)
            or names.get(remote.name)
            or codes.get(remote.code)
            or remote.key
            or remote.id
        )
        theirs = remote.name or remote.key or remote.id
        yield finding(type, shelf.kind_of(key), key, remote, theirs=theirs)


def _known(rows: Any, strangers: Sequence[Remote]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Which of the strangers' keys, names and codes are ours: each with the key of the record that has it."""
    keys = {each.key for each in strangers if each.key}
    names = [each.name for each in strangers if each.name]
    codes = [each.code for each in strangers if each.code]
    ours = dict.fromkeys(rows.filter(remote_key__in=keys).values_list("remote_key", flat=True))
    named: dict[str, str] = {}
    for path in NAMES:
        named |= dict(rows.filter(**{f"{path}__in": names}).values_list(path, "remote_key"))
    path = "acknowledged_payload__Product_Code"
    coded = dict(rows.filter(**{f"{path}__in": codes}).values_list(path, "remote_key"))
    return {key: key for key in ours}, named, coded
