"""The Celery app. Tasks are doors: each calls one service and holds no rule of its own."""

import os

from celery import Celery

from circletel.broker import outlast_redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletel.settings")

outlast_redis()
app = Celery("circletel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
