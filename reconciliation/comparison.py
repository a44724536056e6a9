"""One comparison, list by list: read both sides, sort, match, and look again at what moved meanwhile."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from reconciliation.compare import instant
from reconciliation.matching import Deviation, Match, Tables, TooManyVanished, judge, match
from reconciliation.models import FindingType
from reconciliation.ours import expected_for, expected_records
from reconciliation.records import SHELVES, Expected, Remote, Shelf
from reconciliation.sorting import Sorter
from reconciliation.subscriptions import compare_subscriptions
from reconciliation.theirs import Zoho
from zoho_sync.billing.client import PER_PAGE
from zoho_sync.connection.errors import ZohoError
from zoho_sync.desired import current_terms, table_of
from zoho_sync.models import Kind, ProductIntegration, System

# Fewer than this may vanish by hand without anything being wrong with Zoho.
FEW = 3
TELL_EVERY = 1000
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
        self.deviations: list[Deviation] = []
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
        self._zoho = Zoho(self.terms, sleep)

    @property
    def lists_are_complete(self) -> bool:
        """All of Zoho's lists could be read, whatever is to be said of the mirror of subscriptions."""
        return not self.trouble

    @property
    def is_complete(self) -> bool:
        return self.lists_are_complete and not self.mirror_trouble

    def run(self) -> None:
        """Compare. A list that cannot be read is told in `trouble`; the others are compared all the same."""
        sorters = {shelf.name: Sorter() for shelf in self._shelves}
        try:
            self._sort_ours(sorters)
            for shelf in self._shelves:
                try:
                    self._compare(shelf, sorters[shelf.name])
                except ZohoError as error:
                    self._tell(f"{shelf.name} could not be read: {error}")
                except TooManyVanished:
                    self._alarm(shelf)
                    return
            if self._subscriptions:
                self._compare_subscriptions()
        finally:
            for sorter in sorters.values():
                sorter.__exit__()
            self._zoho.close()

    def _compare_subscriptions(self) -> None:
        self._progress("comparing what subscriptions are billed")
        part = compare_subscriptions(self._begun, skus=self._only)
        self.coverage.append(part.coverage)
        self.deviations += part.deviations
        self.covered |= part.covered
        self.mirror_trouble = part.trouble

    def _sort_ours(self, sorters: dict[str, Sorter]) -> None:
        self._progress("reading the catalogue")
        place = {kind.value: sorters[shelf.name] for shelf in self._shelves for kind in shelf.kinds}
        kinds = [Kind(kind) for kind in place]
        for each in expected_records(kinds, skus=self._only, terms=self.terms):
            place[each.kind].add(each.key, each.as_json())
            if self._only:
                self.covered.add((each.kind, each.package))

    def _compare(self, shelf: Shelf, ours: Sorter) -> None:
        with Sorter() as theirs:
            self._sort_theirs(shelf, ours, theirs)
            expected = (Expected.from_json(item) for _key, item in ours)
            remotes = (Remote.from_json(item) for _key, item in theirs)
            found = match(expected, remotes, self._tables, most_missing=self._most_missing(ours.count))
            shifting = theirs.count >= PER_PAGE
        self.compared += found.compared
        self.owed += found.owed
        self.coverage.append({"list": shelf.name, "ours": found.compared, "theirs": found.theirs})
        self.deviations += list(self._settled(shelf, found, shifting))
        if not self._only:
            self.covered |= {kind.value for kind in shelf.kinds} | {shelf.kind_of("")}
            self.deviations += strangers_in(shelf, found)

    def _sort_theirs(self, shelf: Shelf, ours: Sorter, theirs: Sorter) -> None:
        self._progress(f"reading {shelf.name}")
        for number, remote in enumerate(self._read(shelf, ours), start=1):
            theirs.add(remote.key, remote.as_json())
            if number % TELL_EVERY == 0:
                self._progress(f"reading {shelf.name}: {number}")

    def _read(self, shelf: Shelf, ours: Sorter) -> Iterable[Remote]:
        if not self._only:
            return self._zoho.everything(shelf)
        keys = sorted({key for key, _item in ours})
        return self._zoho.by_key(shelf, keys)

    def _most_missing(self, expected: int) -> int:
        if self._only:
            return expected
        return max(FEW - 1, expected * settings.RECONCILIATION_VANISHED_PERCENT // 100)

    def _settled(self, shelf: Shelf, found: Match, shifting: bool) -> Iterator[Deviation]:
        """What holds once everything that moved during the run has been looked at again."""
        by_record: dict[str, list[Deviation]] = {}
        for each in found.deviations:
            by_record.setdefault(each.expected.package + each.kind if each.expected else "", []).append(each)
        moved = self._moved_here(found.deviations)
        for deviations in by_record.values():
            first = deviations[0]
            mine, remote = first.expected, first.remote
            assert mine is not None  # only records of ours are judged
            # A list read by page numbers shifts when something before it is deleted, and then skips a record.
            skipped = first.type is FindingType.MISSING_IN_ZOHO and shifting and not self._reads_by_id(shelf)
            if not (mine.row in moved or skipped or (remote is not None and self._is_news(remote))):
                yield from deviations
                continue
            yield from self._judged_again(shelf, mine, remote)

    def _judged_again(self, shelf: Shelf, mine: Expected, remote: Remote | None) -> list[Deviation]:
        fresh = [each for each in expected_for([mine.package], shelf.kinds) if each.kind == mine.kind]
        if not fresh or fresh[0].is_owed:
            return []
        return judge(fresh[0], self._zoho.again(shelf, remote, mine.key), self._tables)

    def _reads_by_id(self, shelf: Shelf) -> bool:
        return shelf.family is None and self._zoho.queries_granted

    def _moved_here(self, deviations: Sequence[Deviation]) -> set[str]:
        """Rows whose package or sync changed while the run was going on."""
        rows = [each.expected.row for each in deviations if each.expected and each.expected.row]
        since = (
            Q(changed_at__gt=self._begun)
            | Q(last_synced_at__gt=self._begun)
            | Q(package__changed_at__gt=self._begun)
        )
        found = ProductIntegration.objects.filter(since, pk__in=rows)
        return {str(pk) for pk in found.values_list("pk", flat=True)}

    def _is_news(self, remote: Remote) -> bool:
        try:
            changed = instant(remote.modified_at)
        except ValueError:
            return False
        return changed is not None and changed > self._begun

    def _alarm(self, shelf: Shelf) -> None:
        self.alarmed = True
        self.deviations = []
        self._tell(
            f"{shelf.name}: more than {settings.RECONCILIATION_VANISHED_PERCENT} % of our records are not there any"
            " more. Nothing is proposed: look at Zoho first, and at which organisation the settings point to"
        )

    def _tell(self, words: str) -> None:
        self.trouble = f"{self.trouble} {words.rstrip('.')}.".strip()


def strangers_in(shelf: Shelf, found: Match) -> Iterator[Deviation]:
    """Records in use that belong to no package: a second one of ours, or one we know nothing of."""
    rows = ProductIntegration.objects.filter(kind__in=list(shelf.kinds))
    # What was published while the lists were read is no stranger.
    ours = set(
        rows.filter(remote_id__in=[each.id for each in found.strangers]).values_list("remote_id", flat=True)
    )
    strangers = [each for each in found.strangers if each.id not in ours]
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
        yield Deviation(
            type, shelf.kind_of(key), key, theirs=remote.name or remote.key or remote.id, remote=remote
        )


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
