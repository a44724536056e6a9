"""What Python alone could not hold: a ledger that cannot be rewritten, and the price rule as SQL functions.

`pricing/rule.py` says the same in Python, and a property test holds the two together. The ledger of packages that
were published before there was one is opened with the price they have.
"""

from django.db import migrations

APPEND_ONLY = """
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
NO_APPEND_ONLY = """
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

OPEN_LEDGERS = """
INSERT INTO price_ledger (id, package_id, audience, version, price, valid_from)
SELECT gen_random_uuid(), p.id, audience, 1, p.price, p.published_at
FROM service_packages p CROSS JOIN unnest(ARRAY['new', 'existing']) AS audience;
"""


class Migration(migrations.Migration):
    dependencies = [("pricing", "0002_price_ledger")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, NO_APPEND_ONLY),
        migrations.RunSQL(RULE, NO_RULE),
        migrations.RunSQL(OPEN_LEDGERS, migrations.RunSQL.noop),
    ]
