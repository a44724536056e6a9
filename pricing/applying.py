"""The daily job: on its effective date a published change moves the package's price. Set-based, in few statements.

The price rule does not wait for it: `price_for_customer` counts a published change from its effective date on.
What moves here is `package.price`, its history and the ledger, in one transaction. Zoho is owed nothing: its plan
and its Unit_Price have carried the new price since publication.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from catalogue import versions
from catalogue.storefront import written
from circletel.core.amounts import rand
from circletel.core.database import lock_for_transaction
from circletel.core.errors import Refused
from circletel.core.origin import current_origin
from pricing.models import PriceChange, PriceChangeStatus

log = logging.getLogger(__name__)


def _rand(amount: str) -> str:
    """SQL that writes an amount as `circletel.core.amounts.rand` does."""
    return f"'R' || chr(160) || translate(to_char({amount}, 'FM99,999,990.00'), ',.', chr(160) || ',')"


# Packages first, then changes: the order in which every deed locks them.
LOCK_AND_CHECK = f"""
SELECT c.id, CASE
    WHEN p.price <> c.old_price THEN
        'the package costs ' || {_rand("p.price")} || ', not ' || {_rand("c.old_price")}
    WHEN p.new_customer_price IS DISTINCT FROM c.new_price THEN
        'new customers are quoted ' || {_rand("coalesce(p.new_customer_price, p.price)")}
        || ', not ' || {_rand("c.new_price")}
    WHEN NOT EXISTS (
        SELECT FROM price_ledger l
        WHERE l.package_id = p.id AND l.audience = 'existing' AND l.valid_to IS NULL AND l.price = c.old_price
    ) THEN 'the price ledger does not say that existing customers pay ' || {_rand("c.old_price")}
    ELSE '' END, p.id
