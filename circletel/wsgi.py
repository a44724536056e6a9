import gc
import os

from circletel.metrics import share_request_times

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletel.settings")
share_request_times()

from django.core.wsgi import get_wsgi_application  # noqa: E402  (what it imports looks for the shared folder)
from django.urls import get_resolver  # noqa: E402

application = get_wsgi_application()
# Every page is loaded before the first visitor, and then left alone by the garbage collector: to look through all of
# it takes a tenth of a second, in which a process answers nobody.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
