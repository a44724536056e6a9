"""What is known of a customer is written down on request, and forgotten: names go, proof stays."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import responses
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from circletel.core.models import AuditEntry, Job
from pricing import personal_data, tasks
from pricing.mirror.listing import take_customers
from pricing.mirror.reading import Verdict, judge_row
from pricing.models import NoticeEvent, NoticeText, PriceNotice, Subscription
from pricing.notices import owing, sending
from tests.factories import person
from tests.pricing.histories import package_opened
from tests.pricing.notices.customers import told_customer
from tests.pricing.people import PUBLISHED, R799, published
from tests.pricing.subscriptions import mirrored

pytestmark = pytest.mark.django_db
THANDI = "thandi@example.com"


@pytest.fixture
def keeper():
    return User.objects.create_superuser("keeper")


@pytest.fixture
def change(settings, monkeypatch):
    monkeypatch.setattr("pricing.notices.sending.NOTICES_PER_SECOND", 0)
    settings.EMAIL_BACKEND, settings.RESEND_API_KEY = "circletel.core.mail.ResendBackend", "re_secret_of_ours"
    return published(package_opened(R799))


@pytest.fixture
def told(change):
    """Thandi and Sipho were told of a price change; Thandi's subscription has ended since."""
    thandi = told_customer(change, customer_name="Thandi Nkosi", customer_email=THANDI)
    sipho = told_customer(change, customer_name="Sipho Dube", customer_email="sipho@example.com")
    owing.owe(PUBLISHED)
    with responses.RequestsMock() as resend:
        for number in range(2):
            resend.post("https://api.resend.com/emails", json={"id": f"r{number}"})
        sending.send_due(PUBLISHED)
    Subscription.objects.filter(pk=thandi.pk).update(
        status="cancelled", current_term_ends_on=date(2027, 3, 14)
    )
    thandi.refresh_from_db()
    return thandi, sipho


def run(deed, *arguments):
    out = StringIO()
    call_command("personal_data", deed, *arguments, stdout=out)
    return out.getvalue()


def everything():
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found += [(table, row) for (row,) in cursor.fetchall()]
    return found


def test_all_that_is_kept_of_one_customer_is_exported_and_nothing_of_another(told, keeper, tmp_path):
    thandi, sipho = told
    mirrored(
        thandi.package, customer_id=thandi.customer_id, customer_email="new@example.com", number="SUB-2ND"
    )
    file = tmp_path / "thandi.json"

    assert run("export", "THANDI@example.com", "--out", str(file)) == f"{file}: 2 subscriptions.\n"

    found = json.loads(file.read_text())
    assert file.stat().st_mode & 0o077 == 0
    first, second = sorted(found["subscriptions"], key=lambda each: each["number"] == "SUB-2ND")
    assert (first["customer_name"], second["customer_email"]) == ("Thandi Nkosi", "new@example.com")
    (notice,) = first["notices"]
    assert (notice["email"], [event["kind"] for event in notice["events"]]) == (THANDI, ["accepted"])
    assert "Thandi Nkosi" in first["texts"][0]["body"]
    assert len(first["moves"]) == 1
    assert second["notices"] == []
    assert "Sipho" not in file.read_text()
    assert sipho.customer_id not in file.read_text()
    assert AuditEntry.objects.filter(action="personal data exported", actor_name="keeper").count() == 2
    with pytest.raises(CommandError, match=r"File exists"):
        run("export", THANDI, "--out", str(file))


def test_erased_is_erased_everywhere_and_the_proof_stands(told, keeper):
    thandi, sipho = told
    notice = PriceNotice.objects.get(subscription=thandi)
    proof = (notice.accepted_at, notice.text_hash, notice.provider_id, notice.state)
    assert {table for table, row in everything() if "Thandi Nkosi" in row or THANDI in row} == {
        "subscriptions", "price_notices", "price_notice_events", "price_notice_texts",
    }  # fmt: skip

    said = run("erase", THANDI, "--reason", "Her request of 12 November")

    assert said.startswith(
        f"Erased: name and address of 1 subscriptions ({thandi.number}), 1 notices, 1 texts."
    )
    left = [(table, row) for table, row in everything() if "Thandi Nkosi" in row or THANDI in row]
    assert left == []
    notice.refresh_from_db()
    assert (notice.accepted_at, notice.text_hash, notice.provider_id, notice.state) == proof
    assert NoticeEvent.objects.get(notice=notice).kind == "accepted"
    assert NoticeText.objects.filter(pk=notice.text_hash, body="").exists()
    entry = AuditEntry.objects.get(action="personal data erased")
    assert (entry.target_name, entry.detail) == (thandi.number, "Her request of 12 November")
    others = PriceNotice.objects.get(subscription=sipho)
    assert (others.email, sipho.customer_name) == ("sipho@example.com", "Sipho Dube")
    assert "Sipho Dube" in NoticeText.objects.get(pk=others.text_hash).body


def test_a_text_that_went_to_another_customer_too_is_left_whole(told, keeper):
    thandi, sipho = told
    shared = PriceNotice.objects.get(subscription=sipho).text_hash
    notice = PriceNotice.objects.get(subscription=thandi)
    notice.events.create(kind="accepted", at=PUBLISHED, round=2, email=THANDI, text_hash=shared)

    run("erase", THANDI, "--reason", "asked")

    assert "Sipho Dube" in NoticeText.objects.get(pk=shared).body
    assert NoticeText.objects.exclude(pk=shared).get().body == ""


