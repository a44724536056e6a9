"""Billing proof: what the first invoices say, what is open, and when a change counts as verified."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from circletel.core.errors import NotAllowed, NotReady, WrongStatus
from circletel.core.models import AuditEntry
from pricing import applying, deciding, proof, services
from pricing.models import Cohort, Hold, MoveState, PriceChange, SubscriptionPull, Verdict
from tests.factories import ms_naidoo, person
from tests.pricing.billing_world import move_of
from tests.pricing.histories import package_opened
from tests.pricing.people import MAY_BEGINS, PUBLISHED, R799, R899, drafted, mr_daniels, published
from tests.pricing.subscriptions import mirrored
from zoho_sync.operating import alerts
from zoho_sync.operating.models import Alert

pytestmark = pytest.mark.django_db


@pytest.fixture
def package(world, drain):
    found = package_opened(R799)
    drain()
    return found


@pytest.fixture
def moved(world, package):
    """Three customers: one moves, one pays what somebody typed, one has a price of its own."""
    good, typed, own = (world.subscribe(package) for _ in range(3))
    world.reprice(own, "650.00")
    world.pull()
    world.day("2027-03-02 10:00")
    change = published(package)
    world.reprice(typed, "950.00")
    world.day("2027-04-15 07:30")
    world.move()
    applying.apply_due(MAY_BEGINS)
    world.day("2027-05-15 07:30")
    world.move()
    return change, good, typed, own


def test_the_first_invoices_are_read_and_judged_with_exact_calls(world, moved):
    change, good, typed, own = moved

    proved = proof.prove(world.now, http=world.http)

    # One for the confirmed one, whose subscription was read at its renewal; two for each of the others.
    assert (proved.cases, proved.calls, proved.right, proved.wrong, proved.verified) == (3, 5, 2, 1, 0)
    told = {
        one.pk: (move_of(one).verdict, move_of(one).invoiced_price, move_of(one).billed_wrong)
        for one in (good, typed, own)
    }
    assert told == {
        good.pk: (Verdict.RIGHT, R899, Decimal(0)),
        typed.pk: (Verdict.OVER, Decimal(950), Decimal(51)),
        own.pk: (Verdict.RIGHT, Decimal(650), Decimal(0)),  # it stays, until somebody decides
    }
    change.refresh_from_db()
    assert change.verified_at is None


def test_a_change_is_verified_at_zero_open_cases_and_not_before(world, moved):
    change, _good, typed, own = moved
    proof.prove(world.now, http=world.http)
    assert proof.summary(change).open == 1
    deciding.decide(
        [move_of(own).pk], deed="never_move", actor=mr_daniels(), reason="Keeps its price", at=world.now
    )

    deciding.decide(
        [move_of(typed).pk], deed="never_move", actor=mr_daniels(), reason="Agreed at R 950", at=world.now
    )
    proved = proof.prove(world.now, http=world.http)

    change.refresh_from_db()
    assert (proved.calls, proved.verified, change.verified_at) == (0, 1, world.now)
    again = proof.prove(world.now + timedelta(days=1), http=world.http)
    assert (again.calls, again.verified) == (0, 0)


def test_what_an_outage_let_renew_at_the_old_price_is_under_billed_until_it_is_settled(world, package):
    subscription = world.subscribe(package)
    world.day("2027-03-02 10:00")
    change = published(package)
    applying.apply_due(MAY_BEGINS)
    world.day("2027-05-16 07:30")  # no worker ran since
    world.move()
    assert (move_of(subscription).state, move_of(subscription).lands_on) == ("scheduled", date(2027, 6, 15))

    assert proof.prove(world.now, http=world.http).wrong == 1

    move = move_of(subscription)
    assert (move.verdict, move.renewal_on, move.billed_wrong) == ("under", date(2027, 5, 15), Decimal(-100))
    found = proof.summary(change)
    assert (found.under, found.under_rand, found.over_rand, found.open) == (1, Decimal(100), 0, 1)
    with pytest.raises(WrongStatus):
        deciding.decide([move.pk], deed="settle", actor=mr_daniels(), reason="Waived", at=world.now)
    world.day("2027-06-15 07:30")
    world.move()
    deciding.decide([move.pk], deed="settle", actor=mr_daniels(), reason="Waived: our outage", at=world.now)
    proved = proof.prove(world.now, http=world.http)

    assert (proved.cases, proved.verified) == (0, 1)
    assert world.billed(subscription)[-2:] == [("2027-05-15", R799), ("2027-06-15", R899)]


def test_operators_hear_of_it_after_three_days_and_again_when_it_is_over(world, moved):
    change, _good, typed, _own = moved
    proof.prove(world.now, http=world.http)

    alerts.watch(world.now + timedelta(days=3))
    assert not Alert.objects.filter(rule__trigger="billing_unproven").exists()
    alerts.watch(world.now + timedelta(days=4))

    alert = Alert.objects.get(rule__trigger="billing_unproven")
    assert alert.title == f"Not proven 3 days after the renewal: 1 subscription of {change}"
    assert alert.path == reverse("admin:pricing_pricechange_proof", args=[change.pk])
    deciding.decide([move_of(typed).pk], deed="never_move", actor=mr_daniels(), reason="Agreed", at=world.now)
    alerts.watch(world.now + timedelta(days=5))
    alert.refresh_from_db()
    assert alert.state == "resolved"


def test_an_invoice_that_was_voided_or_made_beside_the_renewal_is_not_the_first_one(world, moved):
    _change, good, *_ = moved
    invoice_id = move_of(good).invoice_id
    world.client.void_invoice(invoice_id)

    proved = proof.prove(world.now, http=world.http)

    assert proved.right == 1  # the one with a price of its own
    assert move_of(good).verdict == Verdict.UNKNOWN


def test_only_who_may_decide_decides(world, moved):
    _change, _good, typed, _own = moved
    with pytest.raises(NotAllowed, match="may not decide about price moves"):
        deciding.decide([move_of(typed).pk], deed="never_move", actor=ms_naidoo(), reason="x")
    assert move_of(typed).state == MoveState.CONFLICT


# --- who joined at a price that was cancelled


@pytest.fixture
def joiners(world, package, drain):
    """Two who signed up at R 899 before the change was cancelled, and one from before."""
    old = world.subscribe(package)
    world.day("2027-03-02 10:00")
    change = published(package)
    drain()
    world.day("2027-03-20 10:00")
    one, other = world.subscribe(package), world.subscribe(package)
    world.day("2027-04-02 10:00")
    services.cancel_price_change(change.pk, actor=mr_daniels(), reason="Competition", at=world.now)
    drain()
    return PriceChange.objects.get(pk=change.pk), old, one, other


def test_cancelling_lists_who_joined_at_the_new_price_with_what_a_credit_costs(world, joiners):
    from pricing.planning import cost_of_return

    change, old, one, other = joiners

    held = change.moves.filter(hold=Hold.KEEP_OR_CREDIT)
    assert {move.subscription_id for move in held} == {one.pk, other.pk}
    assert move_of(old).state == MoveState.NOT_NEEDED
    move = move_of(one)
    assert (move.cohort, move.price_then, move.expected_price) == (Cohort.JOINED_DURING_NOTICE, R899, R899)
    cost = cost_of_return(move, world.now.date())
    assert (cost.monthly, cost.months_billed, cost.months_left) == (Decimal(100), 1, 11)
    assert (cost.credit, cost.income_lost) == (Decimal(100), Decimal(1100))


def test_keeping_leaves_the_price_and_a_credit_moves_back_on_the_next_renewal(world, joiners):
    _change, _old, one, other = joiners
    deciding.decide([move_of(one).pk], deed="keep", actor=mr_daniels(), reason="As quoted", at=world.now)
    deciding.decide([move_of(other).pk], deed="credit", actor=mr_daniels(), reason="Complained", at=world.now)

    moved = world.move()
    world.day("2027-04-20 07:30")
    world.move()
    proved = proof.prove(world.now, http=world.http)

    assert moved.calls == 3
    assert world.billed(one)[-1] == ("2027-04-20", R899)
    assert world.billed(other) == [("2027-03-20", R899), ("2027-04-20", R799)]
    assert (move_of(one).state, move_of(other).state) == (MoveState.NOT_NEEDED, MoveState.CONFIRMED)
    assert (proved.right, proved.calls) == (1, 1)


# --- what Zoho does at renewals


def test_nothing_is_published_until_somebody_has_looked_which_it_is(no_stages, settings):
    settings.ZOHO_BILLING_RENEWAL_PRICING = "unknown"
    package = package_opened(R799)
    with pytest.raises(NotReady, match="set ZOHO_BILLING_RENEWAL_PRICING to retain"):
        published(package)
    assert PriceChange.objects.get().status == "draft"
    settings.ZOHO_API_URL = ""
    package.price_changes.all().delete()
    assert published(package).status == "published"


class TestOrganisationsThatUseTheLatestPrices:
    @pytest.fixture
    def package(self, no_stages, settings):
        settings.ZOHO_BILLING_RENEWAL_PRICING = "latest"
        SubscriptionPull.objects.create(started_at=PUBLISHED, finished_at=PUBLISHED, listed_to_the_end=True)
        return package_opened(R799)

    def test_a_rise_to_existing_customers_is_refused_and_says_what_to_change_in_zoho(self, package):
        mirrored(package)
        with pytest.raises(NotReady) as refusal:
            published(package)

        [reason] = refusal.value.reasons
        assert reason.endswith(
            ": renewal pricing: with Use latest prices Zoho Billing takes the new price at the very next renewal,"
            " notice or not, from 1 existing subscription. Choose Retain existing prices there under Settings,"
            " Subscriptions, General, Renewal pricing, and set ZOHO_BILLING_RENEWAL_PRICING to retain"
        )
        assert PriceChange.objects.get().status == "draft"

    def test_so_it_is_while_nobody_knows_whether_there_are_any(self, package):
        SubscriptionPull.objects.all().delete()
        with pytest.raises(NotReady, match="it is not known whether anybody subscribes"):
            published(package)

    def test_the_page_of_the_draft_says_so(self, package, client):
        mirrored(package)
        change = drafted(package)
        client.force_login(mr_daniels())

        page = client.get(reverse("admin:pricing_pricechange_change", args=[change.pk]))

        assert "Choose Retain existing prices there under Settings, Subscriptions, General" in page.text

    def test_a_lower_price_and_a_rise_that_nobody_pays_are_published(self, package):
        mirrored(package, status="cancelled")
        assert published(package).status == "published"
        other = package_opened(R799)
        mirrored(other)
        assert published(other, new_price="699.00").status == "published"


# --- seen


def test_the_page_and_the_csv_show_every_case(world, moved, client):
    change, _good, typed, _own = moved
    type(typed).objects.filter(pk=typed.pk).update(customer_name="=HYPERLINK(1)")
    proof.prove(world.now, http=world.http)
    client.force_login(person("zanele.khumalo", "Pricing manager"))

    page = client.get(reverse("admin:pricing_pricechange_proof", args=[change.pk]))
    narrowed = client.get(page.wsgi_request.path, {"verdict": "over"})
    csv = client.get(reverse("admin:pricing_pricechange_proof_csv", args=[change.pk]))

    assert "Not verified: 1 of 3 cases open." in page.content.decode()
    assert [row["who"] for row in narrowed.context["rows"]] == ["=HYPERLINK(1)"]
    assert narrowed.context["over_rand"] == "R\xa051,00"
    lines = b"".join(csv.streaming_content).decode("utf-8-sig").splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("over,yes,")
    assert "'=HYPERLINK(1)" in lines[1]
    assert client.get(reverse("admin:pricing_pricechange_change", args=[change.pk])).status_code == 200
    client.force_login(ms_naidoo())
    assert client.get(page.wsgi_request.path).status_code == 403


def test_rest_tells_moves_and_proof(world, moved, client):
    change, _good, typed, _own = moved
    proof.prove(world.now, http=world.http)
    client.force_login(person("zanele.khumalo", "Pricing manager"))
    root = f"/api/admin/price-changes/{change.pk}"

    summary = client.get(f"{root}/proof").json()
    conflicts = client.get(f"{root}/moves", {"state": "conflict"}).json()
    csv = client.get(f"{root}/proof.csv")

    assert summary == {
        "change": str(change.pk), "verified_at": None, "cases": 3, "right": 2, "under": 0, "over": 1,
        "unknown": 0, "settled": 0, "open": 1, "under_rand": "0.00", "over_rand": "51.00",
    }  # fmt: skip
    [one] = conflicts["results"]
    assert (one["subscription"], one["invoiced_price"], one["billed_wrong"]) == (
        typed.subscription_id, "950.00", "51.00",
    )  # fmt: skip
    assert csv["Content-Type"] == "text/csv; charset=utf-8"
    assert client.get(f"{root}/moves", {"state": "gone"}).status_code == 400
    assert (
        client.get("/api/admin/price-changes/00000000-0000-4000-8000-000000000000/proof").status_code == 404
    )
    client.force_login(ms_naidoo())
    assert client.get(f"{root}/moves").status_code == 403


def test_rest_decides_once_as_the_page_does_and_writes_refusals_down(world, moved, client):
    _change, good, typed, _own = moved
    client.force_login(mr_daniels())

    def decide(subscription, body, **headers):
        address = f"/api/admin/price-moves/{move_of(subscription).pk}/decide"
        return client.post(address, body, content_type="application/json", headers=headers)

    body = {"deed": "never_move", "reason": "Agreed at R 950"}
    done = decide(typed, body, **{"Idempotency-Key": "one"})
    again = decide(typed, body, **{"Idempotency-Key": "one"})
    refused = decide(good, {"deed": "keep", "reason": "x"})

    assert (done.status_code, done.json()["state"], done.json()["subscription"]) == (
        200, "not_needed", typed.subscription_id,
    )  # fmt: skip
    assert (again.json(), again["Idempotency-Replayed"]) == (done.json(), "true")
    assert AuditEntry.objects.filter(action="price move: never move").count() == 1
    assert (refused.status_code, "cannot be decided on (keep)" in refused.json()["detail"]) == (409, True)
    entry = AuditEntry.objects.get(action="decide about price move")
    assert (entry.result, entry.target_id) == ("refused", str(move_of(good).pk))
    assert decide(typed, {"deed": "forget", "reason": "x"}).status_code == 400
    client.force_login(person("lerato.mokoena", "Auditor"))
    unknown = "/api/admin/price-moves/00000000-0000-4000-8000-000000000000/decide"
    assert decide(typed, body).status_code == 403
    client.force_login(mr_daniels())
    assert client.post(unknown, body, content_type="application/json").status_code == 404


def test_one_decision_for_many_with_its_reason(world, moved, client):
    _change, _good, typed, own = moved
    client.force_login(mr_daniels())
    chosen = {"action": "decide_selected", "_selected_action": [move_of(typed).pk, move_of(own).pk]}
    page = reverse("admin:pricing_pricemove_changelist")
    asked = client.post(page, chosen)
    assert (asked.context["number"], asked.context["selected"]) == (
        2,
        [str(one) for one in chosen["_selected_action"]],
    )

    answer = {**chosen, "_form_submitted": "True"}
    refused = client.post(page, {**answer, "deed": "keep", "reason": "x"})
    assert move_of(typed).state == MoveState.CONFLICT  # neither joined at a cancelled price
    assert "cannot be decided on (keep)" in refused.context["form"].non_field_errors()[0]
    client.post(page, {**answer, "deed": "never_move", "reason": "Agreed"})

    assert {move_of(typed).state, move_of(own).state} == {MoveState.NOT_NEEDED}
    assert client.get(reverse("admin:pricing_pricemove_change", args=[move_of(typed).pk])).status_code == 200
    assert client.get(reverse("admin:pricing_pricemove_changelist")).status_code == 200
