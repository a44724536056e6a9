"""The storefront's documents, the revision of the catalogue, and the indexes of what the storefront asks."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

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


def add_schedule(apps, _schema_editor):
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    each_minute, _ = IntervalSchedule.objects.get_or_create(every=1, period="minutes")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="Storefront: write down the documents that are missing",
        defaults={
            "task": "catalogue.tasks.write_documents",
            "interval": each_minute,
            "description": "After an upgrade, or when the VAT rate has changed. Answers are right without it, only slower.",
            "expire_seconds": 55,
        },
    )


def remove_schedule(apps, _schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(
        task="catalogue.tasks.write_documents"
    ).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0010_admin_rest"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Left behind when undone: what else came to use it would be in the way.
        migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS pg_trgm", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="CatalogueRevision",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("revision", models.BigIntegerField()),
            ],
            options={
                "db_table": "catalogue_revision",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PackageDocument",
            fields=[
                (
                    "package",
                    models.OneToOneField(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="document",
                        serialize=False,
                        to="catalogue.servicepackage",
                    ),
                ),
                (
                    "search_text",
                    models.TextField(help_text="Name, SKU, description and features, a line each."),
                ),
                ("search_vector", django.contrib.postgres.search.SearchVectorField()),
                ("text", models.TextField(help_text="The JSON while no promotion is offered.", null=True)),
                (
                    "promoted_text",
                    models.TextField(
                        help_text="The JSON while the promotion is offered; empty without.", null=True
                    ),
                ),
                (
                    "promotion_begins",
                    models.DateTimeField(help_text="Empty: it has always been offered.", null=True),
                ),
                (
                    "promotion_ends",
                    models.DateTimeField(
                        help_text="First instant without it; empty: no end is set.", null=True
                    ),
                ),
                (
                    "vat_rate",
                    models.DecimalField(
                        decimal_places=4, help_text="With which it was built.", max_digits=5, null=True
                    ),
                ),
                (
                    "shape",
                    models.PositiveSmallIntegerField(help_text="Of which make the JSON is.", null=True),
                ),
            ],
            options={
                "db_table": "service_package_documents",
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                django.db.models.functions.text.Lower("name"),
                models.F("contract_months"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_live_name",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                django.db.models.functions.text.Upper("provider"),
                django.db.models.functions.text.Lower("name"),
                models.F("contract_months"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_live_provider",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                django.db.models.functions.text.Upper("service_type"),
                django.db.models.functions.text.Lower("name"),
                models.F("contract_months"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_live_service_type",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                django.db.models.functions.text.Upper("category"),
                django.db.models.functions.text.Lower("name"),
                models.F("contract_months"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_live_category",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                django.db.models.functions.text.Upper("technology"),
                django.db.models.functions.text.Lower("name"),
                models.F("contract_months"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_live_technology",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                django.db.models.functions.comparison.Coalesce("new_customer_price", "price"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_live_price",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("valid_from"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_live_valid_from",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("speed_down_mbps"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_by_speed_down_mbps",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("speed_up_mbps"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_by_speed_up_mbps",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("contract_months"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_by_contract_months",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("valid_to"),
                condition=models.Q(("status", "active"), ("valid_to__isnull", False)),
                name="package_bound_valid_to",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("end_of_sale"),
                condition=models.Q(("status", "active"), ("end_of_sale__isnull", False)),
                name="package_bound_end_of_sale",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("promotion_from"),
                condition=models.Q(("status", "active"), ("promotion_from__isnull", False)),
                name="package_bound_promotion_from",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("promotion_to"),
                condition=models.Q(("status", "active"), ("promotion_to__isnull", False)),
                name="package_bound_promotion_to",
            ),
        ),
        migrations.AddConstraint(
            model_name="cataloguerevision",
            constraint=models.CheckConstraint(
                condition=models.Q(("id", 1)), name="catalogue_revision_is_one_row"
            ),
        ),
        migrations.AddIndex(
            model_name="packagedocument",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(models.F("search_text"), "gin_trgm_ops"),
                name="document_search_text",
            ),
        ),
        migrations.AddIndex(
            model_name="packagedocument",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["search_vector"], name="document_search_vector"
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("speed_down_mbps").desc(nulls_last=True),
                models.F("id").desc(),
                condition=models.Q(("status", "active")),
                name="package_down_speed_down_mbps",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("speed_up_mbps").desc(nulls_last=True),
                models.F("id").desc(),
                condition=models.Q(("status", "active")),
                name="package_down_speed_up_mbps",
            ),
        ),
        migrations.AddIndex(
            model_name="servicepackage",
            index=models.Index(
                models.F("name"),
                models.F("contract_months"),
                models.F("id"),
                condition=models.Q(("status", "active")),
                name="package_live_plain_name",
            ),
        ),
        migrations.RunSQL(TEXTS, NO_TEXTS),
        migrations.RunSQL(FOLLOW, NO_FOLLOW),
        migrations.RunSQL(REVISION, NO_REVISION),
        migrations.RunSQL(EPOCH, NO_EPOCH),
        migrations.RunPython(add_schedule, remove_schedule),
    ]
