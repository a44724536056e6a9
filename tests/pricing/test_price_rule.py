"""Python, SQL and a naive model agree on who pays what, whatever happened to the price."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from catalogue.models import VatRate
from pricing.rule import NoPrice, PriceHistory, Reason, VatStep, price_for_customer, prices_for_customers
from tests.fuzz.inputs import fuzzed
from tests.pricing.histories import JOHANNESBURG, OPENED, Told, package_opened, write

pytestmark = pytest.mark.django_db
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
R799, R849, R899 = Decimal("799.00"), Decimal("849.00"), Decimal("899.00")


@pytest.fixture(scope="module")
def opened(django_db_setup, django_db_blocker):
    """One package for the whole module, at R 799 since OPENED; gone with the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield package_opened(R799)
        transaction.set_rollback(True)


# --- the naive model: replay what happened, one event after another -----------------------------


@dataclass
class Customer:
    signed_up_at: datetime
    pays: Decimal | None = None
    joined_in: Told | None = None
    """The change in whose notice they joined, until a price takes effect."""


def replay(changes, signed_up_at, at):
    """(pays, reason) of one customer at `at`; None before there was a price."""
    at = max(at, signed_up_at)
    events = [(OPENED, 0, "opened", None)]
    for told in changes:
        events.append((told.published_at, 1, "published", told))
        if told.cancelled_at:
            events.append((told.cancelled_at, 1, "cancelled", told))
        else:
            events.append((told.effective_at, 1, "effective", told))
    # Sorting is stable: what happens at one instant happens in the order it was told; signing up comes last.
    events.append((signed_up_at, 2, "joins", None))
    customer, existing, offered, in_notice = Customer(signed_up_at), None, None, None
    joined = False
    for instant, _order, what, told in sorted(events, key=lambda event: event[:2]):
        if instant > at:
            break
        if what == "opened":
            existing = offered = R799
            if joined:
                customer.pays = R799
        elif what == "published":
            offered, in_notice = told.price, told
        elif what == "cancelled":
            offered, in_notice = existing, None
        elif what == "effective":
            existing, in_notice = told.price, None
            customer.pays, customer.joined_in = told.price, None
        elif what == "joins":
            joined = True
            if offered is not None:
                customer.pays, customer.joined_in = offered, in_notice
    if existing is None:
        return None
    if customer.joined_in:
        return customer.pays, Reason.NEW if customer.joined_in is in_notice else Reason.KEPT
    return customer.pays, Reason.OLD if in_notice else Reason.CURRENT


def next_move(changes, signed_up_at, at, pays):
    """When and to what the amount next moves: try every instant at which anything happens."""
    at = max(at, signed_up_at)
    for instant in sorted(told.effective_at for told in changes if not told.cancelled_at):
        if instant > at and replay(changes, signed_up_at, instant)[0] != pays:
            return instant, replay(changes, signed_up_at, instant)[0]
    return None, None


# --- histories ---------------------------------------------------------------------------------

prices = st.integers(1, 300_000).map(lambda cents: Decimal(cents) / 100)
# Any second, or a midnight in Johannesburg (22:00 UTC) or in UTC.
moments = st.one_of(
    st.integers(0, 86_399), st.just(22 * 3600), st.just(0), st.sampled_from([22 * 3600 - 1, 22 * 3600 + 1])
)


@st.composite
def histories(draw):
    changes, now, price = [], OPENED, R799
    for last in draw(st.lists(st.just(False), max_size=5).map(lambda some: [*some, True])):
        published = _later(draw, now, draw(st.sampled_from([0, 0, 1, 40])))
        new_price = draw(prices.filter(lambda each, old=price: each != old))
        at_once = new_price < price and draw(st.booleans())
        effective = published if at_once else _later(draw, published + SECOND, draw(st.integers(0, 90)))
        told = Told(published, effective, new_price)
        if not at_once and draw(st.booleans()):
            whole = int((effective - published) / SECOND)
            cancelled = published + SECOND * draw(st.integers(0, whole - 1))
            told, now = Told(published, effective, new_price, cancelled_at=cancelled), cancelled
        else:
            told = Told(published, effective, new_price, applied=not last or draw(st.booleans()))
            price, now = new_price, effective
        changes.append(told)
    return changes


def _later(draw, instant, days):
    """Some moment of the day that many days on, never before `instant`."""
    midnight = instant.replace(hour=0, minute=0, second=0) + DAY * days
    return max(instant, midnight + SECOND * draw(moments))


