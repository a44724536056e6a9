"""Who is owed which notice, and since when. Each (change, stage, subscription) becomes a row once, ever.

It rests on the rows of `price_moves`: who is moved, from which price to which, and when they are first billed. All
statements are set-based: their number does not grow with customers or changes. Days are South Africa's.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from pricing.models.subscription import BILLED, LEAVING
from pricing.notice import civil_day

SAME_DAY = "Another notice of this change told it on the same day, or later."
# How far back a receipt is caught up: who switches receipts on does not write to last year's customers.
RECEIPT_DAYS = 31

# Every customer who is to be told of a change that is not over, at each stage, with the day it is due.
# A fixed term counts from its own first bill at the new price; a stage whose day was gone when the change was
# published is left out, as with a decrease that holds at once.
WANTED = """
SELECT c.id AS change_id, s.code AS stage_id, u.id AS subscription_id, d.due_on, s.occasion, c.package_id,
       CASE WHEN u.customer_email LIKE '%%_@_%%' THEN u.customer_email ELSE '' END AS email
FROM price_moves m
JOIN price_changes c ON c.id = m.change_id
JOIN subscriptions u ON u.id = m.subscription_id
CROSS JOIN price_notice_stages s
CROSS JOIN LATERAL (SELECT
    (c.published_at AT TIME ZONE 'Africa/Johannesburg')::date AS announced_on,
    COALESCE(m.renewal_on, c.effective_date) AS first_bill_on,
    CASE WHEN m.cohort = 'fixed_term' THEN COALESCE(m.renewal_on, c.effective_date) ELSE c.effective_date END
        AS begins_on) a
CROSS JOIN LATERAL (SELECT
    CASE s.occasion WHEN 'published' THEN a.announced_on ELSE a.begins_on - s.days END AS due_on) d
WHERE c.status IN ('published', 'effective') AND s.active AND s.occasion IN ('published', 'before')
  AND m.state IN ('planned', 'scheduled', 'held', 'conflict', 'failed')
  AND m.cohort <> 'joined_during_notice' AND abs(m.expected_price - m.price_then) > 0.01
  AND u.gone_at IS NULL AND (u.status = ANY(%(billed)s) OR u.status = ANY(%(leaving)s)
      AND u.current_term_ends_on > a.first_bill_on)
  AND (s.occasion = 'published' OR d.due_on >= a.announced_on)
  AND d.due_on <= %(until)s AND (%(change)s::uuid IS NULL OR c.id = %(change)s::uuid)
"""
# Where several are due at once, one of them is sent: the announcement, else the one nearest to the date.
# OFFSET 0 has the table looked at before the first row is written into it: it would be read again as it grows.
OWE = f"""
INSERT INTO price_notices (id, change_id, stage_id, subscription_id, email, state, why, due_on, round, attempts,
                           subject, text_hash, provider_id, created_at, changed_at)
SELECT gen_random_uuid(), change_id, stage_id, subscription_id, email,
       CASE WHEN NOT is_first THEN 'not_needed' WHEN email = '' THEN 'no_address' ELSE 'owed' END,
       CASE WHEN NOT is_first THEN %(same_day)s WHEN email = '' THEN 'Zoho has no e-mail address.' ELSE '' END,
       due_on, 1, 0, '', '', '', %(now)s, %(now)s
FROM (
    SELECT w.*, NOT is_behind AND row_number() OVER (PARTITION BY w.change_id, w.subscription_id
        ORDER BY w.occasion = 'published' DESC, w.due_on DESC, w.stage_id) = 1 AS is_first
    FROM (
        SELECT w.*, EXISTS (SELECT 1 FROM price_notices later WHERE later.change_id = w.change_id
            AND later.subscription_id = w.subscription_id AND later.state <> 'not_needed'
            AND later.due_on > w.due_on) AS is_behind
        FROM ({WANTED}) w
        WHERE NOT EXISTS (SELECT 1 FROM price_notices n WHERE n.change_id = w.change_id
            AND n.stage_id = w.stage_id AND n.subscription_id = w.subscription_id)
        OFFSET 0
    ) w
) found
ON CONFLICT DO NOTHING
"""  # noqa: S608  (our own words only)
OWE_RECEIPTS = """
INSERT INTO price_notices (id, change_id, stage_id, subscription_id, email, state, why, due_on, round, attempts,
                           subject, text_hash, provider_id, created_at, changed_at)
