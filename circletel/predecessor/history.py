"""Price changes that took effect at the predecessor: into the ledger, where they lead to the price there is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalogue.legacy.source import Row
from catalogue.models import ServicePackage
from circletel.core import audit
from circletel.predecessor.values import day, identity, instant, rand, text
from circletel.predecessor.work import Move
from pricing.ledger import succeed
from pricing.models import Audience, PriceChange, PriceChangeStatus, PriceEntry
from pricing.notice import beginning_of

EFFECTIVE = "effective"
IMPORTED = "price change imported"


@dataclass(frozen=True)
class OldChange:
    """One row of the predecessor's price_changes, understood."""

    row: Row
    id: UUID
    old_price: Decimal
    new_price: Decimal
    status: str
    published_at: datetime | None
    effective_date: date | None

    @classmethod
    def of(cls, row: Row) -> "OldChange":
        """Raises ValueError."""
        said = row.values
        status = text(said.get("status")).casefold() or "draft"
        if status not in PriceChangeStatus.values:
            raise ValueError(f"status: {status!r} is none of {', '.join(PriceChangeStatus.values)}")
        return cls(
            row,
            identity(row.id),
            rand("old_price", said.get("old_price")),
            rand("new_price", said.get("new_price")),
            status,
            instant("published_at", said.get("published_at")),
            day("effective_date", said.get("effective_date")),
        )

    @property
    def effective_at(self) -> datetime:
        assert self.effective_date is not None  # asked of complete changes only
        begins = beginning_of(self.effective_date)
        return max(begins, self.published_at) if self.published_at else begins

    def words(self) -> dict[str, Any]:
        """The texts, as fields of ours. A change has a reason here."""
        said = self.row.values
        return {
            "reason": text(said.get("reason")) or "Brought along from the predecessor, which gave no reason.",
            "notes": text(said.get("admin_notes") or said.get("notes")),
            "customer_message": text(said.get("customer_message"))[:2000],
        }


@dataclass(frozen=True)
class PriceHistory:
    """The effective changes of one package, the earliest first."""

    changes: tuple[OldChange, ...]

    @classmethod
    def of(cls, changes: Iterable[OldChange]) -> "PriceHistory":
        return cls(tuple(sorted(changes, key=lambda one: (str(one.effective_date), str(one.published_at)))))

    @property
    def begins(self) -> datetime:
        first = self.changes[0].published_at
        assert first is not None  # problem_with was asked before
        return first

    def problem_with(self, package: ServicePackage) -> str:
        """Why they do not tell how `package` came to its price; empty when they do."""
        price, published = self.changes[0].old_price, None
        for one in self.changes:
            if one.published_at is None or one.effective_date is None:
                return "published_at or effective_date is empty, so it cannot be said from when it held"
            if one.old_price != price:
                return f"it begins at R {one.old_price}, but the one before it ended at R {price}"
            if one.old_price == one.new_price:
                return "new_price: is the old price"
            if published is not None and one.published_at < published:
                return "it was published before the one it follows"
            price, published = one.new_price, one.published_at
        if price != package.price:
            return f"it leads to R {price}, but the package costs R {package.price}"
        return ""


def write_history(package: ServicePackage, history: PriceHistory, move: Move) -> None:
    """Changes and ledger, in the caller's transaction; `package` is new and its ledger empty."""
    first = history.changes[0]
    PriceEntry.objects.bulk_create(
        PriceEntry(
            package=package,
            audience=audience,
            version=1,
            price=first.old_price,
            valid_from=package.published_at,
        )
        for audience in Audience
    )
    for version, one in enumerate(history.changes, start=2):
        assert one.published_at is not None  # problem_with saw it
        change = PriceChange.objects.create(
            id=one.id,
            package=package,
            old_price=one.old_price,
            new_price=one.new_price,
            status=PriceChangeStatus.EFFECTIVE,
            published_at=one.published_at,
            effective_date=one.effective_date,
            effective_at=one.effective_at,
            applied_at=one.effective_at,
            version=version,
            created_by=move.actor,
            approved_by=move.approver,
            **one.words(),
        )
        for audience, at in ((Audience.NEW, one.published_at), (Audience.EXISTING, one.effective_at)):
            succeed(package, audience, version=version, price=one.new_price, at=at, change=change)
        audit.record(IMPORTED, change, actor=move.actor, changes={"status": [None, EFFECTIVE]})