def instants_of(changes):
    """Everything that happens, a second either side, the midnights around it, long before and long after."""
    found = {OPENED, *(t.published_at for t in changes), *(t.effective_at for t in changes)}
    found |= {told.cancelled_at for told in changes if told.cancelled_at}
    midnights = {each.astimezone(zone).replace(hour=0, minute=0, second=0)
                 for each in found for zone in (JOHANNESBURG, UTC)}  # fmt: skip
    found |= midnights
    found |= {each + step for each in found for step in (SECOND, -SECOND)}
    return sorted({each.astimezone(UTC) for each in found} | {OPENED - 900 * DAY, OPENED + 4000 * DAY})


@pytest.mark.fuzz
@fuzzed(few=30, many=500)
@given(changes=histories(), data=st.data())
def test_python_sql_and_the_naive_model_agree(opened, changes, data):
    instants = instants_of(changes)
    moments_asked = data.draw(st.lists(st.sampled_from(instants), min_size=4, max_size=8, unique=True))
    with transaction.atomic():
        write(opened, changes)
        history = PriceHistory.of(opened)
        for at in moments_asked:
            by_sql = prices_for_customers(opened.pk, instants, at)
            for signed_up_at, from_sql in zip(instants, by_sql, strict=True):
                expected = replay(changes, signed_up_at, at)
                if expected is None:
                    assert from_sql is None
                    with pytest.raises(NoPrice):
                        price_for_customer(history, signed_up_at, at)
                    continue
                answer = price_for_customer(history, signed_up_at, at)
                assert answer == from_sql
                assert (answer.including_vat, answer.reason) == expected
                assert (answer.next_change_at, answer.next_price) == next_move(
                    changes, signed_up_at, at, answer.including_vat
                )
                rate = Decimal("1.14") if max(at, signed_up_at) < datetime(2018, 3, 31, 22, tzinfo=UTC) else Decimal("1.15")  # fmt: skip
                without = (answer.including_vat / rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
                assert (answer.excluding_vat, answer.vat) == (without, answer.including_vat - without)
        transaction.set_rollback(True)


# --- the words, one by one ----------------------------------------------------------------------

PUBLISHED = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
EFFECTIVE = datetime(2026, 5, 31, 22, 0, tzinfo=UTC)  # 1 June in Johannesburg


def asked(package, signed_up_at, at):
    answer = price_for_customer(package, signed_up_at, at)
    assert prices_for_customers(package.pk, [signed_up_at], at) == [answer]
    assert current_price(package, signed_up_at, at) == answer.including_vat
    return answer


def current_price(package, signed_up_at, at=None):
    with connection.cursor() as cursor:
        if at is None:
            cursor.execute("SELECT get_current_price_for_customer(%s, %s)", [package.pk, signed_up_at])
        else:
            cursor.execute(
                "SELECT get_current_price_for_customer(%s, %s, %s)", [package.pk, signed_up_at, at]
            )
        return cursor.fetchone()[0]


def test_before_publication_the_old_price_until_the_effective_date():
    package = package_opened(R799)
    write(package, [Told(PUBLISHED, EFFECTIVE, R899, applied=False)])
    early = PUBLISHED - SECOND

    waiting = asked(package, early, EFFECTIVE - SECOND)
    moved = asked(package, early, EFFECTIVE)

    assert (waiting.including_vat, waiting.excluding_vat, waiting.vat) == (
        R799, Decimal("694.78"), Decimal("104.22"),
    )  # fmt: skip
    assert (waiting.reason, waiting.version) == (Reason.OLD, 1)
    assert (waiting.next_change_at, waiting.next_price) == (EFFECTIVE, R899)
    assert (moved.including_vat, moved.reason, moved.version) == (R899, Reason.CURRENT, 2)
    assert (moved.next_change_at, moved.next_price) == (None, None)


def test_from_publication_on_who_signs_up_pays_the_new_price_at_once():
    package = package_opened(R799)
    write(package, [Told(PUBLISHED, EFFECTIVE, R899, applied=False)])

    answer = asked(package, PUBLISHED, PUBLISHED)

    assert (answer.including_vat, answer.reason, answer.version) == (R899, Reason.NEW, 2)
    assert answer.next_change_at is None


def test_who_joined_at_a_cancelled_price_keeps_it_until_the_next_change_takes_effect():
    package = package_opened(R799)
    later, next_effective = PUBLISHED + 20 * DAY, EFFECTIVE + 60 * DAY
    write(
        package,
        [
            Told(PUBLISHED, EFFECTIVE, R899, cancelled_at=PUBLISHED + 10 * DAY),
            Told(later, next_effective, R849, applied=False),
        ],
    )

    joined = PUBLISHED + DAY

    assert asked(package, joined, PUBLISHED + 2 * DAY).reason == Reason.NEW
    kept = asked(package, joined, EFFECTIVE)
    assert (kept.including_vat, kept.reason, kept.next_change_at, kept.next_price) == (
        R899, Reason.KEPT, next_effective, R849,
    )  # fmt: skip
    assert asked(package, joined, next_effective).including_vat == R849
    assert asked(package, PUBLISHED - DAY, EFFECTIVE).including_vat == R799


def test_customers_older_than_the_package_pay_what_existing_customers_pay():
    package = package_opened(R799)
    write(package, [Told(PUBLISHED, EFFECTIVE, R899, applied=False)])

    assert asked(package, OPENED - 500 * DAY, PUBLISHED).including_vat == R799
    assert asked(package, OPENED - 500 * DAY, EFFECTIVE).including_vat == R899


def test_before_the_first_publication_there_is_no_price():
    package = package_opened(R799)

    with pytest.raises(NoPrice, match="had no price yet"):
        price_for_customer(package, OPENED - DAY, OPENED - SECOND)
    assert current_price(package, OPENED - DAY, OPENED - SECOND) is None


def test_without_an_instant_sql_answers_for_now():
    package = package_opened(R799)
    write(package, [Told(PUBLISHED, datetime(2099, 1, 1, tzinfo=UTC), R899, applied=False)])

    assert current_price(package, PUBLISHED - SECOND) == R799
    assert current_price(package, PUBLISHED) == R899


def test_many_customers_are_answered_in_their_order_in_one_query(django_assert_num_queries):
    package = package_opened(R799)
    write(package, [Told(PUBLISHED, EFFECTIVE, R899, applied=False)])
    sign_ups = [PUBLISHED, PUBLISHED - SECOND, PUBLISHED + DAY] * 100

    with django_assert_num_queries(1):
        answers = prices_for_customers(package.pk, sign_ups, PUBLISHED + DAY)

    assert [answer.including_vat for answer in answers] == [R899, R799, R899] * 100


# --- VAT --------------------------------------------------------------------------------------


MIDNIGHT = datetime(2027, 3, 31, 22, 0, tzinfo=UTC)
"""1 April 2027 begins in Johannesburg."""


@pytest.fixture
def sixteen_per_cent():
    VatRate.objects.filter(valid_to=None).update(valid_to=date(2027, 4, 1))
    VatRate.objects.create(rate=Decimal("0.16"), valid_from=date(2027, 4, 1))


@pytest.mark.parametrize("zone", ["Africa/Johannesburg", "UTC", "Pacific/Auckland"])
@pytest.mark.parametrize(
    ("at", "excluding", "vat"),
    [
        (MIDNIGHT - SECOND, "694.78", "104.22"),
        (MIDNIGHT, "688.79", "110.21"),
        (MIDNIGHT + 30 * DAY, "688.79", "110.21"),
    ],
)
def test_vat_is_that_of_the_day_in_johannesburg_whoever_asks(sixteen_per_cent, zone, at, excluding, vat):
    package = package_opened(R799)

    with timezone.override(zone):
        answer = price_for_customer(package, OPENED, at)
        assert prices_for_customers(package.pk, [OPENED], at) == [answer]

    assert (answer.including_vat, answer.excluding_vat, answer.vat) == (
        R799,
        Decimal(excluding),
        Decimal(vat),
    )


def test_without_a_vat_rate_there_is_no_price_and_the_day_is_named():
    history = PriceHistory.of(package_opened(R799))
    ended = replace(history, vat=[VatStep(Decimal("0.15"), date(2018, 4, 1), date(2027, 4, 1))])

    assert price_for_customer(ended, OPENED, MIDNIGHT - SECOND).including_vat == R799
    with pytest.raises(NoPrice, match=r"^No VAT rate is recorded for 1 Apr 2027\.$"):
        price_for_customer(ended, OPENED, MIDNIGHT)
