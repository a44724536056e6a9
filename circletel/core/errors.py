"""Why a deed of the catalogue was refused. Every message is fit for the person who asked."""


class Refused(Exception):
    """The deed was not done. `reasons` lists every reason at once; str() joins them."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class Invalid(Refused):
    """Values cannot be taken over. `errors` is {path of the field: what is wrong there}."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(*(f"{path}: {text}" for path, texts in errors.items() for text in texts))
        self.errors = errors


class NotAllowed(Refused):
    """The person lacks the right, or may not do this to their own work."""


class WrongStatus(Refused):
    """The product's status does not admit the deed."""


class NotReady(Refused):
    """The product is incomplete or contradictory; each reason names a field."""


class ContentChanged(Refused):
    """What was approved is not what stands there now."""
