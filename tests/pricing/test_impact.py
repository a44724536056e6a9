"""What a price change would do, in exact figures."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine

from catalogue.models import ColumnMapping, PriceList, Supplier, SupplierDeal
from circletel.core.errors import NotAllowed
from pricing import impact, services
from pricing.capacity import plan_calls
from pricing.models import Cohort, NoticeStage, Occasion, Subscription
from tests.factories import person
from tests.pricing.histories import package_opened
from tests.pricing.people import PUBLISHED, R799, R899, drafted, mr_daniels, ms_khumalo, published
from tests.pricing.subscriptions import mirrored

pytestmark = pytest.mark.django_db


@pytest.fixture
def package():
    NoticeStage.objects.update(active=False)
    return package_opened(R799)


@pytest.fixture
def crowd(package):
    """One of each cohort, and two standard ones with three plan units together."""
    mirrored(package)
    mirrored(package, quantity=2, next_billing_on=date(2027, 4, 1))
    mirrored(package, fixed_until=date(2027, 8, 20))
    mirrored(package, "649.00")
    mirrored(package, discounted=True)
    mirrored(package, status="non_renewing")
    mirrored(package, "899.00", signed_up_at=PUBLISHED + timedelta(hours=2))


def by_cohort(found):
    return {row.cohort: (row.customers, row.moved, row.rand_now, row.rand_then) for row in found.cohorts}


def test_customers_and_rand_by_cohort(package, crowd):
    change = published(package)

    found = impact.measure(change, PUBLISHED + timedelta(days=1))

    assert by_cohort(found) == {
        Cohort.STANDARD: (2, 2, Decimal("2397.00"), Decimal("2697.00")),
        Cohort.FIXED_TERM: (1, 1, R799, R899),
        Cohort.NEGOTIATED: (1, 0, Decimal("649.00"), Decimal("649.00")),
        Cohort.DISCOUNTED: (1, 1, R799, R899),
        Cohort.CANCELLING: (1, 0, R799, Decimal("0.00")),
        Cohort.JOINED_DURING_NOTICE: (1, 0, R899, R899),
        Cohort.SINCE_UNKNOWN: (0, 0, Decimal("0.00"), Decimal("0.00")),
    }
    assert (found.customers, found.moved) == (7, 4)
    assert (found.rand_now, found.rand_then) == (Decimal("6342.00"), Decimal("6043.00"))
    assert found.by_the_change == Decimal("500.00")
    assert (found.first_invoice_on, found.last_invoice_on) == (date(2027, 5, 1), date(2027, 9, 15))
    assert (found.billed_now, found.billed_then, found.billed_unknown) == (
        Decimal("3196.00"),
        Decimal("3596.00"),
        1,
    )
    assert found.warnings == [
        "1 with a coupon wait for a person to decide.",
        "Of 1 subscriptions that move, it is not known what they will be billed in all; the renewal preview says why.",
    ]


def test_months_show_who_pays_what_at_their_end(package, crowd):
    found = impact.measure(published(package), PUBLISHED + timedelta(days=1))

    shown = [(f"{one.month:%y-%m}", one.old, one.new, one.own) for one in found.months]
    assert shown[:3] == [("27-03", 4, 1, 1), ("27-04", 4, 1, 1), ("27-05", 1, 4, 1)]
    assert shown[5:7] == [("27-08", 1, 4, 1), ("27-09", 0, 5, 1)]
    assert (len(shown), shown[-1][0]) == (12, "28-02")


def test_a_draft_is_measured_for_its_date_or_the_earliest(package):
    mirrored(package)
    change = drafted(package, effective_date=None)

    found = impact.measure(change, PUBLISHED)

    assert (found.effective_date, found.first_invoice_on) == (date(2027, 5, 1), date(2027, 5, 15))


def test_notices_are_counted_for_the_stages_that_are_active(package):
    for _ in range(3):
        mirrored(package)
    stages = [("a", Occasion.PUBLISHED, True), ("b", Occasion.BEFORE, True), ("c", Occasion.BEFORE, False)]
    for code, occasion, active in (*stages, ("d", Occasion.WITHDRAWN, True)):
        NoticeStage.objects.create(
            code=code, name=code, occasion=occasion, active=active, subject="", body=""
        )

    found = impact.measure(published(package), PUBLISHED)

    assert (found.stages, found.notices) == (2, 6)


def test_the_number_of_queries_does_not_grow(package, django_assert_num_queries):
    mirrored(package)
    change = published(package)
    with django_assert_num_queries(11):
        impact.measure(change, PUBLISHED)
    for _ in range(20):
        mirrored(package)
    with django_assert_num_queries(11):
        assert impact.measure(change, PUBLISHED).customers == 21


def test_margins_are_for_cost_viewers(package, monkeypatch):
    mirrored(package, quantity=2)
    mirrored(package, status="non_renewing")
    change = published(package)
    monkeypatch.setattr(impact, "_cost", lambda _change: Decimal("500.00"))
    viewer = person("cost.viewer", "Pricing approver", "Cost viewer")

    with time_machine.travel(PUBLISHED):
        seen = impact.impact_of(change.pk, actor=viewer)
        hidden = impact.impact_of(change.pk, actor=mr_daniels())

    assert (seen.margin_now, seen.margin_then) == (Decimal("897.00"), Decimal("798.00"))
    assert (hidden.margin_now, hidden.margin_then) == (None, None)


def test_the_cost_is_the_suppliers_price_less_our_discount(package):
    change = drafted(package)
    assert impact._cost(change) is None
    supplier = Supplier.objects.create(name="DFA", discount_percent=10)
    mapping = ColumnMapping.objects.create(supplier=supplier, name="x", market_segment="consumer")
    price_list = PriceList.objects.create(supplier=supplier, content=b"", uploaded_by=ms_khumalo())
    SupplierDeal.objects.create(
        supplier=supplier,
        mapping=mapping,
        deal_id="1",
        product=package.source_admin_product,
        listed_price=Decimal("500.00"),
        price_list=price_list,
    )

    assert impact._cost(change) == Decimal("450.00")


def test_who_may_not_see_subscriptions_may_not_see_the_impact(package):
    change = drafted(package)
    stranger = person("s.tranger", "Product manager")

    with pytest.raises(NotAllowed):
        impact.impact_of(change.pk, actor=stranger)
    with pytest.raises(NotAllowed):
        impact.impact_csv(change.pk, actor=stranger)


def test_every_row_is_in_the_csv_and_no_cell_is_a_formula(package, crowd):
    Subscription.objects.filter(fixed_until__isnull=False).update(customer_name="=cmd|' /C calc'!A0")

    with time_machine.travel(PUBLISHED + timedelta(days=1)):
        lines = list(impact.impact_csv(published(package).pk, actor=ms_khumalo()))

    assert len(lines) == 8
    assert lines[0].startswith(
        "\ufeffsubscription,number,customer,email,status,cohort,price_now,price_then,quantity"
    )
    [fixed] = [line for line in lines if ",fixed_term," in line]
    assert ",'=cmd|" in fixed
    assert (
        ",live,fixed_term,799.00,899.00,1,100.00,2027-09-15,799.00,899.00,2025-01-15T08:00:00+00:00,,,2027-08-20,"
        in fixed
    )
    [leaving] = [line for line in lines if ",cancelling," in line]
    assert ",non_renewing,cancelling,799.00,,1,0.00,,,,2025" in leaving


TODAY = date(2027, 3, 2)


@pytest.fixture
def quota(settings, monkeypatch):
    settings.ZOHO_BILLING_CALLS_PER_DAY = 100
    monkeypatch.setattr("zoho_sync.connection.limits.RESERVE_PERCENT", 10)


@pytest.mark.parametrize(
    ("renewals", "others", "expected"),
    [
        # 90 calls a day: 30 moves. The month before opens on 15 April: thirty days for 900 moves.
        ({date(2027, 5, 15): 900}, {}, (2700, 1800, 30, date(2027, 5, 14), 0)),
        ({date(2027, 5, 15): 901}, {}, (2703, 1802, 31, date(2027, 5, 15), 1)),
        ({date(2027, 5, 15): 900}, {date(2027, 5, 15): 30}, (2700, 1800, 30, date(2027, 5, 15), 30)),
        # Others that renew later take nothing away.
        ({date(2027, 5, 15): 900}, {date(2027, 7, 15): 30}, (2700, 1800, 30, date(2027, 5, 14), 0)),
        # Tomorrow's renewal leaves no day at all; the day after leaves one.
        ({date(2027, 3, 3): 1}, {}, (3, 2, 1, date(2027, 3, 3), 1)),
        ({date(2027, 3, 4): 31}, {}, (93, 62, 2, date(2027, 3, 4), 1)),
        ({date(2027, 3, 2): 2}, {}, (6, 4, 1, None, 2)),
        ({}, {}, (0, 0, 0, None, 0)),
    ],
)
def test_calls_have_to_fit_before_each_renewal(quota, renewals, others, expected):
    found = plan_calls(Counter(renewals), others, TODAY)

    assert (found.moves, found.proof, found.days, found.ready_on, found.late) == expected
    assert found.per_day == 90
    assert found.fits == (expected[-1] == 0)


def test_a_change_that_cannot_fit_says_so(package, settings, monkeypatch):
    settings.ZOHO_BILLING_CALLS_PER_DAY = 1
    monkeypatch.setattr("zoho_sync.connection.limits.RESERVE_PERCENT", 0)
    for _ in range(11):
        mirrored(package)

    found = impact.measure(published(package), PUBLISHED)

    # Thirty days, a call a day, three calls a move: ten of eleven.
    [warning] = found.warnings
    assert warning.startswith("1 of 11 subscriptions cannot be moved before their renewal with 1 calls a day")


def test_counts_are_kept_for_open_changes(package, crowd, django_assert_num_queries):
    change, empty = published(package), drafted(package_opened(R799))
    at = PUBLISHED + timedelta(days=1)

    assert impact.count_customers(at) == 2

    change.refresh_from_db()
    empty.refresh_from_db()
    assert (change.affected_customers_count, change.new_customers_count, change.counted_at) == (4, 1, at)
    assert (empty.affected_customers_count, empty.new_customers_count, empty.counted_at) == (0, 0, at)


def test_counts_of_what_is_over_stay(package):
    mirrored(package)
    change = published(package)
    impact.count_customers(PUBLISHED)
    services.cancel_price_change(change.pk, actor=mr_daniels(), reason="No", at=PUBLISHED + timedelta(days=1))
    mirrored(package)

    assert impact.count_customers(PUBLISHED + timedelta(days=2)) == 0

    change.refresh_from_db()
    assert (change.affected_customers_count, change.counted_at) == (1, PUBLISHED)
