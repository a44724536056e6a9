"""What the catalogue itself does when a package changes: it writes history."""

from typing import Any

from django.contrib.auth.models import User
from django.dispatch import receiver

from catalogue import versions
from catalogue.models import ServicePackage
from catalogue.signals import package_changed


@receiver(package_changed, dispatch_uid="catalogue.history")
def write_history(
    package: ServicePackage, deed: str = "changed", actor: User | None = None, **_: Any
) -> None:
    versions.record([package], deed=deed, actor=actor)
