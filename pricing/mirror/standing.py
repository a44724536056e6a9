"""How far the mirror of subscriptions can be believed: as of when, and what is known to be missing from it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from pricing.models import Subscription, SubscriptionPull


@dataclass(frozen=True)
class MirrorStanding:
    """`as_of` is None where nothing was ever pulled. `trouble` says, in a sentence, why it is not up to date."""

    as_of: datetime | None
    trouble: str = ""

    @property
    def is_complete(self) -> bool:
        """A list of all ids, amounts, statuses and dates was read to its end, lately enough.

        What of it is not read one by one yet is held by itself, and stands in nobody else's way.
        """
        return self.as_of is not None and not self.trouble

    @property
    def was_pulled(self) -> bool:
        return self.as_of is not None


def mirror_standing(at: datetime) -> MirrorStanding:
    """What can be said of the mirror at that instant. Two queries at most."""
    pull = SubscriptionPull.objects.filter(listed_to_the_end=True, is_credible=True).first()
    if pull is None:
        begun = SubscriptionPull.objects.exists() or Subscription.objects.exists()
        return MirrorStanding(None, "the list of subscriptions was never read to its end" if begun else "")
    return MirrorStanding(pull.started_at, _trouble(pull, at))


def _trouble(pull: SubscriptionPull, at: datetime) -> str:
    if at - pull.started_at > timedelta(hours=settings.PRICING_MIRROR_STALE_HOURS):
        day = f"{timezone.localtime(pull.started_at):%-d %b %Y, %H:%M}"
        return f"the mirror is from {day}; run pull_subscriptions"
    return ""
