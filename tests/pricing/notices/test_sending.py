"""Each notice once: what the provider accepts, refuses, or leaves in doubt; two workers, and one that is killed."""

import os
import signal
import smtplib
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import requests
import responses
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connections
from django_celery_beat.models import PeriodicTask

from circletel.core import jobs
from circletel.core.models import Job
from pricing import services, tasks
from pricing.alerting import undelivered_notices
from pricing.models import MailOutage, NoticeStage, NoticeText, PriceMove, PriceNotice
from pricing.notices import owing, sending
from pricing.notices.provider import Outcome, outcome_of
from tests.factories import person
from tests.pricing.histories import package_opened
from tests.pricing.notices.customers import told_customer
from tests.pricing.people import PUBLISHED, R799, ms_khumalo, published
from tests.processes import environment, kill_group, wait_until
from zoho_sync.operating.models import AlertRule

pytestmark = pytest.mark.django_db
SEND = "https://api.resend.com/emails"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TRANSACTIONAL = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture(autouse=True)
def at_any_pace(monkeypatch):
    monkeypatch.setattr("pricing.notices.sending.NOTICES_PER_SECOND", 0)


@pytest.fixture
def change():
    return published(package_opened(R799))


@pytest.fixture
def resend(settings):
    settings.EMAIL_BACKEND, settings.RESEND_API_KEY = "circletel.core.mail.ResendBackend", "re_secret_of_ours"
    with responses.RequestsMock() as mock:
        yield mock


def owed(change, number=1):
    found = [told_customer(change) for _ in range(number)]
    owing.owe(PUBLISHED)
    return found


def the(change, **conditions):
    return change.notices.get(**conditions)


def events(notice):
    return list(notice.events.values_list("kind", flat=True))


def send(at=PUBLISHED, **options):
    return sending.send_due(at, **options)


def test_a_notice_goes_out_with_everything_that_proves_it(change, mailoutbox, settings):
    settings.PRICE_NOTICE_FROM, settings.PRICE_NOTICE_REPLY_TO = (
        "prices@circletel.example",
        ["care@circletel.example"],
    )
    [somebody] = owed(change)

    assert str(send()) == "1 accepted, 0 refused, 0 unknown"

    [message] = mailoutbox
    notice = the(change)
    assert (message.to, message.cc, message.bcc) == ([somebody.customer_email], [], [])
    assert (message.from_email, message.reply_to) == ("prices@circletel.example", ["care@circletel.example"])
    assert message.subject == f"The price of {change.package.name} changes on 3 May 2027" == notice.subject
    assert message.alternatives[0].mimetype == "text/html"
    text = NoticeText.objects.get()
    assert (text.text_hash, text.subject, text.body) == (notice.text_hash, message.subject, message.body)
    assert (notice.state, notice.accepted_at, notice.attempts, notice.sending_since) == (
        "accepted",
        PUBLISHED,
        1,
        None,
    )
    assert notice.provider_id == message.extra_headers["Message-ID"] == f"<{notice.pk}.1@notices.circletel>"
    [event] = notice.events.all()
    assert (event.kind, event.at, event.email, event.text_hash) == (
        "accepted", PUBLISHED, somebody.customer_email, notice.text_hash,
    )  # fmt: skip


def test_a_second_run_sends_nothing(change, mailoutbox):
    owed(change, 3)

    assert [send().accepted, send().accepted, send(PUBLISHED + DAY).accepted] == [3, 0, 0]
    assert len(mailoutbox) == 3


def test_nothing_goes_out_before_its_day(change, mailoutbox):
    owed(change)
    PriceNotice.objects.update(due_on=date(2027, 3, 3))

    assert send(datetime(2027, 3, 2, 21, 59, tzinfo=UTC)).accepted == 0
    assert send(datetime(2027, 3, 2, 22, 0, tzinfo=UTC)).accepted == 1


def test_resend_is_told_once_with_a_key_of_its_own_and_its_answer_is_the_receipt(resend, change):
    owed(change)
    resend.post(SEND, json={"id": "49a3999c"})

    send()

    notice, [call] = the(change), resend.calls
    assert (notice.state, notice.provider_id) == ("accepted", "49a3999c")
    assert call.request.headers["Idempotency-Key"] == f"<{notice.pk}.1@notices.circletel>"
    assert f'\\"notice\\": \\"{notice.pk}\\", \\"round\\": 1' in call.request.body


