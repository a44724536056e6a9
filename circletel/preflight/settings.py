"""What the environment says."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core import checks as django_checks

from circletel.preflight.checks import Check, judged

CONFIGURATION = "docs/configuration.md"
LOCAL = {"localhost", "127.0.0.1", "[::1]", "::1"}


def debug() -> Iterator[Check]:
    why = "error pages show code and settings to everybody" if settings.DEBUG else "error pages tell nothing"
    yield judged("DEBUG off", not settings.DEBUG, why, "take DJANGO_DEBUG out of the environment")


def demo() -> Iterator[Check]:
    why = "the demo's people and passwords are public" if settings.DEMO else "no demo data is loaded"
    yield judged(
        "Demo off", not settings.DEMO, why, "take CIRCLETEL_DEMO out of the environment, on an empty database"
    )


def hosts() -> Iterator[Check]:
    outside = [host for host in settings.ALLOWED_HOSTS if host not in LOCAL]
    fine = bool(outside) and "*" not in outside
    why = f"answers as {', '.join(outside)}" if outside else "answers on this machine only"
    mend = "set DJANGO_ALLOWED_HOSTS to the names people use, without *"
    yield judged("Allowed hosts", fine, "answers as whatever it is called" if "*" in outside else why, mend)


def framework() -> Iterator[Check]:
    found = django_checks.run_checks(include_deployment_checks=True)
    found = [each for each in found if not each.is_silenced()]
    why = (
        "; ".join(f"{each.id}: {each.msg.split('.')[0]}" for each in found)
        or "manage.py check --deploy is clean"
    )
    mend = f"run manage.py check --deploy; the settings are in {CONFIGURATION}"
    yield judged("Django's own checks", not found, why, mend)


def time_zone() -> Iterator[Check]:
    ZoneInfo("Africa/Johannesburg")
    fine = settings.TIME_ZONE == "Africa/Johannesburg" and settings.USE_TZ
    yield judged("Time zone", fine, f"days begin in {settings.TIME_ZONE}", "do not override TIME_ZONE")


def second_factor() -> Iterator[Check]:
    fine = settings.STAFF_TOTP_REQUIRED
    why = "staff give a code when they log in" if fine else "a password alone opens the back office"
    yield judged("Second factor", fine, why, "set STAFF_TOTP_REQUIRED=true")


CHECKS = (
    ("DEBUG off", debug),
    ("Demo off", demo),
    ("Allowed hosts", hosts),
    ("Django's own checks", framework),
    ("Time zone", time_zone),
    ("Second factor", second_factor),
)
