"""How much of a file the back office takes."""

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

# Twenty thousand rows of products are about five.
LARGEST_CSV_MB = 20


def at_most(megabytes: int) -> Callable[[UploadedFile], None]:
    """A validator for file fields: refuses what is larger, before any of it is read."""

    def ensure(upload: UploadedFile) -> None:
        size = (upload.size or 0) / 1024 / 1024
        if size > megabytes:
            raise ValidationError(
                f"The file has {size:.0f} MB; at most {megabytes} MB are taken. Send it in parts."
            )

    return ensure
