"""Make it so: take what is owed, send it, write down what came of it.

A publish, a re-sync, a retry and a repair all end here. The flow is level-triggered: it looks at rows, never
at messages, so it may be started by anyone at any time, twice or not at all.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Condition, Event, get_ident
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from redis.exceptions import RedisError

from catalogue.models import ServicePackage
from circletel.core.origin import Origin, acting_from, new_correlation_id
from zoho_sync import claims, gathering, timing
from zoho_sync.billing import exporter as billing_exporter
from zoho_sync.billing.client import BillingClient
from zoho_sync.claims import Claim
from zoho_sync.connection.errors import (
    Disagreement,
    InvalidField,
    NeedsPerson,
    OurMistake,
    OutcomeUnknown,
    RateLimited,
    Retryable,
    ZohoError,
)
from zoho_sync.connection.http import ZohoHttp, noting_unanswered_writes
from zoho_sync.connection.limits import reserve
from zoho_sync.crm import exporter as crm_exporter
from zoho_sync.crm.client import PER_UPSERT, CrmClient
from zoho_sync.desired import DesiredRecord, current_terms, desired_records, problems_of, retired_record
from zoho_sync.fields import Terms
from zoho_sync.models import Kind, ProductIntegration, System

log = structlog.get_logger(__name__)

# Records of Billing that a thread takes at once, where the budget has room: claiming is dear, and a record in hand
# is one that somebody's click waits for.
BILLING_BATCH = 8
# How long a thread without work waits for what another one is about to make possible.
IDLE_SECONDS = 0.25


@dataclass
class Drained:
    """What one drain did. `again_in` is set, in seconds, when something is due that could not be sent yet."""

    sent: int = 0
    again_in: float | None = None
    reasons: list[str] = field(default_factory=list)

    def postpone(self, seconds: float, reason: str) -> None:
        self.again_in = max(self.again_in or 0.0, seconds)
        self.reasons.append(reason)


@dataclass(frozen=True)
class _Turn:
    """Which records a drain is about, and when it ends."""

    deadline: float
    packages: Collection[UUID] | None
    stop: Event
    threads: int
    gathers: bool = False
    news: Condition = field(default_factory=Condition)
    at_work: list[int] = field(default_factory=list)
    """The threads that hold records now. What they finish may be what others wait for."""

    def is_over(self) -> bool:
        return self.stop.is_set() or time.monotonic() >= self.deadline

    @contextmanager
    def working(self) -> Iterator[None]:
        with self.news:
            self.at_work.append(get_ident())
        try:
            yield
        finally:
            with self.news:
                self.at_work.remove(get_ident())
                self.news.notify_all()

    def others_finish(self) -> bool:
        """Wait a moment for another thread to finish something; False when none is at it."""
        with self.news:
            if self.at_work:
                self.news.wait(IDLE_SECONDS)
                return True
        return False


def drain(
    system: System,
    *,
    seconds: float = 45.0,
    threads: int | None = None,
    http: ZohoHttp | None = None,
    packages: Collection[UUID] | None = None,
    stop: Event | None = None,
    gathers: bool = False,
) -> Drained:
    """Send what is due to `system` until nothing is, Zoho rests, the budget is spent or `seconds` are over.

    `packages` narrows it to their records. With `gathers` a call to CRM that is not full may wait for others.
    Once `stop` is set, calls on their way are finished and none begun.
    """
    threads = threads or (settings.ZOHO_BILLING_CONCURRENCY if system is System.BILLING else 1)
    turn = _Turn(
        time.monotonic() + seconds, packages, stop or Event(), threads, gathers and system is System.CRM
    )
    outcome = Drained()
    connected = nullcontext(http) if http else closing(ZohoHttp(system))
    with connected as http, acting_from(Origin(correlation_id=new_correlation_id())):
        if threads == 1:
            _work(system, http, turn, outcome)
        else:
            _work_in_threads(system, http, turn, outcome, threads)
    return outcome


def _work_in_threads(system: System, http: ZohoHttp, turn: _Turn, outcome: Drained, threads: int) -> None:
    def work() -> None:
        try:
            _work(system, http, turn, outcome)
        finally:
            connection.close()  # each thread has its own

    with ThreadPoolExecutor(threads, thread_name_prefix=f"zoho-{system}") as pool:
        for future in [pool.submit(copy_context().run, work) for _ in range(threads)]:
            future.result()


def _work(system: System, http: ZohoHttp, turn: _Turn, outcome: Drained) -> None:
    while not turn.is_over():
        if http.allowance.is_spent:
            outcome.postpone(1.0, f"the {http.allowance.calls} calls allowed to this run are used up")
            break
        wait = http.budget.seconds_until_free()
        if wait > 0:
            outcome.postpone(wait, f"budget of calls used up for {wait:.0f} s")
            break
        verdict = http.breaker.may_work()
        if verdict == "no":
            state = http.breaker.state()
            outcome.postpone(state.seconds_left() or 1.0, f"{system.label} rests: {state.reason}")
            break
        reserved = http.budget.seconds_until_free(background=True)
        limit = 1 if verdict == "probe" else _most(system, http, turn)
        gathers = turn.gathers and verdict != "probe"
        if gathers and (wait := gathering.seconds_to_gather()) and claims.is_due(system):
            outcome.postpone(wait, f"CRM's next call gathers records for {wait:.0f} s")
            break
        kinds = [kind for kind in Kind if kind.system is system]
        held = claims.claim(kinds, limit, packages=turn.packages, background=reserved == 0)
        if gathers and held:
            gathering.left(len(held))
        if not held:
            if verdict == "probe":
                http.breaker.release_probe()
            if reserved and claims.is_due(system):
                outcome.postpone(reserved, f"what is left for {reserved:.0f} s is kept for people")
                break
            if turn.others_finish():
                continue
            break
        try:
            with turn.working():
                if system is System.CRM:
                    outcome.sent += _send_crm_batch(http, held)
                else:
                    for sent in _send_billing_records(http, held, turn):
                        outcome.sent += sent
        except _GaveBack as given_back:
            outcome.postpone(given_back.seconds, str(given_back))
            break


def _most(system: System, http: ZohoHttp, turn: _Turn) -> int:
    """How many records to take: a full upsert of CRM's; of Billing's no more than can go out soon."""
    if system is System.CRM:
        return PER_UPSERT
    room = min((left - reserve(window) for window, left in http.budget.left()), default=BILLING_BATCH)
    return max(1, min(BILLING_BATCH, room // (2 * turn.threads)))


class _GaveBack(Exception):
    """Records were put back untouched; nothing more can be done for `seconds`."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


