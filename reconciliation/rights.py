from django.contrib.auth.models import User

from catalogue.errors import NotAllowed


def ensure_may(actor: User | None, permission: str, deed: str) -> None:
    """Raises NotAllowed. `actor` None is a schedule, or a person at the server's shell."""
    if actor is not None and not actor.has_perm(f"reconciliation.{permission}"):
        raise NotAllowed(f"{actor.get_full_name() or actor.get_username()} may not {deed}")
