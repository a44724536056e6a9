"""Who may edit our fields in CRM: found, closed, tried, and told of once."""

import json
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.urls import reverse

from circletel.core.errors import NotAllowed
from circletel.core.models import AuditEntry
from tests.factories import live_package, person
from zoho_sync import field_security, tasks
from zoho_sync.crm.mapping import fields
from zoho_sync.field_security import Standing
from zoho_sync.models import FieldSecurityCheck

pytestmark = pytest.mark.django_db
OURS = len(fields("ct_"))


def run(*arguments, **options):
    out, code = StringIO(), 0
    try:
        call_command("zoho_field_security", *arguments, stdout=out, stderr=out, **options)
    except SystemExit as end:
        code = end.code
    return code, out.getvalue()


def permissions(zoho, name):
    """{profile: permission} of one field, as CRM holds it."""
    profiles = {profile["id"]: profile["name"] for profile in zoho.records("crm_profiles")}
    [field] = [field for field in zoho.records("crm_fields") if field["api_name"] == name]
    return {profiles[id]: permission for id, permission in field["profiles"].items()}


def test_every_other_profile_that_may_edit_is_a_hole(zoho):
    check = field_security.check(actor=None)

    assert (check.result, check.holes, check.unknown) == ("holes", 2 * OURS, 0)
    assert {each["profile"] for each in check.findings} == {"Administrator", "Standard"}
    assert {each["field"] for each in check.findings} == {field.name for field in fields("ct_")}


def test_the_plan_changes_nothing_and_fixing_locks_all_but_our_own(zoho):
    code, printed = run(fix=True)
    assert (code, "would lock  Unit_Price for Administrator, Standard" in printed) == (3, True)
    assert permissions(zoho, "Unit_Price") == {}

    code, printed = run(fix=True, yes=True)

    assert code == 0, printed
    assert permissions(zoho, "Unit_Price") == {"Administrator": "read_only", "Standard": "read_only"}
    assert FieldSecurityCheck.objects.first().result == "locked"
    entry = AuditEntry.objects.get(action="locked_fields")
    assert entry.changes["Unit_Price for Standard"] == ["read_write", "read_only"]
    assert len(entry.changes) == 2 * OURS


def test_after_locking_the_sync_still_writes(zoho, drain):
    field_security.lock(actor=None)

    live_package(regular_price="899.00")
    drain()

    assert [product["Unit_Price"] for product in zoho.records("crm_products")] == [899.0]


