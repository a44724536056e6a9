"""Known secrets are sent through every path; afterwards no log, no row and no page holds one."""

import io
import logging

import httpx
import pytest
import structlog
from django.apps import apps
from django.test import Client
from django.urls import reverse

from circletel.core.secrecy import hide, hide_people
from circletel.logs import LOGGING
from tests.factories import live_package, person
from zoho_sync import tasks
from zoho_sync.connection.auth import TokenSource
from zoho_sync.connection.shared import shared_store
from zoho_sync.models import ProductIntegration, System, ZohoSyncLog
from zoho_sync.operating import alerts, outbox
from zoho_sync.operating.models import AlertDelivery, AlertRule
from zoho_sync.operating.resync import resync_package

pytestmark = [pytest.mark.django_db]
WEBHOOK = "http://127.0.0.1:1/services/T000/B000/webhook-path-secret"
MAIL_PASSWORD = "mail-password-secret"
DJANGO_KEY = "django-key-secret-django-key-secret-django-key-secret"
RESEND_KEY = "re_resend-key-secret"
METRICS_TOKEN = "metrics-token-secret"
PERSONAL = "customer.private@example.org"


@pytest.fixture
def written():
    """Every line that is logged, as it is logged in production."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    options = dict(LOGGING["formatters"]["json"])
    handler.setFormatter(options.pop("()")(**options))
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.handlers = before


@pytest.fixture
def secrets(zoho, settings):
    settings.SLACK_WEBHOOK_URL = WEBHOOK
    settings.EMAIL_HOST_PASSWORD = MAIL_PASSWORD
    settings.SECRET_KEY = DJANGO_KEY
    settings.RESEND_API_KEY, settings.METRICS_TOKEN = RESEND_KEY, METRICS_TOKEN
    token = _access_token()
    ours = [MAIL_PASSWORD, DJANGO_KEY, RESEND_KEY, METRICS_TOKEN]
    return ["sandbox-secret", "sandbox-refresh", "webhook-path-secret", *ours, token]


def _access_token():
    with httpx.Client() as http:
        return TokenSource(http).current().value


def test_no_secret_is_ever_written(zoho, drain, secrets, written, settings, monkeypatch):
    echo = " ".join([*secrets, f"Zoho-oauthtoken {secrets[-1]}"])
    pages = [
        *_sync_goes_well(drain),
        *_zoho_echoes_what_it_was_sent(zoho, drain, echo),
        *_our_code_breaks(drain, monkeypatch, echo),
        *_the_token_is_refused(zoho, drain),
        *_channels_fail(settings, monkeypatch, echo),
        *_pages_fail(monkeypatch, echo),
    ]
    structlog.get_logger("test").error("told", words=echo, whom=PERSONAL)

    rows = _every_row()
    lines = written.getvalue()

    for secret in secrets:
        assert secret not in lines, f"a log line holds {secret}"
        assert secret not in rows, f"a row holds {secret}"
        assert [page for page in pages if secret in page] == [], f"a page holds {secret}"
    assert PERSONAL not in lines
    # The test would see them: these did get there, with the secrets taken out.
    assert "a bug with" in lines
    assert "a bug with" in rows
    assert '"event": "told"' in lines


def _sync_goes_well(drain):
    live_package(sku="GOOD")
    drain()
    return _pages()


def _zoho_echoes_what_it_was_sent(zoho, drain, echo):
    for system, path in (("crm", "/crm/v8/Products/upsert"), ("billing", "/billing/v1/plans")):
        for body in (
            {"code": "INVALID_DATA", "message": f"You sent {echo}", "details": {"sent": echo}},
            echo,
        ):
            live_package()
            zoho.fault(match={"method": "POST", "path": path}, action={"status": 400, "body": body}, times=1)
            drain(System(system))
    return _pages()


def _our_code_breaks(drain, monkeypatch, echo):
    def breaks(*_):
        raise KeyError(f"a bug with {echo}")

    live_package(sku="BROKEN")
    with monkeypatch.context() as patch:
        patch.setattr("zoho_sync.sync.desired_records", breaks)
        drain(System.CRM)
        patch.setattr("zoho_sync.operating.upkeep.count_figures", breaks)
        with pytest.raises(KeyError):
            tasks.count_figures()
    return _pages()


def _the_token_is_refused(zoho, drain):
    shared_store().flushdb()
    zoho.fault(
        match={"path": "/oauth/v2/token"},
        action={"status": 400, "body": {"error": "invalid_code", "error_description": "sandbox-refresh"}},
        times=1,
    )
    package = live_package()
    resync_package(package.pk, System.CRM, actor=person("lerato.mokoena", "Sync operator"))
    drain(System.CRM)
    return _pages()


def _channels_fail(settings, monkeypatch, echo):
    settings.ALERT_EMAILS = [PERSONAL]

    def refuses(*_args, **_values):
        raise OSError(f"535 {echo}")

    monkeypatch.setattr("django.core.mail.message.EmailMessage.send", refuses)
    for trigger in ("breaker_open", "repeated_failure"):
        rule = AlertRule.objects.get(trigger=trigger)
        alerts.send_test(rule.pk, actor=person("lerato.mokoena", "Sync operator"))
    outbox.send_due()
    assert set(AlertDelivery.objects.values_list("state", flat=True)) == {"failed"}
    return _pages()


def _pages_fail(monkeypatch, echo):
    client = _operator()
    client.raise_request_exception = False

    def breaks(*_args, **_values):
        raise RuntimeError(f"a bug with {echo}")

    monkeypatch.setattr("zoho_sync.operating.queue.groups", breaks)
    answers = [
        client.get(reverse("admin:zoho_sync_productintegration_retry_queue")),
        client.get(reverse("integration-status"), {"status": "wrong"}),
        Client().post(reverse("admin:login"), {"username": "lerato.mokoena", "password": "sandbox-refresh"}),
    ]
    assert [answer.status_code for answer in answers] == [500, 400, 200]
    return [answer.content.decode() for answer in answers]


def _operator():
    client = Client()
    client.force_login(person("lerato.mokoena", "Sync operator", "Auditor"))
    return client


def _pages():
    client = _operator()
    names = (
        "zoho_sync_productintegration_changelist",
        "zoho_sync_zohosynclog_changelist",
        "zoho_sync_alertdelivery_changelist",
        "core_job_changelist",
        "core_auditentry_changelist",
        "index",
    )
    answers = [client.get(reverse(f"admin:{name}")) for name in names]
    answers.append(client.get(reverse("integration-status")))
    assert {answer.status_code for answer in answers} == {200}
    return [answer.content.decode() for answer in answers]


def _every_row():
    """The tables of ours, as text. E-mail recipients and accounts hold addresses on purpose."""
    models = [*apps.get_app_config("zoho_sync").get_models(), *apps.get_app_config("catalogue").get_models()]
    return "\n".join(str(list(model._base_manager.values())) for model in models)


def test_a_call_log_shows_the_correlation_id_of_the_click(zoho, drain):
    package = live_package()
    operator = _operator()

    answer = operator.post(
        reverse("admin:catalogue_servicepackage_resync_crm_one", args=[package.pk]),
        {"_form_submitted": "True"},
    )
    drain(System.CRM)

    [call] = ZohoSyncLog.objects.filter(packages__contains=[package.pk], system="crm")
    assert call.correlation_id == answer["X-Correlation-Id"]
    assert ProductIntegration.objects.filter(correlation_id=call.correlation_id).count() == 1


@pytest.mark.parametrize(
    "text",
    [
        "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef",
        "Authorization: Zoho-oauthtoken abc.def",
        "Bearer abc.def",
    ],
)
def test_tokens_are_known_by_their_form(text):
    assert "abc.def" not in hide(text)
    assert "0123456789abcdef" not in hide(text)


def test_addresses_of_people_are_hidden_in_logs_only():
    assert hide_people(f"sent to {PERSONAL}.") == "sent to …."
    assert hide(PERSONAL) == PERSONAL


def test_hiding_leaves_ordinary_words():
    words = "It took 1000.5 seconds until 2026-07-22, by secret ballot."
    assert hide(words) == words
