"""What this window does when the catalogue speaks. Runs inside the transaction of the deed."""

from typing import Any

from django.dispatch import receiver

from catalogue.models import ServicePackage
from catalogue.signals import package_changed
from catalogue.tmf620 import events, tasks  # noqa: F401  (tasks register themselves)


@receiver(package_changed, dispatch_uid="catalogue.tmf620.package_changed")
def on_package_changed(package: ServicePackage, **_: Any) -> None:
    events.tell(package)
