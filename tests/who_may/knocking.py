"""Knocking at a door: the request, and what came of it. Nothing of it stays."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.messages import get_messages
from django.db import connection, transaction
from django.template.response import TemplateResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.who_may.doors import Knock
from tests.who_may.world import World

# Fits every dialog; a page that needs more says so in BODIES of table.py.
ANY_DIALOG = {
    "_form_submitted": "on",
    "reason": "because",
    "hours": "4",
    "until": "2099-01-01",
    "scope": "all",
    "new_price": "899.00",
    "effective_date": "2099-01-01",
}
# What may be written when somebody is turned away: that it happened, and the session of who asked.
WRITTEN_ANYWAY = ("audit_entries", "django_session")


@dataclass(frozen=True)
class Answer:
    status: int
    is_list: bool
    words: tuple[str, ...]
    text: str
    location: str
    writes: list[str] = field(default_factory=list)
    refusals: int = 0

    @property
    def is_let_in(self) -> bool:
        """Not: 401, 403, the way to the login, or an action that is not offered to this person."""
        if self.status in (401, 403) or urlsplit(self.location).path == "/admin/login/":
            return False
        return not self.is_list and "No action selected." not in self.words

    @property
    def says_no(self) -> bool:
        """A service refused somebody whom the door had let in."""
        return any(" may not " in words for words in self.words)


def knock_at(
    client: Client, knock: Knock, world: World, bodies: dict[str, Any], *, drawn: bool = True
) -> Answer:
    """`drawn` False leaves the pages of the admin blank: who is let in is settled before, and drawing is slow."""
    address, body = world.address_of(knock), bodies.get(knock.door, {})
    body = body(world) if callable(body) else body
    options: dict[str, Any] = {"headers": {"accept": "application/json, text/html"}}
    if knock.action:
        body = {"action": knock.action, "_selected_action": [world.of(knock.model)], "index": 0} | body
    elif knock.in_admin:
        body = ANY_DIALOG | body
    else:
        options["content_type"] = "application/json"
    session = client.cookies.get(settings.SESSION_COOKIE_NAME)
    connection.queries_log.clear()
    blank = nullcontext() if drawn else mock.patch.object(TemplateResponse, "rendered_content", "")
    with blank, transaction.atomic(), CaptureQueriesContext(connection) as queries:
        if knock.method == "GET":
            response = client.get(address, body if not knock.in_admin else {}, headers=options["headers"])
        else:
            response = getattr(client, knock.method.lower())(address, body, **options)
        content = b"".join(response.streaming_content) if response.streaming else response.content
        words = tuple(str(one) for one in get_messages(response.wsgi_request))
        transaction.set_rollback(True)
    client.cookies.clear()
    if session is not None:  # also after the way out, which was undone
        client.cookies[settings.SESSION_COOKIE_NAME] = session.value
    return Answer(
        response.status_code,
        # Where no action is offered at all, the list takes no notice of one.
        bool(knock.action) and "cl" in (getattr(response, "context_data", None) or {}),
        words,
        content.decode(errors="replace"),
        response.headers.get("Location", ""),
        [sql for query in queries if _is_write(sql := query["sql"])],
        sum(query["sql"].startswith('INSERT INTO "audit_entries"') for query in queries),
    )


def _is_write(sql: str) -> bool:
    if not sql.startswith(("INSERT", "UPDATE", "DELETE")):
        return False
    return not any(f'"{table}"' in sql.split("WHERE")[0] for table in WRITTEN_ANYWAY)
