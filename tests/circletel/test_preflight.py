"""The production checklist: what it says of an installation that is not ready, and of one that is."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from circletel import preflight
from circletel.core.models import Job
from circletel.core.roles import ROLES
from circletel.preflight import State, checks, operations, services, zoho
from reconciliation.models import ReconciliationReport, ReportState
from zoho_sync.models import FieldSecurityCheck
from zoho_sync.operating.models import AlertDelivery


def states(found: Any) -> dict[str, str]:
    return {check.name: str(check.state) for check in found}


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: Any) -> None:
    """No worker runs here, and waiting for one finds none either."""
    monkeypatch.setattr(services, "WORKER_PATIENCE_SECONDS", 0.05)


@pytest.mark.django_db
class TestPreflight:
    def test_a_fresh_installation_is_not_ready_and_says_why(self, settings: Any, sandbox: Any) -> None:
        settings.DEBUG = settings.DEMO = False
        out = StringIO()
        with pytest.raises(SystemExit) as stopped:
            call_command("preflight", json=True, stdout=out)
        assert stopped.value.code == 1
        told = json.loads(out.getvalue())
        found = {check["name"]: check for check in told["checks"]}
        assert told["ready"] is False
        assert set(found["Migrations"]) == {"name", "state", "why", "mend"}
        assert found["Migrations"] == {"name": "Migrations", "state": "ok", "why": "all applied", "mend": ""}
        assert (found["CRM fields"]["state"], found["CRM fields"]["mend"]) == (
            "failed",
            "run manage.py zoho_fields create",
        )
        assert found["CRM connection"]["state"] == found["Billing connection"]["state"] == "ok"
        assert found["Workers"]["state"] == "failed"
        assert found["Reconciliation"]["state"] == "cannot tell"
        assert found["Billing smoke test"]["mend"] == "run manage.py billing_smoke_test"

    def test_every_line_that_is_not_ok_names_what_mends_it(self, sandbox: Any) -> None:
        lines = preflight.look().checks
        assert len({check.name for check in lines}) == len(lines)
        assert [check.name for check in lines if check.state is not State.OK and not check.mend] == []
        assert [check.name for check in lines if check.state is State.OK and check.mend] == []

    def test_the_text_has_a_mark_a_reason_and_a_way_out(self, sandbox: Any) -> None:
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command("preflight", stdout=out)
        lines = out.getvalue().splitlines()
        assert any(line.startswith("✓ Migrations") and line.endswith("all applied") for line in lines)
        assert lines[-1].startswith("Not ready: ")

    def test_a_check_that_breaks_stops_no_other(self, monkeypatch: Any) -> None:
        def broken() -> Any:
            raise RuntimeError("no such thing, said postgres://app:hunter2hunter2@db")

        found = checks.run("Something", broken)
        assert [(each.name, each.state) for each in found] == [("Something", State.UNKNOWN)]


@pytest.mark.django_db
class TestSingleChecks:
    def test_what_the_settings_lack_is_a_line_for_each(self, settings: Any) -> None:
        settings.DEBUG = settings.DEMO = True
        found = {check.name: check for check in services.environment()}
        assert {"Settings (security.W018)", "Settings (circletel.W005)"} <= set(found)
        assert found["Settings (circletel.W005)"].state == "failed"
        assert found["Settings (circletel.W005)"].why == (
            "CIRCLETEL_DEMO is on: the demo's people and passwords are public"
        )
        assert (
            found["Settings (circletel.W005)"].mend == "Take it out of the environment, on an empty database."
        )

    def test_a_clock_that_is_off(self) -> None:
        assert services._clock("Clock", timezone.now() - timedelta(seconds=5)).state == "failed"
        assert services._clock("Clock", timezone.now()).state == "ok"

    def test_zoho_that_does_not_answer_is_a_failure_with_its_words(self, settings: Any, sandbox: Any) -> None:
        sandbox.fault(
            match={"path": "/crm/v8/settings/fields*"},
            action={"status": 401, "body": {"code": "OAUTH_SCOPE_MISMATCH"}},
            times=50,
        )
        assert states(zoho.crm_fields()) == {"CRM connection": "failed"}

    def test_field_security_is_never_taken_for_granted(self) -> None:
        security = zoho.field_security
        assert states(security()) == {"CRM field security": "cannot tell"}
        FieldSecurityCheck.objects.create(result="unknown", holes=0, new_holes=0, unknown=3)
        assert states(security()) == {"CRM field security": "cannot tell"}
        FieldSecurityCheck.objects.create(result="holes", holes=2, new_holes=2, unknown=0)
        assert states(security()) == {"CRM field security": "failed"}
        FieldSecurityCheck.objects.create(result="locked", holes=0, new_holes=0, unknown=0)
        assert states(security()) == {"CRM field security": "ok"}
        FieldSecurityCheck.objects.update(at=timezone.now() - timedelta(days=3))
        assert states(security()) == {"CRM field security": "cannot tell"}

    def test_a_reconciliation_counts_for_a_day(self) -> None:
        def state() -> str:
            return states(operations.reconciliation())["Reconciliation"]

        report = ReconciliationReport.objects.create(state=ReportState.INCOMPLETE)
        assert state() == "cannot tell"
        ReconciliationReport.objects.update(state=ReportState.COMPLETE, finished_at=timezone.now())
        assert state() == "ok"
        ReconciliationReport.objects.filter(pk=report.pk).update(
            started_at=timezone.now() - timedelta(hours=25)
        )
        assert state() == "failed"

    def test_alerts_are_trusted_once_a_test_arrived(self, settings: Any) -> None:
        settings.ALERT_EMAILS, settings.SLACK_WEBHOOK_URL = ["ops@circletel.example"], ""
        assert set(states(operations.alerts()).values()) == {"cannot tell", "failed"}
        AlertDelivery.objects.create(
            key="test:1", channel="email", subject="Test", body="", state="sent", sent_at=timezone.now()
        )
        assert sorted(states(operations.alerts()).values()) == ["failed", "ok"]

    def test_each_role_has_a_person_who_is_not_almighty(self) -> None:
        User.objects.create_superuser("root")
        (line,) = operations.people()
        assert line.state == "failed"
        for number, role in enumerate(ROLES):
            User.objects.create_user(f"person{number}", is_staff=True).groups.add(
                Group.objects.get(name=role)
            )
        (line,) = operations.people()
        assert (line.state, line.why) == ("ok", "every role has somebody")

    def test_no_smoke_test_is_no_proof(self) -> None:
        assert states(zoho.smoke_test()) == {"Billing smoke test": "cannot tell"}

    def test_the_last_smoke_test_is_told(self) -> None:
        for state in ("done", "failed"):
            Job.objects.create(kind="zoho_sync.smoke_test", state=state, finished_at=timezone.now())
            expected = "ok" if state == "done" else "failed"
            assert states(zoho.smoke_test()) == {"Billing smoke test": expected}


@pytest.mark.django_db
class TestPage:
    ADDRESS = "/admin/django_celery_beat/periodictask/preflight/"

    def test_it_shows_the_same_and_looks_again_on_demand(self, client: Client, sandbox: Any) -> None:
        client.force_login(User.objects.create_superuser("root"))
        first = client.get(self.ADDRESS)
        assert b"Not ready for production yet" in first.content
        assert client.get(self.ADDRESS).context["seen_at"] == first.context["seen_at"]
        assert client.post(self.ADDRESS).status_code == 302
        assert client.get(self.ADDRESS).context["seen_at"] > first.context["seen_at"]

    def test_it_is_for_those_who_see_the_schedule(self, client: Client) -> None:
        person = User.objects.create_user("thandi", is_staff=True)
        client.force_login(person)
        assert client.get(self.ADDRESS).status_code == 403
        person.user_permissions.add(Permission.objects.get(codename="view_periodictask"))
        assert client.get(self.ADDRESS).status_code == 200
