"""Since when a subscription is on its package: what is known, and what a person decides where that is not enough.

What a customer pays depends on it. Where the instants at which somebody may have come lead to different prices, a
person decides once, and the decision holds until the subscription goes to another plan.
"""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from circletel.core import audit
from circletel.core.errors import NotReady, WrongStatus
from circletel.core.rights import ensure_may
from pricing import rechecking
from pricing.cohorts import prices_in_words
from pricing.models import SinceHow, Subscription
from pricing.quotes import Quotes, Reading, readings
from pricing.rule import PriceHistory

RIGHT = "pricing.decide_package_since"


def readings_of(subscription: Subscription, at: datetime) -> list[Reading]:
    """The instants at which it may have come, with what it pays by each; more than one is to be decided.

    After a decision those between which it was decided, so that it can be corrected. Three queries.
    """
    if subscription.package_id is None:
        return []
    seen = Subscription(
        signed_up_at=subscription.signed_up_at,
        on_package_earliest=subscription.on_package_earliest,
        on_package_latest=subscription.on_package_latest,
    )
    undecided = seen if subscription.on_package_since_how == SinceHow.DECISION else subscription
    history = PriceHistory.of_many([subscription.package_id])[subscription.package_id]
    return readings(undecided, Quotes(history), at)


def in_words(reading: Reading) -> str:
    """2 Mar 2027 10:00: R 899,00."""
    return f"{timezone.localtime(reading.since):%-d %b %Y %H:%M}: {prices_in_words(reading)}"


@transaction.atomic
def decide_since(
    subscription_id: UUID, *, actor: User, since: datetime, reason: str, at: datetime | None = None
) -> Subscription:
    """It is on its package since that instant, one of `readings_of`. Its held price moves go on from there.

    Raises NotAllowed, NotReady without a reason or for another instant, WrongStatus where nothing is to be decided.
    """
    ensure_may(actor, RIGHT, "decide since when a customer is on a package")
    now = at or timezone.now()
    subscription = (
        Subscription.objects.select_for_update(of=("self",)).select_related("package").get(pk=subscription_id)
    )
    if not reason.strip():
        raise NotReady("reason: say how you know, for the audit trail")
    possible = readings_of(subscription, now)
    if len(possible) < 2:
        raise WrongStatus(
            "It is known since when it is on its package, or it makes no difference to its price"
        )
    if since not in [one.since for one in possible]:
        instants = ", ".join(one.since.isoformat() for one in possible)
        raise NotReady(f"since: choose one of {instants}")
    before = subscription.on_package_since
    subscription.on_package_since, subscription.on_package_since_how = since, SinceHow.DECISION
    subscription.since_decided_by, subscription.since_decided_at = actor, now
    names = ["on_package_since", "on_package_since_how", "since_decided_by", "since_decided_at"]
    subscription.save(update_fields=names)
    changes = {"on_package_since": [before and before.isoformat(), since.isoformat()]}
    audit.record(
        "decide since when on package", subscription, actor=actor, changes=changes, detail=reason.strip()
    )
    rechecking.follow(subscription, now)
    return subscription
