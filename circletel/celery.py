"""The Celery app. Tasks are doors: each calls one service and holds no rule of its own."""

import os
from typing import Any

import structlog
from celery import Celery
from kombu.transport import redis as transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletel.settings")
log = structlog.get_logger(__name__)


class LastingQoS(transport.QoS):
    """Gives messages back to the broker at the end of a connection, where there is a broker to give them to.

    Redis may go away under a worker that has messages in hand: the worker then waits for it, and does not end.
    """

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except AttributeError as trouble:
            # The task is done and its connection is gone. Redis hands the message out once more, which does no harm.
            log.warning("message_not_acknowledged", trouble=str(trouble))

    def restore_unacked_once(self, stderr: Any = None) -> None:
        try:
            super().restore_unacked_once(stderr)
        except AttributeError as trouble:
            # kombu asks the connection that was lost for its address, and the worker would end over it. Redis keeps
            # the messages and hands them out again; what they were about stands in the database anyway.
            log.warning("messages_not_given_back", trouble=str(trouble))
            (self._delivered or {}).clear()


transport.Channel.QoS = LastingQoS
app = Celery("circletel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