SELECT gen_random_uuid(), m.change_id, s.code, u.id, a.email,
       CASE WHEN a.email = '' THEN 'no_address' ELSE 'owed' END,
       CASE WHEN a.email = '' THEN 'Zoho has no e-mail address.' ELSE '' END,
       a.due_on, 1, 0, '', '', '', %(now)s, %(now)s
FROM price_moves m
JOIN price_changes c ON c.id = m.change_id
JOIN subscriptions u ON u.id = m.subscription_id
CROSS JOIN price_notice_stages s
CROSS JOIN LATERAL (SELECT
    GREATEST(COALESCE(m.renewal_on, c.effective_date),
             (m.confirmed_at AT TIME ZONE 'Africa/Johannesburg')::date) + s.days AS due_on,
    CASE WHEN u.customer_email LIKE '%%_@_%%' THEN u.customer_email ELSE '' END AS email) a
WHERE c.status = 'effective' AND s.active AND s.occasion = 'receipt' AND m.state = 'confirmed'
  AND abs(m.expected_price - m.price_then) > 0.01 AND u.gone_at IS NULL
  AND a.due_on BETWEEN %(today)s - %(receipt_days)s AND %(today)s
ON CONFLICT DO NOTHING
"""
# Whoever was told, or may have been, is told that it does not happen.
OWE_WITHDRAWALS = """
INSERT INTO price_notices (id, change_id, stage_id, subscription_id, email, state, why, due_on, round, attempts,
                           subject, text_hash, provider_id, created_at, changed_at)
SELECT DISTINCT ON (s.code, u.id) gen_random_uuid(), c.id, s.code, u.id, a.email,
       CASE WHEN a.email = '' THEN 'no_address' ELSE 'owed' END,
       CASE WHEN a.email = '' THEN 'Zoho has no e-mail address.' ELSE '' END,
       %(today)s, 1, 0, '', '', '', %(now)s, %(now)s
FROM price_notices n
JOIN price_changes c ON c.id = n.change_id
JOIN price_notice_stages told ON told.code = n.stage_id AND told.occasion IN ('published', 'before')
JOIN subscriptions u ON u.id = n.subscription_id
CROSS JOIN price_notice_stages s
CROSS JOIN LATERAL (SELECT
    CASE WHEN u.customer_email LIKE '%%_@_%%' THEN u.customer_email ELSE '' END AS email) a
WHERE c.id = %(change)s::uuid AND c.status = 'cancelled' AND s.active AND s.occasion = 'withdrawn'
  AND (n.state IN ('accepted', 'delivered', 'settled', 'unknown') OR n.sending_since IS NOT NULL)
ON CONFLICT DO NOTHING
"""
# What waits is looked at again: who need not be told any more, who has to be after all, at which address.
LOOK_AGAIN = """
WITH seen AS (
    SELECT n.id, CASE WHEN u.customer_email LIKE '%%_@_%%' THEN u.customer_email ELSE '' END AS email, CASE
        WHEN NOT s.active THEN 'This stage is switched off.'
        WHEN s.occasion = 'withdrawn' THEN ''
        WHEN c.status = 'cancelled' THEN 'The price change was withdrawn.'
        WHEN u.gone_at IS NOT NULL OR NOT (u.status = ANY(%(billed)s) OR u.status = ANY(%(leaving)s))
            THEN 'The subscription has ended.'
        WHEN s.occasion = 'receipt' THEN ''
        WHEN u.status = ANY(%(leaving)s) AND u.current_term_ends_on <= COALESCE(m.renewal_on, c.effective_date)
            THEN 'The service ends before the new price is billed.'
        WHEN m.id IS NULL OR m.state = 'not_needed' OR abs(m.expected_price - m.price_then) <= 0.01
            THEN 'Its price does not move.' || COALESCE(' ' || NULLIF(m.why, ''), '')
        WHEN m.state = 'confirmed' AND s.occasion = 'before' THEN 'It pays the new price already.'
        ELSE '' END AS why
    FROM price_notices n
    JOIN price_notice_stages s ON s.code = n.stage_id
    JOIN price_changes c ON c.id = n.change_id
    JOIN subscriptions u ON u.id = n.subscription_id
    LEFT JOIN price_moves m ON m.change_id = n.change_id AND m.subscription_id = n.subscription_id
    WHERE n.sending_since IS NULL AND (%(change)s::uuid IS NULL OR c.id = %(change)s::uuid)
      AND (n.state IN ('owed', 'no_address')
           OR n.state = 'not_needed' AND n.why <> %(same_day)s AND c.status = 'published')
)
UPDATE price_notices n SET changed_at = %(now)s, email = seen.email,
    state = CASE WHEN seen.why <> '' THEN 'not_needed' WHEN seen.email = '' THEN 'no_address' ELSE 'owed' END,
    why = CASE WHEN seen.why <> '' THEN seen.why WHEN seen.email = '' THEN 'Zoho has no e-mail address.' ELSE '' END
