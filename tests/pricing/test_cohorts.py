"""What a price change means for each subscription."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from pricing import applying, services
from pricing.billing_days import in_months
from pricing.cohorts import cohort_of, first_renewal, judge, same_price
from tests.pricing.histories import JOHANNESBURG, package_opened
from tests.pricing.people import (
    FIRST_OF_MAY,
    MAY_BEGINS,
    PUBLISHED,
    R799,
    R899,
    drafted,
    mr_daniels,
    published,
)
from tests.pricing.subscriptions import mirrored

pytestmark = pytest.mark.django_db
MARCH = date(2027, 3, 3)


@pytest.fixture
def package():
    return package_opened(R799)


def judged(change, today=MARCH, **values):
    price = values.pop("price", "799.00")
    return cohort_of(mirrored(change.package, price, save=False, **values), change, today)


def told(judgement):
    return str(judgement.cohort), judgement.price_then, judgement.expected_price, judgement.renewal_on


def test_most_pay_the_old_price_and_move_with_their_first_bill(package):
    change = published(package)

    found = judged(change)

    assert told(found) == ("standard", R799, R899, date(2027, 5, 15))
    assert (found.why, found.moves) == ("", True)
    on_the_day = judged(change, next_billing_on=date(2027, 4, 1))
    assert on_the_day.renewal_on == FIRST_OF_MAY


def test_a_fixed_price_holds_to_its_last_day(package):
    change = published(package)

    fixed = judged(change, fixed_until=date(2027, 8, 15))
    assert told(fixed) == ("fixed_term", R799, R899, date(2027, 9, 15))
    assert fixed.why == "Its price is fixed until 15 Aug 2027."
    last_day_before_the_bill = judged(change, fixed_until=date(2027, 8, 14))
    assert last_day_before_the_bill.renewal_on == date(2027, 8, 15)
    ends_on_the_date = judged(change, fixed_until=FIRST_OF_MAY)
    assert told(ends_on_the_date) == ("fixed_term", R799, R899, date(2027, 5, 15))
    ends_the_day_before = judged(change, fixed_until=date(2027, 4, 30))
    assert told(ends_the_day_before) == ("standard", R799, R899, date(2027, 5, 15))


def test_a_price_of_its_own_stays(package):
    found = judged(published(package), price="649.00")

    assert told(found) == ("negotiated", Decimal("649.00"), Decimal("649.00"), date(2027, 5, 15))
    assert found.why == "It pays R\u00a0649,00; R\u00a0799,00 would be its price."
    assert not found.moves


def test_a_price_of_its_own_counts_before_coupon_and_term(package):
    found = judged(published(package), price="649.00", discounted=True, fixed_until=date(2028, 1, 1))

    assert found.cohort == "negotiated"


def test_a_coupon_waits_for_a_person_also_in_a_fixed_term(package):
    found = judged(published(package), discounted=True, fixed_until=date(2027, 8, 15))

    assert told(found) == ("discounted", R799, R899, date(2027, 9, 15))


def test_who_leaves_gets_no_new_bill(package):
    change = published(package)

    leaving = judged(change, status="non_renewing")
    assert told(leaving) == ("cancelling", R799, R799, None)
    assert leaving.why == "It ends on 14 Mar 2027."
    assert judged(change, gone_at=PUBLISHED).cohort == "cancelling"


def test_who_joined_during_the_notice_pays_it_already(package):
    change = published(package)

    joined = judged(change, price="899.00", signed_up_at=PUBLISHED)
    assert told(joined) == ("joined_during_notice", R899, R899, date(2027, 5, 15))
    assert not joined.moves
    a_second_before = judged(change, signed_up_at=PUBLISHED - timedelta(seconds=1))
    assert a_second_before.cohort == "standard"


def test_who_joined_but_is_billed_the_old_price_is_moved(package):
    found = judged(published(package), signed_up_at=PUBLISHED + timedelta(hours=1))

    assert told(found) == ("standard", R799, R899, date(2027, 5, 15))
    assert found.why == "It came at R\u00a0899,00 and is billed R\u00a0799,00."


def test_a_price_that_is_new_already_needs_no_move(package):
    found = judged(published(package), price="899.00")

    assert (found.cohort, found.moves, found.why) == ("standard", False, "It pays the new price already.")


def test_who_kept_the_price_of_a_cancelled_change_is_no_exception(package):
    first = published(package)
    services.cancel_price_change(first.pk, actor=mr_daniels(), reason="No", at=PUBLISHED + timedelta(days=2))
    later = PUBLISHED + timedelta(days=5)
    change = published(package, at=later, new_price="949.00", effective_date=date(2027, 6, 1))

    kept = judged(change, price="899.00", signed_up_at=PUBLISHED + timedelta(hours=1))

    assert told(kept) == ("standard", R899, Decimal("949.00"), date(2027, 6, 15))


def test_a_move_that_an_earlier_change_still_owes_is_no_price_of_its_own(package):
    """Effective on 1 May, billed on the 15th: on the 3rd the term of April still runs at the old price."""
    published(package)
    applying.apply_due(MAY_BEGINS)
    package.refresh_from_db()
    second = published(
        package,
        at=datetime(2027, 5, 3, 9, tzinfo=JOHANNESBURG),
        new_price="949.00",
        effective_date=date(2027, 8, 1),
    )
    april = {"current_term_starts_on": date(2027, 4, 15), "next_billing_on": date(2027, 5, 15)}
    may = {"current_term_starts_on": date(2027, 5, 15), "next_billing_on": date(2027, 6, 15)}

    assert judged(second, date(2027, 5, 3), **april).cohort == "standard"
    assert judged(second, date(2027, 5, 20), **may).cohort == "negotiated"
    assert judged(second, date(2027, 5, 20), price="899.00", **may).cohort == "standard"
    fixed = judged(
        second,
        date(2027, 5, 20),
        fixed_until=date(2027, 9, 1),
        signed_up_at=PUBLISHED - timedelta(days=30),
        **may,
    )
    assert told(fixed) == ("fixed_term", R799, Decimal("949.00"), date(2027, 9, 15))


def test_a_draft_without_a_date_is_judged_for_the_earliest_day(package):
    change = drafted(package, effective_date=None)
    mirrored(package)

    [found] = judge(change, PUBLISHED)

    assert told(found) == ("standard", R799, R899, date(2027, 5, 15))


def test_only_standing_subscriptions_of_the_package_are_judged_in_few_queries(
    package, django_assert_num_queries
):
    change = published(package)
    kept = {mirrored(package).pk, mirrored(package, status="non_renewing").pk}
    mirrored(package, status="cancelled")
    mirrored(package, gone_at=PUBLISHED)
    mirrored(package_opened(R799))

    with django_assert_num_queries(4):
        found = list(judge(change, PUBLISHED))

    assert {each.subscription.pk for each in found} == kept


@pytest.mark.parametrize(
    ("began", "known", "on_or_after", "expected"),
    [
        (date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 1), date(2027, 3, 31)),
        (date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 1), date(2027, 4, 30)),
        (date(2028, 1, 30), date(2028, 2, 29), date(2028, 3, 1), date(2028, 3, 30)),
        (date(2027, 3, 31), date(2027, 4, 30), date(2028, 2, 1), date(2028, 2, 29)),
        (date(2027, 1, 28), date(2027, 2, 28), date(2027, 3, 1), date(2027, 3, 28)),
        # Postponed within the month: from the new day on.
        (date(2027, 3, 20), date(2027, 5, 5), date(2027, 5, 6), date(2027, 6, 5)),
        (date(2027, 2, 15), date(2027, 3, 15), date(2027, 3, 15), date(2027, 3, 15)),
        # Read after the date: the bill that the change reached first lies behind.
        (date(2027, 6, 15), date(2027, 7, 15), date(2027, 5, 1), date(2027, 5, 15)),
        (date(2027, 11, 30), date(2027, 12, 30), date(2028, 1, 31), date(2028, 2, 29)),
    ],
)
def test_renewals_are_counted_in_months(package, began, known, on_or_after, expected):
    subscription = mirrored(package, save=False, current_term_starts_on=began, next_billing_on=known)

    assert first_renewal(subscription, on_or_after) == expected


def test_without_a_billing_date_nothing_is_promised(package):
    found = judged(published(package), next_billing_on=None)

    assert (found.renewal_on, found.why, found.moves) == (None, "Zoho names no next billing date.", False)


def test_months_end_where_they_end():
    day = date(2027, 1, 31)

    assert [in_months(day, n, 31) for n in (1, 2, 12, 13, -2)] == [
        date(2027, 2, 28),
        date(2027, 3, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
        date(2026, 11, 30),
    ]


def test_a_cent_may_be_lost_only_where_prices_exclude_vat(package):
    one, other = Decimal("799.00"), Decimal("799.01")

    assert same_price(mirrored(package, save=False, is_inclusive_tax=False), one, other)
    assert not same_price(mirrored(package, save=False, is_inclusive_tax=True), one, other)
    assert not same_price(mirrored(package, save=False, is_inclusive_tax=None), one, other)
    assert not same_price(mirrored(package, save=False, is_inclusive_tax=False), one, Decimal("799.02"))