def test_one_that_is_refused_needs_a_person_and_stops_nobody(resend, change):
    owed(change, 3)
    resend.post(SEND, status=422, json={"message": "Invalid `to`: somebody@example.com"})
    resend.post(SEND, json={"id": "a"})
    resend.post(SEND, json={"id": "b"})

    assert str(send()) == "2 accepted, 1 refused, 0 unknown"

    notice = the(change, state="failed")
    assert (notice.why, notice.accepted_at, events(notice)) == ("Resend answered 422", None, ["refused"])
    assert send(PUBLISHED + DAY).accepted == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 503}, "Resend answered 503"),
        ({"status": 429}, "Resend answered 429"),
        (
            {"status": 401},
            "Resend answered 401: check RESEND_API_KEY, and that the domain of DEFAULT_FROM_EMAIL is verified there",
        ),
        ({"body": requests.ConnectTimeout()}, "AnymailRequestsAPIError"),
    ],
)
def test_an_outage_costs_no_attempt_and_is_tried_again_later_and_later(resend, change, answer, words):
    owed(change, 2)
    resend.post(SEND, **answer)

    sent = send()

    assert (sent.stopped, sent.accepted) == (words, 0)
    assert list(change.notices.values_list("state", "attempts", "sending_since")) == [("owed", 0, None)] * 2
    outage = MailOutage.objects.get()
    assert (outage.began_at, outage.next_try_at, outage.words) == (PUBLISHED, PUBLISHED + MINUTE, words)
    assert send(PUBLISHED + MINUTE / 2).stopped == f"the provider took nothing ({words}); tried again later"
    assert len(resend.calls) == 1
    at = PUBLISHED
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        at += minutes * MINUTE
        send(at)
    assert (MailOutage.objects.get().tries, len(resend.calls)) == (9, 9)
    assert MailOutage.objects.get().next_try_at == at + 60 * MINUTE


def test_an_outage_ends_with_the_first_accepted_notice(resend, change):
    owed(change, 2)
    resend.post(SEND, status=503)
    resend.post(SEND, json={"id": "a"})
    resend.post(SEND, json={"id": "b"})
    send()
    rule = AlertRule.objects.get(trigger="price_notices")
    [found] = undelivered_notices(rule, PUBLISHED).firing
    assert found.title == "The mail provider takes no notices of price changes"
    assert found.detail.startswith("Resend answered 503. Since 2 Mar 2027 10:00; none is lost")

    assert send(PUBLISHED + MINUTE).accepted == 2

    assert MailOutage.objects.get().ended_at == PUBLISHED + MINUTE
    assert undelivered_notices(rule, PUBLISHED).firing == []


@pytest.mark.parametrize(
    "answer", [{"status": 500}, {"body": requests.ReadTimeout()}, {"status": 200, "body": "?"}]
)
def test_what_may_have_been_sent_is_never_sent_again_by_itself(resend, change, answer):
    owed(change)
    resend.post(SEND, **answer)

    assert str(send()) == "0 accepted, 0 refused, 1 unknown"

    notice = the(change)
    assert (notice.state, notice.accepted_at, events(notice)) == ("unknown", None, ["unknown"])
    for later in (MINUTE, DAY):
        assert owing.owe(PUBLISHED + later).made == send(PUBLISHED + later).accepted == 0
    assert len(resend.calls) == 1


def test_a_provider_that_refuses_everybody_is_not_asked_about_everybody(resend, change):
    owed(change, 12)
    resend.post(SEND, status=422)

    sent = send()

    assert (sent.refused, sent.stopped) == (10, "too many in a row went wrong, last: Resend answered 422")
    assert change.notices.filter(state="owed").count() == 2


def test_three_answers_lost_in_a_row_end_the_run(resend, change):
    owed(change, 5)
    resend.post(SEND, status=500)

    assert send().unknown == 3
    assert change.notices.filter(state="owed").count() == 2


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        (ConnectionRefusedError(), Outcome.NOT_TAKEN),
        (smtplib.SMTPAuthenticationError(535, b"no"), Outcome.NOT_TAKEN),
        (smtplib.SMTPDataError(451, b"later"), Outcome.NOT_TAKEN),
        (smtplib.SMTPDataError(554, b"spam"), Outcome.REFUSED),
        (smtplib.SMTPRecipientsRefused({"a@b": (550, b"unknown")}), Outcome.REFUSED),
        (smtplib.SMTPServerDisconnected("gone"), Outcome.UNKNOWN),
        (TimeoutError(), Outcome.UNKNOWN),
        (ConnectionResetError(), Outcome.UNKNOWN),
        (RuntimeError("?"), Outcome.UNKNOWN),
    ],
)
def test_what_a_mail_server_says_is_understood(trouble, outcome):
    assert outcome_of(trouble) == outcome


