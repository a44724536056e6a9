"""E-mail by Resend: what goes out, what a refusal looks like, and which of its calls are believed."""

import base64
import hashlib
import hmac
import json
import time

import pytest
import requests
import responses
from anymail.signals import tracking
from django.core.mail import EmailMessage
from django.urls import reverse
from responses.matchers import header_matcher, json_params_matcher

from tests.factories import person
from zoho_sync.operating import alerts, outbox
from zoho_sync.operating.models import AlertDelivery, AlertRule

# pytest shows every warning again that circletel.core.mail has silenced for a reason.
pytestmark = pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailInsecureWebhookWarning")
SEND = "https://api.resend.com/emails"
KEY = "re_known_secret_of_resend"
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two characters").decode()


@pytest.fixture
def resend(settings):
    settings.EMAIL_BACKEND = "circletel.core.mail.ResendBackend"
    settings.RESEND_API_KEY, settings.RESEND_WEBHOOK_SECRET = KEY, SECRET
    settings.DEFAULT_FROM_EMAIL, settings.ALERT_EMAILS = "catalogue@circletel.example", ["ops@example.com"]
    with responses.RequestsMock() as mock:
        yield mock


def test_a_message_goes_out_as_resend_takes_it_and_bears_the_id_of_the_receipt(resend):
    expected = {
        "from": "catalogue@circletel.example",
        "to": ["ops@example.com"],
        "subject": "Calls to Zoho CRM rest",
        "text": "Zoho CRM answered 503.",
        "headers": {"Message-ID": "<one@alerts.circletel>"},
    }
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "<one@alerts.circletel>"}
    resend.post(SEND, json={"id": "49a3999c"}, match=[json_params_matcher(expected), header_matcher(headers)])
    message = EmailMessage(
        "Calls to Zoho CRM rest",
        "Zoho CRM answered 503.",
        to=["ops@example.com"],
        headers={"Message-ID": "<one@alerts.circletel>"},
    )

    assert message.send() == 1
    assert message.anymail_status.message_id == "49a3999c"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            {"status": 403, "json": {"message": "The example.com domain is not verified"}},
            "Resend answered 403: check RESEND_API_KEY, and that the domain of DEFAULT_FROM_EMAIL is verified there",
        ),
        ({"status": 422, "json": {"message": "Invalid `to`: ops@example.com"}}, "Resend answered 422"),
        ({"status": 500, "body": "oh no"}, "Resend answered 500"),
        ({"body": requests.ConnectionError(KEY)}, "AnymailRequestsAPIError"),
    ],
)
def test_what_resend_refuses_makes_the_channel_red_without_saying_addresses(
    resend, client, redis_flushed, answer, words
):
    resend.post(SEND, **answer)
    operator = person("lerato.mokoena", "Sync operator")
    alerts.send_test(AlertRule.objects.get(trigger="repeated_failure").pk, actor=operator)

    assert outbox.send_due() == "0 sent, 1 failed"

    message = AlertDelivery.objects.get()
    assert (message.state, message.attempts, message.last_error) == ("failed", 1, words)
    client.force_login(operator)
    page = client.get(reverse("admin:index")).content.decode()
    assert f"E-mail does not take messages: {words}" in page
    assert KEY not in page


@pytest.mark.django_db
def test_a_message_handed_over_twice_bears_the_same_key_both_times(resend, redis_flushed):
    resend.post(SEND, status=500, body="")
    resend.post(SEND, json={"id": "49a3999c"})
    rule = AlertRule.objects.get(trigger="repeated_failure")
    alerts.send_test(rule.pk, actor=person("lerato.mokoena", "Sync operator"))
    outbox.send_due()
    AlertDelivery.objects.update(next_try_at=AlertDelivery.objects.get().created_at)

    outbox.send_due()

    message = AlertDelivery.objects.get()
    assert message.state == "sent"
    keys = {call.request.headers["Idempotency-Key"] for call in resend.calls}
    assert keys == {f"<{message.pk}@alerts.circletel>"}


# --- what Resend tells us

DELIVERED = {
    "type": "email.delivered",
    "created_at": "2026-11-22T23:41:12.126Z",
    "data": {"email_id": "49a3999c", "to": ["customer@example.org"], "headers": []},
}


@pytest.fixture
def heard():
    events = []

    def hear(event, esp_name, **_):
        events.append((esp_name, event.event_type, event.message_id))

    tracking.connect(hear, weak=False)
    yield events
    tracking.disconnect(hear)


def call(client, *, secret=SECRET, seconds_off=0, body=DELIVERED, signed=None):
    text = json.dumps(body)
    stamp = str(int(time.time()) + seconds_off)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"msg_1.{stamp}.{signed or text}".encode(), hashlib.sha256).digest()
    signature = f"v1,bm90IHRoaXM= v1,{base64.b64encode(digest).decode()}"
    headers = {"svix-id": "msg_1", "svix-timestamp": stamp, "svix-signature": signature}
    return client.post(reverse("resend-tracking"), text, content_type="application/json", headers=headers)


@pytest.fixture
def signed_for(settings):
    settings.RESEND_WEBHOOK_SECRET = SECRET


@pytest.mark.django_db
def test_what_resend_signed_is_told_to_whoever_listens(client, signed_for, heard):
    assert call(client).status_code == 200

    assert heard == [("Resend", "delivered", "49a3999c")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "whsec_" + base64.b64encode(b"another secret").decode()},
        {"seconds_off": -3600},
        {"seconds_off": 3600},
        {"signed": json.dumps({"type": "email.bounced"})},
    ],
)
def test_what_resend_did_not_sign_just_now_is_refused_and_told_to_nobody(client, signed_for, heard, wrong):
    assert call(client, **wrong).status_code == 400

    assert heard == []


@pytest.mark.parametrize("stamp", ["9" * 400, "9" * 5000, "", "-1", "1e3", "²"])
def test_a_call_that_was_never_sent_at_any_time_is_refused(client, signed_for, heard, stamp):
    headers = {"svix-id": "msg_1", "svix-timestamp": stamp, "svix-signature": "v1,bm90IHRoaXM="}
    answer = client.post(
        reverse("resend-tracking"), json.dumps(DELIVERED), content_type="application/json", headers=headers
    )

    assert (answer.status_code, heard) == (400, [])


def test_an_unsigned_call_is_refused(client, signed_for, heard):
    answer = client.post(reverse("resend-tracking"), json.dumps(DELIVERED), content_type="application/json")

    assert (answer.status_code, heard) == (400, [])


@pytest.mark.parametrize("secret", ["", "whsec_", "no base64!"])
def test_without_a_secret_nothing_is_believed(client, settings, heard, secret):
    settings.RESEND_WEBHOOK_SECRET = secret

    assert call(client, secret="whsec_").status_code == 400
    assert heard == []
