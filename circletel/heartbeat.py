"""A sign of life from beat for whoever watches the process: a file touched with every message it sends."""

import os
from pathlib import Path
from typing import Any

from celery.signals import after_task_publish, beat_init

VARIABLE = "BEAT_HEARTBEAT_FILE"


@beat_init.connect
def begin(**_: Any) -> None:
    """From here on this process is beat. Without BEAT_HEARTBEAT_FILE nothing is touched."""
    if file := os.environ.get(VARIABLE):
        # Held by the closure's name only, so strongly.
        after_task_publish.connect(lambda **_: Path(file).touch(), weak=False, dispatch_uid="heartbeat")
