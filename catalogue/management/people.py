"""Who answers in the audit trail for what a command does."""

from django.contrib.auth.models import User
from django.core.management.base import CommandError


def person_named(username: str | None, *, option: str, deed: str, exit_code: int = 1) -> User:
    """The user of that name, or the only superuser when none is named. `deed` completes "Say who …"."""
    if username is not None:
        person = User.objects.filter(username=username).first()
        if person is None:
            raise CommandError(f"There is no user {username!r}.", returncode=exit_code)
        return person
    superusers = list(User.objects.filter(is_superuser=True, is_active=True)[:2])
    if len(superusers) != 1:
        number = "no superuser" if not superusers else "more than one superuser"
        raise CommandError(
            f"Say who {deed}, with {option} USERNAME: there is {number} to take for it.", returncode=exit_code
        )
    return superusers[0]
