"""How many customers a price change moves, and how many pay its new price already: kept on the change."""

from datetime import datetime

from pricing.cohorts import judge
from pricing.models import Cohort, PriceChange, Subscription


def count_customers(at: datetime) -> int:
    """Count anew for every open change; what has taken effect or was cancelled keeps its last counts. Returns how many.

    Changes of packages that nobody subscribes to take one statement together.
    """
    open_changes = PriceChange.objects.open()
    held = Subscription.objects.standing().exclude(package=None).order_by().values("package").distinct()
    empty = open_changes.exclude(package__in=held).update(
        affected_customers_count=0, new_customers_count=0, counted_at=at
    )
    full = open_changes.filter(package__in=held).select_related("package", "amends").order_by("pk")
    return empty + sum(1 for change in full.iterator() if count_one(change, at))


def count_one(change: PriceChange, at: datetime) -> bool:
    """Write the counts of one change; False when it was deleted meanwhile."""
    moved = joined = 0
    for judgement in judge(change, at):
        moved += judgement.moves
        joined += judgement.cohort == Cohort.JOINED_DURING_NOTICE
    change.affected_customers_count, change.new_customers_count, change.counted_at = moved, joined, at
    counted = PriceChange.objects.filter(pk=change.pk)
    return bool(counted.update(affected_customers_count=moved, new_customers_count=joined, counted_at=at))
