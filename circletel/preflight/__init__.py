"""Is this installation ready for production? Each check says what it saw, why that matters, and what mends it."""

from circletel.preflight import operations, services, zoho
from circletel.preflight.checks import Check, Readiness, State, run

__all__ = ["Check", "Readiness", "State", "look"]

GROUPS = (services.CHECKS, zoho.CHECKS, operations.CHECKS)


def look() -> Readiness:
    """Run every check. Asks Zoho a handful of calls; changes nothing."""
    return Readiness(tuple(found for group in GROUPS for name, check in group for found in run(name, check)))