def _send_crm_batch(http: ZohoHttp, held: Sequence[Claim]) -> int:
    """One upsert of what is owed to CRM. Returns how many were brought into step."""
    with _failures_reported(http, held):
        terms = current_terms()
        ready: list[tuple[Claim, DesiredRecord]] = []
        # Read anew: a package may have changed since the claim was looked up.
        packages = ServicePackage.objects.in_bulk([item.row.package_id for item in held])
        for item in held:
            record = _desired_of(item.row, packages[item.row.package_id], terms)
            if fault := _fault(record, terms):
                _report(http, item, fault)
            else:
                _forget_what_is_unsure(item, record)
                ready.append((item, record))
        return _upsert(http, ready, terms)
    return 0


def _upsert(http: ZohoHttp, ready: Sequence[tuple[Claim, DesiredRecord]], terms: Terms) -> int:
    if not ready or not claims.still_held([item for item, _record in ready]):
        return 0
    rows, records = [item.row for item, _ in ready], [record for _, record in ready]
    with acting_from(_origin_of(rows)), _holding_off([item for item, _record in ready]):
        results = crm_exporter.export(CrmClient(http), rows, records, terms)
    done: list[claims.Done] = []
    for (item, record), result in zip(ready, results, strict=True):
        if result.error is None:
            done.append((item, record.payload, result.remote_id))
        elif isinstance(result.error, RateLimited):
            claims.give_back([item], doubtful=result.error.may_have_landed)
        else:
            _report(http, item, result.error)
    claims.report_all_done(done)
    return len(done)


def _send_billing_records(http: ZohoHttp, held: Sequence[Claim], turn: _Turn) -> Iterator[int]:
    """One record of Billing after another; 1 for each that is in step, 0 for each that is not.

    What cannot be sent now, because time is up, calls are spent or Zoho is away, is given back untouched.
    """
    waiting, taken = list(held), time.monotonic()
    try:
        with _failures_reported(http, held):
            batch = _Batch.of(held)
        while waiting:
            item = waiting.pop(0)
            in_step = _send_billing_record(http, item, batch)
            yield in_step
            rests = not in_step and http.breaker.state().is_open
            if not waiting or rests or turn.is_over() or not _has_room(http, waiting):
                return
            if time.monotonic() - taken > timing.LEASE_SECONDS / 3:
                if not claims.still_held(waiting):
                    waiting = []  # another worker has some of them now
                taken = time.monotonic()
    finally:
        if waiting:
            claims.give_back(waiting)


def _has_room(http: ZohoHttp, waiting: Sequence[Claim]) -> bool:
    background = any(item.row.background for item in waiting)
    return not http.allowance.is_spent and not (
        background and http.budget.seconds_until_free(background=True)
    )


@dataclass(frozen=True)
class _Batch:
    """What the records in hand are described from, read at once: as it is now, not as it was when they were owed."""

    terms: Terms
    packages: dict[UUID, ServicePackage]
    product_ids: dict[UUID, str]

    @classmethod
    def of(cls, held: Sequence[Claim]) -> "_Batch":
        ids = {item.row.package_id for item in held}
        products = ProductIntegration.objects.filter(package__in=ids, kind=Kind.BILLING_PRODUCT)
        return cls(
            current_terms(),
            ServicePackage.objects.in_bulk(ids),
            dict(products.values_list("package_id", "remote_id")),
        )


