from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from catalogue.package_fields import page


class Command(BaseCommand):
    """Write `docs/product-to-package.md` out of the table by which publishing works."""

    help = "Write the page about what a package takes over from its product."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("deed", choices=["document"])

    def handle(self, **_: Any) -> None:
        (settings.BASE_DIR / "docs" / "product-to-package.md").write_text(page(), encoding="utf-8")
        self.stdout.write("Wrote docs/product-to-package.md.")
