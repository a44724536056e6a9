"""What commands share that print tables and write reports for scripts."""

from argparse import RawDescriptionHelpFormatter

from django.core.management.base import BaseCommand, CommandError


class AsWritten(RawDescriptionHelpFormatter):
    """Help that keeps the lines of the table of exit codes."""


def positive(text: str) -> int:
    """The type of an option that takes a whole number from 1 up."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def write_to(command: BaseCommand, file: str, text: str, *, returncode: int = 1) -> None:
    """Write `text` to `file`; `-` is standard output. Raises CommandError."""
    if file == "-":
        command.stdout.write(text, ending="")
        return
    try:
        # Lines of CSV end as they are.
        with open(file, "w", encoding="utf-8", newline="") as target:  # noqa: PTH123  (a name from the command line)
            target.write(text)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.", returncode=returncode) from None
