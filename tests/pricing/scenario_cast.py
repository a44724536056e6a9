"""The forty customers of the scenario, and what each of them ought to pay: a naive model, told in the issue's words.

It knows the calendar of the story and nothing of the product: no ledger, no rule, no mirror.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal

from tests.pricing.billing_world import JOHANNESBURG, instant

LONG_AGO = "2026-10"  # the month in which customers of old came
RENEWS_AT = time(6, 0)  # Zoho bills renewals then
OPENING = {"home": Decimal(799), "light": Decimal(499), "office": Decimal(1299)}


@dataclass(frozen=True)
class Event:
    """One price change as people announced it."""

    package: str
    price: Decimal
    published: datetime
    effective: datetime
    cancelled: datetime | None = None


FIRST = Event("home", Decimal(899), instant("2027-02-02 10:00"), instant("2027-04-10 00:00"))
SECOND = Event("home", Decimal(949), instant("2027-04-13 10:00"), instant("2027-06-15 00:00"))
WITHDRAWN = Event(
    "light",
    Decimal(549),
    instant("2027-02-03 10:00"),
    instant("2027-04-20 00:00"),
    instant("2027-03-25 10:00"),
)
# A decrease holds at once: from the minute on in which it is published.
CHEAPER = Event("office", Decimal(1199), instant("2027-05-05 10:00"), instant("2027-05-05 10:00"))
STORY = (FIRST, WITHDRAWN, SECOND, CHEAPER)


@dataclass
class Person:
    """A customer. Renews on `day`; came long ago unless `joins` says when."""

    name: str
    package: str
    day: int = 0
    joins: datetime | None = None
    own_price: Decimal | None = None
    fixed_until: date | None = None
    coupon: bool = False
    units: int = 1
    leaves: datetime | None = None
    credited_from: date | None = None
    id: str = field(default="", compare=False)

    @property
    def came(self) -> datetime:
        """The instant that decides: when they were entered; for customers of old, the day they began."""
        return self.joins or instant(f"{LONG_AGO}-{self.day:02} 00:00")

    def ought_to_pay(self, on: date) -> Decimal:
        """What a bill of that day ought to say of one unit of the plan."""
        if self.own_price is not None:
            return self.own_price
        if self.fixed_until is not None and on <= self.fixed_until:
            return OPENING[self.package]
        if self.credited_from is not None and on >= self.credited_from:
            return OPENING[self.package]
        return rule(self.package, self.came, self.billed_at(on))

    def billed_at(self, on: date) -> datetime:
        """The first bill is made at the sign-up, every other one with the morning's renewals."""
        renewal = datetime.combine(on, RENEWS_AT, tzinfo=JOHANNESBURG)
        return max(renewal, self.came) if self.came.date() == on else renewal

    @property
    def has_terms_of_its_own(self) -> bool:
        """The price rule is not all there is to say about them."""
        return bool(self.own_price or self.fixed_until or self.credited_from)


def rule(package: str, came: datetime, at: datetime) -> Decimal:
    """The price they signed up at, until a price takes effect that began after they signed up."""
    quoted = OPENING[package]
    mine = [event for event in STORY if event.package == package]
    for event in mine:
        if event.published <= came and not (event.cancelled and event.cancelled <= came):
            quoted = event.price
    later = [
        event for event in mine if not event.cancelled and event.published > came and event.effective <= at
    ]
    return later[-1].price if later else quoted


def cast() -> list[Person]:
    """Forty, over all cohorts and over the days of the month."""
    days = (1, 5, 10, 12, 15, 20, 28, 29, 30, 31)
    home = [
        *(Person(f"Home {day}", "home", day) for day in days),
        Person("Two units", "home", 15, units=2),
        Person("Fixed until May", "home", 12, fixed_until=date(2027, 5, 20)),
        Person("Fixed until July", "home", 5, fixed_until=date(2027, 7, 31)),
        Person("Negotiated", "home", 15, own_price=Decimal(650)),
        Person("Coupon", "home", 20, coupon=True),
        Person("Leaves early", "home", 12, leaves=instant("2027-02-20 11:00")),
        Person("Leaves when scheduled", "home", 15, leaves=instant("2027-03-25 11:00")),
        Person("Edited when scheduled", "home", 28, units=2),
        Person("Edited before", "home", 30),
        Person("Bounced", "home", 20),
        Person("Joined in notice", "home", joins=instant("2027-02-28 11:00")),
        Person("Joined on the 31st", "home", joins=instant("2027-03-31 11:00")),
        Person("Joined in the second notice", "home", joins=instant("2027-04-20 11:00")),
        Person("Joined at last", "home", joins=instant("2027-06-30 11:00")),
    ]
    light = [
        *(Person(f"Light {day}", "light", day) for day in (1, 10, 15, 20, 30)),
        Person("Light negotiated", "light", 20, own_price=Decimal(450)),
        Person("Light keeps", "light", joins=instant("2027-02-20 11:00")),
        Person("Light credited", "light", joins=instant("2027-03-01 11:00"), credited_from=date(2027, 4, 1)),
        Person("Light late", "light", joins=instant("2027-05-01 11:00")),
    ]
    office = [
        *(Person(f"Office {day}", "office", day) for day in (1, 5, 15, 31)),
        Person("Office negotiated", "office", 5, own_price=Decimal(999)),
        Person("Office leaves", "office", 10, leaves=instant("2027-05-05 11:00")),
        Person("Office joins", "office", joins=instant("2027-05-10 11:00")),
    ]
    return [*home, *light, *office]
