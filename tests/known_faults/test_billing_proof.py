"""Whether a price change is proven by its invoices, and what is found billed otherwise."""

from datetime import date
from decimal import Decimal

import pytest

from circletel.core.errors import WrongStatus
from pricing import applying, billed, deciding, planning, proof, services
from pricing.models import PriceMove
from tests.known_faults import known_fault
from tests.pricing.billing_world import instant, move_of
from tests.pricing.histories import package_opened
from tests.pricing.people import MAY_BEGINS, PUBLISHED, R799, R899, mr_daniels, published
from tests.pricing.subscriptions import mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_stages")]


def found_wrong(moment: str) -> list[str]:
    """The subscriptions that pay another price than they ought to."""
    return [each.subscription.number for _, some in billed.judge_billed(instant(moment)) for each in some]


@known_fault("a change counts as verified though no subscription was ever listed")
def test_a_change_is_not_verified_while_no_subscription_was_read():
    change = published(package_opened(R799))
    applying.apply_due(MAY_BEGINS)

    proof.mark_verified(instant("2027-05-01 09:00"))

    change.refresh_from_db()
    assert change.verified_at is None


@known_fault("what no invoice has shown yet can be settled, and then the change counts as verified")
def test_nobody_settles_what_no_invoice_has_shown_yet():
    package = package_opened(R799)
    subscription = mirrored(package)
    change = published(package)
    applying.apply_due(MAY_BEGINS)
    PriceMove.objects.update(state="confirmed", confirmed_at=MAY_BEGINS)

    try:
        deciding.decide(
            [move_of(subscription).pk],
            deed="settle",
            actor=mr_daniels(),
            reason="Waived",
            at=instant("2027-05-02 10:00"),
        )
    except WrongStatus:
        return
    proof.mark_verified(instant("2027-05-02 11:00"))

    change.refresh_from_db()
    assert change.verified_at is None


@known_fault("a credit grows on after the price is back")
def test_a_credit_stops_growing_when_the_price_is_back():
    package = package_opened(R799)
    change = published(package)
    joined = mirrored(
        package,
        R899,
        signed_up_at=instant("2027-03-15 10:00"),
        next_billing_on=date(2027, 4, 15),
        current_term_starts_on=date(2027, 3, 15),
    )
    services.cancel_price_change(
        change.pk, actor=mr_daniels(), reason="Not now", at=instant("2027-03-20 10:00")
    )
    move = move_of(joined)
    assert planning.cost_of_return(move, date(2027, 3, 21)).credit == Decimal("100.00")
    deciding.decide(
        [move.pk], deed="credit", actor=mr_daniels(), reason="Promised", at=instant("2027-03-21 10:00")
    )
    PriceMove.objects.filter(pk=move.pk).update(
        state="confirmed", confirmed_at=instant("2027-04-15 07:30"), renewal_on=date(2027, 4, 15)
    )
    joined.price = R799
    joined.current_term_starts_on, joined.next_billing_on = date(2027, 8, 15), date(2027, 9, 15)
    joined.save()

    assert planning.cost_of_return(move_of(joined), date(2027, 8, 20)).credit == Decimal("100.00")


@known_fault("a customer whom a person let keep the price is found wrong each night")
def test_who_was_decided_never_to_move_is_not_found_wrong():
    package = package_opened(R799)
    subscription = mirrored(package)
    published(package)
    deciding.decide(
        [move_of(subscription).pk], deed="never_move", actor=mr_daniels(), reason="VIP", at=PUBLISHED
    )
    applying.apply_due(MAY_BEGINS)
    subscription.current_term_starts_on = date(2027, 5, 15)
    subscription.next_billing_on = date(2027, 6, 15)
    subscription.save()

    assert found_wrong("2027-05-20 10:00") == []


@known_fault("a customer who was given the price of a cancelled change back is found wrong each night")
def test_who_was_given_the_old_price_back_is_not_found_wrong():
    package = package_opened(R799)
    change = published(package)
    joined = mirrored(package, R899, signed_up_at=instant("2027-03-15 10:00"))
    services.cancel_price_change(
        change.pk, actor=mr_daniels(), reason="Not now", at=instant("2027-03-20 10:00")
    )
    deciding.decide(
        [move_of(joined).pk],
        deed="credit",
        actor=mr_daniels(),
        reason="Promised",
        at=instant("2027-03-21 10:00"),
    )
    PriceMove.objects.update(state="confirmed", confirmed_at=MAY_BEGINS, verdict="right")
    joined.price = R799
    joined.current_term_starts_on, joined.next_billing_on = date(2027, 5, 15), date(2027, 6, 15)
    joined.save()

    assert found_wrong("2027-05-20 10:00") == []


@known_fault("a price left over from a lost decrease counts as agreed at the next change, and as right")
def test_a_price_that_nobody_agreed_is_not_taken_for_agreed():
    package = package_opened(R799)
    fixed = mirrored(package, fixed_until=date(2027, 4, 30), next_billing_on=date(2027, 4, 15))
    # R 100 less, at once; for them from 15 May. The second change replaces that, and is cancelled.
    published(package, new_price=Decimal(699), effective_date=date(2027, 3, 2))
    second = published(
        package, at=instant("2027-03-10 10:00"), new_price=Decimal(719), effective_date=date(2027, 5, 12)
    )
    services.cancel_price_change(
        second.pk, actor=mr_daniels(), reason="Not now", at=instant("2027-03-20 10:00")
    )
    # So they were renewed at R 799,00: R 100 too much.
    fixed.current_term_starts_on, fixed.next_billing_on = date(2027, 5, 15), date(2027, 6, 15)
    fixed.save()
    third = published(
        package, at=instant("2027-05-20 10:00"), new_price=Decimal(749), effective_date=date(2027, 8, 1)
    )
    move = move_of(fixed, change=third)
    move.verdict, move.invoiced_price = proof.verdict_of(R799, move.expected_price), R799
    move.save()
    applying.apply_due(instant("2027-08-01 02:00"))
    fixed.current_term_starts_on, fixed.next_billing_on = date(2027, 8, 15), date(2027, 9, 15)
    fixed.save()

    proof.mark_verified(instant("2027-09-01 09:00"))

    third.refresh_from_db()
    assert third.verified_at is None
    [(_, [found])] = list(billed.judge_billed(instant("2027-09-01 10:00")))
    assert (found.ought, found.is_its_own) == (Decimal("749.00"), False)
