"""Work that nobody waits for takes its turn: after people, after Zoho's rests, and not for ever."""

from threading import Event

import pytest

from zoho_sync.connection.background import BackgroundHttp, Stopped
from zoho_sync.connection.errors import BudgetSpent, RateLimited, ServerTrouble
from zoho_sync.connection.http import Call
from zoho_sync.connection.limits import Allowance
from zoho_sync.models import System

pytestmark = pytest.mark.django_db
READ = Call("GET", "/billing/v1/plans", safe=True)


@pytest.fixture
def connect(zoho):
    """A connection whose waits are kept in `waits`, and end what was waited for."""
    made = []

    def now(patience=100.0, **options):
        waits = []

        def sleep(seconds):
            waits.append(round(seconds, 1))
            http.breaker.reset()

        http = BackgroundHttp(System.BILLING, patience=patience, sleep=sleep, **options)
        http.waits = waits
        made.append(http)
        return http

    yield now
    for http in made:
        http.close()


def test_a_rest_of_zoho_is_waited_for(connect):
    http = connect()
    http.breaker.failed(ServerTrouble("down", retry_after=30))

    http.send(READ)

    assert [29 < seconds <= 30 for seconds in http.waits] == [True]
    assert 69 < http.patience < 72


def test_a_rest_longer_than_the_patience_is_not(connect):
    http = connect(patience=10.0)
    http.breaker.failed(ServerTrouble("down", retry_after=30))

    with pytest.raises(BudgetSpent, match="grants background work no more calls for 30 s") as refusal:
        http.send(READ)

    assert (http.waits, refusal.value.retry_after > 29) == ([], True)


def test_a_limit_of_zoho_is_waited_for_as_long_as_the_patience_lasts(connect, zoho):
    def limit(times):
        zoho.fault(
            match={"path": "/billing/v1/plans"}, action={"status": 429, "body": {"code": 44}}, times=times
        )

    http = connect(patience=100.0)
    limit(1)
    http.send(READ)
    [wait] = http.waits
    assert http.patience == pytest.approx(100 - wait, abs=0.1)

    limit(1)
    with pytest.raises(RateLimited):
        http.send(READ)
    assert http.waits == [wait]


def test_calls_that_were_allowed_to_a_run_are_not_waited_for(connect):
    http = connect(allowance=Allowance(1))
    http.send(READ)

    with pytest.raises(BudgetSpent, match="calls allowed to this run are used up"):
        http.send(READ)

    assert http.waits == []


def test_who_asks_to_stop_does_not_wait(connect):
    stop = Event()
    http = connect(stop=stop)
    stop.set()

    with pytest.raises(Stopped):
        http.send(READ)
