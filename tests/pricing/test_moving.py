"""Subscriptions follow a price change in Zoho Billing: on their renewal, once, and never against a person."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from circletel.core.models import AuditEntry
from pricing import applying, deciding, moving, planning, proof, rechecking, services
from pricing.models import (
    Cohort,
    Hold,
    MoveState,
    NoticeStage,
    NoticeState,
    PriceMove,
    PriceNotice,
    Verdict,
)
from tests.pricing.billing_world import move_of
from tests.pricing.histories import package_opened
from tests.pricing.people import MAY_BEGINS, PUBLISHED, R799, R899, mr_daniels, published
from tests.pricing.subscriptions import mirrored
from zoho_sync.billing.subscriptions import Ordered
from zoho_sync.keys import package_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def package(world, drain):
    found = package_opened(R799)
    drain()
    return found


def change_published(world, package, drain=None, **values):
    """R 799 → R 899, published on 2 March, effective on 1 May."""
    world.day("2027-03-02 10:00")
    change = published(package, **values)
    if drain:
        drain()
    return change


def scheduled(world, package, **values):
    """One customer whose move is scheduled: renews on the fifteenth, so from 15 April on for 15 May."""
    subscription = world.subscribe(package, **values)
    change_published(world, package)
    world.day("2027-04-15 07:30")
    world.move()
    return subscription, move_of(subscription)


# --- frozen at publication


def test_every_standing_subscription_has_its_part_frozen_with_the_publication(no_stages):
    package = package_opened(R799)
    standard = mirrored(package)
    fixed = mirrored(package, fixed_until=date(2027, 8, 31))
    negotiated = mirrored(package, "650.00")
    discounted = mirrored(package, discounted=True)
    leaving = mirrored(package, status="non_renewing")
    mirrored(package, status="cancelled")

    published(package)

    moves = {move.subscription_id: move for move in PriceMove.objects.all()}
    told = {
        pk: (move.cohort, move.state, move.hold, move.price_then, move.expected_price, move.renewal_on)
        for pk, move in moves.items()
    }
    fifteenth = date(2027, 5, 15)
    assert told == {
        standard.pk: ("standard", "planned", "", R799, R899, fifteenth),
        fixed.pk: ("fixed_term", "planned", "", R799, R899, date(2027, 9, 15)),
        negotiated.pk: ("negotiated", "held", "negotiated", Decimal(650), Decimal(650), fifteenth),
        discounted.pk: ("discounted", "planned", "", R799, R899, fifteenth),
        leaving.pk: ("cancelling", "not_needed", "", R799, R799, None),
    }


def test_the_rows_of_many_customers_are_written_in_few_statements(no_stages, django_assert_max_num_queries):
    package = package_opened(R799)
    for _ in range(30):
        mirrored(package)
    from tests.pricing.people import drafted

    change = drafted(package)
    change.published_at, change.effective_at = PUBLISHED, MAY_BEGINS
    with django_assert_max_num_queries(12):
        assert planning.freeze(change, PUBLISHED) == 30


# --- carried out


def test_a_subscription_moves_on_its_first_renewal_on_or_after_the_date(world, package, drain):
    subscription = world.subscribe(package)
    change_published(world, package, drain)
    assert world.zoho.records("billing_plans")[0]["recurring_price"] == 899

    early = world.move()
    assert (early.looked_at, early.calls) == (0, 0)  # the renewal of 15 March still lies before the date
    world.day("2027-04-15 07:30")
    moved = world.move()

    move = move_of(subscription)
    assert (moved.looked_at, moved.calls) == (1, 3)
    assert (move.state, move.lands_on) == (MoveState.SCHEDULED, date(2027, 5, 15))
    again = world.move()
    assert (again.looked_at, again.calls) == (0, 0)
    applying.apply_due(MAY_BEGINS)
    world.day("2027-05-15 07:30")
    confirmed = world.move()
    move.refresh_from_db()
    assert (confirmed.calls, move.state, move.confirmed_at) == (1, MoveState.CONFIRMED, world.now)
    assert world.billed(subscription) == [
        ("2027-02-15", R799),
        ("2027-03-15", R799),
        ("2027-04-15", R799),
        ("2027-05-15", R899),
    ]


def test_the_change_says_its_price_and_sends_again_everything_that_recurs(world, package):
    vat = world.zoho.records("billing_taxes")[0]["tax_id"]
    product = world.zoho.records("billing_products")[0]["product_id"]
    for code, kind in (("static-ip", "recurring"), ("cable", "one_time")):
        world.client._send(
            "POST",
            "addons",
            safe=False,
            body={
                "addon_code": code,
                "name": code,
                "unit_name": "once",
                "price_brackets": [{"price": 50.0}],
                "type": kind,
                "product_id": product,
                "tax_id": vat,
            },
        )
    addons = [Ordered("static-ip", Decimal("45.00"), 2), Ordered("cable")]
    scheduled(world, package, addons=addons)

    [put] = [one for one in world.zoho.requests(system="billing") if one["method"] == "PUT"
             and "/subscriptions/" in one["path"]]  # fmt: skip
    tax_id = put["body"]["plan"]["tax_id"]
    assert put["body"] == {
        "plan": {"plan_code": package_key(package), "price": 899.0, "quantity": 1, "tax_id": tax_id},
        "addons": [{"addon_code": "static-ip", "price": 45.0, "quantity": 2, "tax_id": tax_id}],
        "end_of_term": True,
    }
    world.day("2027-05-15 07:30")
    lines = [
        (line["code"], float(line["price"]))
        for line in world.zoho.records("billing_invoices")[-1]["invoice_items"]
    ]
    assert lines == [(package_key(package), 899.0), ("static-ip", 45.0)]


def test_a_price_that_somebody_changed_in_zoho_is_never_overwritten(world, package):
    subscription = world.subscribe(package)
    change_published(world, package)
    world.day("2027-04-15 07:30")
    world.reprice(subscription, "750.00")
    puts = len(world.calls("PUT"))

    moved = world.move()

    move = move_of(subscription)
    assert (moved.calls, move.state, move.seen_price) == (1, MoveState.CONFLICT, Decimal(750))
    assert move.why == "It pays R\u00a0750,00 in Zoho, not R\u00a0799,00."
    assert len(world.calls("PUT")) == puts
    world.move()
    assert world.in_zoho(subscription)["plan"]["price"] == 750


def test_a_person_lets_a_conflict_move_anyway_from_the_price_they_saw(world, package):
    subscription = world.subscribe(package)
    change_published(world, package)
    world.day("2027-04-15 07:30")
    world.reprice(subscription, "750.00")
    world.move()

    deciding.decide(
        [move_of(subscription).pk],
        deed="move_anyway",
        actor=mr_daniels(),
        reason="Agreed by phone",
        at=world.now,
    )
    moved = world.move()

    move = move_of(subscription)
    assert (moved.calls, move.state, move.accepted_price) == (3, MoveState.SCHEDULED, Decimal(750))
    entry = AuditEntry.objects.get(action="price move: move anyway")
    assert (entry.detail, entry.changes) == ("Agreed by phone", {"state": ["conflict", "planned"]})


def test_what_costs_the_new_price_already_is_confirmed_without_a_write(world, package):
    subscription = world.subscribe(package)
    change_published(world, package)
    applying.apply_due(MAY_BEGINS)
    world.day("2027-05-14 12:00")
    # Nobody scheduled it in time; a person changed it by hand, and it renewed at the new price.
    world.reprice(subscription, "899.00")
    world.day("2027-05-15 07:30")
    puts = len(world.calls("PUT"))

    moved = world.move()

    assert (moved.calls, move_of(subscription).state) == (1, MoveState.CONFIRMED)
    assert len(world.calls("PUT")) == puts


def test_who_was_raised_before_the_date_is_a_conflict_and_not_a_success(world, package, drain):
    subscription = world.subscribe(package)
    world.zoho.set(use_latest_prices=True)  # the organisation does what nobody recorded
    change_published(world, package, drain)
    world.day("2027-04-15 07:30")

    world.move()

    move = move_of(subscription)
    assert move.state == MoveState.CONFLICT
    assert move.why == "It pays R\u00a0899,00 already, before 1 May 2027: somebody raised it in Zoho."


def test_a_change_that_somebody_scheduled_in_zoho_is_left_alone(world, package):
    subscription = world.subscribe(package)
    change_published(world, package)
    world.day("2027-04-15 07:30")
    world.client.update_subscription(
        subscription.subscription_id, Ordered(package_key(package), Decimal("1200.00")), end_of_term=True
    )

    moved = world.move()

    move = move_of(subscription)
    assert (moved.calls, move.state) == (2, MoveState.CONFLICT)
    assert world.in_zoho(subscription)["scheduled"]["plan"]["price"] == 1200


def test_what_was_read_at_the_renewal_is_in_the_mirror_before_the_next_pull(world, package):
    subscription, _move = scheduled(world, package)
    world.day("2027-05-15 07:30")

    moving.drain(now=world.now, http=world.http)

    subscription.refresh_from_db()
    assert (subscription.price, subscription.next_billing_on) == (R899, date(2027, 5, 15))


def test_a_second_change_begins_where_the_first_one_came_late(world, package):
    subscription = world.subscribe(package)
    first = change_published(world, package)
    first.moves.update(state="held", hold="notice", why="The notice came back.")
    applying.apply_due(MAY_BEGINS)
    second = published(
        package, at=world.day("2027-05-03 10:00"), new_price="949.00", effective_date=date(2027, 7, 5)
    )
    assert move_of(subscription, change=second).price_then == R799
    first.moves.update(state="planned", hold="", why="")
    world.day("2027-05-15 07:30")
    world.move()

    world.day("2027-06-15 07:30")
    world.move()

    move = move_of(subscription, change=second)
    assert move_of(subscription, change=first).state == MoveState.CONFIRMED
    assert (move.state, move.price_then, move.lands_on) == (MoveState.SCHEDULED, R899, date(2027, 7, 15))


# --- what goes wrong


def test_an_answer_that_is_lost_is_read_back_and_nothing_is_sent_twice(world, package):
    subscription = world.subscribe(package)
    change_published(world, package)
    world.day("2027-04-15 07:30")
    world.zoho.fault(match={"method": "PUT", "path": "/billing/v1/subscriptions/*"}, action={"drop": "after"})
    puts = len(world.calls("PUT"))

    world.move()
    move = move_of(subscription)
    assert (move.state, move.attempts, move.sent_at) == (MoveState.PLANNED, 0, world.now)
    world.now += timedelta(minutes=2)
    moved = world.move()

    move.refresh_from_db()
    assert (moved.calls, move.state) == (2, MoveState.SCHEDULED)
    assert len(world.calls("PUT")) == puts + 1


def test_a_worker_killed_after_the_call_loses_and_doubles_nothing(world, package, monkeypatch):
    from pricing import moving

    class Killed(BaseException):
        pass

    def die(*_args, **_values):
        raise Killed

    subscription = world.subscribe(package)
    change_published(world, package)
    world.day("2027-04-15 07:30")
    puts = len(world.calls("PUT"))
    world.pull()
    monkeypatch.setattr(moving, "report", die)
    with pytest.raises(Killed):
        moving.drain(now=world.now, http=world.http)
    monkeypatch.undo()
    assert move_of(subscription).state == MoveState.PLANNED

    held = moving.drain(now=world.now, http=world.http)
    assert held.looked_at == 0  # the lease of the dead worker
    world.now += timedelta(seconds=91)
    moved = world.move()

    assert (moved.calls, move_of(subscription).state) == (2, MoveState.SCHEDULED)
    assert len(world.calls("PUT")) == puts + 1


def test_an_outage_burns_no_attempt(world, package):
    subscription = world.subscribe(package)
    change_published(world, package)
    world.day("2027-04-15 07:30")
    world.zoho.fault(match={"path": "/billing/v1/subscriptions/*"}, times=20, action={"status": 500})

    for _ in range(3):
        world.http.breaker.reset()
        world.move()
        world.now += timedelta(minutes=2)
    world.zoho.clear_faults()
    world.http.breaker.reset()
    assert (move_of(subscription).state, move_of(subscription).attempts) == (MoveState.PLANNED, 0)
    world.move()

    assert move_of(subscription).state == MoveState.SCHEDULED


def test_a_refusal_needs_a_person_who_can_have_it_tried_again(world, package):
    subscription = world.subscribe(package)
    change_published(world, package)
    world.day("2027-04-15 07:30")
    world.zoho.fault(
        match={"method": "PUT", "path": "/billing/v1/subscriptions/*"},
        action={"status": 400, "body": {"code": 2, "message": "Invalid value passed for tax_id"}},
    )

    world.move()
    move = move_of(subscription)
    assert (move.state, move.attempts, move.next_attempt_at) == (MoveState.FAILED, 1, None)
    assert "tax_id" in move.why
    assert world.move().looked_at == 0
    deciding.decide([move.pk], deed="try_again", actor=mr_daniels(), reason="The tax is back", at=world.now)
    world.move()

    assert move_of(subscription).state == MoveState.SCHEDULED


def test_the_daily_budget_ends_a_run_and_the_next_one_goes_on(world, package, settings, monkeypatch):
    for _ in range(3):
        world.subscribe(package)
    change_published(world, package)
    world.day("2027-04-15 07:30")
    monkeypatch.setattr("zoho_sync.connection.limits.RESERVE_PERCENT", 0)
    settings.ZOHO_BILLING_CALLS_PER_DAY = 7  # two moves, and the first call of the third

    moved = world.move()

    states = sorted(PriceMove.objects.values_list("state", "attempts"))
    assert states == [("planned", 0), ("scheduled", 0), ("scheduled", 0)]
    assert len(moved.reasons) == 1
    settings.ZOHO_BILLING_CALLS_PER_DAY = 1_000_000
    world.now += timedelta(days=1)
    world.move()
    assert set(PriceMove.objects.values_list("state", flat=True)) == {"scheduled"}


# --- taken back


def test_cancelling_drops_in_zoho_what_was_scheduled(world, package, drain):
    subscription, move = scheduled(world, package)
    waiting = mirrored(package)
    rechecking.recheck(world.now)
    change = move.change

    services.cancel_price_change(change.pk, actor=mr_daniels(), reason="No", at=world.now)
    move.refresh_from_db()
    assert (move.state, move.to_undo) == (MoveState.SCHEDULED, True)
    assert move_of(waiting).state == MoveState.NOT_NEEDED
    undone = world.move()

    move.refresh_from_db()
    assert (undone.calls, move.state, move.to_undo) == (4, MoveState.NOT_NEEDED, False)
    assert move.why == "The price change was cancelled."
    assert world.in_zoho(subscription)["scheduled"] == {}
    world.day("2027-05-15 07:30")
    assert world.billed(subscription)[-1] == ("2027-05-15", R799)


def test_an_amended_change_waits_until_the_first_one_is_taken_back(world, package):
    subscription, move = scheduled(world, package)
    from tests.pricing.people import ms_khumalo, wish

    both = mr_daniels()
    both.groups.add(*ms_khumalo().groups.all())
    draft = services.amend_price_change(
        move.change_id, wish(new_price="849.00"), actor=ms_khumalo(), at=world.now
    )
    services.publish_price_change(draft.pk, actor=mr_daniels(), at=world.now)

    moved = world.move()

    assert moved.calls == 4 + 3
    assert move_of(subscription, change=move.change_id).state == MoveState.NOT_NEEDED
    assert move_of(subscription, change=draft.pk).state == MoveState.SCHEDULED
    assert world.in_zoho(subscription)["scheduled"]["plan"]["price"] == 849


def test_a_cancellation_while_a_worker_holds_the_move_is_undone_afterwards(world, package, monkeypatch):
    from pricing import move_steps

    subscription = world.subscribe(package)
    change = change_published(world, package)
    world.day("2027-04-15 07:30")
    sent = world.client.__class__.update_subscription

    def cancelled_meanwhile(client, *args, **values):
        services.cancel_price_change(change.pk, actor=mr_daniels(), reason="No", at=world.now)
        return sent(client, *args, **values)

    with monkeypatch.context() as patch:
        patch.setattr(move_steps.BillingClient, "update_subscription", cancelled_meanwhile)
        world.move()

    move = move_of(subscription)
    assert (move.state, move.to_undo) == (MoveState.NOT_NEEDED, False)
    assert world.in_zoho(subscription)["scheduled"] == {}


# --- looked at again


def test_who_joins_during_the_notice_is_written_down_and_not_moved(world, package, drain):
    change = change_published(world, package, drain)
    world.day("2027-03-20 10:00")
    joiner = world.subscribe(package)

    outcome = rechecking.recheck(world.now)

    move = move_of(joiner)
    assert (outcome.added, move.cohort, move.state) == (1, Cohort.JOINED_DURING_NOTICE, MoveState.NOT_NEEDED)
    assert (move.price_then, move.expected_price) == (R899, R899)
    assert rechecking.recheck(world.now).added == 0
    assert change.moves.count() == 1


def test_who_leaves_is_not_moved_and_who_stays_after_all_is(no_stages):
    package = package_opened(R799)
    subscription = mirrored(package)
    published(package)

    subscription.status = "non_renewing"
    subscription.save()
    rechecking.recheck(PUBLISHED)
    assert move_of(subscription).state == MoveState.NOT_NEEDED
    subscription.status = "live"
    subscription.save()
    rechecking.recheck(PUBLISHED)

    assert (move_of(subscription).state, move_of(subscription).cohort) == (MoveState.PLANNED, "standard")


def test_a_postponed_billing_date_moves_the_renewal(no_stages):
    package = package_opened(R799)
    subscription = mirrored(package)
    published(package)

    subscription.next_billing_on = date(2027, 3, 20)
    subscription.save()
    rechecking.recheck(PUBLISHED)

    assert move_of(subscription).renewal_on == date(2027, 5, 20)


# --- notices


def with_stage(occasion="published", days=0):
    return NoticeStage.objects.create(
        code=f"test-{occasion}", name="First notice", occasion=occasion, days=days, subject="s", body="b"
    )


def test_without_an_accepted_notice_nothing_is_called_and_it_is_held(world, package):
    stage = with_stage()
    subscription = world.subscribe(package)
    change = change_published(world, package)
    written = PriceNotice.objects.filter(change=change, stage=stage, subscription=subscription)
    assert written.update(state=NoticeState.BOUNCED, why="mailbox full") == 1
    world.day("2027-04-15 07:30")

    moved = world.move()

    move = move_of(subscription)
    assert (moved.calls, move.state, move.hold) == (0, MoveState.HELD, Hold.NOTICE)
    assert move.why == "The notice “First notice” came back (mailbox full)."
    PriceNotice.objects.update(state=NoticeState.SETTLED)
    rechecking.recheck(world.now)
    world.move()
    assert move_of(subscription).state == MoveState.SCHEDULED


def test_a_notice_that_comes_back_later_takes_the_scheduled_change_out_of_zoho(world, package):
    stage = with_stage()
    subscription = world.subscribe(package)
    change = change_published(world, package)
    written = PriceNotice.objects.filter(change=change, stage=stage, subscription=subscription)
    assert written.update(state=NoticeState.ACCEPTED, accepted_at=world.now) == 1
    world.day("2027-04-15 07:30")
    world.move()
    assert move_of(subscription).state == MoveState.SCHEDULED

    written.update(state=NoticeState.BOUNCED)
    rechecking.recheck(world.now)
    world.move()

    move = move_of(subscription)
    assert (move.state, move.hold, move.sent_at) == (MoveState.HELD, Hold.NOTICE, None)
    assert world.in_zoho(subscription)["scheduled"] == {}


def test_a_fixed_term_does_not_wait_for_a_notice_that_its_own_first_bill_asks_for_later(world, package):
    with_stage("before", days=30)
    subscription = world.subscribe(package)
    type(subscription).objects.filter(pk=subscription.pk).update(fixed_until=date(2027, 5, 31))
    change_published(world, package)
    world.day("2027-05-15 07:30")  # of 15 June, so the notice is due on the sixteenth

    world.move()

    assert (move_of(subscription).state, move_of(subscription).lands_on) == ("scheduled", date(2027, 6, 15))


def test_a_lower_price_asks_for_no_notice(world, package):
    with_stage()
    subscription = world.subscribe(package)
    change_published(world, package, new_price="749.00", effective_date=date(2027, 3, 2))

    world.move()

    assert move_of(subscription).state == MoveState.SCHEDULED
    world.day("2027-03-15 07:30")
    world.move()
    assert proof.prove(world.now, http=world.http).right == 1
    assert move_of(subscription).verdict == Verdict.RIGHT