def test_without_a_provider_nothing_counts_as_sent(change, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    owed(change)

    assert send().stopped == "no mail provider is set up: EMAIL_URL and the settings beside it name one"
    assert the(change).state == "owed"
    settings.DEMO = True
    assert send(PUBLISHED + DAY).accepted == 1


# --- looked at again at the last moment ---------------------------------------------------------


def test_who_need_not_be_told_at_the_last_moment_is_not(change, mailoutbox):
    owed(change)
    PriceMove.objects.update(state="not_needed")

    assert send().not_needed == 1
    assert (mailoutbox, the(change).state) == ([], "not_needed")


def test_a_withdrawn_change_is_not_announced_though_it_was_owed(change, mailoutbox):
    owed(change)
    services.cancel_price_change(change.pk, actor=ms_khumalo(), reason="No", at=PUBLISHED + MINUTE)

    assert send(PUBLISHED + MINUTE).accepted == 0
    assert mailoutbox == []


def test_the_withdrawal_names_the_prices_of_the_change(change, mailoutbox):
    owed(change)
    send()
    services.cancel_price_change(change.pk, actor=ms_khumalo(), reason="No", at=PUBLISHED + DAY)
    PriceMove.objects.update(state="not_needed", expected_price=R799)

    assert send(PUBLISHED + DAY).accepted == 1
    assert "would change to R\u00a0899,00 a month" in mailoutbox[1].body


def test_a_rise_is_not_announced_after_its_first_bill(change, mailoutbox):
    owed(change)

    send(datetime(2027, 5, 4, 6, 0, tzinfo=UTC))

    notice = the(change)
    assert (mailoutbox, notice.state) == ([], "failed")
    assert (
        notice.why
        == "It could not be sent before 3 May 2027, the day it announces: tell the customer another way."
    )


def test_words_that_the_linter_refuses_are_not_sent_and_somebody_is_told(change, mailoutbox):
    owed(change)
    NoticeStage.objects.filter(pk="announcement").update(subject="Great news")

    assert (send().accepted, mailoutbox, the(change).state) == (0, [], "owed")
    [found] = undelivered_notices(AlertRule.objects.get(trigger="price_notices"), PUBLISHED).firing
    assert found.title == "The notice “At publication” is not sent"
    assert "“great news” promotes something" in found.detail


def test_the_number_of_queries_for_each_notice(change, django_assert_num_queries, mailoutbox):
    owed(change, 3)
    # lost, outages, stages, VAT; the preview: VAT, coupons, add-ons, taxes; each: savepoint, claim, move, text, mark, release; savepoint, four, release; the last: three
    with django_assert_num_queries(4 + 4 + 3 * 13 + 3):
        assert send().accepted == 3


def test_the_pace_is_kept(change, monkeypatch):
    monkeypatch.setattr("pricing.notices.sending.NOTICES_PER_SECOND", 4)
    owed(change, 3)
    pauses = []

    send(pause=pauses.append)

    assert len(pauses) == 3
    assert all(0 < pause <= 0.25 for pause in pauses)


# --- two at once, and one that is killed --------------------------------------------------------


@TRANSACTIONAL
def test_two_workers_at_once_send_each_notice_once(change):
    owed(change, 20)
    outcomes, begin = [], threading.Barrier(2)

    def run():
        begin.wait()
        outcomes.append(send().accepted)
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(outcomes) == 20
    assert len({message.to[0] for message in mail.outbox}) == len(mail.outbox) == 20
    assert set(change.notices.values_list("state", "attempts")) == {("accepted", 1)}


SLOW_PROVIDER = """
import django; django.setup()
import time
from datetime import datetime
from django.core.mail.backends import locmem
from pricing.notices import provider, sending
def hang(notice, text, connection):
    open({path!r}, "w").write(str(notice.pk))
    time.sleep(600)
sending.hand_over = hang
sending.send_due(datetime.fromisoformat({now!r}))
"""


@TRANSACTIONAL
def test_a_worker_killed_while_sending_leaves_a_doubt_and_never_a_second_letter(change, tmp_path):
    owed(change, 2)
    path = tmp_path / "sending"
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_PROVIDER.format(path=str(path), now=PUBLISHED.isoformat())],
        env=environment(
            DJANGO_SETTINGS_MODULE="circletel.settings", EMAIL_URL="dummymail://", CIRCLETEL_DEMO="true"
        ),
        start_new_session=True,
    )
    try:
        wait_until(lambda: path.exists() and path.read_text(), what="the first letter")
        os.killpg(process.pid, signal.SIGKILL)
    finally:
        kill_group(process)
    in_doubt = path.read_text()

    assert send(PUBLISHED + MINUTE).accepted == 1
    assert the(change, pk=in_doubt).state == "owed"
    assert send(PUBLISHED + 16 * MINUTE).accepted == 0

    notice = the(change, pk=in_doubt)
    assert (notice.state, notice.attempts) == ("unknown", 1)
    assert notice.why == "The worker that sent it went away before the provider answered."
    assert NoticeText.objects.filter(pk=notice.text_hash).exists()
    assert [message.to for message in mail.outbox] == [[the(change, state="accepted").email]]


