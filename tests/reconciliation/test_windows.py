"""Admin pages, REST, files and e-mail: how people and programs see what was found."""

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail as outbox
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from circletel.core import jobs
from circletel.core.models import AuditEntry, Job, JobState
from circletel.core.spreadsheet import safe_cell
from reconciliation import reporting, services, tasks
from reconciliation.models import (
    Finding,
    FindingState,
    FindingType,
    ReconciliationReport,
    Repair,
    RepairState,
    ReportState,
)
from reconciliation.reporting import COLUMNS, as_csv
from tests.catalogue.admin.conftest import as_role, texts  # noqa: F401
from tests.factories import live_package, person
from tests.reconciliation.test_drift import crm
from zoho_sync.models import Kind, ProductIntegration, SyncStatus

pytestmark = pytest.mark.django_db
CONFIRMED = {"_form_submitted": "True"}
KEY = "HF-1_consumer_DFA"


@pytest.fixture
def in_step(zoho, drain):
    package = live_package(name="Home Fibre 100", sku="HF-1", regular_price="899.00")
    drain()
    return package


@pytest.fixture
def changed(in_step, zoho, reconcile):
    """A price changed in CRM by Sipho Dube, and found."""
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0, edited_by="Sipho Dube")
    reconcile()
    return Finding.objects.get()


@pytest.fixture
def operator(as_role):  # noqa: F811
    return as_role("Sync operator")


def page(name, *args):
    return reverse(f"admin:reconciliation_{name}", args=args)


