"""What the storefront does when a package changes, inside the transaction of the deed, and when a connection opens."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from catalogue.models import ServicePackage
from catalogue.signals import package_changed
from catalogue.storefront import written

# How alike a searched word must be: one letter left out of eight is found, as skyfbre for SkyFibre.
LIKENESS = "SET pg_trgm.word_similarity_threshold = 0.5"


@receiver(package_changed, dispatch_uid="catalogue.storefront")
def write_document(package: ServicePackage, **_: Any) -> None:
    written.write_down([package.pk])


@receiver(connection_created, dispatch_uid="catalogue.storefront.likeness")
def say_how_alike(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """The index of the search knows its threshold from the session alone."""
    with connection.cursor() as cursor:
        cursor.execute(LIKENESS)
