"""Beside the tables: what Python alone could not hold, the storefront's functions, and the rows that come along."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import migrations

from catalogue.migrations._price_list_mappings import add_mappings
from circletel.core.migrations._schedule import EACH_HOUR, EACH_MINUTE, Scheduled, schedule

HISTORY_STANDS = """
CREATE FUNCTION service_package_versions_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.recorded_to IS NULL
       AND to_jsonb(NEW) - 'recorded_to' = to_jsonb(OLD) - 'recorded_to' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'service_package_versions is history: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER service_package_versions_stand BEFORE UPDATE OR DELETE ON service_package_versions
    FOR EACH ROW EXECUTE FUNCTION service_package_versions_stand();
"""
NO_HISTORY_STANDS = """
DROP TRIGGER service_package_versions_stand ON service_package_versions;
DROP FUNCTION service_package_versions_stand();
"""

TEXTS = """
CREATE FUNCTION storefront_search_text(name text, sku text, description text, features text[]) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT concat_ws(E'\\n', name, sku, description, array_to_string(features, E'\\n'))
$$;
CREATE FUNCTION storefront_search_vector(name text, sku text, description text, features text[]) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector('english', name || ' ' || sku), 'A')
        || setweight(to_tsvector('english', array_to_string(features, E'\\n')), 'B')
        || setweight(to_tsvector('english', description), 'C')
$$;
"""
NO_TEXTS = """
DROP FUNCTION storefront_search_vector(text, text, text, text[]);
DROP FUNCTION storefront_search_text(text, text, text, text[]);
"""

# Whoever changes a package, and by whatever way, its document is emptied and cannot be served any more.
FOLLOW = """
CREATE FUNCTION service_package_documents_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND (NEW.name, NEW.sku, NEW.description, NEW.features)
           IS NOT DISTINCT FROM (OLD.name, OLD.sku, OLD.description, OLD.features) THEN
        UPDATE service_package_documents SET text = NULL, promoted_text = NULL WHERE package_id = NEW.id;
        RETURN NULL;
    END IF;
    INSERT INTO service_package_documents (package_id, search_text, search_vector)
    VALUES (NEW.id, storefront_search_text(NEW.name, NEW.sku, NEW.description, NEW.features),
            storefront_search_vector(NEW.name, NEW.sku, NEW.description, NEW.features))
    ON CONFLICT (package_id) DO UPDATE SET
        search_text = excluded.search_text, search_vector = excluded.search_vector,
        text = NULL, promoted_text = NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER service_package_documents_insert AFTER INSERT ON service_packages
    FOR EACH ROW EXECUTE FUNCTION service_package_documents_follow();
CREATE TRIGGER service_package_documents_update AFTER UPDATE ON service_packages
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION service_package_documents_follow();
INSERT INTO service_package_documents (package_id, search_text, search_vector)
SELECT id, storefront_search_text(name, sku, description, features),
       storefront_search_vector(name, sku, description, features)