FROM seen
WHERE n.id = seen.id AND n.sending_since IS NULL
  AND (n.email, n.state, n.why) IS DISTINCT FROM (seen.email,
    CASE WHEN seen.why <> '' THEN 'not_needed' WHEN seen.email = '' THEN 'no_address' ELSE 'owed' END,
    CASE WHEN seen.why <> '' THEN seen.why WHEN seen.email = '' THEN 'Zoho has no e-mail address.' ELSE '' END)
"""


@dataclass(frozen=True)
class Owed:
    """How many rows were made, and how many that waited stand otherwise now."""

    made: int
    changed: int

    def __str__(self) -> str:
        return f"{self.made} notices owed anew, {self.changed} looked at otherwise"


@transaction.atomic
def owe(now: datetime, *, change_id: UUID | None = None) -> Owed:
    """Write down what is owed by today, of one change or of all; what a missed day left behind is caught up."""
    values = _values(now, change_id)
    changed = _run(LOOK_AGAIN, values)
    return Owed(made=_run(OWE, values) + _run(OWE_RECEIPTS, values), changed=changed)


def owe_withdrawal(now: datetime, *, change_id: UUID) -> Owed:
    """In the transaction that cancels a published change: reminders stop, whoever was told is told again."""
    values = _values(now, change_id)
    return Owed(made=_run(OWE_WITHDRAWALS, values), changed=_run(LOOK_AGAIN, values))


@dataclass(frozen=True)
class Coming:
    """Notices of one stage of one change that fall due on one day, as things stand."""

    day: date
    stage: str
    package: str
    number: int


def coming(now: datetime, until: date) -> list[Coming]:
    """What will be owed from today until that day, by day; what waits already counts as today's. Writes nothing.

    Receipts are not in it: they follow moves that are not confirmed yet.
    """
    statement = f"""
        SELECT GREATEST(w.due_on, %(today)s), s.name, p.name || ' (' || p.sku || ')', count(*)
        FROM (SELECT change_id, stage_id, subscription_id, due_on, package_id FROM ({WANTED}) wanted
              WHERE NOT EXISTS (SELECT 1 FROM price_notices n WHERE n.change_id = wanted.change_id
                  AND n.stage_id = wanted.stage_id AND n.subscription_id = wanted.subscription_id)
              UNION ALL
              SELECT n.change_id, n.stage_id, n.subscription_id, n.due_on, c.package_id
              FROM price_notices n JOIN price_changes c ON c.id = n.change_id
              WHERE n.state = 'owed' AND n.sending_since IS NULL) w
        JOIN price_notice_stages s ON s.code = w.stage_id
        JOIN service_packages p ON p.id = w.package_id
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """  # noqa: S608  (our own words only)
    with connection.cursor() as cursor:
        cursor.execute(statement, {**_values(now, None), "until": until})
        return [Coming(*row) for row in cursor.fetchall()]


def _values(now: datetime, change_id: UUID | None) -> dict[str, Any]:
    today = civil_day(now)
    return {
        "now": now,
        "today": today,
        "until": today,
        "change": change_id,
        "billed": list(BILLED),
        "leaving": list(LEAVING),
        "same_day": SAME_DAY,
        "receipt_days": RECEIPT_DAYS,
    }


def _run(statement: str, values: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount
