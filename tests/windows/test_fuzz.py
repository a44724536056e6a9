"""Schemathesis asks every operation of every window what its description allows.

No answer is a mistake of ours (5xx), and none is one that the description does not foresee: status, content type
and body. A few examples each in `make test`; `make fuzz` asks for many.
"""

import os
from datetime import timedelta
from functools import cache

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from catalogue import batches
from circletel import windows
from circletel.core import tokens
from circletel.core.models import ApiToken
from tests.factories import approved_product, draft_product, live_package, mr_botha, person

pytestmark = [pytest.mark.fuzz, pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SOME = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 10,
    database=None,
    # What fails is told as it was found: shrinking asks hundreds of times more.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@cache
def _schema(window):
    schema = schemathesis.openapi.from_dict(windows.description(window))
    schema.app = get_wsgi_application()
    return {one.ok().definition.raw["operationId"]: one.ok() for one in schema.get_all_operations()}


def operations():
    return [
        pytest.param(window, operation["operationId"], id=f"{window}-{operation['operationId']}")
        for window in windows.WINDOWS
        for item in windows.description(window)["paths"].values()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]


@pytest.fixture
def one_transaction():
    """As Django's own test client does it: the end of a request leaves the connection of the test open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def world(one_transaction):
    """A little of everything, who may do all of it, and the ids that lead somewhere."""
    boss = person("johan.venter")
    boss.is_superuser = True
    boss.save()
    package, draft = live_package(), draft_product()
    approved = approved_product()
    batch = batches.plan("publish", [approved.pk], actor=mr_botha())
    new = tokens.create(
        name="Fuzz",
        scopes=tokens.grantable(boss),
        expires_at=timezone.now() + timedelta(days=1),
        actor=boss,
    )
    ApiToken.objects.update(last_used_at=timezone.now())
    known = {
        "id": [str(draft.pk), str(approved.pk), str(package.pk), str(batch.pk), f"{package.pk}-recurring"],
        "product_id": [str(package.source_admin_product_id)],
        "sku_or_slug": [package.sku, package.slug],
    }
    return new.secret, known


@pytest.mark.parametrize(("window", "operation_id"), operations())
def test_every_answer_is_foreseen(world, window, operation_id):
    secret, known = world
    operation = _schema(window)[operation_id]

    @SOME
    @given(case=operation.as_strategy(), data=st.data())
    def ask(case, data):
        for name in case.path_parameters or {}:
            if name in known and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(known[name]))
        # Every example begins in the same world.
        with transaction.atomic():
            answer = case.call(headers={"Authorization": f"Bearer {secret}"})
            transaction.set_rollback(True)
        case.validate_response(answer, checks=CHECKS)

    ask()
