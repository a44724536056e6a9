"""How a run begins: tables, people, the sample catalogue on sale, and a Zoho that knows our fields."""

from dataclasses import dataclass

AUTHOR, SIGNATORY, OPERATOR, SUPERUSER = "thandi.naidoo", "pieter.botha", "lerato.mokoena", "admin"
CSRF = "x" * 32


@dataclass(frozen=True)
class Sessions:
    """The cookies of people who have logged in, by name."""

    cookies: dict[str, dict[str, str]]

    def of(self, name: str) -> dict[str, str]:
        return dict(self.cookies[name])


def make_tables() -> None:
    """Django is set up here: services must run."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def prepare() -> Sessions:
    """Bring about what the traffic needs."""
    make_tables()
    from catalogue import demo

    demo.set_up(lambda _line: None)
    _prepare_crm()
    return Sessions({name: _log_in(name) for name in (AUTHOR, SIGNATORY, OPERATOR, SUPERUSER)})


def _prepare_crm() -> None:
    from zoho_sync.connection.http import ZohoHttp
    from zoho_sync.crm import preparation
    from zoho_sync.crm.client import CrmClient
    from zoho_sync.models import System

    http = ZohoHttp(System.CRM)
    client = CrmClient(http)
    complaints = preparation.apply(client, "ct_", preparation.plan(client, "ct_"))
    http.close()
    if complaints:
        raise SystemExit(f"The sandbox's CRM could not be prepared: {'; '.join(complaints)}")


def _log_in(username: str) -> dict[str, str]:
    from django.contrib.auth.models import User
    from django.test import Client

    browser = Client()
    browser.force_login(
        User.objects.get(username=username), backend="django.contrib.auth.backends.ModelBackend"
    )
    return {"sessionid": browser.cookies["sessionid"].value, "csrftoken": CSRF}
