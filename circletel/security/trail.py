"""Log-ins, locked log-ins and changes of rights, written into the audit trail."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from circletel.core import audit
from circletel.core.models import AuditEntry
from circletel.core.origin import current_origin

# What of a user decides who may do what. The password's hash is compared, never written down.
WATCHED = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser")
DEEDS = {"post_add": "added", "post_remove": "taken away"}
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


class PersonMiddleware:
    """Remembers whose request is being answered, for signals, which are handed no actor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)


def current_person() -> User | None:
    """Who is logged in; None outside a request and for nobody. Services take their actor as a keyword instead."""
    person = getattr(_request.get(), "user", None)
    return person if person and person.is_authenticated else None


@receiver(user_logged_in)
def logged_in(sender: Any, user: User, **_: Any) -> None:
    _record("logged in", user, actor=user)


@receiver(user_logged_out)
def logged_out(sender: Any, user: User | None, **_: Any) -> None:
    if user is not None:
        _record("logged out", user, actor=user)


@receiver(user_login_failed)
def login_failed(sender: Any, credentials: dict[str, Any], **_: Any) -> None:
    _refused("log-in refused", str(credentials.get("username") or ""))


@receiver(user_locked_out)
def locked_out(sender: Any, request: HttpRequest, username: str, **_: Any) -> None:
    _refused("log-in locked", username)


def _refused(action: str, username: str) -> None:
    """Nobody is logged in, so the entry names the account that was tried. A name of nobody is kept out of the trail:
    people type their password there."""
    user = User.objects.filter(username=username).first() or User(username="unknown name")
    _record(action, user, actor=None, result=AuditEntry.Result.REFUSED)


@receiver(pre_save, sender=User)
def remember(sender: Any, instance: User, update_fields: Any = None, raw: bool = False, **_: Any) -> None:
    """What stood before. Django's own note of the last log-in is not a change of rights."""
    quiet = raw or set(update_fields or ()) == {"last_login"}
    instance._was = None if quiet else User.objects.filter(pk=instance.pk).first()  # type: ignore[attr-defined]
    instance._quiet = quiet  # type: ignore[attr-defined]


@receiver(post_save, sender=User)
def user_saved(sender: Any, instance: User, created: bool, **_: Any) -> None:
    if instance._quiet:  # type: ignore[attr-defined]
        return
    was = instance._was  # type: ignore[attr-defined]
    changes: dict[str, list[Any]] = {
        name: [getattr(was, name, None), getattr(instance, name)]
        for name in WATCHED
        if getattr(was, name, None) != getattr(instance, name)
    }
    if was is not None and was.password != instance.password:
        changes["password"] = ["(not shown)", "(not shown)"]
    if created or changes:
        _record(
            "user added" if created else "user changed", instance, actor=current_person(), changes=changes
        )


@receiver(post_delete, sender=User)
def user_deleted(sender: Any, instance: User, **_: Any) -> None:
    _record("user deleted", instance, actor=current_person())


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def rights_changed(sender: Any, action: str, instance: Any, model: Any, pk_set: Any, **_: Any) -> None:
    """One entry for the side the change was made from: a user's groups, or a group's users."""
    field = model._meta.verbose_name_plural
    if action == "pre_clear":
        _write(instance, field, "taken away", ["all"])
    elif action in DEEDS and pk_set:
        _write(
            instance, field, DEEDS[action], sorted(str(each) for each in model.objects.filter(pk__in=pk_set))
        )


def _write(instance: Any, field: str, deed: str, names: list[str]) -> None:
    changes = {str(field): [[], names] if deed == "added" else [names, []]}
    _record("rights changed", instance, actor=current_person(), changes=changes)


def _record(action: str, target: Any, **entry: Any) -> None:
    """Deeds that came from somewhere: a request or a command. What has no origin is the program itself."""
    if current_origin().correlation_id:
        audit.record(action, target, **entry)
