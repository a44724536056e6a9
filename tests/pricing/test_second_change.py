"""One price change after another: who is part of which, and from which price each begins."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from pricing import applying, rechecking
from pricing.models import PriceMove
from tests.pricing.billing_world import instant, move_of
from tests.pricing.histories import package_opened
from tests.pricing.people import MAY_BEGINS, PUBLISHED, R799, R899, published
from tests.pricing.subscriptions import mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_stages")]
R949 = Decimal("949.00")
SECOND = instant("2027-05-03 10:00")


def two_changes(package):
    """R 799 → R 899 on 1 May → R 949 on 5 July, the second published on 3 May."""
    first = published(package)
    applying.apply_due(MAY_BEGINS)
    return first, published(package, at=SECOND, new_price=R949, effective_date=date(2027, 7, 5))


def part(subscription):
    """In which changes it has which part."""
    moves = PriceMove.objects.filter(subscription=subscription).order_by("change__published_at")
    return [(str(move.change.new_price), move.state, move.price_then, move.expected_price) for move in moves]


def test_who_signs_up_at_the_second_price_is_no_part_of_the_first_change():
    package = package_opened(R799)
    unfinished = mirrored(package, "650.00")
    two_changes(package)
    joiner = mirrored(package, R949, signed_up_at=instant("2027-05-10 10:00"))

    rechecking.recheck(instant("2027-05-11 04:30"))

    assert part(joiner) == [("949.00", "not_needed", R949, R949)]
    assert [state for _, state, *_ in part(unfinished)] == ["held", "held"]


def test_who_signed_up_in_the_notice_and_is_learnt_of_late_still_gets_its_row():
    package = package_opened(R799)
    mirrored(package, "650.00")
    published(package)
    applying.apply_due(MAY_BEGINS)
    joiner = mirrored(package, R899, signed_up_at=instant("2027-04-30 23:59"))

    rechecking.recheck(instant("2027-05-02 04:30"))

    assert part(joiner) == [("899.00", "not_needed", R899, R899)]


def test_who_follows_the_first_change_late_begins_the_second_from_its_price():
    package = package_opened(R799)
    subscription = mirrored(package)
    first = published(package)
    first.moves.update(state="held", hold="notice", why="The notice came back.")
    applying.apply_due(MAY_BEGINS)
    published(package, at=SECOND, new_price=R949, effective_date=date(2027, 7, 5))
    assert part(subscription)[1] == ("949.00", "planned", R799, R949)

    subscription.price, subscription.current_term_starts_on = R899, date(2027, 5, 15)
    subscription.next_billing_on = date(2027, 6, 15)
    subscription.save()
    rechecking.recheck(instant("2027-05-16 04:30"))

    assert part(subscription)[1] == ("949.00", "planned", R899, R949)


def test_who_pays_another_unexpected_price_keeps_the_one_at_publication():
    package = package_opened(R799)
    subscription = mirrored(package)
    published(package)

    for price in ("830.00", R899):
        subscription.price = price
        subscription.save()
        rechecking.recheck(PUBLISHED)
        assert part(subscription) == [("899.00", "planned", R799, R899)]


def test_a_price_of_its_own_that_ends_moves_to_the_new_price():
    package = package_opened(R799)
    subscription = mirrored(package, "850.00")
    published(package)
    assert part(subscription) == [("899.00", "held", Decimal(850), Decimal(850))]

    subscription.price = R799
    subscription.save()
    rechecking.recheck(PUBLISHED)

    assert part(subscription) == [("899.00", "planned", R799, R899)]


@pytest.mark.parametrize(
    ("published_at", "renewal"),
    [
        (PUBLISHED, date(2027, 4, 2)),  # at ten
        (PUBLISHED - timedelta(hours=5), date(2027, 3, 2)),
    ],
)
def test_a_decrease_that_holds_at_once_comes_too_late_for_the_renewals_of_that_morning(published_at, renewal):
    package = package_opened(R799)
    subscription = mirrored(package, next_billing_on=date(2027, 3, 2))

    published(package, at=published_at, new_price="749.00", effective_date=date(2027, 3, 2))

    assert move_of(subscription).renewal_on == renewal
