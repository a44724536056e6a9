import gc
import os
import shutil
import tempfile
from pathlib import Path


def share_request_times() -> None:
    """Have the processes of this web server count together, in a folder that the library looks for when imported.

    Removes what servers that are gone have left.
    """
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return
    root = Path(tempfile.gettempdir()) / f"circletel-metrics-{os.geteuid()}"
    # All workers of one server have the same parent; one that was started again joins the others.
    mine = root / str(os.getppid())
    mine.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in root.iterdir():
        if other.name.isdecimal() and not Path(f"/proc/{other.name}").exists():
            shutil.rmtree(other, ignore_errors=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(mine)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletel.settings")
share_request_times()

from django.core.wsgi import get_wsgi_application  # noqa: E402  (what it imports looks for the folder)
from django.urls import get_resolver  # noqa: E402

application = get_wsgi_application()
# Every page is loaded before the first visitor, and then left alone by the garbage collector: to look through all of
# it takes a tenth of a second, in which a process answers nobody.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
