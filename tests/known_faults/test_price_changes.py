"""Price changes: who publishes them, who is told when, and what an amendment may do."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from catalogue.models import ServicePackage
from circletel.core.amounts import rand
from circletel.core.errors import NotAllowed, NotReady, Refused
from pricing import applying, deciding, impact, rechecking, services
from pricing.models import NoticeStage, PriceNotice
from pricing.noticed import notice_hold
from pricing.notices import owing, texts
from tests.factories import person
from tests.known_faults import NOT_REFUSED, known_fault
from tests.known_faults.conftest import drafts_and_publishes, published_on_2_march
from tests.pricing.billing_world import instant, move_of
from tests.pricing.histories import package_opened
from tests.pricing.people import (
    MAY_BEGINS,
    PUBLISHED,
    R799,
    R849,
    R899,
    drafted,
    mr_daniels,
    published,
    wish,
)
from tests.pricing.subscriptions import mirrored

pytestmark = pytest.mark.django_db
FIRST_OF_JUNE = date(2027, 6, 1)


@known_fault(
    "only the author and the last editor are barred from publishing, not who set the price", NOT_REFUSED
)
def test_who_chose_the_price_does_not_publish_it():
    package = package_opened(R799)
    chooser = person("both.rights", "Pricing manager", "Pricing approver")
    change = drafted(package)
    dearer = Decimal(1299)
    services.edit_price_change(change.pk, wish(new_price=dearer), actor=chooser)
    services.edit_price_change(
        change.pk, wish(new_price=dearer, notes="A typo"), actor=person("c.manager", "Pricing manager")
    )

    with pytest.raises(NotAllowed):
        services.publish_price_change(change.pk, actor=chooser, at=PUBLISHED)


@known_fault("a rise is published though no stage tells anybody of it", NOT_REFUSED)
def test_a_rise_needs_a_stage_that_announces_it(no_stages):
    package = package_opened(R799)
    mirrored(package)

    with pytest.raises(NotReady):
        published(package)


@known_fault("an amendment that lay as a draft rests on a notice that was withdrawn meanwhile", NOT_REFUSED)
def test_an_amendment_starts_its_notice_anew_when_the_first_was_withdrawn():
    package = package_opened(R799)
    mirrored(package)
    change = published(package, effective_date=FIRST_OF_JUNE)
    owing.owe(PUBLISHED)
    PriceNotice.objects.update(state="accepted", accepted_at=PUBLISHED)
    draft = services.amend_price_change(
        change.pk,
        wish(new_price=R849, effective_date=FIRST_OF_JUNE),
        actor=drafts_and_publishes(),
        at=instant("2027-03-05 10:00"),
    )
    # Everybody is told in March that the price stays.
    assert PriceNotice.objects.filter(change=change, stage="withdrawal", state="owed").count() == 1

    with pytest.raises(NotReady):
        services.publish_price_change(
            draft.pk, actor=person("third.one", "Pricing approver"), at=instant("2027-05-30 10:00")
        )


@known_fault("a decrease that was announced is made smaller a day before it holds", NOT_REFUSED)
def test_an_announced_decrease_is_not_made_smaller():
    package = package_opened(R799)
    mirrored(package)
    change = published(package, new_price=Decimal(699), effective_date=FIRST_OF_JUNE)
    draft = services.amend_price_change(
        change.pk,
        wish(new_price=Decimal(789), effective_date=FIRST_OF_JUNE),
        actor=drafts_and_publishes(),
        at=instant("2027-05-30 10:00"),
    )

    with pytest.raises(NotReady):
        services.publish_price_change(
            draft.pk, actor=person("third.one", "Pricing approver"), at=instant("2027-05-30 11:00")
        )


@known_fault("a customer learned of late is billed the rise two days after the first mail")
def test_a_customer_learned_of_late_has_the_whole_notice():
    package = package_opened(R799)
    published(package)
    late = mirrored(package, next_billing_on=date(2027, 5, 1), current_term_starts_on=date(2027, 4, 1))
    rechecking.recheck(instant("2027-04-29 04:30"))
    told = instant("2027-04-29 08:00")
    owing.owe(told)
    PriceNotice.objects.filter(state="owed").update(state="accepted", accepted_at=told)
    assert PriceNotice.objects.get(subscription=late, stage="announcement").state == "accepted"

    move = move_of(late)

    assert notice_hold(move, date(2027, 4, 30)) or move.renewal_on >= date(2027, 4, 29) + timedelta(days=60)


@known_fault("a customer with a price of its own who is let move is told nothing")
def test_a_negotiated_customer_who_is_let_move_is_told_first(world, package):
    NoticeStage.objects.create(
        code="test-published", name="First notice", occasion="published", days=0, subject="s", body="b"
    )
    negotiated = world.subscribe(package, "500.00")
    published_on_2_march(world, package)
    world.day("2027-05-02 10:00")
    applying.apply_due(world.now)

    deciding.decide(
        [move_of(negotiated).pk],
        deed="move_anyway",
        actor=mr_daniels(),
        reason="List price for all",
        at=world.now,
    )
    world.move()
    world.day("2027-05-15 07:30")

    told = PriceNotice.objects.filter(subscription=negotiated).exists()
    assert told or world.billed(negotiated)[-1] == ("2027-05-15", Decimal("500.00"))


@known_fault("a notice names the price of one unit, not the total that the customer will see")
def test_a_notice_says_what_this_customer_pays():
    package = package_opened(R799)
    change = published(package)
    subscription = mirrored(package, quantity=3, amount=Decimal("2397.00"))

    text = texts.text_for(
        texts.Told(change, subscription, R799, R899, date(2027, 5, 15)),
        subject="s",
        body=NoticeStage.objects.get(pk="announcement").body,
        vat_rate=Decimal("0.15"),
    )

    assert rand(3 * R899) in text.body


@known_fault("the impact page says that coupons wait for a person, and they move by themselves")
def test_coupons_wait_for_a_person_as_the_impact_page_says(no_stages):
    package = package_opened(R799)
    discounted = mirrored(package, discounted=True)
    change = drafted(package)
    assert impact.measure(change, PUBLISHED).warnings == ["1 with a coupon wait for a person to decide."]

    services.publish_price_change(change.pk, actor=mr_daniels(), at=PUBLISHED)

    assert move_of(discounted).state == "held"


@known_fault("a change that the daily job cannot apply is neither cancelled nor followed by another")
def test_a_change_that_cannot_be_applied_has_a_way_out(no_stages):
    package = package_opened(R799)
    change = published(package)
    ServicePackage.objects.filter(pk=package.pk).update(price=Decimal("798.99"))
    assert applying.apply_due(MAY_BEGINS).problems
    refusals = []
    for way in (
        lambda: services.cancel_price_change(
            change.pk, actor=mr_daniels(), reason="Cannot be applied", at=instant("2027-05-02 10:00")
        ),
        lambda: drafted(package),
    ):
        try:
            way()
        except Refused as refusal:
            refusals.append(str(refusal))

    assert len(refusals) < 2, refusals