def test_whoever_is_served_is_not_erased(told, keeper):
    thandi, _sipho = told
    mirrored(thandi.package, customer_id=thandi.customer_id, number="SUB-LIVE")

    with pytest.raises(CommandError, match=r"still served by Zoho Billing \(SUB-LIVE\)"):
        run("erase", THANDI, "--reason", "asked")
    with pytest.raises(CommandError, match="Still served by Zoho Billing: SUB-LIVE"):
        run("erase", THANDI, "--dry-run")

    thandi.refresh_from_db()
    assert (thandi.customer_name, thandi.erased_at) == ("Thandi Nkosi", None)


def test_a_dry_run_erases_nothing_and_a_reason_is_asked_for(told, keeper):
    assert run("erase", THANDI, "--dry-run").startswith("Nothing erased. It would be: name and address of 1")
    with pytest.raises(CommandError, match="reason: say why"):
        run("erase", THANDI)

    assert Subscription.objects.filter(customer_email=THANDI, erased_at=None).exists()
    assert not AuditEntry.objects.filter(action="personal data erased").exists()


@pytest.mark.parametrize("deed", [["export"], ["erase", "--reason", "asked"]])
def test_nobody_of_that_name_and_nobody_without_the_right(told, keeper, deed):
    first, *rest = deed
    with pytest.raises(
        CommandError, match=r"nobody here has the address or the customer id nobody@example.com\."
    ):
        run(first, "nobody@example.com", *rest)
    with pytest.raises(CommandError, match="name an e-mail address"):
        run(first, "  ", *rest)
    person("an.auditor", "Auditor")
    with pytest.raises(CommandError, match=r"personal data"):
        run(first, THANDI, *rest, "--actor", "an.auditor")
    assert Subscription.objects.filter(customer_email=THANDI).exists()


def test_what_zohos_lists_still_say_of_them_is_not_taken_again(told, keeper):
    thandi, _sipho = told
    row = {"subscription_id": thandi.subscription_id, "status": "cancelled", "customer_name": "Thandi Nkosi"}
    Subscription.objects.filter(pk=thandi.pk).update(listed=row)
    run("erase", THANDI, "--reason", "asked")
    thandi.refresh_from_db()

    take_customers([{"customer_id": thandi.customer_id, "display_name": "Thandi Nkosi", "email": THANDI}])

    assert judge_row(row, thandi) is Verdict.SAME
    assert judge_row(row | {"status": "live"}, thandi) is Verdict.CHANGED
    thandi.refresh_from_db()
    assert (thandi.customer_name, thandi.customer_email, thandi.listed) == ("", "", {})


def test_who_left_long_ago_is_forgotten_by_itself(told, settings):
    settings.CUSTOMER_DATA_KEEP_DAYS = 1096
    thandi, sipho = told
    back = mirrored(
        thandi.package, customer_name="Back again", status="cancelled", current_term_ends_on=date(2021, 1, 1)
    )
    mirrored(thandi.package, customer_id=back.customer_id)
    unknown = mirrored(thandi.package, status="cancelled", current_term_ends_on=None, customer_name="When?")
    gone = mirrored(
        thandi.package, status="live", current_term_ends_on=None, gone_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    the_day = datetime(2027, 3, 15, 12, tzinfo=UTC)

    assert personal_data.erase_old(the_day - timedelta(days=1)) == 1
    assert personal_data.erase_old(the_day) == 1
    assert personal_data.erase_old(the_day) == 0

    forgotten = set(Subscription.objects.exclude(erased_at=None).values_list("pk", flat=True))
    assert forgotten == {thandi.pk, gone.pk}
    assert set(AuditEntry.objects.filter(action="personal data erased").values_list("actor_name", "target_name")) == {
        ("", thandi.number), ("", gone.number),
    }  # fmt: skip
    back.refresh_from_db()
    unknown.refresh_from_db()
    assert (back.customer_name, unknown.customer_name, sipho.erased_at) == ("Back again", "When?", None)
    tasks.erase_old_personal_data()
    assert Job.objects.get(kind="pricing.tasks.erase_old_personal_data").result == "0 subscriptions forgotten"


APPEND_ONLY, ACCEPTED = "is append-only", "what the provider accepted cannot be rewritten"


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE price_notice_events SET email = 'other@example.com'", APPEND_ONLY),
        ("UPDATE price_notice_events SET kind = 'bounced', email = ''", APPEND_ONLY),
        ("UPDATE price_notice_texts SET body = 'Other words'", APPEND_ONLY),
        ("UPDATE price_notices SET email = 'other@example.com', subject = ''", ACCEPTED),
        ("UPDATE price_notices SET email = '', subject = '', text_hash = ''", ACCEPTED),
        ("DELETE FROM price_notice_events", APPEND_ONLY),
        ("DELETE FROM price_notices", APPEND_ONLY),
        ("DELETE FROM price_notice_texts", APPEND_ONLY),
    ],
)
@pytest.mark.parametrize("mode", ["on", "off"])
def test_the_proof_cannot_be_rewritten_while_somebody_is_forgotten_either(told, mode, statement, why):
    assert why in refusal_of(statement, mode)


@pytest.mark.parametrize(
    ("table", "why"), [("price_notice_events", APPEND_ONLY), ("price_notices", ACCEPTED)]
)
def test_without_forgetting_an_address_stays(told, table, why):
    assert why in refusal_of(f"UPDATE {table} SET email = ''", "")


def refusal_of(statement, mode):
    """What PostgreSQL says against it."""
    personal_data._allow_erasing(mode)
    with connection.cursor() as cursor, pytest.raises(DatabaseError) as refused, transaction.atomic():
        cursor.execute(statement)
    return str(refused.value)
