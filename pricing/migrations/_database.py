"""Beside the tables: a ledger and notices that cannot be rewritten, the price rule as SQL, and the rows that come along.

`pricing/rule.py` says the same as the price rule in Python, and a property test holds the two together.
"""

from typing import Any

from django.db import migrations

from circletel.core.migrations._schedule import Crontab, Scheduled, schedule
from pricing.migrations._notice_stages import STAGES

LEDGER_APPEND_ONLY = """
CREATE FUNCTION price_ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.valid_to IS NULL AND NEW.valid_to IS NOT NULL
       AND (to_jsonb(OLD) - 'valid_to') = (to_jsonb(NEW) - 'valid_to') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'price_ledger is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER price_ledger_append_only BEFORE UPDATE OR DELETE ON price_ledger
    FOR EACH ROW EXECUTE FUNCTION price_ledger_append_only();
"""
NO_LEDGER_APPEND_ONLY = """
DROP TRIGGER price_ledger_append_only ON price_ledger;
DROP FUNCTION price_ledger_append_only();
"""

# A customer pays what they joined at, until a price takes effect that began after they joined.
# An instant before the customer joined is read as the instant they join. The answer is worked out once for each
# stretch of time within which every sign-up is answered alike; customers only look up their stretch.
RULE = """
CREATE FUNCTION prices_for_customers(
    package_id uuid, signups timestamptz[], at timestamptz DEFAULT now()
) RETURNS TABLE (
    place bigint, signed_up_at timestamptz, price numeric, excluding_vat numeric, vat numeric,
    reason text, version integer, next_change_at timestamptz, next_price numeric
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH steps AS MATERIALIZED (
        SELECT s.price, s.version, s.valid_from,
               lead(s.valid_from) OVER (ORDER BY s.valid_from, s.version) AS valid_to
        FROM (
            SELECT l.price, l.version, l.valid_from FROM price_ledger l
            WHERE l.package_id = $1 AND l.audience = 'existing'
            UNION ALL
            SELECT c.new_price, c.version, c.effective_at FROM price_changes c
            WHERE c.package_id = $1 AND c.status = 'published'
        ) s
    ), offers AS MATERIALIZED (
        SELECT l.price, l.version, l.valid_from, l.valid_to FROM price_ledger l
        WHERE l.package_id = $1 AND l.audience = 'new'
    ), bounds AS MATERIALIZED (
        SELECT '-infinity'::timestamptz AS signed_up_at
        UNION SELECT steps.valid_from FROM steps
        UNION SELECT offers.valid_from FROM offers
        UNION SELECT r.valid_from::timestamp AT TIME ZONE 'Africa/Johannesburg' FROM vat_rates r
        UNION SELECT $3
    ), customers AS (
        SELECT b.signed_up_at, greatest(b.signed_up_at, $3) AS instant FROM bounds b
    ), answers AS MATERIALIZED (
        SELECT c.signed_up_at, p.price, v.excluding_vat,
               CASE WHEN p.version = e.version AND p.version = o.version THEN 'current_price'
                    WHEN p.version = e.version THEN 'old_price_until_effective_date'
                    WHEN p.version = o.version THEN 'new_price_from_sign_up'
                    ELSE 'kept_after_cancellation' END AS reason,
               p.version, n.valid_from AS next_change_at, n.price AS next_price
        FROM customers c
        JOIN steps e ON e.valid_from <= c.instant AND (e.valid_to IS NULL OR c.instant < e.valid_to)
        JOIN offers o ON o.valid_from <= c.instant AND (o.valid_to IS NULL OR c.instant < o.valid_to)
        LEFT JOIN offers j ON e.valid_from <= c.signed_up_at
            AND j.valid_from <= c.signed_up_at AND (j.valid_to IS NULL OR c.signed_up_at < j.valid_to)
        CROSS JOIN LATERAL (
            SELECT coalesce(j.price, e.price) AS price, coalesce(j.version, e.version) AS version
        ) p
        JOIN vat_rates r ON r.valid_from <= (c.instant AT TIME ZONE 'Africa/Johannesburg')::date
            AND (r.valid_to IS NULL OR (c.instant AT TIME ZONE 'Africa/Johannesburg')::date < r.valid_to)
        CROSS JOIN LATERAL (SELECT round(p.price / (1 + r.rate), 2) AS excluding_vat) v
        LEFT JOIN LATERAL (
            SELECT s.valid_from, s.price FROM steps s
            WHERE s.valid_from > c.instant AND s.price <> p.price
                AND (s.valid_to IS NULL OR s.valid_to > s.valid_from)
            ORDER BY s.valid_from LIMIT 1
        ) n ON true
    ), stretches AS MATERIALIZED (
        SELECT array_agg(b.signed_up_at ORDER BY b.signed_up_at) AS begins FROM bounds b
    )
    SELECT u.place, u.signed_up_at, a.price, a.excluding_vat, a.price - a.excluding_vat,
           a.reason, a.version, a.next_change_at, a.next_price
    FROM stretches t
    CROSS JOIN unnest($2) WITH ORDINALITY AS u (signed_up_at, place)
    JOIN answers a ON a.signed_up_at = t.begins[width_bucket(u.signed_up_at, t.begins)]
$$;

CREATE FUNCTION get_current_price_for_customer(
    package_id uuid, signup_date timestamptz, at timestamptz DEFAULT now()
) RETURNS numeric LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT price FROM prices_for_customers($1, ARRAY[$2], $3)
$$;
"""
NO_RULE = """
DROP FUNCTION get_current_price_for_customer(uuid, timestamptz, timestamptz);
DROP FUNCTION prices_for_customers(uuid, timestamptz[], timestamptz);
"""

