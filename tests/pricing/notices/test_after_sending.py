"""What the provider tells afterwards over its signed webhook, and what a person decides then."""

import base64
import csv
import hashlib
import hmac
import io
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import responses
from django.urls import reverse

from circletel.core.errors import NotAllowed, NotReady, WrongStatus
from circletel.core.models import AuditEntry
from pricing import services
from pricing.alerting import undelivered_notices
from pricing.models import NoticeEvent, PriceNotice
from pricing.notices import owing, sending, tracking
from pricing.notices.evidence import standing_of
from tests.factories import person
from tests.pricing.histories import package_opened
from tests.pricing.notices.customers import told_customer
from tests.pricing.people import PUBLISHED, R799, ms_khumalo, published
from zoho_sync.operating.models import AlertRule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("resend")]
SEND = "https://api.resend.com/emails"
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two characters").decode()
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
AT = datetime(2027, 3, 2, 8, 5, 0, 123000, tzinfo=UTC)


@pytest.fixture
def resend(settings, monkeypatch):
    monkeypatch.setattr("pricing.notices.sending.NOTICES_PER_SECOND", 0)
    settings.EMAIL_BACKEND, settings.RESEND_API_KEY = "circletel.core.mail.ResendBackend", "re_secret_of_ours"
    settings.RESEND_WEBHOOK_SECRET = SECRET
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def change():
    return published(package_opened(R799))


@pytest.fixture
def notice(change, resend):
    """Sent and accepted as r1."""
    told_customer(change)
    owing.owe(PUBLISHED)
    resend.post(SEND, json={"id": "r1"})
    sending.send_due(PUBLISHED)
    return change.notices.get()


