"""The product's web server, keeping no answers where BENCH_CACHE says `off`."""

import os

from circletel.wsgi import application  # isort: skip  (Django is set up by it)

from catalogue.api import window

if os.environ.get("BENCH_CACHE") == "off":
    window.kept.most_bytes = 0

__all__ = ["application"]
