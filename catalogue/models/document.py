"""What the storefront serves as it lies, and the number that changes when anything it says may have changed."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F

from catalogue.models.package import ServicePackage


class PackageDocument(models.Model):
    """The public JSON of one package. A trigger keeps a row for every package, with what is searched in it.

    The trigger also empties `text` whenever the package changes; whoever changed it writes it down again in the same
    transaction. Empty text is never served: the answer is then built from the package.
    """

    package = models.OneToOneField(
        ServicePackage, models.CASCADE, related_name="document", primary_key=True, db_index=False
    )
    search_text = models.TextField(help_text="Name, SKU, description and features, a line each.")
    search_vector = SearchVectorField()
    text = models.TextField(null=True, help_text="The JSON while no promotion is offered.")
    promoted_text = models.TextField(
        null=True, help_text="The JSON while the promotion is offered; empty without."
    )
    promotion_begins = models.DateTimeField(null=True, help_text="Empty: it has always been offered.")
    promotion_ends = models.DateTimeField(
        null=True, help_text="First instant without it; empty: no end is set."
    )
    vat_rate = models.DecimalField(
        max_digits=5, decimal_places=4, null=True, help_text="With which it was built."
    )
    shape = models.PositiveSmallIntegerField(null=True, help_text="Of which make the JSON is.")

    class Meta:
        db_table = "service_package_documents"
        default_permissions = ()
        indexes = [
            GinIndex(OpClass(F("search_text"), "gin_trgm_ops"), name="document_search_text"),
            GinIndex(fields=["search_vector"], name="document_search_vector"),
        ]

    def __str__(self) -> str:
        return f"Document of {self.package_id}"


class CatalogueRevision(models.Model):
    """One row. Triggers raise `revision` at the commit of every change to packages or VAT rates.

    It is the instant of that commit in microseconds since 1970, or one more than before: it never comes back.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    revision = models.BigIntegerField()

    class Meta:
        db_table = "catalogue_revision"
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="catalogue_revision_is_one_row")]

    def __str__(self) -> str:
        return str(self.revision)
