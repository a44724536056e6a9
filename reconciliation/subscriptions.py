"""What subscriptions are billed, against what the price rule says: findings from the mirror, without a call to Zoho."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from catalogue.models import ServicePackage
from pricing.billed import WronglyBilled, judge_billed
from pricing.mirror.standing import mirror_standing
from reconciliation.matching import Deviation
from reconciliation.models import SUBSCRIPTION, FindingType
from zoho_sync.compare.records import Remote

NAME = "Subscriptions"


@dataclass
class SubscriptionPart:
    """What came of comparing subscriptions. With `trouble` it covers nothing: no finding of its kind is closed."""

    coverage: dict[str, Any]
    deviations: list[Deviation] = field(default_factory=list)
    covered: set[Any] = field(default_factory=set)
    trouble: str = ""


def compare_subscriptions(at: datetime, *, skus: Sequence[str] = ()) -> SubscriptionPart:
    """Judge the mirror as it stands, or the subscriptions of the packages with these SKUs. Memory grows with findings.

    A mirror that is out of date is judged all the same, and the part says that it is not complete. Where
    subscriptions were never pulled there is nothing to judge, which is no trouble.
    """
    standing = mirror_standing(at)
    packages = list(ServicePackage.objects.filter(sku__in=skus).values_list("pk", flat=True)) if skus else []
    judged, found = 0, list[Deviation]()
    for number, wrong in judge_billed(at, packages):
        judged += number
        found += map(_deviation, wrong)
    as_of = standing.as_of.isoformat() if standing.as_of else None
    coverage = {"list": NAME, "ours": judged, "theirs": judged, "as_of": as_of}
    if standing.trouble:
        return SubscriptionPart(coverage, found, trouble=f"{NAME}: {standing.trouble}.")
    covers = {(SUBSCRIPTION, str(pk)) for pk in packages} if skus else {SUBSCRIPTION}
    return SubscriptionPart(coverage, found, covers if standing.was_pulled else set())


def _deviation(wrong: WronglyBilled) -> Deviation:
    told = wrong.subscription
    # Who the customer is stays with those who may see subscriptions: reports and mails name the number.
    values = {
        "name": told.number,
        "plan_code": told.plan_code,
        "price": str(told.price),
        "status": told.status,
    }
    return Deviation(
        FindingType.OWN_PRICE if wrong.is_its_own else FindingType.BILLED_PRICE,
        SUBSCRIPTION,
        told.subscription_id,
        "price",
        ours=str(wrong.ought),
        theirs=str(told.price),
        remote=Remote(
            told.subscription_id,
            told.plan_code,
            values,
            modified_at=str(told.listed.get("updated_time") or ""),
        ),
        package=str(told.package_id),
        at_stake=None if wrong.is_its_own else wrong.at_stake,
    )
