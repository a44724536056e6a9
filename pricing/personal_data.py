"""What is known of one customer, and how it is forgotten (POPIA). docs/personal-data.md says where it lies.

Zoho Billing is the master of who our customers are: whoever is still served there is forgotten there first.
What was done stays: amounts, days, ids and the hashes of what was sent, without a name or an address.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from circletel.core import audit
from circletel.core.errors import NotReady, WrongStatus
from circletel.core.rights import ensure_may
from pricing.models import NoticeEvent, NoticeText, PriceMove, PriceNotice, Subscription

CHUNK = 500


def subscriptions_of(customer: str) -> QuerySet[Subscription]:
    """By e-mail address, in capitals or not, or by Zoho's customer id. One customer may have had several addresses:
    whoever has the address now is meant with all subscriptions, and those whose notices went to it."""
    customer = customer.strip()
    told = PriceNotice.objects.filter(Q(email__iexact=customer) | Q(events__email__iexact=customer)).values(
        "subscription__customer_id"
    )
    named = Subscription.objects.filter(
        Q(customer_email__iexact=customer) | Q(customer_id=customer) | Q(customer_id__in=told)
    )
    return Subscription.objects.filter(customer_id__in=named.values("customer_id"))


def everything_about(customer: str, *, actor: User) -> dict[str, Any]:
    """All that is kept of `customer`, as JSON: its subscriptions with their price moves and notices, and each text that
    was sent. Raises NotReady when there is nobody of that address or id."""
    ensure_may(actor, "pricing.handle_personal_data", "export personal data")
    found = list(_found(customer))
    with transaction.atomic():
        for subscription in found:
            audit.record("personal data exported", subscription, actor=actor)
    return {
        "customer": customer,
        "exported_at": timezone.now().isoformat(),
        "subscriptions": [_about(subscription) for subscription in found],
    }


def plan(customer: str) -> dict[str, Any]:
    """What `erase` would touch: how many rows of each kind, and which subscriptions stand in its way."""
    found = list(_found(customer))
    return {
        "subscriptions": [each.number or each.subscription_id for each in found],
        "notices": PriceNotice.objects.filter(subscription__in=found).count(),
        "texts": len(_texts_of(found)),
        "still_served": [each.number or each.subscription_id for each in _served(found)],
    }


@transaction.atomic
def erase(customer: str, *, actor: User, reason: str) -> dict[str, Any]:
    """Take name and addresses of `customer` out of everything that is kept here. Answers as `plan`.

    Raises NotReady without a reason or when there is nobody, WrongStatus while the customer is served.
    """
    ensure_may(actor, "pricing.handle_personal_data", "erase personal data")
    if not reason.strip():
        raise NotReady("reason: say why this is erased, for example the customer's request and its date")
    done = plan(customer)
    found = list(_found(customer).select_for_update())
    if served := _served(found):
        numbers = ", ".join(each.number or each.subscription_id for each in served)
        raise WrongStatus(
            f"{customer} is still served by Zoho Billing ({numbers}). End the subscriptions or remove the customer"
            " there, run pull_subscriptions, and try again"
        )
    _forget(found)
    for subscription in found:
        audit.record("personal data erased", subscription, actor=actor, detail=reason.strip())
    return done


def erase_old(before: datetime) -> int:
    """Forget customers whose last subscription ended before that instant. Answers how many subscriptions it were."""
    ended = Coalesce(F("current_term_ends_on"), TruncDate("gone_at"))
    old = (
        Subscription.objects.annotate(ended=ended)
        .filter(erased_at=None, ended__lt=timezone.localdate(before))
        .exclude(customer_id__in=Subscription.objects.standing().values("customer_id"))
        .exclude(
            customer_id__in=Subscription.objects.annotate(ended=ended)
            .filter(Q(ended__gte=timezone.localdate(before)) | Q(ended=None))
            .values("customer_id")
        )
    )
    number = 0
    while keys := list(old.order_by().values_list("pk", flat=True)[:CHUNK]):
        with transaction.atomic():
            found = list(Subscription.objects.filter(pk__in=keys).select_for_update())
            _forget(found)
            audit.record_many(
                "personal data erased",
                ((each, {}) for each in found),
                actor=None,
                detail="the time for which it is kept has passed",
            )
        number += len(found)
    return number


def _found(customer: str) -> QuerySet[Subscription]:
    if not customer.strip():
        raise NotReady("customer: name an e-mail address or a customer id of Zoho Billing")
    found = subscriptions_of(customer).order_by("signed_up_at", "pk")
    if not found.exists():
        raise NotReady(f"customer: nobody here has the address or the customer id {customer}")
    return found


def _served(found: list[Subscription]) -> list[Subscription]:
    keys = [each.pk for each in found]
    return list(Subscription.objects.standing().filter(pk__in=keys).order_by("signed_up_at", "pk"))


def _about(subscription: Subscription) -> dict[str, Any]:
    notices = PriceNotice.objects.filter(subscription=subscription).order_by("due_on", "stage")
    hashes = NoticeEvent.objects.filter(notice__in=notices).exclude(text_hash="").values("text_hash")
    texts = NoticeText.objects.filter(Q(pk__in=hashes) | Q(pk__in=notices.values("text_hash")))
    moves = PriceMove.objects.filter(subscription=subscription).order_by("created_at")
    return {
        **_fields(subscription),
        "moves": [_fields(move) for move in moves],
        "notices": [
            {**_fields(notice), "events": [_fields(event) for event in notice.events.all()]}
            for notice in notices.prefetch_related("events")
        ],
        "texts": [_fields(text) for text in texts.order_by("created_at")],
    }


def _fields(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def _texts_of(found: list[Subscription]) -> list[str]:
    """The hashes of texts that went to nobody but them: another customer's proof is left whole."""
    sent = _hashes(NoticeEvent.objects.filter(notice__subscription__in=found))
    sent |= _hashes(PriceNotice.objects.filter(subscription__in=found))
    others = _hashes(NoticeEvent.objects.filter(text_hash__in=sent).exclude(notice__subscription__in=found))
    others |= _hashes(PriceNotice.objects.filter(text_hash__in=sent).exclude(subscription__in=found))
    return sorted(sent - others)


def _hashes(rows: QuerySet[Any]) -> set[str]:
    return set(rows.exclude(text_hash="").order_by().values_list("text_hash", flat=True).distinct())


def _forget(found: list[Subscription]) -> None:
    """Inside a transaction. The tables of proof allow it for as long as that lasts, and for these columns only."""
    texts = _texts_of(found)
    _allow_erasing("on")
    NoticeText.objects.filter(pk__in=texts).update(subject="", body="")
    NoticeEvent.objects.filter(notice__subscription__in=found).update(email="", detail="")
    PriceNotice.objects.filter(subscription__in=found).update(email="", subject="")
    _allow_erasing("off")
    Subscription.objects.filter(pk__in=[each.pk for each in found]).update(
        customer_name="", customer_email="", listed={}, erased_at=Coalesce("erased_at", timezone.now())
    )


def _allow_erasing(mode: str) -> None:
    with connection.cursor() as cursor:
        # Until the end of the transaction at most: an error takes it back with everything else.
        cursor.execute("SELECT set_config('circletel.erasing', %s, true)", [mode])