def _send_billing_record(http: ZohoHttp, item: Claim, batch: _Batch) -> int:
    """One record of Billing, with all its calls. Returns 1 when it is in step, 0 when not."""
    with _failures_reported(http, [item]):
        terms = batch.terms
        record = _desired_of(item.row, batch.packages[item.row.package_id], terms)
        if fault := _fault(record, terms):
            raise fault
        _forget_what_is_unsure(item, record)
        is_product = record.kind is Kind.BILLING_PRODUCT
        with acting_from(_origin_of([item.row])), _holding_off([item]):
            remote_id = billing_exporter.export(
                BillingClient(http),
                item.row,
                record,
                terms,
                product_id="" if is_product else batch.product_ids[item.row.package_id],
                look_first=item.was_lost or item.row.outcome_unknown,
                remember=lambda found: claims.remember_remote(item, found),
            )
        claims.report_done(item, record.payload, remote_id)
        return 1
    return 0


@contextmanager
def _failures_reported(http: ZohoHttp, held: Sequence[Claim]) -> Iterator[None]:
    """Whatever goes wrong inside is written down on the records held, or they are given back when it is not theirs.

    A mistake of our own stops one batch, never the queue. Only the database being away passes through: then
    nothing can be written down, and the leases run out by themselves.
    """
    try:
        yield
    except RateLimited as limited:
        # Zoho's limit or our own budget: it is no failure of any record.
        claims.give_back(held, doubtful=limited.may_have_landed)
        raise _GaveBack(str(limited), limited.retry_after or 5.0) from None
    except Disagreement as disagreement:
        claims.give_back(held)
        raise _GaveBack(str(disagreement), disagreement.retry_after or 60.0) from None
    except RedisError as trouble:
        claims.give_back(held)
        raise _GaveBack(f"Redis is away: {trouble}", 5.0) from None
    except ZohoError as error:
        for item in held:
            _report(http, item, error)
    except (DatabaseError, InterfaceError):
        raise
    except Exception as mistake:
        log.exception("our_mistake", records=[str(item.row) for item in held])
        for item in held:
            _report(http, item, OurMistake(f"{type(mistake).__name__}: {mistake}"))


@contextmanager
def _holding_off(held: Sequence[Claim]) -> Iterator[None]:
    """Whatever is sent inside: a write that Zoho left unanswered keeps the next one of these records waiting."""
    with noting_unanswered_writes() as unanswered:
        try:
            yield
        finally:
            if unanswered:
                claims.hold_off(held)


def _desired_of(row: ProductIntegration, package: ServicePackage, terms: Terms) -> DesiredRecord:
    """What the row's record ought to say now. One that is no longer wanted stays as it was, but inactive."""
    for record in desired_records(package, terms):
        if record.kind == row.kind:
            return record
    return retired_record(Kind(row.kind), row.remote_key, row.acknowledged_payload)


def _forget_what_is_unsure(item: Claim, record: DesiredRecord) -> None:
    """Everything is sent, as if Zoho said something else in every field: with force, and where a call went out whose
    end nobody saw, even when what is wanted is what Zoho had acknowledged before it. Not stored."""
    row = item.row
    forced = row.resync is not None and row.resync.force
    if row.remote_id and (forced or item.was_lost or row.outcome_unknown):
        opposite = "active" if record.payload.get("status") == "inactive" else "inactive"
        row.acknowledged_payload = dict.fromkeys(record.payload, "\0") | {"status": opposite}


def _fault(record: DesiredRecord, terms: Terms) -> InvalidField | None:
    """Why sending would be useless. Said before it costs a call."""
    found = problems_of(record, terms)
    return InvalidField("; ".join(found), code="NOT_SENT", details={"problems": found}) if found else None


def _origin_of(rows: Sequence[ProductIntegration]) -> Origin:
    """The deed these rows go back to, where they all go back to one; else this drain."""
    deeds = {row.correlation_id for row in rows}
    return Origin(correlation_id=deeds.pop() if len(deeds) == 1 and "" not in deeds else new_correlation_id())


def _report(http: ZohoHttp, item: Claim, error: ZohoError) -> None:
    """Write a failure down, as the record's own or as the connection's."""
    counts = not error.about_connection or _worked_since_last_try(http, item.row)
    claims.report_failure(
        item,
        error,
        # A wrong setting is nobody's record: what is owed stays owed until the connection is mended.
        retryable=isinstance(error, Retryable) or (isinstance(error, NeedsPerson) and error.about_connection),
        counts=counts,
        outcome_unknown=isinstance(error, OutcomeUnknown)
        or item.was_lost
        or (bool(item.row.remote_id) and error.may_have_landed),
    )
    log.warning(
        "zoho_record_not_sent",
        record=str(item.row),
        error_class=type(error).__name__,
        error=str(error),
        counts=counts,
    )


def _worked_since_last_try(http: ZohoHttp, row: ProductIntegration) -> bool:
    """Has Zoho answered anybody since this record was last tried? If not, the failure says nothing about the record."""
    if row.last_retry_at is None:
        return True
    return http.breaker.state().last_success_at > row.last_retry_at.timestamp()
