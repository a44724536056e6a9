"""Whatever others send us, signed or not: an answer, and no mistake of ours."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from tests.catalogue.tmf620.test_fuzz import BODIES
from tests.catalogue.tmf620.world import BASES
from tests.factories import ms_naidoo
from tests.fuzz.inputs import TEXTS, bad_input, documents, fuzzed, objects

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailInsecureWebhookWarning"),
]
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two characters").decode()
EVENT = ["type", "created_at", "data", "email_id", "to", "headers", "subject", "tags", "bounce", "message", "click",
         "link", "userAgent", "name", "value", "from", "svix_id"]  # fmt: skip
TYPES = st.sampled_from(["email.sent", "email.delivered", "email.bounced", "email.opened", "email.clicked",
                         "email.complained", "email.failed", "contact.created", "", "email."])  # fmt: skip
EVENTS = st.one_of(
    documents(EVENT),
    st.builds(
        lambda kind, data, rest: {**rest, "type": kind, "data": data}, TYPES, documents(EVENT), objects(EVENT)
    ),
    st.builds(
        lambda kind, data: {"type": kind, "created_at": "2026-11-22T23:41:12.126Z", "data": data},
        TYPES,
        objects(EVENT).map(lambda data: {"email_id": "1", "to": ["a@example.org"], **data}),
    ),
)
CONTENTS = st.one_of(
    EVENTS.map(lambda event: json.dumps(event).encode()), st.binary(max_size=80), st.just(b"[" * 20_000)
)


@fuzzed(few=60, many=8_000)
@given(
    content=CONTENTS,
    is_signed=st.booleans(),
    stamp=st.one_of(st.none(), TEXTS),
    kind=st.sampled_from(["json", "x"]),
)
def test_whatever_resend_says(client, settings, content, is_signed, stamp, kind):
    bad_input("calls of the mail webhook")
    if settings.RESEND_WEBHOOK_SECRET != SECRET:  # each time it is set, Django's settings nest a level deeper
        settings.RESEND_WEBHOOK_SECRET = SECRET
    at = (
        str(int(time.time()))
        if stamp is None
        else "".join(c for c in stamp if c.isprintable() and ord(c) < 127)
    )
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, f"1.{at}.".encode() + content, hashlib.sha256).digest()).decode()
    headers = {"svix-id": "1", "svix-timestamp": at, "svix-signature": f"v1,{digest if is_signed else 'no'}"}
    answer = client.post(
        reverse("resend-tracking"), content, content_type=f"application/{kind}", headers=headers
    )
    assert answer.status_code < 500


HUB = objects(["callback", "query", "id", "@type", "secret"])
CALLBACKS = st.one_of(
    TEXTS,
    st.sampled_from(
        ["http://127.0.0.1/", "https://[::1", "https://user@example.com:99999/", "ftp://x", "https://"]
    ),
    st.text(max_size=10).map(lambda text: f"https://example.invalid/{text}"),
)
LISTENERS = st.builds(lambda url, rest: {**rest, "callback": url}, CALLBACKS, HUB)


@fuzzed(few=40, many=1_500)
@given(
    version=st.sampled_from(sorted(BASES)),
    body=st.one_of(HUB, LISTENERS, BODIES),
)
def test_whatever_asks_to_be_called_back(client, version, body):
    bad_input("listeners of TMF620")
    client.force_login(ms_naidoo())
    answer = client.post(f"{BASES[version]}/hub", json.dumps(body), content_type="application/json")
    assert answer.status_code < 500
