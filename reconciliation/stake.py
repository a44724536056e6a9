"""Rand a month at stake: what a wrong price comes to, over all who subscribe to the package."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from pricing.billed import standing_units
from pricing.models import Subscription
from reconciliation.models import SUBSCRIPTION, Finding, FindingType
from zoho_sync.compare.diff import cents
from zoho_sync.desired import table_of
from zoho_sync.fields import Terms
from zoho_sync.models import Kind

NOTHING = Decimal("0.00")
CENT = Decimal("0.01")


def weigh(findings: Sequence[Finding], terms: Terms) -> None:
    """Write `at_stake` on every finding about a package's monthly price: the difference, times what is subscribed to.

    Findings about subscriptions bring theirs along. It stays empty where nothing was ever mirrored: unknown is
    not nothing. Two queries at most.
    """
    names = {
        (kind.value, each.name) for kind in Kind for each in table_of(kind, terms) if each.adopts == "price"
    }
    about = [
        each
        for each in findings
        if each.type == FindingType.FIELD_MISMATCH and (each.kind, each.field) in names and each.package_id
    ]
    if not about or not Subscription.objects.exists():
        return
    units = standing_units([_uuid(each.package_id) for each in about])
    for each in about:
        if (difference := _difference(each, terms)) is not None:
            each.at_stake = difference * units.get(_uuid(each.package_id), 0)


def total_at_stake(findings: Iterable[Finding]) -> Decimal:
    """Rand a month. A package that is wrong in CRM and in Billing counts once, with the larger difference."""
    packages: dict[Any, Decimal] = defaultdict(lambda: NOTHING)
    total = NOTHING
    for each in findings:
        if each.at_stake is None:
            continue
        if each.kind == SUBSCRIPTION:
            total += each.at_stake
        else:
            packages[str(each.package_id)] = max(packages[str(each.package_id)], each.at_stake)
    return total + sum(packages.values(), NOTHING)


def _difference(finding: Finding, terms: Terms) -> Decimal | None:
    """VAT included, to the cent; None where Zoho holds no amount at all."""
    try:
        ours, theirs = cents(finding.ours), cents(finding.theirs)
    except ArithmeticError:
        return None
    if ours is None or theirs is None:
        return None
    factor = Decimal(1) if terms.prices_include_vat else 1 + terms.vat_rate
    return (abs(theirs - ours) * factor).quantize(CENT, ROUND_HALF_UP)


def _uuid(value: Any) -> UUID:
    # A finding that was not saved yet bears the id as text.
    return value if isinstance(value, UUID) else UUID(value)
