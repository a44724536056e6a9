"""Hints from Zoho CRM that a product was touched. A hint is believed in nothing but that: the record is read anew.

So a forged hint costs a look at most, a repeated one nothing, and the order in which they come does not matter.
Our own writes are told to us as well: what agrees with the catalogue, or is owed to Zoho, is no finding.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from circletel.core.enqueue import send_now
from circletel.core.errors import NotAllowed, Refused
from reconciliation.comparison import strangers_in
from reconciliation.findings import record, told
from reconciliation.locking import only_one
from reconciliation.matching import Deviation, judge
from reconciliation.models import Finding, FindingType, Hint, HintChannel
from reconciliation.stake import weigh
from zoho_sync.compare.expected import expected_for
from zoho_sync.compare.records import SHELVES, Remote
from zoho_sync.compare.remote import Zoho, open_zoho
from zoho_sync.connection.errors import ZohoError
from zoho_sync.crm.client import PER_UPSERT
from zoho_sync.desired import table_of
from zoho_sync.models import Kind, ProductIntegration
from zoho_sync.services import quietly

log = structlog.get_logger(__name__)

CRM = SHELVES[0]
KIND = Kind.CRM_PRODUCT
# Beyond this many the nightly comparison is the better way; Zoho names one or a few in each hint.
MOST_WAITING = 2000
LONGEST_ID = 30
# So that what we just sent is acknowledged before it is looked at.
NUDGE_SECONDS = 5


def token_of(channel_id: str) -> str:
    """What Zoho has to send back with each hint. Derived, so that it is kept nowhere."""
    return salted_hmac("reconciliation.hints", channel_id, algorithm="sha256").hexdigest()[:48]


def take(message: Any) -> int:
    """Write down whom a message names, and wake a worker. Returns how many.

    Refused when it does not make sense, NotAllowed when it does not come from our channel.
    """
    if not isinstance(message, dict):
        raise Refused("A hint is a JSON object")
    channel_id, token = str(message.get("channel_id") or ""), str(message.get("token") or "")
    known = settings.RECONCILIATION_HINTS and HintChannel.objects.filter(channel_id=channel_id[:20]).exists()
    if not known or not constant_time_compare(token, token_of(channel_id)):
        raise NotAllowed("This is not our channel")
    ids = message.get("ids")
    if message.get("module") != "Products" or not isinstance(ids, list) or not all(map(_is_id, ids)):
        raise Refused("A hint names products by their ids")
    with transaction.atomic():
        number = _note(ids)
        transaction.on_commit(_nudge, robust=True)
    return number


def read_waiting(*, sleep: Callable[[float], None] = time.sleep) -> str:
    """Look at what hints named, a hundred a call, and bring its findings up to date. Says what it did.

    While a comparison is going on they wait. When Zoho does not answer they wait too.
    """
    if not Hint.objects.exists():
        return "nothing waits"
    with only_one("reconciliation") as is_mine:
        if not is_mine:
            return "a comparison is going on: they wait"
        zoho = open_zoho(sleep)
        looked = 0
        try:
            # What is hinted at again and again comes round with the next minute.
            for _round in range(MOST_WAITING // PER_UPSERT):
                if not (waiting := list(Hint.objects.all()[:PER_UPSERT])):
                    break
                _look_at(zoho, [each.remote_id for each in waiting])
                looked += len(waiting)
                for each in waiting:
                    # Hinted at again meanwhile, it is looked at again.
                    Hint.objects.filter(pk=each.pk, hinted_at=each.hinted_at).delete()
        except ZohoError as trouble:
            log.warning("hints_wait", trouble=str(trouble))
            return f"{looked} looked at; the others wait: {trouble}"
        finally:
            zoho.__exit__()
        return f"{looked} looked at"


def _look_at(zoho: Zoho, ids: Sequence[str]) -> None:
    now = timezone.now()
    seen = zoho.look(CRM, {id: (id, "") for id in ids})
    rows = ProductIntegration.objects.filter(kind=KIND, remote_id__in=ids)
    packages = {str(pk) for pk in rows.values_list("package_id", flat=True)} - _wrongly_linked()
    ours = {each.remote_id: each for each in expected_for(packages, [KIND])}
    tables = {KIND.value: table_of(KIND, zoho.terms)}
    deviations = [
        deviation for id, mine in ours.items() if id in seen for deviation in judge(mine, seen[id], tables)
    ]
    known = set(rows.values_list("remote_id", flat=True))
    deviations += _strangers(remote for id, remote in seen.items() if remote is not None and id not in known)
    findings = [told(each) for each in deviations]
    weigh(findings, zoho.terms)
    # Of a package, what is about its record; of a stranger, what is about it.
    about = Q(package_id__in=packages) | Q(package=None, remote_id__in=ids)
    with transaction.atomic():
        record(
            findings,
            report=None,
            at=now,
            closes=lambda _finding: True,
            among=Finding.objects.unresolved().filter(about, kind=KIND),
        )


def _wrongly_linked() -> set[str]:
    """Packages whose record is in question: who is who shows only where all records are seen."""
    unclear = Finding.objects.unresolved().filter(kind=KIND, type=FindingType.WRONG_LINK)
    return {str(pk) for pk in unclear.values_list("package_id", flat=True)}


def _strangers(remotes: Iterable[Remote]) -> list[Deviation]:
    """Records in use that are nobody's; one that we are just making has our key, and no id with us yet."""
    active = [each for each in remotes if each.is_active]
    made = ProductIntegration.objects.filter(
        kind=KIND, remote_id="", remote_key__in=[each.key for each in active]
    )
    keys = set(made.values_list("remote_key", flat=True))
    return list(strangers_in(CRM, [each for each in active if each.key not in keys]))


def _note(ids: Sequence[Any]) -> int:
    if Hint.objects.count() + len(ids) > MOST_WAITING:
        log.warning("hints_not_taken", number=len(ids))
        return 0
    now = timezone.now()
    hints = [Hint(remote_id=str(id), hinted_at=now) for id in dict.fromkeys(ids)]
    Hint.objects.bulk_create(
        hints, update_conflicts=True, unique_fields=["remote_id"], update_fields=["hinted_at"]
    )
    return len(hints)


def _is_id(value: Any) -> bool:
    text = str(value)
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID


def _nudge() -> None:
    if quietly(lambda: cache.add("reconciliation:hinted", 1, timeout=NUDGE_SECONDS)):
        send_now("reconciliation.tasks.read_hints", seconds=NUDGE_SECONDS)
