"""Who is owed which notice, on which day: once, late joiners and leavers included."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from catalogue.signals import package_changed
from pricing import services
from pricing.models import NoticeEvent, NoticeStage, NoticeText, PriceMove, PriceNotice
from pricing.notices import owing
from pricing.notices.owing import SAME_DAY
from tests.pricing.histories import package_opened
from tests.pricing.notices.customers import customer, told_customer
from tests.pricing.people import FIRST_OF_MAY, PUBLISHED, R799, mr_daniels, ms_khumalo, published, wish

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
EIGHT = datetime(2027, 4, 1, 6, 0, tzinfo=UTC)  # 1 April, 08:00 in Johannesburg: thirty days before 1 May


def on(day):
    """Eight in the morning of that day in Johannesburg."""
    return datetime(day.year, day.month, day.day, 6, 0, tzinfo=UTC)


def rows(change):
    return sorted(
        (notice.stage_id, notice.subscription.number, notice.state, notice.due_on)
        for notice in change.notices.select_related("subscription")
    )


def states(change, subscription):
    return dict(change.notices.filter(subscription=subscription).values_list("stage_id", "state"))


@pytest.fixture
def change():
    """Published on 2 March for 1 May, R 799 to R 899."""
    return published(package_opened(R799))


def accept(**conditions):
    PriceNotice.objects.filter(state="owed", **conditions).update(state="accepted", accepted_at=PUBLISHED)


def test_publication_owes_the_announcement_in_its_own_transaction():
    package, found = package_opened(R799), {}

    def freeze(package, deed="", **_):
        """As the planning of moves does: inside the transaction."""
        if deed == "price change published":
            change = package.price_changes.get()
            found["one"] = told_customer(change)

    package_changed.connect(freeze, weak=False)
    try:
        change = published(package)
    finally:
        package_changed.disconnect(freeze)

    assert rows(change) == [("announcement", found["one"].number, "owed", date(2027, 3, 2))]
    assert change.notices.get().email == found["one"].customer_email


def test_each_stage_comes_on_its_day_and_once(change):
    one = told_customer(change)
    assert (owing.owe(on(date(2027, 3, 2))).made, owing.owe(on(date(2027, 3, 31))).made) == (1, 0)
    accept()

    assert owing.owe(on(date(2027, 4, 1))).made == 1
    assert owing.owe(on(date(2027, 4, 1))).made == 0
    accept()
    assert owing.owe(on(date(2027, 4, 23))).made == 0
    assert owing.owe(on(date(2027, 4, 24))).made == 1

    assert rows(change) == [
        ("announcement", one.number, "accepted", date(2027, 3, 2)),
        ("one-month", one.number, "accepted", date(2027, 4, 1)),
        ("one-week", one.number, "owed", date(2027, 4, 24)),
    ]


def test_days_are_those_of_johannesburg():
    change = published(package_opened(R799), at=datetime(2027, 3, 1, 22, 30, tzinfo=UTC))
    told_customer(change)
    owing.owe(datetime(2027, 3, 1, 22, 31, tzinfo=UTC))
    assert change.notices.get().due_on == date(2027, 3, 2)

    assert owing.owe(datetime(2027, 3, 31, 21, 59, tzinfo=UTC)).made == 0
    assert owing.owe(datetime(2027, 3, 31, 22, 0, tzinfo=UTC)).made == 1


def test_a_missed_day_is_caught_up(change):
    told_customer(change)
    owing.owe(PUBLISHED)
    accept()

    assert owing.owe(on(date(2027, 4, 5))).made == 1

    assert change.notices.get(stage="one-month").due_on == date(2027, 4, 1)


def test_of_several_missed_stages_only_the_nearest_is_told(change):
    one = told_customer(change)
    owing.owe(PUBLISHED)
    accept()

    owing.owe(on(date(2027, 4, 25)))

    assert states(change, one) == {"announcement": "accepted", "one-month": "not_needed", "one-week": "owed"}
    assert change.notices.get(stage="one-month").why == SAME_DAY


def test_a_late_joiner_gets_the_announcement_and_no_two_letters_on_one_day(change):
    early = told_customer(change)
    owing.owe(PUBLISHED)
    accept()
    late = told_customer(change)

    owing.owe(on(date(2027, 4, 1)))

    assert states(change, early) == {"announcement": "accepted", "one-month": "owed"}
    assert states(change, late) == {"announcement": "owed", "one-month": "not_needed"}


def test_a_stage_added_after_a_nearer_one_was_told_is_not_sent_behind_it(change):
    one = told_customer(change)
    for day in (date(2027, 3, 2), date(2027, 4, 1)):
        owing.owe(on(day))
        accept()
    NoticeStage.objects.create(
        code="six-weeks", name="Six weeks", occasion="before", days=42, subject="x", body="x"
    )

    owing.owe(on(date(2027, 4, 2)))

    assert states(change, one) == {
        "announcement": "accepted",
        "one-month": "accepted",
        "six-weeks": "not_needed",
    }


@pytest.mark.parametrize(
    ("move", "values"),
    [
        ({"cohort": "joined_during_notice", "state": "not_needed"}, {}),
        ({"cohort": "joined_during_notice"}, {}),
        ({"cohort": "cancelling", "state": "not_needed", "renewal_on": None, "expected_price": R799}, {}),
        ({"cohort": "negotiated", "state": "held", "why": "own price", "expected_price": R799}, {}),
        ({"expected_price": "799.01"}, {}),
        ({"state": "confirmed", "confirmed_at": PUBLISHED}, {}),
        ({}, {"status": "non_renewing", "current_term_ends_on": date(2027, 5, 3)}),
        ({}, {"status": "cancelled"}),
        ({}, {"gone_at": PUBLISHED}),
    ],
)
def test_who_does_not_pay_more_is_not_told(change, move, values):
    told_customer(change, move=move, **values)

    assert owing.owe(on(date(2027, 4, 24))).made == 0


@pytest.mark.parametrize(
    ("move", "values"),
    [
        ({"cohort": "discounted"}, {}),
        ({"state": "held", "why": "The notice was not sent"}, {}),
        ({"state": "conflict", "why": "It pays R 805"}, {}),
        ({"cohort": "cancelling"}, {"status": "non_renewing", "current_term_ends_on": date(2027, 5, 4)}),
        ({}, {"status": "unpaid"}),
        ({"renewal_on": None}, {}),
    ],
)
def test_whoever_may_pay_more_is_told(change, move, values):
    told_customer(change, move=move, **values)

    assert owing.owe(PUBLISHED).made == 1


def test_a_fixed_term_is_reminded_before_its_own_first_bill(change):
    one = told_customer(change, move={"cohort": "fixed_term", "renewal_on": date(2027, 9, 10)})
    owing.owe(PUBLISHED)
    accept()
    assert owing.owe(on(date(2027, 5, 2))).made == 0
    services.applying.apply_due(on(FIRST_OF_MAY))

    assert owing.owe(on(date(2027, 8, 11))).made == 1

    assert change.notices.get(stage="one-month").due_on == date(2027, 8, 11)
    assert states(change, one) == {"announcement": "accepted", "one-month": "owed"}


def test_a_stage_whose_day_lay_before_publication_is_left_out():
    at = datetime(2027, 4, 20, 8, 0, tzinfo=UTC)
    change = published(package_opened(R799), at=at, new_price="749.00", effective_date=date(2027, 5, 10))
    one = told_customer(change, move={"expected_price": "749.00"})

    owing.owe(at)
    accept()
    owing.owe(on(date(2027, 5, 4)))

    assert states(change, one) == {"announcement": "accepted", "one-week": "owed"}


def test_a_decrease_that_holds_at_once_is_announced_and_nothing_else():
    change = published(package_opened(R799), new_price="749.00", effective_date=date(2027, 3, 2))
    one = told_customer(change, move={"expected_price": "749.00", "renewal_on": date(2027, 3, 3)})
    assert change.status == "effective"

    owing.owe(PUBLISHED)

    assert states(change, one) == {"announcement": "owed"}


def test_a_leaver_need_not_be_told_any_more_and_comes_back(change):
    one = told_customer(change)
    owing.owe(PUBLISHED)
    PriceMove.objects.update(state="not_needed", why="It ends on 3 Apr 2027.")

    assert owing.owe(PUBLISHED + DAY).changed == 1
    notice = change.notices.get()
    assert (notice.state, notice.why) == ("not_needed", "Its price does not move. It ends on 3 Apr 2027.")
    PriceMove.objects.update(state="planned", why="")
    owing.owe(PUBLISHED + 2 * DAY)

    assert states(change, one) == {"announcement": "owed"}
    assert owing.owe(PUBLISHED + 2 * DAY).changed == 0


def test_who_has_no_address_is_listed_until_zoho_has_one(change):
    one = told_customer(change, customer_email="")
    owing.owe(PUBLISHED)
    assert (change.notices.get().state, change.notices.get().why) == (
        "no_address",
        "Zoho has no e-mail address.",
    )
    one.customer_email = "new@example.com"
    one.save()

    owing.owe(PUBLISHED + DAY)

    notice = change.notices.get()
    assert (notice.state, notice.email, notice.why) == ("owed", "new@example.com", "")


def test_a_stage_that_is_switched_off_is_not_told(change):
    told_customer(change)
    NoticeStage.objects.filter(pk="announcement").update(active=False)
    assert owing.owe(PUBLISHED).made == 0
    NoticeStage.objects.filter(pk="announcement").update(active=True)
    owing.owe(PUBLISHED)

    NoticeStage.objects.filter(pk="announcement").update(active=False)
    owing.owe(PUBLISHED)

    assert (change.notices.get().state, change.notices.get().why) == (
        "not_needed",
        "This stage is switched off.",
    )


# --- withdrawal and receipt ---------------------------------------------------------------------


def cancel(change):
    return services.cancel_price_change(change.pk, actor=ms_khumalo(), reason="No", at=PUBLISHED + 40 * DAY)


def test_cancelling_stops_reminders_and_tells_those_who_were_told(change):
    told, waits, bounced, by_phone, unknown, without = (told_customer(change) for _ in range(6))
    owing.owe(PUBLISHED)
    accept(subscription__in=[told, without])
    change.notices.filter(subscription=bounced).update(state="bounced")
    change.notices.filter(subscription=by_phone).update(state="settled")
    change.notices.filter(subscription=unknown).update(state="unknown")
    without.customer_email = ""
    without.save()
    owing.owe(EIGHT)

    cancel(change)

    assert {one: states(change, one).get("withdrawal") for one in (told, waits, bounced, by_phone, unknown, without)} == {
        told: "owed", waits: None, bounced: None, by_phone: "owed", unknown: "owed", without: "no_address",
    }  # fmt: skip
    assert states(change, told)["one-month"] == "not_needed"
    assert states(change, waits) == {"announcement": "not_needed", "one-month": "not_needed"}
    assert (
        change.notices.get(subscription=waits, stage="announcement").why == "The price change was withdrawn."
    )
    assert owing.owe(PUBLISHED + 41 * DAY) == owing.Owed(0, 0)


def test_one_that_is_being_sent_at_that_moment_is_told_too(change):
    one = told_customer(change)
    owing.owe(PUBLISHED)
    change.notices.update(sending_since=PUBLISHED)

    cancel(change)

    assert states(change, one) == {"announcement": "owed", "withdrawal": "owed"}


def test_a_change_of_which_nobody_heard_is_withdrawn_in_silence(change):
    one = told_customer(change)
    owing.owe(PUBLISHED)

    cancel(change)

    assert states(change, one) == {"announcement": "not_needed"}


def test_amending_withdraws_and_announces_anew(change):
    one = told_customer(change)
    owing.owe(PUBLISHED)
    accept()
    draft = services.amend_price_change(
        change.pk, wish("849.00"), actor=ms_khumalo(), at=PUBLISHED + 10 * DAY
    )
    amended = services.publish_price_change(draft.pk, actor=mr_daniels(), at=PUBLISHED + 11 * DAY)
    owing.owe(PUBLISHED + 11 * DAY)

    assert states(change, one) == {"announcement": "accepted", "withdrawal": "owed"}
    assert states(amended, one) == {"announcement": "owed"}


def test_a_receipt_waits_for_the_confirmed_move_and_the_bill(change):
    done, planned = told_customer(change), told_customer(change)
    services.applying.apply_due(on(FIRST_OF_MAY))
    PriceMove.objects.filter(subscription=done).update(
        state="confirmed", confirmed_at=datetime(2027, 4, 29, 8, 0, tzinfo=UTC)
    )

    owing.owe(on(date(2027, 5, 2)))
    assert "receipt" not in states(change, done)
    owing.owe(on(date(2027, 5, 3)))

    assert states(change, done) == {"receipt": "owed"}
    assert "receipt" not in states(change, planned)


def test_receipts_switched_on_late_do_not_write_to_last_years_customers(change):
    told_customer(change, move={"state": "confirmed", "confirmed_at": on(date(2027, 5, 3))})
    services.applying.apply_due(on(FIRST_OF_MAY))

    assert owing.owe(on(date(2027, 6, 4))).made == 0
    assert owing.owe(on(date(2027, 6, 3))).made == 1


# --- set-based, and what the database holds -----------------------------------------------------


def test_the_number_of_queries_grows_neither_with_customers_nor_with_changes(django_assert_num_queries):
    for number in (1, 3):
        for _ in range(number):
            change = published(package_opened(R799))
            for _ in range(number):
                told_customer(change)
        with django_assert_num_queries(5):  # savepoint, three statements, release
            assert owing.owe(PUBLISHED).made == number * number


def test_the_days_to_come_are_counted_without_writing(change, django_assert_num_queries):
    told_customer(change)
    told_customer(change)
    told_customer(change, move={"cohort": "fixed_term", "renewal_on": date(2027, 9, 10)})

    with django_assert_num_queries(1):
        coming = owing.coming(PUBLISHED, date(2027, 9, 30))

    assert [(one.day, one.stage, one.number) for one in coming] == [
        (date(2027, 3, 2), "At publication", 3),
        (date(2027, 4, 1), "One month before", 2),
        (date(2027, 4, 24), "One week before", 2),
        (date(2027, 8, 11), "One month before", 1),
        (date(2027, 9, 3), "One week before", 1),
    ]
    assert not PriceNotice.objects.exists()


def refused(deed):
    with pytest.raises(IntegrityError) as trouble, transaction.atomic():
        deed()
    return str(trouble.value).splitlines()[0]


def test_the_database_keeps_the_proof(change):
    one, other = told_customer(change), customer(change.package)
    owing.owe(PUBLISHED)
    notice = change.notices.get()
    NoticeText.objects.create(text_hash="a" * 64, subject="S", body="B")
    NoticeEvent.objects.create(notice=notice, kind="accepted", at=PUBLISHED, round=1)
    change.notices.update(provider_id="p1", text_hash="a" * 64)
    accept()
    mine = PriceNotice.objects.filter(pk=notice.pk)

    assert "append-only: DELETE" in refused(lambda: mine._raw_delete("default"))
    assert "append-only: UPDATE" in refused(lambda: NoticeText.objects.update(body="C"))
    assert "append-only: DELETE" in refused(lambda: NoticeText.objects.all()._raw_delete("default"))
    assert "append-only: UPDATE" in refused(lambda: NoticeEvent.objects.update(at=EIGHT))
    assert "stays that of its change" in refused(lambda: mine.update(subscription=other))
    for values in (
        {"accepted_at": EIGHT},
        {"accepted_at": None, "state": "owed"},
        {"provider_id": "p2"},
        {"email": "x@y"},
    ):
        assert "cannot be rewritten" in refused(lambda values=values: mine.update(**values))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM price_notices WHERE subscription_id = %s", [one.pk])
        assert cursor.fetchone() == (1,)
