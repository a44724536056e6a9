"""The doors: log-in, second factor, headers, and what the audit trail tells of them."""

from base64 import b64encode
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import InMemoryUploadedFile, SimpleUploadedFile
from django.test import Client, override_settings
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from circletel.core.models import AuditEntry
from circletel.core.origin import Origin, acting_from
from circletel.security import second_factor

PASSWORD = "correct-horse-battery"


@pytest.fixture
def thandi(db: None) -> User:
    return User.objects.create_superuser("thandi", "thandi@example.com", PASSWORD, first_name="Thandi")


def log_in(client: Client, username: str, password: str) -> Any:
    return client.post("/admin/login/", {"username": username, "password": password, "next": "/admin/"})


def told(*actions: str) -> list[tuple[str, str, str, str]]:
    entries = AuditEntry.objects.filter(action__in=actions).order_by("at")
    return [(each.action, each.actor_name, each.target_name, each.result) for each in entries]


def code(device: TOTPDevice, steps: int = 0) -> str:
    """What the app shows, `steps` half-minutes from now."""
    shown = totp(device.bin_key, step=device.step, t0=device.t0, digits=device.digits, drift=steps)
    return f"{shown:06d}"


def test_log_ins_and_their_refusals_are_in_the_audit_trail(client: Client, thandi: User) -> None:
    log_in(client, "thandi", "wrong-password-here")
    log_in(client, "my-secret-password", "x")
    assert log_in(client, "thandi", PASSWORD).status_code == 302
    client.post("/admin/logout/")
    assert told("logged in", "logged out", "log-in refused") == [
        ("log-in refused", "", "thandi", "refused"),
        ("log-in refused", "", "unknown name", "refused"),
        ("logged in", "Thandi", "thandi", "done"),
        ("logged out", "Thandi", "thandi", "done"),
    ]
    assert not AuditEntry.objects.filter(detail__contains="my-secret-password").exists()


def test_after_five_failures_the_right_password_waits_too(client: Client, thandi: User) -> None:
    for _ in range(4):
        assert log_in(client, "thandi", "wrong").status_code == 200
    locked = log_in(client, "thandi", "wrong")
    assert (locked.status_code, b"Wait 15 minutes" in locked.content) == (429, True)
    assert log_in(client, "thandi", PASSWORD).status_code == 429
    assert "_auth_user_id" not in client.session
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert log_in(elsewhere, "thandi", PASSWORD).status_code == 302
    assert ("log-in locked", "", "thandi", "refused") in told("log-in locked")


def test_whoever_manages_users_lifts_a_lock(client: Client, thandi: User) -> None:
    for _ in range(5):
        log_in(client, "thandi", "wrong")
    manager = Client(REMOTE_ADDR="198.51.100.7")
    manager.force_login(thandi)
    page = manager.get("/admin/axes/accessattempt/")
    attempt = page.context["cl"].result_list[0]
    manager.post(f"/admin/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"})
    assert log_in(client, "thandi", PASSWORD).status_code == 302


def test_changes_of_rights_name_who_made_them(client: Client, thandi: User) -> None:
    client.force_login(thandi)
    with acting_from(Origin("shell-1", user_agent="manage.py shell")):
        sipho = User.objects.create_user("sipho", password=PASSWORD)
    AuditEntry.objects.filter(action="user added").get(target_name="sipho", actor_name="")
    groups = [Group.objects.get(name="Auditor").pk, Group.objects.get(name="Publisher").pk]
    form = {"username": "sipho", "is_active": "on", "is_staff": "on", "groups": groups}
    saved = client.post(
        f"/admin/auth/user/{sipho.pk}/change/",
        form | {"date_joined_0": "2026-01-01", "date_joined_1": "08:00:00"},
    )
    assert saved.status_code == 302, saved.context["adminform"].form.errors
    changed = AuditEntry.objects.get(action="user changed")
    assert (changed.actor_name, changed.changes) == ("Thandi", {"is_staff": [False, True]})
    rights = AuditEntry.objects.get(action="rights changed", target_type="user")
    assert (rights.actor_name, rights.changes) == ("Thandi", {"groups": [[], ["Auditor", "Publisher"]]})
    with acting_from(Origin("shell-2")):
        sipho.groups.clear()
    assert AuditEntry.objects.filter(action="rights changed", actor_name="").latest("at").changes == {
        "groups": [["all"], []]
    }