FROM service_packages;
"""
NO_FOLLOW = """
DROP TRIGGER service_package_documents_insert ON service_packages;
DROP TRIGGER service_package_documents_update ON service_packages;
DROP FUNCTION service_package_documents_follow();
"""

# Raised at the commit and not before: so the row is held for no longer than the commit takes, deeds that touch
# several packages cannot wait for each other in a circle, and nobody can see a revision before what it stands for.
REVISION = """
CREATE FUNCTION catalogue_revision_raise() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    this text := pg_current_xact_id()::text;
BEGIN
    IF current_setting('catalogue.revision_of', true) IS DISTINCT FROM this THEN
        PERFORM set_config('catalogue.revision_of', this, true);
        INSERT INTO catalogue_revision (id, revision)
        VALUES (1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
        ON CONFLICT (id) DO UPDATE
            SET revision = greatest(catalogue_revision.revision + 1, excluded.revision);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalogue_revision_packages AFTER INSERT OR UPDATE OR DELETE ON service_packages
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_revision_raise();
CREATE CONSTRAINT TRIGGER catalogue_revision_vat_rates AFTER INSERT OR UPDATE OR DELETE ON vat_rates
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_revision_raise();
INSERT INTO catalogue_revision (id, revision)
VALUES (1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
"""
NO_REVISION = """
DROP TRIGGER catalogue_revision_packages ON service_packages;
DROP TRIGGER catalogue_revision_vat_rates ON vat_rates;
DROP FUNCTION catalogue_revision_raise();
"""

# Between two instants at which something begins or ends, the same revision says the same.
EPOCH = """
CREATE FUNCTION storefront_epoch(
    known bigint, at timestamptz,
    OUT revision bigint, OUT vat_rate numeric, OUT begins timestamptz, OUT ends timestamptz
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    zone CONSTANT text := 'Africa/Johannesburg';
    today date := (at AT TIME ZONE zone)::date;
BEGIN
    SELECT coalesce(max(r.revision), 0) INTO revision FROM catalogue_revision r;
    IF revision = known THEN
        RETURN;
    END IF;
    SELECT v.rate INTO vat_rate FROM vat_rates v
    WHERE v.valid_from <= today AND (v.valid_to IS NULL OR v.valid_to > today);
    begins := greatest(
        (SELECT max(p.valid_from) FROM service_packages p WHERE p.status = 'active' AND p.valid_from <= at),
        (SELECT max(p.valid_to) FROM service_packages p WHERE p.status = 'active' AND p.valid_to <= at),
        (SELECT max(p.end_of_sale) FROM service_packages p WHERE p.status = 'active' AND p.end_of_sale <= at),
        greatest(
            (SELECT max(p.promotion_from) FROM service_packages p
             WHERE p.status = 'active' AND p.promotion_from <= today),
            (SELECT max(p.promotion_to) + 1 FROM service_packages p
             WHERE p.status = 'active' AND p.promotion_to < today),
            (SELECT max(v.valid_from) FROM vat_rates v WHERE v.valid_from <= today),
            (SELECT max(v.valid_to) FROM vat_rates v WHERE v.valid_to <= today)
        )::timestamp AT TIME ZONE zone
    );
    ends := least(
        (SELECT min(p.valid_from) FROM service_packages p WHERE p.status = 'active' AND p.valid_from > at),
        (SELECT min(p.valid_to) FROM service_packages p WHERE p.status = 'active' AND p.valid_to > at),
        (SELECT min(p.end_of_sale) FROM service_packages p WHERE p.status = 'active' AND p.end_of_sale > at),
        least(
            (SELECT min(p.promotion_from) FROM service_packages p
             WHERE p.status = 'active' AND p.promotion_from > today),
            (SELECT min(p.promotion_to) + 1 FROM service_packages p
             WHERE p.status = 'active' AND p.promotion_to >= today),
            (SELECT min(v.valid_from) FROM vat_rates v WHERE v.valid_from > today),
            (SELECT min(v.valid_to) FROM vat_rates v WHERE v.valid_to > today)
        )::timestamp AT TIME ZONE zone
    );
END $$;
"""
NO_EPOCH = "DROP FUNCTION storefront_epoch(bigint, timestamptz);"


def add_vat_rates(apps: Any, _schema_editor: Any) -> None:
    VatRate = apps.get_model("catalogue", "VatRate")
    # South African standard rate: 14 % from 7 April 1993, 15 % from 1 April 2018.
    VatRate.objects.get_or_create(
        valid_from=date(1993, 4, 7), defaults={"rate": Decimal("0.14"), "valid_to": date(2018, 4, 1)}
    )
    VatRate.objects.get_or_create(valid_from=date(2018, 4, 1), defaults={"rate": Decimal("0.15")})


OPERATIONS: list[Any] = [
    # Before the triggers: while one waits for the commit, the tables of these rows cannot be altered any more.
    migrations.RunPython(add_vat_rates, migrations.RunPython.noop),
    migrations.RunPython(add_mappings, migrations.RunPython.noop),
    migrations.RunSQL(HISTORY_STANDS, NO_HISTORY_STANDS),
    migrations.RunSQL(TEXTS, NO_TEXTS),
    migrations.RunSQL(FOLLOW, NO_FOLLOW),
    migrations.RunSQL(REVISION, NO_REVISION),
    migrations.RunSQL(EPOCH, NO_EPOCH),
    schedule(
        Scheduled(
            "TMF620: send events to listeners",
            "catalogue.tmf620.tasks.sweep",
            EACH_MINUTE,
            "Notices what went on or off sale by the clock, and sends what is owed to listeners.",
        ),
        Scheduled(
            "Packages: archive those whose life has ended",
            "catalogue.tasks.archive_ended",
            EACH_HOUR,
            "They leave the storefront at their end of sale by themselves; this tells Zoho of the end.",
        ),
        Scheduled(
            "Storefront: write down the documents that are missing",
            "catalogue.tasks.write_documents",
            EACH_MINUTE,
            "After an upgrade, or when the VAT rate has changed. Answers are right without it, only slower.",
        ),
        Scheduled(
            "REST: forget answers kept for a day",
            "catalogue.tasks.forget_idempotent_answers",
            EACH_HOUR,
            "The answers to POSTs that came with an Idempotency-Key.",
        ),
    ),
]
