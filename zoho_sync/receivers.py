"""What `zoho_sync` does when the catalogue speaks. Runs inside the transaction of the deed."""

from typing import Any

from django.dispatch import receiver

from catalogue.models import ServicePackage
from catalogue.signals import package_changed
from zoho_sync.services import owe


@receiver(package_changed, dispatch_uid="zoho_sync.package_changed")
def on_package_changed(package: ServicePackage, **_: Any) -> None:
    owe(package)