def test_a_changed_password_is_told_and_not_shown(thandi: User) -> None:
    thandi.set_password("another-long-password")
    with acting_from(Origin("shell-3")):
        thandi.save()
    entry = AuditEntry.objects.get(action="user changed")
    assert entry.changes == {"password": ["(not shown)", "(not shown)"]}


def test_the_last_log_in_is_no_change_of_a_user(client: Client, thandi: User) -> None:
    log_in(client, "thandi", PASSWORD)
    assert told("user changed") == []


class TestSecondFactor:
    @pytest.fixture(autouse=True)
    def required(self, settings: Any) -> None:
        settings.STAFF_TOTP_REQUIRED = True

    def test_without_a_device_every_page_leads_to_setting_one_up(self, client: Client, thandi: User) -> None:
        client.force_login(thandi)
        sent = client.get("/admin/catalogue/product/")
        assert sent.url == "/admin/second-factor/?next=%2Fadmin%2Fcatalogue%2Fproduct%2F"
        refused = client.get("/api/admin/price-changes")
        assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
        page = client.get(sent.url)
        device = TOTPDevice.objects.get(user=thandi, confirmed=False)
        assert b"data:image/svg+xml;base64," in page.content

        wrong = client.post("/admin/second-factor/", {"otp_token": code(device, 20)})
        assert "not the code of this minute" in wrong.content.decode()
        TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
        done = client.post(
            "/admin/second-factor/", {"otp_token": code(device), "next": "/admin/catalogue/product/"}
        )
        codes = done.context["codes"]
        assert len(codes) == second_factor.RECOVERY_CODES == StaticToken.objects.count()
        assert client.get("/admin/catalogue/product/").status_code == 200
        assert client.get("/api/admin/price-changes").status_code == 200
        assert told("second factor set up") == [("second factor set up", "Thandi", "thandi", "done")]

    def test_the_next_session_asks_for_a_code(self, client: Client, thandi: User) -> None:
        device = TOTPDevice.objects.create(user=thandi, confirmed=True)
        client.force_login(thandi)
        assert client.get("/admin/").status_code == 302
        wrong = client.post("/admin/second-factor/", {"otp_token": "000000"})
        assert "not accepted" in wrong.content.decode()
        # A wrong code makes the right one wait.
        assert client.post("/admin/second-factor/", {"otp_token": code(device)}).status_code == 200
        TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
        assert client.post("/admin/second-factor/", {"otp_token": code(device)}).url == "/admin/"
        assert client.get("/admin/").status_code == 200
        # Each code works once.
        again = Client()
        again.force_login(thandi)
        assert again.post("/admin/second-factor/", {"otp_token": code(device)}).status_code == 200

    def test_a_recovery_code_works_once(self, client: Client, thandi: User) -> None:
        device = TOTPDevice.objects.create(user=thandi, confirmed=False)
        recovery = second_factor._confirm(device, thandi)[0]
        for status in (302, 200):
            visitor = Client()
            visitor.force_login(thandi)
            assert visitor.post("/admin/second-factor/", {"otp_token": recovery}).status_code == status

    def test_it_does_not_send_people_elsewhere(self, client: Client, thandi: User) -> None:
        device = TOTPDevice.objects.create(user=thandi, confirmed=True)
        client.force_login(thandi)
        sent = client.post(
            "/admin/second-factor/", {"otp_token": code(device), "next": "https://evil.example/"}
        )
        assert sent.url == "/admin/"

    def test_a_lost_phone_is_reset_by_another_and_told(self, client: Client, thandi: User) -> None:
        device = TOTPDevice.objects.create(user=thandi, confirmed=False)
        second_factor._confirm(device, thandi)
        manager = User.objects.create_superuser("lerato", "", PASSWORD)
        second_factor.reset(thandi, actor=manager)
        assert (TOTPDevice.objects.count(), StaticToken.objects.count()) == (0, 0)
        assert told("second factor reset") == [("second factor reset", "lerato", "thandi", "done")]

    @pytest.mark.parametrize(
        "address", ["/api/admin/price-changes", "/tmf-api/productCatalogManagement/v4/productOffering"]
    )
    def test_a_password_alone_opens_no_rest_either(
        self, client: Client, thandi: User, settings: Any, address: str
    ) -> None:
        password = {"Authorization": f"Basic {b64encode(f'thandi:{PASSWORD}'.encode()).decode()}"}
        refused = client.get(address, headers=password)
        assert refused.status_code == 401
        assert "make an API token" in refused.content.decode()
        settings.STAFF_TOTP_REQUIRED = False
        assert client.get(address, headers=password).status_code == 200

    def test_the_storefront_asks_nobody(self, client: Client, thandi: User) -> None:
        client.force_login(thandi)
        assert client.get("/api/v1/packages/").status_code == 200


