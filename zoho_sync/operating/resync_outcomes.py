"""What became of each record that a person asked to be sent again."""

from django.utils import timezone

from circletel.core import audit
from zoho_sync.models import Kind, ProductIntegration
from zoho_sync.operating.models import Resync

WAITS = "waits"
IN_STEP = "in step"
NOT_WANTED = "not wanted any more"
TAKEN_OVER = "left to a later wish"


def answered(row: ProductIntegration, outcome: str) -> None:
    """`row`, which a wish waited for, was tried: write down what came of it, and the result once all were.

    Called inside the transaction that reports on the row.
    """
    wish = Resync.objects.select_for_update(of=("self",)).select_related("requested_by").get(pk=row.resync_id)  # type: ignore[misc]
    wish.outcomes = wish.outcomes | {row.kind: outcome}
    is_first_result = wish.finished_at is None and WAITS not in wish.outcomes.values()
    if is_first_result:
        wish.finished_at = timezone.now()
    wish.save(update_fields=["outcomes", "finished_at"])
    if is_first_result:
        audit.record(
            f"re-sync {wish.system} result", wish.package, actor=wish.requested_by, detail=in_words(wish)
        )


def in_words(wish: Resync) -> str:
    """What became of a wish, for a person."""
    if not wish.outcomes:
        return "Nothing differed, so nothing was sent."
    return "; ".join(f"{kind.label}: {wish.outcomes[kind]}" for kind in Kind if kind in wish.outcomes)
