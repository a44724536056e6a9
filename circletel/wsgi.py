import os

from circletel.metrics import share_request_times

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletel.settings")
share_request_times()

from django.core.wsgi import get_wsgi_application  # noqa: E402  (what it imports looks for the shared folder)

application = get_wsgi_application()