FROM service_packages p JOIN price_changes c ON c.package_id = p.id
WHERE c.id = ANY(%(ids)s) AND c.status = 'published'
ORDER BY p.id
FOR UPDATE OF p, c
"""  # noqa: S608  (columns that are named above)
END_LINES = """
UPDATE price_ledger l SET valid_to = c.effective_at FROM price_changes c
WHERE c.id = ANY(%(ids)s) AND l.package_id = c.package_id AND l.audience = 'existing' AND l.valid_to IS NULL
"""
WRITE_LINES = """
INSERT INTO price_ledger (id, package_id, audience, version, price, valid_from, change_id)
SELECT gen_random_uuid(), package_id, 'existing', version, new_price, effective_at, id
FROM price_changes WHERE id = ANY(%(ids)s)
"""
MOVE_PRICES = """
UPDATE service_packages p SET
    price = c.new_price, new_customer_price = NULL, changed_at = %(now)s,
    price_history = p.price_history || jsonb_build_array(jsonb_build_object(
        'price', c.new_price::text, 'reason', c.reason, 'effective_from',
        to_char(c.effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')))
FROM price_changes c WHERE c.id = ANY(%(ids)s) AND p.id = c.package_id
"""
FINISH = """
UPDATE price_changes SET status = 'effective', applied_at = %(now)s, changed_at = %(now)s, problem = ''
WHERE id = ANY(%(ids)s)
"""
WRITE_AUDIT = f"""
INSERT INTO audit_entries (id, at, actor_id, actor_name, actor_email, action, target_type, target_id, target_name,
                           changes, result, detail, user_agent, correlation_id, token)
SELECT gen_random_uuid(), %(now)s, '', '', '', 'price change effective', 'pricechange', c.id::text,
       left(p.name || ' (' || p.sku || '): ' || {_rand("c.old_price")} || ' → ' || {_rand("c.new_price")}, 300),
       jsonb_build_object('status', jsonb_build_array('published', 'effective'),
                          'price', jsonb_build_array(c.old_price::text, c.new_price::text)),
       'done', %(detail)s, '', %(correlation_id)s, ''
FROM price_changes c JOIN service_packages p ON p.id = c.package_id WHERE c.id = ANY(%(ids)s)
"""  # noqa: S608  (columns that are named above)


class Incomplete(RuntimeError):
    """A statement did not reach every row it was meant for; nothing of it is kept."""


@dataclass
class Applied:
    """What a run did: how many changes took effect, and why others could not, by change."""

    applied: int = 0
    problems: dict[UUID, str] = field(default_factory=dict)


def due(now: datetime, on: date | None = None) -> QuerySet[PriceChange]:
    """Published, its instant has come, and not applied yet, however long ago that was; up to the day `on` if given."""
    day = Q() if on is None else Q(effective_date__lte=on)
    return (
        PriceChange.objects.filter(day, status=PriceChangeStatus.PUBLISHED, effective_at__lte=now)
        .select_related("package")
        .order_by("effective_at", "pk")
    )


def apply_due(now: datetime, on: date | None = None) -> Applied:
    """Apply everything that is due. Run twice, or by two at once, it does nothing twice.

    A change that cannot be applied stays published, says why in its `problem`, and is tried again next time.
    """
    outcome = Applied()
    with transaction.atomic():
        lock_for_transaction("pricing.apply")
        if ids := list(due(now, on).values_list("pk", flat=True)):
            _apply_or_split(ids, now, outcome)
    return outcome


def apply_at_once(change: PriceChange, now: datetime) -> None:
    """Apply one change in the caller's transaction. Raises Refused when it cannot be applied."""
    outcome = Applied()
    _apply([change.pk], now, outcome)
    if outcome.problems:
        raise Refused(f"{change}: {outcome.problems[change.pk]}")
    change.refresh_from_db()


def _apply_or_split(ids: Sequence[UUID], now: datetime, outcome: Applied) -> None:
    """All of `ids`; when that fails, one half after the other, until what fails is alone."""
    try:
        with transaction.atomic():
            found = Applied()
            _apply(ids, now, found)
    except Exception as trouble:
        if len(ids) > 1:
            middle = len(ids) // 2
            _apply_or_split(ids[:middle], now, outcome)
            _apply_or_split(ids[middle:], now, outcome)
            return
        log.exception("price change %s could not be applied", ids[0])
        found = Applied(problems={ids[0]: f"it could not be applied: {_first_line(trouble)}"})
        _write_problems(found.problems)
    outcome.applied += found.applied
    outcome.problems |= found.problems


def _apply(ids: Sequence[UUID], now: datetime, outcome: Applied) -> None:
    """In the caller's transaction, all or nothing but those that do not fit, which are written down."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_AND_CHECK, {"ids": list(ids)})
        checked = cursor.fetchall()
        problems = {pk: problem for pk, problem, _ in checked if problem}
        packages = [package_id for _, problem, package_id in checked if not problem]
        values: dict[str, Any] = {
            "ids": [pk for pk, problem, _ in checked if not problem],
            "now": now,
            "detail": "its effective date has come",
            "correlation_id": current_origin().correlation_id,
        }
        if values["ids"]:
            for statement in (END_LINES, WRITE_LINES, MOVE_PRICES, FINISH, WRITE_AUDIT):
                cursor.execute(statement, values)
                if cursor.rowcount != len(values["ids"]):
                    raise Incomplete(f"{cursor.rowcount} rows of {len(values['ids'])}")
            versions.record_set(packages, deed="price change effective", at=now)
            written.write_down(packages)
    if problems:
        _write_problems(problems)
    outcome.applied += len(values["ids"])
    outcome.problems |= problems


def _write_problems(problems: dict[UUID, str]) -> None:
    changes = list(PriceChange.objects.filter(pk__in=problems))
    for change in changes:
        change.problem = problems[change.pk]
    PriceChange.objects.bulk_update(changes, ["problem"], batch_size=1000)


def _first_line(trouble: Exception) -> str:
    return (str(trouble).splitlines() or [type(trouble).__name__])[0]


def misfit(change: PriceChange) -> str:
    """Why the daily job would not apply `change` as things stand; empty when it would. Reads the package."""
    package = change.package
    if package.price != change.old_price:
        return f"the package costs {rand(package.price)}, not {rand(change.old_price)}"
    if package.new_customer_price != change.new_price:
        return f"new customers are quoted {rand(package.current_price)}, not {rand(change.new_price)}"
    return ""
