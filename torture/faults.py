"""What is broken, when, and how it is mended. The schedule is made of the seed; the deeds are done from one thread."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from circletel.embedded.program import Program
from circletel.embedded.service import Service
from tests.conftest import SandboxZoho
from torture.house import House, pause_until
from torture.records import Fault, Records

DATABASE, WEB = "database restarted", "web killed"
VALKEY, VALKEY_EMPTY = "valkey killed", "valkey killed, data lost"
PROCESSES = (DATABASE, WEB, VALKEY, VALKEY_EMPTY, "worker 1 killed", "worker 2 killed", "beat killed")
ZOHO_GONE = "Zoho gone"
BY_ITSELF = "ended by itself"
# What is ordered of the sandbox. Crippled answers come for some calls only, as they do in life.
ZOHO_ORDERS: dict[str, list[dict[str, Any]]] = {
    "Zoho slow": [{"action": {"delay_ms": 2500}, "times": None}],
    "Zoho slower than we wait": [{"action": {"delay_ms": 20_000}, "times": 12}],
    "Zoho throttling": [
        {"match": {"path": "/billing/*"}, "times": None,
         "action": {"status": 429, "body": {"code": 44, "message": "For security reasons you have been blocked."}}},
        {"match": {"path": "/crm/*"}, "times": None,
         "action": {"status": 429, "body": {"code": "TOO_MANY_REQUESTS", "message": "too many", "status": "error"}}},
    ],
    "Zoho wrong: pages for answers": [{"action": {"garbage": True}, "times": None}],
    "Zoho wrong: does it and answers nonsense": [{"action": {"garbage": "{\"code\": 0", "perform": True}, "times": 15}],
    "Zoho wrong: fails inside": [{"action": {"status": 500, "body": {"code": 500, "message": "oops"}}, "times": None}],
    "Zoho wrong: does it and fails": [
        {"action": {"status": 502, "body": "<html>Bad gateway</html>", "perform": True}, "times": 15}
    ],
    "Zoho wrong: does it and hangs up": [{"action": {"drop": "after"}, "times": 15}],
    "Zoho wrong: hangs up": [{"action": {"drop": "before"}, "times": None}],
}  # fmt: skip
ZOHO = (*ZOHO_ORDERS, ZOHO_GONE)
DOWN_SECONDS = (1.0, 6.0)
# From the beginning and to the end of the traffic nothing is broken.
QUIET_SECONDS = 8.0


@dataclass(frozen=True)
class Planned:
    """Something to break `at` seconds into the run, for `lasts` seconds."""

    at: float
    name: str
    lasts: float


def schedule(seed: int, seconds: float) -> list[Planned]:
    """Two lanes, processes and Zoho, so that the two kinds meet. Each lane goes through all it knows, then again."""
    choice = random.Random(f"{seed} faults")
    found: list[Planned] = []
    for names, pause, lasts in ((PROCESSES, (12.0, 24.0), DOWN_SECONDS), (ZOHO, (12.0, 30.0), (8.0, 20.0))):
        at = QUIET_SECONDS + choice.uniform(0, 8)
        while at < seconds - QUIET_SECONDS:
            for name in choice.sample(names, len(names)):
                length = choice.uniform(*lasts)
                if at + length > seconds - QUIET_SECONDS:
                    at = seconds
                    break
                found.append(Planned(at, name, length))
                at += length + choice.uniform(*pause)
    return sorted(found, key=lambda each: each.at)


class Breaker:
    """Carries a schedule out. Everything that is still broken when it ends is mended before `run` returns."""

    def __init__(self, house: House, zoho: SandboxZoho, records: Records, say: Callable[[str], None]) -> None:
        self.house, self.zoho, self.records, self.say = house, zoho, records, say
        self._down: set[str] = set()

    def run(self, planned: list[Planned]) -> None:
        """Events in order of their time; each begin brings its end along."""
        events: list[tuple[float, int, Callable[[], Any]]] = []
        for number, each in enumerate(planned):
            events.append((each.at, number, partial(self._begin, each, events)))
        while events:
            events.sort(key=lambda event: event[:2])
            at, _number, deed = events.pop(0)
            while self.records.now() < at:
                self.tend()
                pause_until(min(self.records.started + at, time.monotonic() + 1))
            deed()

    def tend(self) -> None:
        """Start again whatever ended by itself, and write it down: nothing should."""
        for name in self.house.tend(self._down):
            self.records.fault(f"{name} {BY_ITSELF}").ended = self.records.now()
            self.say(f"{self.records.now():7.1f} s  {name} {BY_ITSELF}, started again")

    def _begin(self, planned: Planned, events: list[Any]) -> None:
        fault = self.records.fault(planned.name)
        self.say(f"{fault.begun:7.1f} s  {planned.name} for {planned.lasts:.0f} s")
        self._break(planned.name)
        events.append((self.records.now() + planned.lasts, -1, partial(self._end, fault)))

    def _end(self, fault: Fault) -> None:
        fault.ended = self.records.now()
        self._mend(fault.name)
        if fault.name not in ZOHO:  # when Zoho is answered again, the log of calls tells
            fault.recovered = self.records.now()
        self.say(f"{self.records.now():7.1f} s  mended: {fault.name}")

    def _break(self, name: str) -> None:
        house = self.house
        if name in ZOHO_ORDERS:
            for order in ZOHO_ORDERS[name]:
                self.zoho.fault(**order)
            return
        program = self._program(name)
        self._down.add(program.name)
        if name == DATABASE:
            house.crash_postgres()
        elif name in (VALKEY, VALKEY_EMPTY):
            house.crash_valkey(lose_everything=name == VALKEY_EMPTY)
        else:
            house.kill(program)

    def _mend(self, name: str) -> None:
        if name in ZOHO_ORDERS:
            self.zoho.clear_faults()
            return
        program = self._program(name)
        if isinstance(program, Service):
            program.start()
        else:
            self.house.revive(program)
        self._down.discard(program.name)

    def _program(self, name: str) -> Program:
        house = self.house
        programs: dict[str, Program] = {f"{one.name} killed": one for one in (*house.workers, house.beat)}
        services = {
            DATABASE: house.postgres,
            VALKEY: house.valkey,
            VALKEY_EMPTY: house.valkey,
            ZOHO_GONE: house.sandbox,
        }
        return {**programs, **services, WEB: house.web}[name]


def recovery_of_zoho(records: Records, fault: Fault, began_at: float) -> float | None:
    """When, in seconds of the run, Zoho was first answered well after `fault` ended; None when nobody asked again.

    `began_at` is the run's beginning as seconds since the epoch.
    """
    from datetime import UTC, datetime

    from zoho_sync.models import ZohoSyncLog

    assert fault.ended is not None
    since = datetime.fromtimestamp(began_at + fault.ended, UTC)
    calls = ZohoSyncLog.objects.filter(at__gte=since, http_status__lt=300, error_class="")
    first = calls.exclude(system="accounts").order_by("at").values_list("at", flat=True).first()
    return None if first is None else first.timestamp() - began_at


def wall_clock_of(records: Records) -> float:
    """The run's beginning as seconds since the epoch."""
    return time.time() - records.now()
