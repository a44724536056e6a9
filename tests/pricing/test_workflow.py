"""A price change from draft to published, amended and cancelled; and what each deed leaves alone."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from catalogue.models import ServicePackage
from circletel.core.errors import NotAllowed, NotReady, WrongStatus
from circletel.core.models import AuditEntry
from pricing import services
from pricing.models import Audience, PriceChange
from pricing.rule import Reason, price_for_customer
from tests.factories import live_package, person
from tests.pricing.histories import OPENED, lines, package_opened
from tests.pricing.people import (
    FIRST_OF_MAY,
    MAY_BEGINS,
    PUBLISHED,
    R799,
    R849,
    R899,
    drafted,
    mr_daniels,
    ms_khumalo,
    published,
    wish,
)
from zoho_sync.models import Kind, ProductIntegration, SyncStatus

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def package():
    """On sale at R 799 since 2020."""
    return package_opened(R799)


def prices_of(package):
    return ServicePackage.objects.values_list("price", "new_customer_price").get(pk=package.pk)


def acknowledge(package):
    """As if Zoho had taken everything."""
    for row in ProductIntegration.objects.filter(package=package):
        row.remote_id, row.synced_hash, row.status, row.next_retry_at = "42", row.desired_hash, "ok", None
        row.save()


def owed_of(package):
    rows = ProductIntegration.objects.filter(package=package, status=SyncStatus.PENDING)
    return set(rows.values_list("kind", flat=True))


# --- drafting -----------------------------------------------------------------------------------


def test_a_draft_moves_nothing(package):
    change = drafted(package, notes="Ask Sipho")

    change.refresh_from_db()
    assert (change.status, change.old_price, change.new_price) == ("draft", R799, R899)
    assert (str(change.difference), str(change.percentage)) == ("100.00", "12.52")
    assert prices_of(package) == (R799, None)
    assert lines(package, Audience.NEW) == [(1, R799, OPENED, None)]
    entry = AuditEntry.objects.get(action="price change drafted")
    assert (entry.actor_name, entry.detail) == ("Zanele Khumalo", "Yearly review")
    assert entry.changes == {
        "new_price": [None, "899.00"],
        "effective_date": [None, "2027-05-01"],
        "reason": [None, "Yearly review"],
        "notes": [None, "Ask Sipho"],
    }


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"new_price": "799.00"}, "The new price is the old price"),
        ({"new_price": "0"}, "The new price must be more than nothing"),
        ({"new_price": "899.999"}, "new price: Ensure that there are no more than 2 decimal places"),
        ({"reason": "  "}, "reason: This field cannot be blank"),
    ],
)
def test_what_cannot_be_is_refused_by_name(package, values, said):
    with pytest.raises(NotReady, match=said):
        drafted(package, **values)

    assert not PriceChange.objects.exists()


def test_a_second_open_change_is_refused_with_the_way_out(package):
    drafted(package)

    with pytest.raises(WrongStatus) as refusal:
        drafted(package, new_price="950.00")

    assert str(refusal.value) == (
        f"{package} has an open price change already (draft, to R\u00a0899,00 for 1 May 2027): edit or delete that one"
    )
    assert PriceChange.objects.count() == 1


def test_editing_a_draft_reads_the_old_price_anew_and_is_written_down(package):
    change = drafted(package)
    ServicePackage.objects.filter(pk=package.pk).update(price="805.00")

    services.edit_price_change(change.pk, wish(R849, reason="Second thoughts"), actor=ms_khumalo())

    change.refresh_from_db()
    assert (str(change.old_price), change.new_price, change.reason) == ("805.00", R849, "Second thoughts")
    assert AuditEntry.objects.get(action="price change edited").changes == {
        "new_price": ["899.00", "849.00"],
        "reason": ["Yearly review", "Second thoughts"],
    }


def test_a_deleted_draft_is_remembered_by_the_audit_trail(package):
    services.delete_price_change(drafted(package).pk, actor=ms_khumalo())

    assert not PriceChange.objects.exists()
    assert AuditEntry.objects.get(action="price change deleted").changes["new_price"] == ["899.00", None]


def test_a_published_change_is_neither_edited_nor_deleted(package):
    change = published(package)

    with pytest.raises(WrongStatus, match="cannot be edited: it is published, not a draft"):
        services.edit_price_change(change.pk, wish(R849), actor=ms_khumalo())
    with pytest.raises(WrongStatus, match="cannot be deleted: it is published, not a draft"):
        services.delete_price_change(change.pk, actor=ms_khumalo())

    assert PriceChange.objects.get().new_price == R899


# --- who may ------------------------------------------------------------------------------------


def test_who_may_not_is_refused_and_nothing_happens(package):
    change = drafted(package)
    stranger = person("anna.approver", "Approver")

    for deed in (
        lambda: services.create_price_change(package.pk, wish(), actor=stranger),
        lambda: services.edit_price_change(change.pk, wish(R849), actor=stranger),
        lambda: services.delete_price_change(change.pk, actor=stranger),
        lambda: services.publish_price_change(change.pk, actor=stranger),
        lambda: services.cancel_price_change(change.pk, actor=stranger, reason="x"),
        lambda: services.amend_price_change(change.pk, wish(R849), actor=stranger),
    ):
        with pytest.raises(NotAllowed, match="Anna Approver may not"):
            deed()

    assert PriceChange.objects.get().status == "draft"


def test_neither_the_author_nor_the_last_editor_publishes(package):
    change = drafted(package)
    both = mr_daniels()
    both.groups.add(*ms_khumalo().groups.all())
    services.edit_price_change(change.pk, wish(R849), actor=both)

    for somebody in (both, ms_khumalo()):
        somebody.is_superuser = True
        with pytest.raises(NotAllowed, match="you made or last changed it"):
            services.publish_price_change(change.pk, actor=somebody, at=PUBLISHED)

    assert prices_of(package) == (R799, None)


def test_the_database_holds_that_another_approves(package):
    change = drafted(package)

    with pytest.raises(IntegrityError, match="price_change_approved_by_another"), transaction.atomic():
        PriceChange.objects.filter(pk=change.pk).update(approved_by=change.created_by)


# --- publishing ---------------------------------------------------------------------------------


def test_publication_sells_at_the_new_price_and_leaves_existing_customers_alone(package):
    acknowledge(package)

    change = published(package)

    assert (change.status, change.published_at, change.effective_at, change.version) == (
        "published", PUBLISHED, MAY_BEGINS, 2,
    )  # fmt: skip
    assert prices_of(package) == (R799, R899)
    assert lines(package, Audience.NEW) == [(1, R799, OPENED, PUBLISHED), (2, R899, PUBLISHED, None)]
    assert lines(package, Audience.EXISTING) == [(1, R799, OPENED, None)]
    assert owed_of(package) == {Kind.CRM_PRODUCT, Kind.BILLING_PLAN}
    entry = AuditEntry.objects.get(action="price change published")
    assert (entry.actor_name, entry.detail) == ("Ruan Daniels", "existing customers from 1 May 2027")


def test_the_storefront_shows_the_new_price(package, client):
    published(package)

    answer = client.get(f"/api/v1/packages/{package.slug}/").json()

    assert answer["price"]["including_vat"] == "899.00"


@pytest.mark.parametrize(
    ("date_", "said"),
    [
        (None, "effective date: say from when; 1 May 2027 is the earliest"),
        (
            date(2027, 4, 30),
            "effective date: 30 Apr 2027 is too early; 1 May 2027 is the earliest, 60 days after publication",
        ),
        (date(2027, 3, 2), "is too early"),
    ],
)
def test_publication_asks_for_sixty_days(package, date_, said):
    change = drafted(package, effective_date=date_)

    with pytest.raises(NotReady, match=said):
        services.publish_price_change(change.pk, actor=mr_daniels(), at=PUBLISHED)

    assert (PriceChange.objects.get().status, prices_of(package)) == ("draft", (R799, None))


def test_days_are_counted_in_johannesburg(package):
    change = drafted(package)
    # 00:30 on 3 March in Johannesburg, still 2 March in UTC.
    late = PUBLISHED.replace(hour=22, minute=30)

    with pytest.raises(NotReady, match="2 May 2027 is the earliest"):
        services.publish_price_change(change.pk, actor=mr_daniels(), at=late)
    services.publish_price_change(change.pk, actor=mr_daniels(), at=late - timedelta(minutes=31))


def test_notice_is_a_setting_of_the_segment(package, settings):
    settings.PRICE_NOTICE_DAYS = {"consumer": 30, "business": 90}

    published(package, effective_date=date(2027, 4, 1))


def test_without_notice_a_rise_still_waits_for_tomorrow(package, settings):
    settings.PRICE_NOTICE_DAYS = {"consumer": 0, "business": 0}
    change = drafted(package, effective_date=date(2027, 3, 2))

    with pytest.raises(NotReady, match="3 Mar 2027 is the earliest, the day after publication"):
        services.publish_price_change(change.pk, actor=mr_daniels(), at=PUBLISHED)


def test_a_draft_made_for_another_old_price_is_not_published(package):
    change = drafted(package)
    ServicePackage.objects.filter(pk=package.pk).update(price="810.00")

    with pytest.raises(
        NotReady, match=r"the package costs R\u00a0810,00 by now, not R\u00a0799,00; save the draft again"
    ):
        services.publish_price_change(change.pk, actor=mr_daniels(), at=PUBLISHED)


def test_a_decrease_dated_today_holds_at_once_for_everybody(package):
    acknowledge(package)

    change = published(package, new_price="749.00", effective_date=date(2027, 3, 2))

    assert (change.status, change.effective_at, change.applied_at) == ("effective", PUBLISHED, PUBLISHED)
    assert [str(price) for price in prices_of(package)] == ["749.00", "None"]
    for signed_up in (OPENED, PUBLISHED):
        assert str(price_for_customer(package, signed_up, PUBLISHED).including_vat) == "749.00"
    assert price_for_customer(package, OPENED, PUBLISHED - SECOND).including_vat == R799
    assert owed_of(package) == {Kind.CRM_PRODUCT, Kind.BILLING_PLAN}


def test_a_decrease_needs_notice_where_the_setting_says_so(package, settings):
    settings.PRICE_DECREASES_AT_ONCE = False
    change = drafted(package, new_price="749.00", effective_date=date(2027, 3, 2))

    with pytest.raises(NotReady, match="1 May 2027 is the earliest"):
        services.publish_price_change(change.pk, actor=mr_daniels(), at=PUBLISHED)


def test_a_decrease_of_yesterday_is_refused(package):
    change = drafted(package, new_price="749.00", effective_date=date(2027, 3, 1))

    with pytest.raises(NotReady, match="for today is 2 Mar 2027"):
        services.publish_price_change(change.pk, actor=mr_daniels(), at=PUBLISHED)


# --- cancelling and amending --------------------------------------------------------------------

CANCELLED = PUBLISHED + timedelta(days=10)


def test_cancelling_sells_at_the_old_price_again_and_breaks_no_promise(package):
    change = published(package)
    acknowledge(package)

    services.cancel_price_change(change.pk, actor=mr_daniels(), reason="Too dear", at=CANCELLED)

    change.refresh_from_db()
    assert (change.status, change.cancelled_at, change.cancelled_by) == ("cancelled", CANCELLED, mr_daniels())
    assert prices_of(package) == (R799, None)
    assert lines(package, Audience.NEW) == [
        (1, R799, OPENED, PUBLISHED), (2, R899, PUBLISHED, CANCELLED), (1, R799, CANCELLED, None),
    ]  # fmt: skip
    assert lines(package, Audience.EXISTING) == [(1, R799, OPENED, None)]
    assert owed_of(package) == {Kind.CRM_PRODUCT, Kind.BILLING_PLAN}
    joined_meanwhile = price_for_customer(package, PUBLISHED, MAY_BEGINS)
    assert (joined_meanwhile.including_vat, joined_meanwhile.reason) == (R899, Reason.KEPT)
    assert price_for_customer(package, OPENED, MAY_BEGINS).including_vat == R799
    assert AuditEntry.objects.get(action="price change cancelled").detail == "Too dear"


def test_what_customers_pay_already_is_not_cancelled(package):
    change = published(package)

    # Not even when the daily job has not come by yet.
    with pytest.raises(WrongStatus, match="customers pay it since 1 May 2027"):
        services.cancel_price_change(change.pk, actor=mr_daniels(), reason="x", at=MAY_BEGINS)

    services.cancel_price_change(change.pk, actor=mr_daniels(), reason="x", at=MAY_BEGINS - SECOND)


def test_cancelling_wants_a_reason_and_happens_once(package):
    change = published(package)

    with pytest.raises(NotReady, match="say why"):
        services.cancel_price_change(change.pk, actor=mr_daniels(), reason=" ", at=CANCELLED)
    services.cancel_price_change(change.pk, actor=mr_daniels(), reason="x", at=CANCELLED)
    with pytest.raises(WrongStatus, match="it is cancelled"):
        services.cancel_price_change(change.pk, actor=mr_daniels(), reason="x", at=CANCELLED)

    assert len(lines(package, Audience.NEW)) == 3


def test_a_draft_is_given_up_by_who_may_draft(package):
    change = drafted(package)

    services.cancel_price_change(change.pk, actor=ms_khumalo(), reason="Never mind")

    assert PriceChange.objects.get().status == "cancelled"
    assert lines(package, Audience.NEW) == [(1, R799, OPENED, None)]


@pytest.mark.parametrize(
    ("values", "earliest"),
    [
        ({"new_price": R849}, None),
        ({"new_price": R899, "effective_date": FIRST_OF_MAY + timedelta(days=1)}, None),
        ({"new_price": "899.01"}, "11 May 2027"),
        ({"new_price": "699.00", "effective_date": date(2027, 4, 30)}, None),
        ({"new_price": R849, "effective_date": date(2027, 4, 30)}, "11 May 2027"),
    ],
)
def test_an_amendment_needs_no_new_notice_only_when_lower_or_later(package, values, earliest):
    announced = published(package)
    change = services.amend_price_change(announced.pk, wish(**values), actor=ms_khumalo(), at=CANCELLED)
    announced.refresh_from_db()
    assert (announced.status, change.status, change.amends) == ("cancelled", "draft", announced)

    if earliest is None:
        services.publish_price_change(change.pk, actor=mr_daniels(), at=CANCELLED)
        assert PriceChange.objects.get(pk=change.pk).version == 3
        assert prices_of(package) == (R799, change.new_price)
    else:
        with pytest.raises(NotReady, match=f"{earliest} is the earliest"):
            services.publish_price_change(change.pk, actor=mr_daniels(), at=CANCELLED)
        assert prices_of(package) == (R799, None)


def test_other_packages_keep_their_price(package):
    other = live_package(regular_price="799.00")

    published(package)

    assert prices_of(other) == (R799, None)
