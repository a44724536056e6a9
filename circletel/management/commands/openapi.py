"""Write the description of a window of REST to standard output, or all of them into a folder."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from circletel import windows


class Command(BaseCommand):
    # Needs no service, so that a client can be made anywhere.
    requires_system_checks: list[str] = []
    help = "Write the OpenAPI document of a window; with --folder those of all windows, one file each."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("window", nargs="?", default="storefront", choices=windows.WINDOWS)
        parser.add_argument("--folder", type=Path)

    def handle(self, *_: Any, window: str, folder: Path | None, **options: Any) -> None:
        if folder is None:
            self.stdout.write(json.dumps(windows.description(window), indent=2))
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name in windows.WINDOWS:
            (folder / f"{name}.json").write_text(json.dumps(windows.description(name), indent=2))
