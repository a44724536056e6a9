"""What became of the rows of the predecessor's `products` table."""

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from catalogue.models.product import Product


class LegacyTable(models.Model):
    """A products table of the predecessor, by the name it had before anything was done to it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    database = models.CharField(max_length=63)
    schema = models.CharField(max_length=63)
    name = models.CharField(max_length=63)

    class Meta:
        db_table = "legacy_tables"
        default_permissions = ()
        permissions = [("retire_legacytable", "Can lock and drop the legacy products table")]
        constraints = [
            models.UniqueConstraint(fields=["database", "schema", "name"], name="legacy_table_once")
        ]

    def __str__(self) -> str:
        return f"{self.database}.{self.schema}.{self.name}"


class LegacyProduct(models.Model):
    """The product that a legacy row became, or was found to be. `row` keeps every column, also those not carried."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    table = models.ForeignKey(LegacyTable, models.PROTECT, related_name="rows")
    legacy_id = models.CharField(max_length=200)
    product = models.ForeignKey(Product, models.PROTECT, related_name="legacy_rows")
    row = models.JSONField(encoder=DjangoJSONEncoder)
    recorded_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "legacy_products"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["table", "legacy_id"], name="legacy_row_is_one_product")
        ]

    def __str__(self) -> str:
        return f"{self.table} row {self.legacy_id}: {self.product}"