# Customers can be forgotten: the tables of proof let go of names and addresses, of nothing else, and only on request.
NOTICES_KEEP_PROOF = """
CREATE FUNCTION price_notice_proof() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    personal text[] := CASE TG_TABLE_NAME
        WHEN 'price_notice_events' THEN ARRAY['email', 'detail']
        WHEN 'price_notice_texts' THEN ARRAY['subject', 'body']
        ELSE ARRAY[]::text[]
    END;
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('circletel.erasing', true) = 'on'
        AND (to_jsonb(NEW) - personal) = (to_jsonb(OLD) - personal)
        AND NOT EXISTS (SELECT FROM unnest(personal) AS name WHERE to_jsonb(NEW) ->> name <> '') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER price_notice_texts_append_only BEFORE UPDATE OR DELETE ON price_notice_texts
    FOR EACH ROW EXECUTE FUNCTION price_notice_proof();
CREATE TRIGGER price_notice_events_append_only BEFORE UPDATE OR DELETE ON price_notice_events
    FOR EACH ROW EXECUTE FUNCTION price_notice_proof();
CREATE TRIGGER price_notices_never_deleted BEFORE DELETE ON price_notices
    FOR EACH ROW EXECUTE FUNCTION price_notice_proof();
CREATE FUNCTION price_notices_keep_proof() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    forgets boolean := coalesce(current_setting('circletel.erasing', true) = 'on', false)
        AND NEW.email = '' AND NEW.subject = '';
BEGIN
    IF (NEW.id, NEW.change_id, NEW.stage_id, NEW.subscription_id, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.change_id, OLD.stage_id, OLD.subscription_id, OLD.created_at) THEN
        RAISE EXCEPTION 'price_notices: a notice stays that of its change, stage and subscription'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.accepted_at IS NOT NULL AND NEW.round = OLD.round AND (
        (NEW.accepted_at, NEW.text_hash) IS DISTINCT FROM (OLD.accepted_at, OLD.text_hash)
        OR NOT forgets AND (NEW.email, NEW.subject) IS DISTINCT FROM (OLD.email, OLD.subject)
        OR NEW.provider_id <> OLD.provider_id AND OLD.provider_id <> '') THEN
        RAISE EXCEPTION 'price_notices: what the provider accepted cannot be rewritten'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER price_notices_keep_proof BEFORE UPDATE ON price_notices
    FOR EACH ROW EXECUTE FUNCTION price_notices_keep_proof();
"""
NO_NOTICES_KEEP_PROOF = """
DROP TRIGGER price_notices_keep_proof ON price_notices;
DROP FUNCTION price_notices_keep_proof();
DROP TRIGGER price_notices_never_deleted ON price_notices;
DROP TRIGGER price_notice_events_append_only ON price_notice_events;
DROP TRIGGER price_notice_texts_append_only ON price_notice_texts;
DROP FUNCTION price_notice_proof();
"""


def add_stages(apps: Any, _schema_editor: Any) -> None:
    NoticeStage = apps.get_model("pricing", "NoticeStage")
    for stage in STAGES:
        values = dict(stage)
        NoticeStage.objects.get_or_create(code=values.pop("code"), defaults=values)


OPERATIONS: list[Any] = [
    migrations.RunSQL(LEDGER_APPEND_ONLY, NO_LEDGER_APPEND_ONLY),
    migrations.RunSQL(RULE, NO_RULE),
    migrations.RunSQL(NOTICES_KEEP_PROOF, NO_NOTICES_KEEP_PROOF),
    migrations.RunPython(add_stages, migrations.RunPython.noop),
    schedule(
        Scheduled(
            "Price changes take effect",
            "pricing.tasks.apply_price_changes",
            Crontab("0", "2"),
            "Applies the price changes whose effective date has come, missed days included.",
        ),
        Scheduled(
            "Subscriptions are pulled",
            "pricing.tasks.pull_subscriptions",
            Crontab("30", "0"),
            "Brings the mirror of Zoho Billing's subscriptions up to date, before price changes take effect.",
        ),
        Scheduled(
            "Details of subscriptions are read",
            "pricing.tasks.read_subscription_details",
            Crontab("20", "3"),
            "Reads coupons, scheduled changes and since when customers are on their package from Zoho Billing.",
        ),
        Scheduled(
            "Customers of price changes are counted",
            "pricing.tasks.count_customers",
            Crontab("15", "3"),
            "Counts whom each open price change moves, and who signed up at its new price.",
        ),
        Scheduled(
            "Price moves",
            "pricing.tasks.move_subscriptions",
            Crontab("*/5", "*"),
            "Moves subscriptions in Zoho Billing to their new price, within the call budget.",
        ),
        Scheduled(
            "Price moves are looked at again",
            "pricing.tasks.recheck_moves",
            Crontab("30", "4"),
            "Compares the planned moves with the subscriptions: late joiners, leavers, moved dates.",
        ),
        Scheduled(
            "Billing proof",
            "pricing.tasks.prove_billing",
            Crontab("0", "9"),
            "Reads the first invoices after a price change until all of them are right or settled.",
        ),
        Scheduled(
            "Notices of price changes",
            "pricing.tasks.send_price_notices",
            Crontab("0", "8"),
            "Writes down who is to be told today, and tells them.",
        ),
        Scheduled(
            "Notices that wait",
            "pricing.tasks.resume_price_notices",
            Crontab("*/10", "8-20"),
            "Goes on with what the rate limit or an outage of the mail provider left.",
        ),
        Scheduled(
            "Forget old customers",
            "pricing.tasks.erase_old_personal_data",
            Crontab("40", "4"),
            "Erases names and addresses of customers who left CUSTOMER_DATA_KEEP_DAYS ago.",
        ),
    ),
]