def hear(client, type, *, id="r1", event="msg_1", notice=None, round=1, secret=SECRET, at=AT, **more):
    """Resend calls our webhook, signed."""
    metadata = json.dumps({"notice": str(notice.pk), "round": round}) if notice else ""
    headers = [{"name": "X-Metadata", "value": metadata}] if notice else []
    data = {"email_id": id, "to": ["customer@example.com"], "headers": headers, **more}
    text = json.dumps({"type": f"email.{type}", "created_at": at.isoformat(), "data": data})
    stamp = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{event}.{stamp}.{text}".encode(), hashlib.sha256).digest()
    signed = {
        "svix-id": event,
        "svix-timestamp": stamp,
        "svix-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    return client.post(reverse("resend-tracking"), text, content_type="application/json", headers=signed)


def kinds(notice):
    return list(notice.events.order_by("recorded_at").values_list("kind", flat=True))


def test_a_delivery_is_written_down_once(client, notice):
    for _ in range(2):
        assert hear(client, "delivered").status_code == 200

    notice.refresh_from_db()
    assert (notice.state, notice.accepted_at, notice.delivered_at) == ("delivered", PUBLISHED, AT)
    assert kinds(notice) == ["accepted", "delivered"]


def test_a_bounce_needs_a_person_and_says_why(client, notice):
    said = "The recipient's email provider sent a hard bounce message."
    assert hear(client, "bounced", bounce={"message": said}).status_code == 200

    notice.refresh_from_db()
    assert (notice.state, notice.bounced_at, notice.why) == ("bounced", AT, said)
    assert (notice.accepted_at, kinds(notice)) == (PUBLISHED, ["accepted", "bounced"])
    [found] = undelivered_notices(AlertRule.objects.get(trigger="price_notices"), PUBLISHED).firing
    assert found.title == f"1 notices of a price change need a person: {notice.change.package.name}"


def test_a_bounce_after_a_delivery_counts_and_a_delivery_after_a_bounce_does_not(client, notice):
    hear(client, "delivered", event="msg_1")
    hear(client, "bounced", event="msg_2")
    hear(client, "delivered", event="msg_3")

    notice.refresh_from_db()
    assert (notice.state, kinds(notice)) == ("bounced", ["accepted", "delivered", "bounced", "delivered"])


@pytest.mark.parametrize(("type", "kind"), [("complained", "complained"), ("delivery_delayed", "deferred")])
def test_other_news_is_only_written_down(client, notice, type, kind):
    hear(client, type)

    notice.refresh_from_db()
    assert (notice.state, kinds(notice)) == ("accepted", ["accepted", kind])


def test_nobodys_opening_or_clicking_is_kept(client, notice):
    hear(client, "opened")
    hear(client, "clicked", click={"link": "https://example.com"})

    assert kinds(notice) == ["accepted"]


def test_a_wrong_signature_changes_nothing(client, notice):
    forged = "whsec_" + base64.b64encode(b"another secret").decode()

    assert hear(client, "bounced", secret=forged).status_code == 400

    notice.refresh_from_db()
    assert notice.state == "accepted"


@pytest.mark.parametrize("named", ["", "no id", "00000000-0000-0000-0000-000000000000"])
def test_mail_that_is_no_notice_is_let_pass(client, notice, named):
    class Other:
        pk = named

    assert hear(client, "delivered", id="other", notice=Other()).status_code == 200
    assert kinds(notice) == ["accepted"]


# --- in doubt -----------------------------------------------------------------------------------


@pytest.fixture
def in_doubt(change, resend):
    told_customer(change)
    owing.owe(PUBLISHED)
    resend.post(SEND, status=500)
    sending.send_due(PUBLISHED)
    return change.notices.get()


def test_an_event_of_the_provider_resolves_a_doubt(client, in_doubt):
    hear(client, "sent", id="r9", notice=in_doubt)

    in_doubt.refresh_from_db()
    assert (in_doubt.state, in_doubt.accepted_at, in_doubt.provider_id, in_doubt.why) == (
        "accepted",
        AT,
        "r9",
        "",
    )


def test_an_event_may_come_before_the_answer_of_the_call(client, change, resend):
    told_customer(change)
    owing.owe(PUBLISHED)
    notice = change.notices.get()

    def answer(request):
        hear(client, "delivered", id="r5", notice=notice)
        return 200, {}, '{"id": "r5"}'

    resend.add_callback(responses.POST, SEND, callback=answer)

    assert sending.send_due(PUBLISHED).accepted == 1

    notice.refresh_from_db()
    assert (notice.state, notice.accepted_at, notice.provider_id) == ("delivered", AT, "r5")
    assert notice.sending_since is None


def test_sent_again_in_doubt_it_bears_the_same_key_and_after_a_bounce_another(
    client, change, in_doubt, resend
):
    resend.replace(responses.POST, SEND, json={"id": "r2"})
    tracking.send_again(in_doubt.pk, actor=ms_khumalo(), reason="Not in Resend's log")
    sending.send_due(PUBLISHED + MINUTE)
    hear(client, "bounced", id="r2")
    subscription = change.notices.get().subscription
    subscription.customer_email = "right@example.com"
    subscription.save()
    resend.replace(responses.POST, SEND, json={"id": "r3"})

    tracking.send_again(in_doubt.pk, actor=ms_khumalo(), reason="Address corrected in Zoho")
    assert (change.notices.get().state, change.notices.get().round) == ("owed", 2)
    sending.send_due(PUBLISHED + 2 * MINUTE)

    keys = [call.request.headers["Idempotency-Key"] for call in resend.calls]
    assert keys == [f"<{in_doubt.pk}.{number}@notices.circletel>" for number in (1, 1, 2)]
    notice = change.notices.get()
    assert (notice.state, notice.email, notice.provider_id) == ("accepted", "right@example.com", "r3")
    assert notice.bounced_at is None
    assert kinds(notice) == ["unknown", "send_again", "accepted", "bounced", "send_again", "accepted"]
    hear(client, "bounced", id="r2", notice=notice, round=1, event="late")
    notice.refresh_from_db()
    assert notice.state == "accepted"


# --- a person -----------------------------------------------------------------------------------


@pytest.fixture
def bounced(client, notice):
    hear(client, "bounced")
    notice.refresh_from_db()
    return notice


def test_settled_it_counts_as_given(bounced):
    tracking.settle(bounced.pk, actor=ms_khumalo(), reason=" By telephone ")

    bounced.refresh_from_db()
    assert (bounced.state, bounced.why, kinds(bounced)[-1]) == ("settled", "By telephone", "settled")
    entry = AuditEntry.objects.get(action="settle notice")
    assert (entry.actor_name, entry.changes, entry.detail) == (
        "Zanele Khumalo", {"state": ["bounced", "settled"]}, "By telephone",
    )  # fmt: skip
    [stage] = standing_of(bounced.change_id)
    assert (stage["told"], stage["needed"], stage["undelivered"]) == (1, 1, 0)


def test_a_decision_stands_whatever_the_provider_says_later(client, bounced):
    tracking.settle(bounced.pk, actor=ms_khumalo(), reason="By telephone")
    hear(client, "bounced", event="msg_7")

    bounced.refresh_from_db()
    assert (bounced.state, kinds(bounced)) == ("settled", ["accepted", "bounced", "settled", "bounced"])


@pytest.mark.parametrize("deed", [tracking.settle, tracking.send_again])
def test_who_may_not_and_without_a_reason_decides_nothing(bounced, deed):
    with pytest.raises(NotAllowed, match="may not decide about notices"):
        deed(bounced.pk, actor=person("the.auditor", "Auditor"), reason="x")
    with pytest.raises(NotReady, match="reason: "):
        deed(bounced.pk, actor=ms_khumalo(), reason=" ")

    bounced.refresh_from_db()
    assert bounced.state == "bounced"


@pytest.mark.parametrize("deed", [tracking.settle, tracking.send_again])
def test_there_is_nothing_to_decide_about_what_was_accepted(notice, deed):
    with pytest.raises(WrongStatus, match="there is nothing to decide, it is “accepted by the provider”"):
        deed(notice.pk, actor=ms_khumalo(), reason="x")


def test_without_an_address_in_zoho_it_is_not_sent_again(bounced):
    bounced.subscription.customer_email = ""
    bounced.subscription.save()

    with pytest.raises(NotReady, match="address: Zoho has no e-mail address for SUB-"):
        tracking.send_again(bounced.pk, actor=ms_khumalo(), reason="x")


def test_of_a_withdrawn_change_nothing_is_sent_again(bounced):
    services.cancel_price_change(bounced.change_id, actor=ms_khumalo(), reason="No", at=PUBLISHED + DAY)

    with pytest.raises(WrongStatus, match="was withdrawn"):
        tracking.send_again(bounced.pk, actor=ms_khumalo(), reason="x")


# --- its pages ----------------------------------------------------------------------------------

LIST = reverse("admin:pricing_pricenotice_changelist")
CONFIRMED = {"_form_submitted": "True", "reason": "By telephone"}


def page_of(notice, name="change"):
    return reverse(f"admin:pricing_pricenotice_{name}", args=[notice.pk])


def test_the_list_tells_who_was_not_reached_and_the_page_what_to_do(
    client, bounced, django_assert_num_queries
):
    client.force_login(ms_khumalo())
    html = client.get(LIST, {"undelivered": "yes", "change__id__exact": bounced.change_id}).content.decode()
    assert bounced.email in html
    assert "0 of 1" in html
    assert reverse("admin:pricing_pricenotice_csv", args=[bounced.change_id]) in html
    html = client.get(page_of(bounced)).content.decode()
    assert "Find out the right address and enter it in Zoho" in html
    assert "Dear Sipho Dlamini" in html
    for _ in range(3):
        told_customer(bounced.change)
    owing.owe(PUBLISHED)
    client.get(LIST)
    with django_assert_num_queries(7):
        client.get(LIST)


def test_a_person_settles_on_the_page_by_post_only(client, bounced):
    client.force_login(ms_khumalo())
    client.get(page_of(bounced, "settle_one"))
    assert PriceNotice.objects.get().state == "bounced"

    client.post(page_of(bounced, "settle_one"), CONFIRMED)

    assert PriceNotice.objects.get().state == "settled"
    assert page_of(bounced, "settle_one") not in client.get(page_of(bounced)).content.decode()


def test_selected_ones_are_sent_again_each_by_itself(client, bounced):
    settled = told_customer(bounced.change, customer_email="")
    owing.owe(PUBLISHED)
    client.force_login(ms_khumalo())

    response = client.post(
        LIST,
        {
            "action": "send_again_selected",
            "_selected_action": list(bounced.change.notices.values_list("pk", flat=True)),
        },
        follow=True,
    )

    told = [str(message) for message in response.context["messages"]]
    assert told[0] == "1 are sent within a minute."
    assert told[1].startswith(f"address: Zoho has no e-mail address for {settled}")
    assert AuditEntry.objects.get(result="refused").action == "send notice again"


def test_an_auditor_looks_and_decides_nothing(client, bounced):
    client.force_login(person("the.auditor", "Auditor"))

    assert client.get(page_of(bounced)).status_code == client.get(LIST).status_code == 200
    client.post(page_of(bounced, "settle_one"), CONFIRMED)

    assert PriceNotice.objects.get().state == "bounced"


def test_the_page_of_a_change_says_how_its_notices_stand(client, bounced):
    client.force_login(ms_khumalo())

    html = client.get(reverse("admin:pricing_pricechange_change", args=[bounced.change_id])).content.decode()

    assert "At publication" in html
    assert "2 Mar 2027, 10:00" in html
    assert f"{LIST}?change__id__exact={bounced.change_id}" in html


# --- the proof ----------------------------------------------------------------------------------


def test_the_files_hold_all_of_the_proof(client, bounced):
    client.force_login(person("the.auditor", "Auditor"))
    text = b"".join(client.get(reverse("admin:pricing_pricenotice_csv", args=[bounced.change_id]))).decode(
        "utf-8-sig"
    )
    [row] = csv.DictReader(io.StringIO(text))
    subscription = bounced.subscription
    assert row == {
        "stage": "announcement",
        "subscription": subscription.number,
        "customer": "Sipho Dlamini",
        "email": subscription.customer_email,
        "state": "bounced",
        "why": "The mail provider says that it did not arrive.",
        "due_on": "2027-03-02",
        "sending": "1",
        "text_sha256": bounced.text_hash,
        "provider_id": "r1",
        "accepted_at": "2027-03-02T08:00:00+00:00",
        "delivered_at": "",
        "bounced_at": "2027-03-02T08:05:00.123000+00:00",
        "subject": bounced.subject,
    }

    answer = client.get(reverse("admin:pricing_pricenotice_json", args=[bounced.change_id]))
    proof = json.loads(b"".join(answer))
    assert (proof["sku"], proof["new_price"], proof["effective_date"]) == (
        bounced.change.package.sku,
        "899.00",
        "2027-05-01",
    )
    assert [one["kind"] for one in proof["events"]] == ["accepted", "bounced"]
    [words] = proof["texts"]
    said = hashlib.sha256(f"{words['subject']}\n\n{words['body']}".encode()).hexdigest()
    assert said == words["sha256"] == proof["notices"][0]["text_sha256"] == bounced.text_hash


def test_a_formula_in_a_name_stays_text(client, change):
    told_customer(change, customer_name="=HYPERLINK(1)")
    owing.owe(PUBLISHED)
    client.force_login(ms_khumalo())

    text = b"".join(client.get(reverse("admin:pricing_pricenotice_csv", args=[change.pk]))).decode()

    assert ",'=HYPERLINK(1)," in text


def test_the_number_of_queries_of_a_file_does_not_grow(client, change, django_assert_num_queries):
    client.force_login(ms_khumalo())
    for _ in range(2):
        for _ in range(4):
            told_customer(change)
        owing.owe(PUBLISHED)
        with django_assert_num_queries(8):  # who asks, what they may, the change; cursors over three lists
            b"".join(client.get(reverse("admin:pricing_pricenotice_json", args=[change.pk])))


def test_over_rest_by_state_and_stage(client, bounced):
    told_customer(bounced.change)
    owing.owe(PUBLISHED)
    address = reverse("price-notice-list", args=[bounced.change_id])
    assert client.get(address).status_code == 401
    client.force_login(person("anna.approver", "Approver"))
    assert client.get(address).status_code == 403
    client.force_login(ms_khumalo())

    assert client.get(address).json()["count"] == 2
    [one] = client.get(address, {"state": "bounced", "stage": "announcement"}).json()["results"]
    assert one == {
        "id": str(bounced.pk),
        "stage": "announcement",
        "subscription_id": bounced.subscription.subscription_id,
        "customer_name": "Sipho Dlamini",
        "email": bounced.email,
        "state": "bounced",
        "why": "The mail provider says that it did not arrive.",
        "due_on": "2027-03-02",
        "sending": 1,
        "text_sha256": bounced.text_hash,
        "provider_id": "r1",
        "accepted_at": "2027-03-02T10:00:00+02:00",
        "delivered_at": None,
        "bounced_at": "2027-03-02T10:05:00.123000+02:00",
    }
    assert client.get(address, {"state": "lost"}).status_code == 400
    assert (
        client.get(reverse("price-notice-list", args=["0" * 8 + "-0000-0000-0000-" + "0" * 12])).status_code
        == 404
    )
    proof = reverse("price-notice-evidence", args=[bounced.change_id])
    told = json.loads(b"".join(client.get(proof)))["notices"]
    assert {notice["provider_id"] for notice in told} == {"r1", ""}  # two of one name, in any order
    assert b"".join(client.get(proof, {"as": "csv"})).startswith(b"\xef\xbb\xbfstage,subscription,")
    assert client.get(proof, {"as": "pdf"}).status_code == 400
    assert NoticeEvent.objects.count() == 2


# --- the words in the admin ---------------------------------------------------------------------

STAGE = reverse("admin:pricing_noticestage_change", args=["one-week"])


def form_of(stage, **values):
    kept = {name: getattr(stage, name) for name in ("name", "days", "subject", "body")}
    return {**kept, "required": "on", "active": "on"} | values


def test_the_linter_speaks_beside_the_field(client, change):
    client.force_login(ms_khumalo())
    stage = change.notices.model._meta.get_field("stage").related_model.objects.get(pk="one-week")

    response = client.post(
        STAGE, form_of(stage, subject="Great news", body=stage.body + "{% now 'Y' %}", days="0")
    )

    errors = response.context["adminform"].form.errors
    assert set(errors) == {"subject", "body", "days"}
    assert errors["subject"][0].startswith("“great news” promotes something.")
    stage.refresh_from_db()
    assert stage.days == 7
    assert client.post(STAGE, form_of(stage, days="6")).status_code == 302
    stage.refresh_from_db()
    assert (stage.days, AuditEntry.objects.get(action="edit notice").actor_name) == (6, "Zanele Khumalo")


def test_the_preview_follows_what_is_written_and_keeps_nothing(client, change):
    told_customer(change, customer_name="Zinhle Nkosi")
    client.force_login(ms_khumalo())
    page = client.get(STAGE).content.decode()
    address = reverse("admin:pricing_noticestage_preview", args=["one-week"])
    assert address in page

    def preview(**values):
        return client.post(address, {"preview_change": str(change.pk)} | values).content.decode()

    assert "Dear Zinhle Nkosi" in preview()
    assert "For Zinhle Nkosi" in preview(subject="For {{ customer_name }}")
    assert "As it stands this would be refused" in preview(body="Hello")
    refused = client.get(address)
    assert (refused.status_code, refused["Allow"]) == (405, "POST")
    client.force_login(person("anna.approver", "Approver"))
    assert [client.get(address).status_code, client.post(address).status_code] == [403, 403]
    assert not PriceNotice.objects.exists()


def test_a_test_mail_is_sent_by_post(client, change, settings, mailoutbox):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    client.force_login(ms_khumalo())
    address = reverse("admin:pricing_noticestage_test_one", args=["one-week"])
    client.get(address)
    assert mailoutbox == []

    answer = client.post(address, {"_form_submitted": "True"}, follow=True)

    assert [message.to for message in mailoutbox] == [["zanele.khumalo@example.com"]]
    assert answer.redirect_chain == [(STAGE, 302)]
    assert [str(one) for one in answer.context["messages"]] == [
        "A test is on its way to zanele.khumalo@example.com."
    ]


def test_an_auditor_reads_the_words_and_edits_none(client, change):
    client.force_login(person("the.auditor", "Auditor"))

    assert client.get(STAGE).status_code == 200
    assert client.post(STAGE, {"days": "3"}).status_code == 403
