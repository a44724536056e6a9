"""A house to look around in: a few people, and the sample catalogue approved and on sale."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet

from catalogue import services
from catalogue.models import Product, ProductStatus, ServicePackage
from catalogue.product_import.apply import import_products
from catalogue.product_import.parsing import Key, ParsedFile, business_key, parse

SAMPLE_CATALOGUE = Path(__file__).parent / "data" / "sample-catalogue.csv"
Say = Callable[[str], object]


@dataclass(frozen=True)
class Person:
    username: str
    first_name: str
    last_name: str
    may: str
    roles: tuple[str, ...] = ()
    is_superuser: bool = False


AUTHOR, SIGNATORY = "thandi.naidoo", "pieter.botha"
PEOPLE = (
    Person(
        AUTHOR,
        "Thandi",
        "Naidoo",
        "make, import and submit products, draft price changes",
        ("Product manager", "Pricing manager"),
    ),
    Person(
        SIGNATORY,
        "Pieter",
        "Botha",
        "approve and publish what others made or drafted",
        ("Approver", "Publisher", "Pricing approver"),
    ),
    Person(
        "lerato.mokoena",
        "Lerato",
        "Mokoena",
        "see what is owed to Zoho, and send it again",
        ("Sync operator",),
    ),
    Person(
        "auditor", "Nomsa", "Dlamini", "read everything, the audit trail too; change nothing", ("Auditor",)
    ),
    Person("admin", "Johan", "Venter", "everything, as superuser", is_superuser=True),
)


def password() -> str:
    return os.environ.get("DEMO_PASSWORD") or "circletel-demo"


def set_up(say: Say) -> None:
    """Bring about what of the demo is missing, and leave alone what people did since. Fit to be run again."""
    steps = {
        "Made {} people": make_people,
        "Imported {} products": import_sample,
        "Approved {}": approve_sample,
        "Published {}": publish_sample,
    }
    done = 0
    for sentence, step in steps.items():
        if count := step():
            say(sentence.format(count))
            done += count
    if not done:
        say("Nothing to do: the demo people and the sample catalogue are here.")


def make_people() -> int:
    """Make the people who are missing, with their roles. Nobody's password or role is touched afterwards."""
    known = set(User.objects.values_list("username", flat=True))
    missing = [person for person in PEOPLE if person.username not in known]
    if not missing:
        return 0
    # Hashed once: the same well-known password for all, and hashing is slow on purpose.
    encoded = make_password(password())
    for person in missing:
        user = User.objects.create(
            username=person.username,
            first_name=person.first_name,
            last_name=person.last_name,
            email=f"{person.username}@example.com",
            password=encoded,
            is_staff=True,
            is_superuser=person.is_superuser,
        )
        user.groups.set(Group.objects.filter(name__in=person.roles))
    return len(missing)


def logins() -> list[tuple[str, str, str, str]]:
    """Name, login, password and what that person may do; a password of their own is not known here."""
    people = User.objects.in_bulk([person.username for person in PEOPLE], field_name="username")
    # Made together, they share one hash.
    is_ours = {
        known: check_password(password(), known) for known in {one.password for one in people.values()}
    }
    return [
        (
            f"{person.first_name} {person.last_name}",
            person.username,
            password() if is_ours[people[person.username].password] else "(their own)",
            person.may,
        )
        for person in PEOPLE
    ]


def import_sample() -> int:
    """Import, as Ms Naidoo, what of the sample was never in the catalogue. What is there is left as it is."""
    sample = _sample()
    here = _keys(Product.objects.all())
    missing = replace(sample, rows=[row for row in sample.rows if row.key not in here])
    if not missing.rows:
        return 0
    return import_products(missing, actor=_person(AUTHOR)).created


def approve_sample() -> int:
    """Submit as Ms Naidoo and approve as Mr Botha what of the sample was never on sale."""
    author, signatory = _person(AUTHOR), _person(SIGNATORY)
    waiting = _untouched_sample(ProductStatus.DRAFT, ProductStatus.PENDING)
    for product in waiting:
        if product.status == ProductStatus.DRAFT:
            services.submit(product.pk, actor=author)
        services.approve(product.pk, actor=signatory)
    return len(waiting)


def publish_sample() -> int:
    """Publish as Mr Botha what of the sample is approved and was never on sale."""
    signatory = _person(SIGNATORY)
    waiting = _untouched_sample(ProductStatus.APPROVED)
    for product in waiting:
        services.publish(product.pk, actor=signatory)
    return len(waiting)


def _untouched_sample(*statuses: ProductStatus) -> list[Product]:
    """What the import made, nobody edited or rejected since, and nobody ever published."""
    author = _person(AUTHOR)
    wanted = {row.key for row in _sample().rows} - _keys(ServicePackage.objects.all())
    untouched = Product.objects.filter(
        status__in=statuses, version=1, created_by=author, changed_by=author, rejection_reason=""
    )
    return [
        product
        for product in untouched
        if business_key(product.sku, product.market_segment, product.provider) in wanted
    ]


def _sample() -> ParsedFile:
    return parse(SAMPLE_CATALOGUE.read_bytes())


def _keys(found: QuerySet[Product] | QuerySet[ServicePackage]) -> set[Key]:
    return {business_key(*parts) for parts in found.values_list("sku", "market_segment", "provider")}


def _person(username: str) -> User:
    return User.objects.get(username=username)