class TestAdmin:
    def test_the_list_shows_both_sides_and_who(self, changed, operator):
        html = operator.get(page("finding_changelist")).content.decode()

        for shown in (KEY, "899.00", "Sipho Dube", "Differs", "New"):
            assert shown in html

    def test_the_list_shows_what_is_open_unless_asked_otherwise(self, changed, operator):
        Finding.objects.update(state=FindingState.RESOLVED, resolved_at=timezone.now())

        assert list(operator.get(page("finding_changelist")).context["cl"].result_list) == []
        everything = operator.get(page("finding_changelist"), {"state": "all"})
        assert [each.pk for each in everything.context["cl"].result_list] == [changed.pk]

    def test_only_fitting_deeds_are_offered(self, changed, operator):
        html = operator.get(page("finding_change", changed.pk)).content.decode()

        assert {deed: page(f"finding_{deed}_one", changed.pk) in html for deed in ("push", "adopt", "link", "deactivate")} == {
            "push": True, "adopt": True, "link": False, "deactivate": False,
        }  # fmt: skip

    def test_pushing_goes_over_a_plan_to_a_record_that_is_owed(self, changed, operator, zoho, drain):
        answer = operator.post(page("finding_push_one", changed.pk), CONFIRMED)
        repair = Repair.objects.get()
        assert answer.url == page("repair_change", repair.pk)
        assert crm(zoho)["Unit_Price"] == 1.0
        shown = operator.get(answer.url).content.decode()
        assert "Unit_Price becomes 899.00, instead of 1.0" in shown

        applied = operator.post(page("repair_apply_one", repair.pk), CONFIRMED)
        repair.refresh_from_db()
        assert applied.url == reverse("admin:core_job_change", args=[repair.job.pk])
        jobs.run(repair.job.pk)

        repair.refresh_from_db()
        assert page("repair_change", repair.pk) in operator.get(applied.url).content.decode()
        assert (repair.state, repair.requested_by.username) == (RepairState.APPLIED, "some.syncoperator")
        assert ProductIntegration.objects.get(kind=Kind.CRM_PRODUCT).status == SyncStatus.PENDING
        drain()
        assert crm(zoho)["Unit_Price"] == 899.0

    def test_a_selection_becomes_one_plan(self, changed, operator):
        answer = operator.post(
            page("finding_changelist"), {"action": "push_selected", "_selected_action": [str(changed.pk)]}
        )

        assert answer.url == page("repair_change", Repair.objects.get().pk)

    def test_a_deed_that_does_not_fit_is_refused_in_words(self, changed, operator):
        answer = operator.post(
            page("finding_changelist"),
            {"action": "link_selected", "_selected_action": [str(changed.pk)]},
            follow=True,
        )

        assert texts(answer) == [
            "CRM product HF-1_consumer_DFA: Unit_Price: “Link to the record with our key” does not fit, it is differs"
        ]

    def test_ignoring_asks_for_a_reason_and_a_day(self, changed, operator):
        day = timezone.localdate() + timedelta(days=9)
        url = page("finding_ignore_one", changed.pk)

        operator.post(url, {**CONFIRMED, "reason": "A test", "until": f"{day:%Y-%m-%d}"})

        changed.refresh_from_db()
        assert (changed.state, changed.ignore_reason) == (FindingState.IGNORED, "A test")
        assert timezone.localdate(changed.ignored_until) == day
        assert AuditEntry.objects.filter(action="finding ignored").count() == 1

    def test_a_selection_is_ignored_with_one_reason_and_day(self, changed, operator, zoho, reconcile):
        zoho.edit("billing_plans", KEY, recurring_price=1.0)
        reconcile()
        ids = [str(pk) for pk in Finding.objects.values_list("pk", flat=True)]
        form = {"action": "ignore_selected", "_selected_action": ids}
        day = timezone.localdate() + timedelta(days=9)

        asked = operator.post(page("finding_changelist"), form).content.decode()
        assert "2 selected." in asked
        assert all(f'name="_selected_action" value="{each}"' in asked for each in ids)
        lacking = operator.post(page("finding_changelist"), form | CONFIRMED | {"until": f"{day:%Y-%m-%d}"})
        assert "This field is required." in lacking.content.decode()
        past = {"reason": "Agreed", "until": f"{timezone.localdate():%Y-%m-%d}"}
        refused = operator.post(page("finding_changelist"), form | CONFIRMED | past)
        assert refused.context["form"].non_field_errors() == [
            "The day until which it is ignored must lie ahead"
        ]
        assert not Finding.objects.filter(state=FindingState.IGNORED).exists()

        answer = {"reason": "Agreed", "until": f"{day:%Y-%m-%d}"}
        done = operator.post(page("finding_changelist"), form | CONFIRMED | answer, follow=True)

        assert texts(done) == [f"2 findings ignored until {day:%-d %b %Y}."]
        ignored = Finding.objects.filter(state=FindingState.IGNORED, ignore_reason="Agreed")
        assert [timezone.localdate(each.ignored_until) for each in ignored] == [day, day]
        assert AuditEntry.objects.filter(action="finding ignored").count() == 2

    def test_who_may_not_repair_may_not_ignore_a_selection(self, changed, as_role):  # noqa: F811
        form = {"action": "ignore_selected", "_selected_action": [str(changed.pk)]}
        answer = {"reason": "x", "until": f"{timezone.localdate() + timedelta(days=9):%Y-%m-%d}"}

        as_role("Auditor").post(page("finding_changelist"), form | CONFIRMED | answer)

        assert Finding.objects.get().state == FindingState.NEW

    def test_looking_changes_nothing(self, changed, operator):
        """A link, a prefetch or a reload is no deed."""
        operator.get(page("finding_push_one", changed.pk))
        operator.get(page("finding_ignore_one", changed.pk))
        operator.get(page("reconciliationreport_run_now"))

        assert (Repair.objects.count(), ReconciliationReport.objects.count()) == (0, 1)

    @pytest.mark.parametrize("role", ["Auditor", "Product manager"])
    def test_others_may_not_repair_or_run(self, changed, as_role, role):  # noqa: F811
        client = as_role(role)

        assert client.post(page("finding_push_one", changed.pk), CONFIRMED).status_code == 403
        assert (
            client.post(page("reconciliationreport_run_now"), CONFIRMED | {"scope": "all"}).status_code == 403
        )
        assert client.get(page("finding_changelist")).status_code == (200 if role == "Auditor" else 403)
        assert Repair.objects.count() == 0

    def test_the_reports_page_has_a_trend_and_the_report_its_findings(self, changed, operator):
        report = ReconciliationReport.objects.get()

        listed = operator.get(page("reconciliationreport_changelist"))
        shown = operator.get(page("reconciliationreport_change", report.pk)).content.decode()

        assert [bar["findings"] for bar in listed.context["trend"]["bars"]] == [1]
        assert listed.context["trend"]["now"] == {"new": 1, "still": 0, "ignored": 0}
        assert "1 finding then: 1 new, 0 still open" in shown
        assert "Sipho Dube" in shown

    def test_the_lists_cost_the_same_queries_whatever_their_length(
        self, changed, operator, django_assert_max_num_queries
    ):
        Finding.objects.bulk_create(
            Finding(
                system="crm", kind="crm_product", type="missing_here", key=f"{n}", package=changed.package
            )
            for n in range(30)
        )

        with django_assert_max_num_queries(12):
            operator.get(page("finding_changelist"))

    def test_compare_now_runs_in_a_worker_and_shows_its_progress(
        self, in_step, operator, sent_tasks, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            answer = operator.post(
                page("reconciliationreport_run_now"), CONFIRMED | {"scope": "crm", "only": ""}
            )

        report = ReconciliationReport.objects.get()
        assert (sent_tasks, answer.url) == (
            [("circletel.core.tasks.run_job", (str(report.job.pk),), 0)],
            page("reconciliationreport_change", report.pk),
        )
        assert "waiting for a worker" in operator.get(answer.url).content.decode()
        again = operator.post(page("reconciliationreport_run_now"), CONFIRMED | {"scope": "all"}, follow=True)
        assert texts(again) == ["A comparison is going on already: wait until it has ended"]
        assert [jobs.run(report.job.pk) for _ in range(2)] == [True, False]  # the message came twice
        report.refresh_from_db()
        assert (report.state, report.calls) == (ReportState.COMPLETE, 1)
        assert report.job.result == "Complete: 0 findings, 1 calls"
        panel = operator.get(page("reconciliationreport_progress", report.pk)).content.decode()
        assert "Zoho agrees with the catalogue." in panel
        assert "hx-get" not in panel

    def test_a_run_for_an_unknown_sku_is_refused(self, in_step, operator):
        form = CONFIRMED | {"scope": "all", "only": "NOPE"}
        answer = operator.post(page("reconciliationreport_run_now"), form, follow=True)

        assert texts(answer) == ["No package was ever published with the SKU NOPE"]
        assert ReconciliationReport.objects.count() == 0


class TestRest:
    def test_reports_are_listed_read_and_downloaded(self, changed, operator):
        report = ReconciliationReport.objects.get()

        listed = operator.get("/api/admin/reconciliation-reports").json()
        one = operator.get(f"/api/admin/reconciliation-reports/{report.pk}").json()
        file = operator.get(f"/api/admin/reconciliation-reports/{report.pk}.csv")

        assert [each["id"] for each in listed["results"]] == [str(report.pk)]
        assert "findings" not in listed["results"][0]
        assert (one["complete"], one["counts"]["findings"], one["calls"]) == (True, 1, 4)
        assert (one["findings"][0]["field"], one["findings"][0]["theirs"]) == ("Unit_Price", 1.0)
        rows = list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig"))))
        assert [(row["key"], row["ours"], row["theirs"]) for row in rows] == [(KEY, "899.00", "1.0")]
        assert file["Content-Disposition"].endswith('.csv"')

    def test_a_run_is_asked_for(self, in_step, operator, sent_tasks, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            answer = operator.post(
                "/api/admin/reconciliation/run",
                {"scope": "billing", "only": ["HF-1"]},
                content_type="application/json",
            )

        assert answer.status_code == 202
        report = ReconciliationReport.objects.get(pk=answer.json()["id"])
        assert sent_tasks == [("circletel.core.tasks.run_job", (str(report.job.pk),), 0)]
        assert (answer.json()["state"], answer.json()["only"]) == ("running", ["HF-1"])

    @pytest.mark.parametrize(
        ("body", "status"), [({"scope": "moon"}, 400), ({"only": ["NOPE"]}, 409), ({"only": "x"}, 400)]
    )
    def test_a_run_that_makes_no_sense_is_refused(self, in_step, operator, body, status):
        answer = operator.post("/api/admin/reconciliation/run", body, content_type="application/json")

        assert answer.status_code == status
        assert ReconciliationReport.objects.count() == 0

    def test_others_see_and_start_nothing(self, client, changed, as_role):  # noqa: F811
        assert client.get("/api/admin/reconciliation-reports").status_code == 401
        manager = as_role("Product manager")
        assert manager.get("/api/admin/reconciliation-reports").status_code == 403
        assert manager.post("/api/admin/reconciliation/run").status_code == 403


class TestFiles:
    @pytest.mark.parametrize(
        "text",
        [
            "=1+1",
            "+1",
            "-1+2",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "  =1",
            "＝1",
            "|cmd",
            '=HYPERLINK("http://x";"y")',
        ],
    )
    def test_no_cell_is_a_formula(self, text):
        assert safe_cell(text) == f"'{text}"

    def test_amounts_stay_amounts_and_texts_texts(self):
        cells = [899.01, -1, "899.00", "Fibre = fast", None, [{"price": 1}]]

        assert [safe_cell(cell) for cell in cells] == [
            "899.01", "-1", "899.00", "Fibre = fast", "", '[{"price": 1}]',
        ]  # fmt: skip

    def test_a_file_of_hostile_findings_reads_back_cell_by_cell(self):
        finding = dict.fromkeys(COLUMNS, "") | {
            "key": '=cmd|"/C calc"!A0',
            "theirs": 'a,"b"\r\nc',
            "changed_by": "@x",
        }

        [row] = csv.DictReader(io.StringIO("".join(as_csv([finding])).removeprefix("\ufeff"), newline=""))

        assert (row["key"], row["theirs"], row["changed_by"]) == ('\'=cmd|"/C calc"!A0', 'a,"b"\r\nc', "'@x")


class TestMail:
    @pytest.fixture(autouse=True)
    def _recipients(self, settings):
        settings.RECONCILIATION_REPORT_RECIPIENTS = ["ops@example.com"]

    def test_the_week_in_html_and_text(self, changed):
        Finding.objects.create(
            system="crm", kind="crm_product", type=FindingType.MISSING_HERE, key="1", remote_name="<Router>"
        )

        assert reporting.send_weekly() == 1

        [message] = outbox.outbox
        assert (message.to, message.subject) == (["ops@example.com"], "Zoho this week: 2 open findings")
        assert "2 new, 0 still open, 0 resolved, 0 ignored." in message.body
        assert (
            "CRM product HF-1_consumer_DFA: Unit_Price: Zoho 1.0, ours 899.00 (changed by Sipho Dube"
            in message.body
        )
        assert "1 needs a person." in message.body
        html = message.alternatives[0].content
        assert "<strong>2</strong> new" in html

    def test_what_is_new_is_told_once(self, changed, zoho):
        Finding.objects.all().delete()

        tasks.run_nightly()
        tasks.run_nightly()

        assert [message.subject for message in outbox.outbox] == ["Zoho: 1 new finding"]

    def test_what_is_new_in_crm_is_told_within_the_hour(self, changed, zoho):
        Finding.objects.all().delete()
        ReconciliationReport.objects.all().delete()

        tasks.run_hourly_crm()
        tasks.run_hourly_crm()
        tasks.run_nightly()

        assert [message.subject for message in outbox.outbox] == ["Zoho: 1 new finding"]
        # Who did it is asked once; a run of CRM alone is one call.
        assert list(ReconciliationReport.objects.order_by("started_at").values_list("scope", "calls")) == [
            ("crm", 2),
            ("crm", 1),
            ("all", 4),
        ]

    def test_an_alarm_is_told(self, in_step, zoho):
        for number in range(2, 5):
            live_package(sku=f"HF-{number}")
        ProductIntegration.objects.filter(kind=Kind.CRM_PRODUCT).update(
            remote_id="4711", status=SyncStatus.OK, next_retry_at=None, synced_hash="x", desired_hash="x"
        )

        tasks.run_hourly_crm()
        assert outbox.outbox == []
        tasks.run_nightly()

        [message] = outbox.outbox
        assert message.subject == "Zoho: the nightly comparison stopped with an alarm"
        assert "more than 20 %" in message.body

    def test_nobody_configured_gets_nothing(self, changed, settings):
        settings.RECONCILIATION_REPORT_RECIPIENTS = []

        assert reporting.send_weekly() == 0
        assert outbox.outbox == []


def test_the_schedule_is_at_three_in_johannesburg_each_hour_for_crm_and_monday_at_seven():
    scheduled = {
        each.task: (
            str(each.crontab.timezone),
            each.crontab.hour,
            each.crontab.minute,
            each.crontab.day_of_week,
        )
        for each in PeriodicTask.objects.filter(task__startswith="reconciliation.")
    }

    assert scheduled == {
        "reconciliation.tasks.run_nightly": ("Africa/Johannesburg", "3", "0", "*"),
        "reconciliation.tasks.send_weekly_report": ("Africa/Johannesburg", "7", "0", "1"),
        "reconciliation.tasks.run_hourly_crm": ("Africa/Johannesburg", "*", "20", "*"),
    }


def test_old_reports_and_resolved_findings_are_forgotten(monkeypatch):
    monkeypatch.setattr("reconciliation.services.KEEP_DAYS", 30)
    now = timezone.now()
    long_ago = now - timedelta(days=31)
    for when in (long_ago, now):
        ReconciliationReport.objects.create(state=ReportState.COMPLETE, started_at=when)
    for key, state in (("a", FindingState.RESOLVED), ("b", FindingState.NEW)):
        resolved = long_ago if state == FindingState.RESOLVED else None
        Finding.objects.create(
            system="crm", kind="crm_product", type="missing_here", key=key, state=state, resolved_at=resolved,
            first_seen_at=long_ago,
        )  # fmt: skip

    services.forget_old()

    assert ReconciliationReport.objects.count() == 1
    assert [each.key for each in Finding.objects.all()] == ["b"]


class TestARunThatIsCutShort:
    @pytest.fixture
    def report(self, in_step):
        return services.request_run(actor=person("lerato.mokoena", "Sync operator"))

    def test_another_worker_goes_on_with_the_report_of_one_that_was_lost(self, report):
        lost = {"state": JobState.RUNNING, "lease_token": uuid4(), "started_at": timezone.now()}
        Job.objects.filter(pk=report.job.pk).update(
            **lost, leased_until=timezone.now() - timedelta(seconds=1), progress="reading CRM products"
        )

        assert jobs.run(report.job.pk)

        report = ReconciliationReport.objects.get()
        assert (report.state, report.job.state) == (ReportState.COMPLETE, JobState.DONE)

    @pytest.mark.parametrize(
        ("state", "error"), [(JobState.FAILED, "KeyError: a bug"), (JobState.CANCELLED, "")]
    )
    def test_a_report_whose_job_ended_before_it_is_incomplete_and_stops_nobody(
        self, report, reconcile, state, error
    ):
        Job.objects.update(state=state, finished_at=timezone.now(), error=error)
        stopped = ReconciliationReport.objects.get()
        assert (stopped.current_state, stopped.progress) == (ReportState.INCOMPLETE, "")
        assert stopped.why_incomplete == error

        assert reconcile().is_complete

    def test_the_nightly_run_waits_for_the_one_that_is_going_on(self, report):
        tasks.run_nightly()

        waiting = Job.objects.get(kind="reconciliation.tasks.run_nightly")
        assert (waiting.state, waiting.progress) == (
            JobState.WAITING,
            "A comparison is going on already: wait until it has ended",
        )
        assert waiting.due_at > timezone.now() + timedelta(minutes=4)