@TRANSACTIONAL
def test_publishing_and_cancelling_nudge_a_worker(sent_tasks, redis_flushed):
    def nudged():
        return [task for task in sent_tasks if task.name == "pricing.tasks.send_price_notices"]

    change = published(package_opened(R799))
    assert len(nudged()) == 1
    services.cancel_price_change(change.pk, actor=ms_khumalo(), reason="No", at=PUBLISHED)
    assert len(nudged()) == 2


# --- its doors ----------------------------------------------------------------------------------


def run(command, *args):
    out = StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("task", "hour", "minute"),
    [("send_price_notices", "8", "0"), ("resume_price_notices", "8-20", "*/10")],
)
def test_the_schedule_is_johannesburgs(task, hour, minute):
    line = PeriodicTask.objects.get(task=getattr(tasks, task).name)

    assert (line.crontab.hour, line.crontab.minute, str(line.crontab.timezone)) == (
        hour,
        minute,
        "Africa/Johannesburg",
    )


def test_the_task_owes_sends_and_says_so(change, mailoutbox):
    told_customer(change)

    with time_machine.travel(PUBLISHED, tick=False):
        assert tasks.send_price_notices()
        tasks.resume_price_notices()

    assert len(mailoutbox) == 1
    assert list(Job.objects.order_by("kind").values_list("result", flat=True)) == [
        "nothing waits",
        "1 notices owed anew, 0 looked at otherwise; 1 accepted, 0 refused, 0 unknown",
    ]


def test_sending_is_seen_and_cancelled_on_the_page_of_its_job(change, mailoutbox, monkeypatch):
    owed(change, 3)
    progress = jobs.RunningJob.progress

    def cancelled_after_two(job, done, *more):
        if done == 2:
            jobs.cancel(job.job.pk, actor=person("lerato.mokoena", "Sync operator"))
        progress(job, done, *more)

    monkeypatch.setattr(jobs.RunningJob, "progress", cancelled_after_two)
    with time_machine.travel(PUBLISHED, tick=False):
        assert tasks.send_price_notices()

    job = Job.objects.get()
    assert (job.state, job.done, job.total, job.progress) == (
        "cancelled",
        1,
        3,
        "1 accepted, 0 refused, 0 unknown",
    )
    # The second was on its way.
    assert (len(mailoutbox), sorted(PriceNotice.objects.values_list("state", flat=True))) == (
        2,
        ["accepted", "accepted", "owed"],
    )


def test_what_was_left_is_taken_up_by_day(change, mailoutbox):
    owed(change, 2)
    send(limit=1)

    with time_machine.travel(PUBLISHED + MINUTE, tick=False):
        tasks.resume_price_notices()

    assert len(mailoutbox) == 2


def test_the_command_says_what_it_would_do_and_does_it_for_a_day(change, mailoutbox):
    told_customer(change)
    with time_machine.travel(datetime(2027, 4, 1, 12, 0, tzinfo=UTC), tick=False):
        assert run("send_price_notices", "--dry-run", "--date", "2027-03-02").splitlines() == [
            f"       1  At publication  {change.package.name} ({change.package.sku})",
            "Nothing sent. 1 notices would be due.",
        ]
        assert mailoutbox == []
        with pytest.raises(CommandError, match="2027-04-02 has not come yet"):
            run("send_price_notices", "--date", "2027-04-02")
        assert run("send_price_notices", "--date", "2027-03-31").splitlines() == [
            "1 notices owed anew, 0 looked at otherwise.",
            "1 accepted, 0 refused, 0 unknown.",
        ]
        assert run("send_price_notices").splitlines()[1] == "1 accepted, 0 refused, 0 unknown."
    assert [message.subject.split()[0] for message in mailoutbox] == ["The", "Reminder:"]


def test_the_command_fails_when_the_provider_stops_it(resend, change):
    resend.post(SEND, status=503)
    told_customer(change)

    with (
        time_machine.travel(PUBLISHED, tick=False),
        pytest.raises(CommandError, match="Not everything was sent"),
    ):
        run("send_price_notices")


def test_the_rehearsal_prints_notices_day_by_day_and_sends_none(change, mailoutbox):
    told_customer(change)
    with time_machine.travel(PUBLISHED, tick=False):
        said = run("rehearse", "--days", "90").splitlines()

    package = f"{change.package.name} ({change.package.sku})"
    assert [line for line in said if "→" not in line and "calls to Zoho" not in line] == [
        f"2027-03-02       1 notices  At publication  {package}",
        f"2027-04-01       1 notices  One month before  {package}",
        f"2027-04-24       1 notices  One week before  {package}",
        "1 prices move within 90 days; 0 would not as things stand. 1 subscriptions move, with 5 calls; 0 too late."
        " 3 notices are due; receipts follow moves that are confirmed. Nothing written.",
    ]
    assert (mailoutbox, change.notices.count()) == ([], 0)
