"""Who may: the one way in which a service asks for a right, and in which its refusal reads."""

from django.contrib.auth.models import User

from circletel.core.errors import NotAllowed


def name_of(person: User) -> str:
    """The full name, or the login of somebody who has given none."""
    return person.get_full_name() or person.get_username()


def ensure_may(actor: User, permission: str, deed: str) -> None:
    """Raises NotAllowed unless `actor` holds `permission` ("app.codename"); `deed` completes "… may not …"."""
    if not actor.has_perm(permission):
        raise NotAllowed(f"{name_of(actor)} may not {deed}")


def ensure_system_or_may(actor: User | None, permission: str, deed: str) -> None:
    """`ensure_may` for what a schedule does too, or a person at the server's shell: then `actor` is None."""
    if actor is not None:
        ensure_may(actor, permission, deed)
