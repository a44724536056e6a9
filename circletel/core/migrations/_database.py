"""What the first migration does beside making the tables of the models.

The first migration of every app is made from its models, with BEFORE and OPERATIONS of this module around that:
BEFORE is what tables and indexes need, OPERATIONS is what needs the tables (functions, triggers, rows).
"""

from typing import Any

from django.db import migrations

from circletel.core.migrations._schedule import EACH_MINUTE, Scheduled, schedule

AUDIT_APPEND_ONLY = """
CREATE FUNCTION audit_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_entries is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entries_append_only();
"""
NO_AUDIT_APPEND_ONLY = """
DROP TRIGGER audit_entries_append_only ON audit_entries;
DROP FUNCTION audit_entries_append_only();
"""

BEFORE: list[Any] = [
    # Left behind when undone: what else came to use them would be in the way.
    migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS btree_gist", migrations.RunSQL.noop),
    migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS pg_trgm", migrations.RunSQL.noop),
]

OPERATIONS: list[Any] = [
    migrations.RunSQL(AUDIT_APPEND_ONLY, NO_AUDIT_APPEND_ONLY),
    schedule(
        Scheduled(
            "Jobs: go on with those that no worker has",
            "circletel.core.tasks.sweep_jobs",
            EACH_MINUTE,
            "Picks up jobs whose message was lost, or whose worker was.",
        )
    ),
]
