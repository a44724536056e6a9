"""What Python alone could not hold: an audit trail that cannot be rewritten, and the VAT rates of South Africa."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION audit_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_entries is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entries_append_only();
"""
UNDO = """
DROP TRIGGER audit_entries_append_only ON audit_entries;
DROP FUNCTION audit_entries_append_only();
"""


def add_vat_rates(apps: Any, _schema_editor: Any) -> None:
    VatRate = apps.get_model("catalogue", "VatRate")
    # South African standard rate: 14 % from 7 April 1993, 15 % from 1 April 2018.
    VatRate.objects.get_or_create(
        valid_from=date(1993, 4, 7), defaults={"rate": Decimal("0.14"), "valid_to": date(2018, 4, 1)}
    )
    VatRate.objects.get_or_create(valid_from=date(2018, 4, 1), defaults={"rate": Decimal("0.15")})


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, UNDO),
        migrations.RunPython(add_vat_rates, migrations.RunPython.noop),
    ]
