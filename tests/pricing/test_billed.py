"""What subscriptions are billed, against the rule: exactly the wrong ones are named."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from pricing.billed import judge_billed, standing_units
from pricing.mirror.standing import mirror_standing
from pricing.models import Cohort, MoveState, OwedRead, PriceMove, SubscriptionPull
from tests.pricing.histories import package_opened
from tests.pricing.people import PUBLISHED, R799, R899, published
from tests.pricing.subscriptions import mirrored

pytestmark = pytest.mark.django_db
IN_MARCH = datetime(2027, 3, 1, 1, 0, tzinfo=UTC)
# Seven days after the effective date of the published change, before and after a renewal on the fifteenth.
EARLY_MAY, LATE_MAY = datetime(2027, 5, 8, 1, 0, tzinfo=UTC), datetime(2027, 5, 22, 1, 0, tzinfo=UTC)
APRIL_TERM = {"current_term_starts_on": date(2027, 4, 15), "next_billing_on": date(2027, 5, 15)}
MAY_TERM = {"current_term_starts_on": date(2027, 5, 15), "next_billing_on": date(2027, 6, 15)}


@pytest.fixture
def package(db):
    return package_opened(R799)


@pytest.fixture
def raised(package):
    """From 799 to 899 on 1 May, published on 2 March."""
    return published(package)


def wrong(at=IN_MARCH, package_ids=()):
    """(price, what it ought to be, at stake, own price) of each, and how many were judged."""
    judged, found = 0, []
    for number, some in judge_billed(at, package_ids):
        judged += number
        found += [(each.subscription.price, each.ought, each.at_stake, each.is_its_own) for each in some]
    return judged, sorted(found)


def test_the_price_of_the_rule_is_right_and_a_cent_beside_it_is_wrong(package):
    mirrored(package, "799.00")
    mirrored(package, "799.01", quantity=3)

    assert wrong() == (2, [(Decimal("799.01"), R799, Decimal("0.03"), False)])


def test_prices_kept_without_vat_may_be_a_cent_apart(package):
    mirrored(package, "799.01", is_inclusive_tax=False)
    mirrored(package, "799.02", is_inclusive_tax=False)

    assert [found[0] for found in wrong()[1]] == [Decimal("799.02")]


def test_a_raise_is_owed_from_the_renewal_on_and_not_before(raised, package):
    mirrored(package, "799.00", **APRIL_TERM)
    assert wrong(EARLY_MAY) == (1, [])

    mirrored(package, "799.00", **MAY_TERM)
    mirrored(package, "899.00", **MAY_TERM)
    assert wrong(LATE_MAY) == (3, [(R799, R899, Decimal("100.00"), False)])


@pytest.mark.parametrize(
    ("renewal", "state", "named"),
    [
        (date(2027, 6, 15), MoveState.PLANNED, False),
        (date(2027, 6, 15), MoveState.HELD, False),
        (date(2027, 6, 15), MoveState.NOT_NEEDED, True),
        (date(2027, 5, 15), MoveState.HELD, True),
    ],
)
def test_a_move_that_is_still_to_come_excuses_the_price_until_its_renewal(
    raised, package, renewal, state, named
):
    late = mirrored(package, "799.00", **MAY_TERM)
    PriceMove.objects.create(
        change=raised, subscription=late, cohort=Cohort.FIXED_TERM, price_then=R799, expected_price=R899,
        renewal_on=renewal, state=state, why="Looked at",
    )  # fmt: skip

    assert bool(wrong(LATE_MAY)[1]) is named


def test_who_joined_during_the_notice_pays_the_new_price(raised, package):
    joined = {"signed_up_at": PUBLISHED + timedelta(days=3)}
    mirrored(package, "899.00", **joined)
    mirrored(package, "799.00", **joined)

    assert wrong(PUBLISHED + timedelta(days=9))[1] == [(R799, R899, Decimal("100.00"), False)]


def test_a_promised_price_is_right_while_the_promise_lasts(raised, package):
    mirrored(package, "799.00", fixed_until=date(2027, 5, 31), **MAY_TERM)
    mirrored(package, "649.00", fixed_until=date(2027, 5, 31), **MAY_TERM)
    mirrored(package, "799.00", fixed_until=date(2027, 5, 14), **MAY_TERM)

    assert wrong(LATE_MAY)[1] == [
        (Decimal("649.00"), R799, Decimal("150.00"), False),
        (R799, R899, Decimal("100.00"), False),
    ]


def test_a_price_that_a_change_counted_as_negotiated_is_told_apart_until_it_moves(raised, package):
    for now, then in (("649.00", "649.00"), ("650.00", "649.00")):
        PriceMove.objects.create(
            change=raised, subscription=mirrored(package, now), cohort=Cohort.NEGOTIATED,
            price_then=Decimal(then), expected_price=Decimal(then), state=MoveState.NOT_NEEDED, why="Its own",
        )  # fmt: skip

    assert [(price, own) for price, _ought, _stake, own in wrong()[1]] == [
        (Decimal("649.00"), True),
        (Decimal("650.00"), False),
    ]


def test_a_coupon_is_not_looked_at_and_the_price_under_it_is(package):
    mirrored(package, "799.00", discounted=True)
    mirrored(package, "700.00", discounted=True)

    assert [found[0] for found in wrong()[1]] == [Decimal("700.00")]


def test_who_is_never_billed_again_or_is_no_customer_of_ours_is_not_judged(package):
    mirrored(package, "1.00", status="non_renewing")
    mirrored(package, "1.00", status="cancelled")
    mirrored(package, "1.00", gone_at=IN_MARCH)
    mirrored(None, "1.00")

    assert wrong() == (0, [])


def test_what_zoho_changed_and_nobody_has_read_yet_is_not_judged(package):
    unread = mirrored(package, "1.00")
    pull = SubscriptionPull.objects.create(started_at=IN_MARCH, listed_to_the_end=True)
    OwedRead.objects.create(pull=pull, subscription_id=unread.subscription_id, row={})

    assert wrong() == (0, [])


def test_a_promotion_is_no_price_that_the_rule_explains(package):
    type(package).objects.filter(pk=package.pk).update(promotion_price=R799 - 100)
    mirrored(package, "699.00")

    assert bool(wrong()[1]) is True


def test_only_some_packages_and_the_same_queries_for_any_number(package, django_assert_num_queries):
    others = [package_opened(R799) for _ in range(4)]
    for each in others:
        mirrored(each, "1.00")
    assert wrong(package_ids=[package.pk]) == (0, [])

    # Packages, three for their histories, the rows, their moves.
    with django_assert_num_queries(6):
        assert wrong()[0] == 4


def test_units_are_counted_over_all_who_are_served(package):
    mirrored(package, quantity=2)
    mirrored(package, status="non_renewing")
    mirrored(package, status="cancelled", quantity=7)

    assert standing_units([package.pk]) == {package.pk: 3}


class TestStanding:
    def pull(self, hours=1, **values):
        return SubscriptionPull.objects.create(
            **{"started_at": IN_MARCH - timedelta(hours=hours), "listed_to_the_end": True}
            | {"finished_at": IN_MARCH}
            | values
        )

    def test_a_finished_pull_of_this_night_is_believed(self):
        self.pull()

        standing = mirror_standing(IN_MARCH)
        assert (standing.as_of, standing.trouble) == (IN_MARCH - timedelta(hours=1), "")

    def test_never_pulled_is_no_trouble_and_never_listed_is(self):
        assert mirror_standing(IN_MARCH).trouble == ""
        self.pull(listed_to_the_end=False, finished_at=None)
        assert mirror_standing(IN_MARCH).trouble == "the list of subscriptions was never read to its end"

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"hours": 31}, "the mirror is from 27 Feb 2027, 20:00; run pull_subscriptions"),
            ({"finished_at": None}, "not every subscription that changed in Zoho has been read yet"),
            ({"problem": "Zoho names no plan for 7.\nmore"}, "could be read: Zoho names no plan for 7"),
        ],
    )
    def test_what_makes_it_doubtful_is_said(self, values, words):
        self.pull(**values)

        assert words in mirror_standing(IN_MARCH).trouble
