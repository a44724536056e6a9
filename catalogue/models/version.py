from datetime import datetime
from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from catalogue.models.package import PackageContent, ServicePackage, on_sale_at


class InstantRange(Func):
    function = "tstzrange"


class PackageVersionQuerySet(models.QuerySet["PackageVersion"]):
    def on_sale(self, at: datetime) -> "PackageVersionQuerySet":
        """What a new customer could order at that instant, as it was described and priced then."""
        stood = self.filter(Q(recorded_to=None) | Q(recorded_to__gt=at), recorded_from__lte=at)
        return stood.filter(on_sale_at(at))


class PackageVersion(PackageContent):
    """What a package said from one instant to the next. Written with every change, never changed afterwards.

    The database refuses DELETE, and every UPDATE but the one that closes the interval.
    """

    package = models.ForeignKey(ServicePackage, models.PROTECT, related_name="versions")
    revision = models.PositiveIntegerField(
        help_text="1 for the first publication, one more with each change."
    )
    recorded_from = models.DateTimeField()
    recorded_to = models.DateTimeField(null=True, help_text="Empty for what stands now.")
    deed = models.CharField(max_length=60, help_text="What was done: published, archived, price changed, …")
    deed_by = models.CharField(max_length=200, blank=True, help_text="Empty for the system itself.")

    objects = PackageVersionQuerySet.as_manager()

    class Meta:
        db_table = "service_package_versions"
        ordering = ["-recorded_from", "-revision"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["package", "revision"], name="version_revision_once"),
            models.UniqueConstraint(
                fields=["package"], condition=Q(recorded_to=None), name="version_one_stands_now"
            ),
            models.CheckConstraint(
                condition=Q(recorded_to=None) | Q(recorded_to__gte=F("recorded_from")),
                name="version_interval_in_order",
            ),
            ExclusionConstraint(
                name="versions_do_not_overlap",
                expressions=[
                    ("package", RangeOperators.EQUAL),
                    (
                        InstantRange("recorded_from", "recorded_to", RangeBoundary()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]
        indexes = [
            models.Index(fields=["logical_key", "-recorded_from"]),
            models.Index(fields=["-recorded_from", "-revision"], name="version_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.sku}), revision {self.revision}"

    @property
    def package_uuid(self) -> UUID:
        return self.package_id
