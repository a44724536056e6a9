"""What the storefront does when a package changes. Runs inside the transaction of the deed."""

from typing import Any

from django.dispatch import receiver

from catalogue.models import ServicePackage
from catalogue.signals import package_changed
from catalogue.storefront import written


@receiver(package_changed, dispatch_uid="catalogue.storefront")
def write_document(package: ServicePackage, **_: Any) -> None:
    written.write_down([package.pk])