def test_no_second_factor_unless_it_is_required(client: Client, thandi: User) -> None:
    client.force_login(thandi)
    assert client.get("/admin/").status_code == 200


class TestHeaders:
    def test_scripts_come_from_here_only_and_evaluate_under_the_admin_only(
        self, client: Client, thandi: User
    ) -> None:
        client.force_login(thandi)
        policies = {path: _policy(client.get(path)) for path in ("/admin/", "/api/docs/", "/api/v1/packages")}
        strict = {
            "default-src": "'self'",
            "img-src": "'self' data:",
            "object-src": "'none'",
            "base-uri": "'self'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
        }
        assert policies["/api/v1/packages"] == strict
        assert policies["/api/docs/"] == strict | {"style-src": "'self' 'unsafe-inline'"}
        assert policies["/admin/"] == strict | {
            "script-src": "'self' 'unsafe-eval'",
            "style-src": "'self' 'unsafe-inline'",
        }

    def test_the_rest_of_the_headers(self, client: Client, db: None) -> None:
        answer = client.get("/api/v1/packages/")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert "camera=()" in answer["Permissions-Policy"]

    @override_settings(ALLOWED_HOSTS=["catalogue.example.org"], SECURE_SSL_REDIRECT=True)
    def test_a_probe_may_come_by_address_and_in_the_clear(self, client: Client, db: None) -> None:
        assert client.get("/healthz", headers={"Host": "10.0.0.7:8000"}).content == b"ok\n"
        assert client.get("/readyz", headers={"Host": "10.0.0.7:8000"}).status_code == 200
        assert client.get("/api/v1/packages/", headers={"Host": "10.0.0.7:8000"}).status_code in (301, 400)

    @override_settings(TRUSTED_PROXIES=1)
    def test_the_address_is_what_our_own_proxy_says(self, client: Client, thandi: User) -> None:
        client.post(
            "/admin/login/",
            {"username": "thandi", "password": "x"},
            headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9"},
        )
        assert AuditEntry.objects.get(action="log-in refused").address == "203.0.113.9"

    def test_without_a_proxy_nobody_chooses_an_address(self, client: Client, thandi: User) -> None:
        client.post(
            "/admin/login/", {"username": "thandi", "password": "x"}, headers={"X-Forwarded-For": "6.6.6.6"}
        )
        assert AuditEntry.objects.get(action="log-in refused").address == "127.0.0.1"


def _policy(answer: Any) -> dict[str, str]:
    return dict(line.strip().split(" ", 1) for line in answer["Content-Security-Policy"].split(";"))


class TestUploads:
    @pytest.mark.parametrize(
        ("page", "field"),
        [
            ("/admin/catalogue/product/import/", "import_file"),
            ("/admin/catalogue/pricelist/add/", "workbook"),
            ("/admin/pricing/pricechange/many/", "file"),
        ],
    )
    def test_a_file_too_large_is_refused_unread(
        self, client: Client, thandi: User, monkeypatch: Any, page: str, field: str
    ) -> None:
        client.force_login(thandi)
        read: list[str] = []
        monkeypatch.setattr(
            InMemoryUploadedFile, "size", property(lambda self: 90 * 1024 * 1024, lambda self, _: None)
        )
        monkeypatch.setattr(
            InMemoryUploadedFile, "chunks", lambda self, *_: read.append(self.name) or iter(())
        )
        answer = client.post(page, {field: SimpleUploadedFile("big.csv", b"sku\n1\n"), "format": "0"})
        assert b"The file has 90 MB; at most" in answer.content
        assert read == []
