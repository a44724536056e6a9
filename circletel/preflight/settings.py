"""What the environment says: everything that `manage.py check --deploy` finds, a line for each kind."""

from collections import defaultdict
from collections.abc import Iterator

from django.core import checks as django_checks

from circletel.preflight.checks import Check, State

CONFIGURATION = "docs/configuration.md"


def environment() -> Iterator[Check]:
    found: dict[str, list[django_checks.CheckMessage]] = defaultdict(list)
    for each in django_checks.run_checks(include_deployment_checks=True):
        if not each.is_silenced():
            found[str(each.id)].append(each)
    for id, messages in found.items():
        mend = messages[0].hint or f"run manage.py check --deploy; the settings are in {CONFIGURATION}"
        why = "; ".join(str(each.msg).partition(". ")[0].rstrip(".") for each in messages)
        yield Check(f"Settings ({id})", State.FAILED, why, mend)
    if not found:
        yield Check("Settings", State.OK, "manage.py check --deploy is clean")


CHECKS = (("Settings", environment),)