def test_locking_takes_five_fields_a_call(zoho):
    field_security.lock(actor=None)

    assert zoho.state()["calls"]["crm"]["endpoints"]["PATCH /crm/v8/settings/fields"] == -(-OURS // 5)


def test_what_zoho_does_not_tell_is_unknown_and_never_locked(zoho):
    field_security.lock(actor=None)
    zoho.set(crm_module_customization=False)

    code, printed = run()

    assert code == 4
    assert "Module Customization" in printed
    assert FieldSecurityCheck.objects.first().unknown == OURS


def test_a_field_that_is_not_there_is_unknown(sandbox, zoho_settings):
    check = field_security.check(actor=None)

    words = {each["field"]: each["words"] for each in check.findings if each["standing"] == Standing.UNKNOWN}
    assert "zoho_fields create" in words["ct_Package_Key"]
    assert "Unit_Price" not in words


def test_a_person_with_the_integrations_profile_is_a_hole(zoho):
    field_security.lock(actor=None)
    user = {"id": "77", "full_name": "Zanele Khumalo", "profile": None}
    own = next(profile for profile in zoho.records("crm_profiles") if profile["name"] == "API Integration")
    user["profile"] = {"id": own["id"], "name": own["name"]}
    users = [{"id": "1", "full_name": "API User", "is_own": True, "profile": user["profile"]}, user]

    _id, findings = field_security._own_profile(users)

    assert [finding.standing for finding in findings] == [Standing.OPEN]
    assert "Zanele Khumalo" in findings[0].words


def test_without_knowing_our_own_profile_nothing_is_locked(zoho, monkeypatch):
    monkeypatch.setattr("zoho_sync.crm.client.CrmClient.users", lambda self: [])

    check, complaints = field_security.lock(actor=None)

    assert (check.result, complaints) == ("holes", [])
    assert permissions(zoho, "Unit_Price") == {}


def test_the_night_alerts_about_new_holes_only(zoho, settings):
    settings.ADMINS = [("Operator", "operator@example.com")]
    field_security.lock(actor=None)
    mail.outbox.clear()
    tasks.check_field_security()
    assert mail.outbox == []
    [field] = [field for field in zoho.records("crm_fields") if field["api_name"] == "Unit_Price"]
    standard = next(p for p in zoho.records("crm_profiles") if p["name"] == "Standard")
    from zoho_sync.connection.http import ZohoHttp
    from zoho_sync.crm.client import CrmClient
    from zoho_sync.models import System

    opened = {"id": field["id"], "profiles": [{"id": standard["id"], "permission_type": "read_write"}]}
    CrmClient(ZohoHttp(System.CRM)).update_fields([opened])

    tasks.check_field_security()
    tasks.check_field_security()

    assert [message.subject for message in mail.outbox] == [
        "[Django] Zoho CRM: 1 new ways to edit our fields by hand"
    ]
    assert "Unit_Price, Standard" in mail.outbox[0].body
    assert list(FieldSecurityCheck.objects.values_list("holes", "new_holes")[:2]) == [(1, 0), (1, 1)]


def test_a_probe_that_goes_through_is_put_back_and_is_a_hole(zoho, drain, settings):
    settings.ZOHO_PROBE_REFRESH_TOKEN = "sandbox-person"
    live_package(description="As we wrote it")
    drain()

    probe = field_security.probe()

    assert probe.taken is True
    [product] = zoho.records("crm_products")
    assert product["Description"] == "As we wrote it"
    edits = [
        entry["done_by"]["name"]
        for timeline in zoho.records("crm_timelines")
        for entry in timeline["entries"]
        if entry["action"] == "updated"
    ]
    assert edits == ["API User", "Sipho Dube"]


def test_a_probe_of_locked_fields_changes_nothing(zoho, drain, settings):
    settings.ZOHO_PROBE_REFRESH_TOKEN = "sandbox-person"
    live_package(description="As we wrote it")
    drain()
    field_security.lock(actor=None)

    probe = field_security.probe()

    assert (probe.taken, "dropped it" in probe.words) == (False, True)
    assert [product["Description"] for product in zoho.records("crm_products")] == ["As we wrote it"]


def test_a_probe_that_zoho_refuses_says_so(zoho, drain, settings):
    settings.ZOHO_PROBE_REFRESH_TOKEN = "sandbox-person"
    live_package()
    drain()
    refusal = {"code": "NO_PERMISSION", "message": "permission denied", "details": {}, "status": "error"}
    zoho.fault(
        match={"method": "PUT", "path": "/crm/v8/Products"},
        action={"status": 403, "body": {"data": [refusal]}},
    )

    probe = field_security.probe()

    assert (probe.taken, "permission denied" in probe.words) == (False, True)


def test_a_probe_without_an_ordinary_user_cannot_say(zoho):
    assert field_security.probe().taken is None


def test_the_json_report(zoho):
    code, printed = run(json=True)

    report = json.loads(printed)
    assert (code, report["exit_code"], report["result"]) == (3, 3, "holes")
    assert len(report["findings"]) == 2 * OURS


def test_a_connection_that_refuses_is_said(zoho):
    zoho.fault(
        match={"path": "/crm/v8/settings/profiles"},
        action={"status": 401, "body": {"code": "OAUTH_SCOPE_MISMATCH", "message": "no", "status": "error"}},
    )
    with pytest.raises(CommandError, match="too few scopes"):
        run()
    assert FieldSecurityCheck.objects.count() == 0


def test_who_may_check_and_lock(zoho):
    for deed in (field_security.check, field_security.lock):
        for role in ("Product manager", "Approver", "Publisher", "Auditor"):
            with pytest.raises(NotAllowed):
                deed(actor=person(f"some.{role}".replace(" ", "").lower(), role))
        deed(actor=person("sync.operator", "Sync operator"))


def test_an_operator_checks_and_locks_in_the_admin(zoho, client):
    client.force_login(person("sync.operator", "Sync operator"))
    confirmed = {"_form_submitted": "True"}
    assert client.get(reverse("admin:zoho_sync_fieldsecuritycheck_changelist")).status_code == 200
    client.get(reverse("admin:zoho_sync_fieldsecuritycheck_lock_fields"))
    assert FieldSecurityCheck.objects.count() == 0

    page = client.post(reverse("admin:zoho_sync_fieldsecuritycheck_check_now"), confirmed, follow=True)
    assert f"Can be edited: {2 * OURS} open, 0 unknown." in page.content.decode()
    assert "Unit_Price" in page.content.decode()
    page = client.post(reverse("admin:zoho_sync_fieldsecuritycheck_lock_fields"), confirmed, follow=True)

    assert "Locked: 0 open, 0 unknown." in page.content.decode()
    assert permissions(zoho, "Unit_Price")["Standard"] == "read_only"


def test_an_auditor_looks_and_cannot_press(zoho, client):
    client.force_login(person("nomsa.auditor", "Auditor"))
    field_security.check(actor=None)

    assert client.get(reverse("admin:zoho_sync_fieldsecuritycheck_changelist")).status_code == 200
    for name in ("check_now", "lock_fields"):
        answer = client.post(
            reverse(f"admin:zoho_sync_fieldsecuritycheck_{name}"), {"_form_submitted": "True"}
        )
        assert answer.status_code == 403
