"""Every door, tried by every role: who is let in is what the table says, and who is not changes nothing.

Each answer is searched for costs as well: they show to cost viewers and to nobody else.
"""

import logging
import re
import zlib

import pytest
from django.contrib.auth import middleware
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from circletel.core.roles import ROLES
from circletel.preflight import services as preflight_services
from tests.factories import person
from tests.who_may.doors import Knock, all_knocks
from tests.who_may.knocking import Answer, knock_at
from tests.who_may.table import BODIES, EVERYBODY, NOBODY, PAGES, SHORT, STAFF, TABLE
from tests.who_may.world import COSTS, World

pytestmark = pytest.mark.django_db
ANYBODY = ["anonymous", "staff", "superuser", *SHORT]
COST = re.compile("|".join(rf"(?<![\d.]){re.escape(str(cost))}(?!\d)" for cost in COSTS))


def row_of(knock: Knock) -> str | None:
    """The name of the door's row; None when the table has none."""
    selected = f"{knock.door} (selected)" if knock.action else knock.door
    for name in (f"{knock.method} {knock.door}", selected, knock.door):
        if name in TABLE:
            return name
    return None


def is_meant_to_get_in(who: str, knock: Knock) -> bool:
    said = TABLE[row_of(knock) or ""]
    if said in (EVERYBODY, NOBODY):
        return said == EVERYBODY
    return who == "superuser" or (said == STAFF and who != "anonymous") or who in said.split()


def sees_costs(user: User | AnonymousUser) -> bool:
    return user.has_perm("catalogue.view_costs")


def somebody(who: str, *more: str) -> User | AnonymousUser:
    if who == "anonymous":
        return AnonymousUser()
    if who == "superuser":
        return User.objects.create_superuser("root", "root@example.com", "…")
    return person(f"only.{who.lower()}", *([SHORT[who]] if who in SHORT else []), *more)


@pytest.fixture
def world(sandbox):
    return World()


@pytest.fixture
def knocking(world, monkeypatch, settings):
    """Knock at doors as one person, who is looked up once and not for each of hundreds of requests."""
    # Drawn on every page, it takes a third of the time; it holds links and no figures.
    settings.UNFOLD = settings.UNFOLD | {"SIDEBAR": {"navigation": []}}
    # There is no worker, and who may see that does not depend on how long one waits for it.
    monkeypatch.setattr(preflight_services, "WORKER_PATIENCE_SECONDS", 0.01)

    def as_person(user, drawn=False):
        client = Client(raise_request_exception=False)
        if user.is_authenticated:
            client.force_login(user)
        monkeypatch.setattr(middleware.auth, "get_user", lambda request: user)
        # What is posted is answered with another page, or with the same again.
        return lambda knock: knock_at(
            client, knock, world, BODIES, drawn=knock.method == "GET" and (drawn or not sees_costs(user))
        )

    return as_person


def test_each_door_has_a_row_and_each_row_a_door(knocking):
    knocks = all_knocks()
    missing = [knock for knock in knocks if row_of(knock) is None]
    let_in: dict[str, set[str]] = {knock.door: set() for knock in missing}
    for who in ANYBODY if missing else ():
        knock_as = knocking(somebody(who))
        for knock in missing:
            if knock_as(knock).is_let_in:
                let_in[knock.door].add(who)
    rows = [
        f'    "{door}": "{" ".join(who for who in SHORT if who in found)}",' for door, found in let_in.items()
    ]
    assert not rows, (
        "Doors without a row in tests/who_may/table.py. The roles below get in as things stand (anonymous:"
        f" {[door for door, found in let_in.items() if 'anonymous' in found]}). Write down who is meant to,"
        " the pages of a model as one row of PAGES:\n" + "\n".join(rows)
    )
    assert set(TABLE) - {row_of(knock) for knock in knocks} == set()


def test_the_table_knows_every_role():
    assert set(SHORT.values()) == set(ROLES), "name the new role in SHORT of tests/who_may/table.py"


def test_auditors_see_every_page_and_change_nothing():
    assert [model for model, (see, *_rest) in PAGES.items() if "AU" not in see.split()] == []
    assert [model for model, (_see, *rest) in PAGES.items() if any("AU" in who.split() for who in rest)] == []


def is_sampled(who: str, knock: Knock) -> bool:
    """Whether this is one of the three who try the door in each run: nobody known, one let in, one turned away."""
    if who == "anonymous":
        return True
    alike = [
        each for each in ANYBODY[1:] if is_meant_to_get_in(each, knock) == is_meant_to_get_in(who, knock)
    ]
    return who == alike[zlib.crc32(f"{knock.method} {knock.door}".encode()) % len(alike)]


@pytest.mark.parametrize("who", ANYBODY)
def test_who_may(who, knocking, caplog):
    """At each door the same three; everybody at each of them is `test_everybody_at_every_door`."""
    ensure_table_holds(who, [knock for knock in all_knocks() if is_sampled(who, knock)], knocking, caplog)


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ANYBODY)
def test_everybody_at_every_door(who, knocking, caplog):
    ensure_table_holds(who, all_knocks(), knocking, caplog)


def ensure_table_holds(who, knocks, knocking, caplog):
    caplog.set_level(logging.INFO)
    # A traceback for each refusal would take longer than the refusal.
    caplog.set_level(logging.ERROR, "django.request")
    knock_as, faults = knocking(somebody(who)), []
    for knock in knocks:
        if row_of(knock) is None:
            continue  # another test says so
        answer = knock_as(knock)
        faults += [f"{knock.method} {knock.door}: {fault}" for fault in faults_of(who, knock, answer)]
    if who not in ("CV", "superuser") and shows_costs(caplog.text):
        faults.append("a cost is in the log")
    assert not faults, "\n".join(faults)


def faults_of(who: str, knock: Knock, answer: Answer) -> list[str]:
    found = []
    if answer.status >= 500:
        found.append(f"broke with {answer.status}")
    # 405: nobody gets in that way.
    if answer.status != 405 and answer.is_let_in != is_meant_to_get_in(who, knock):
        found.append(
            f"{who} {'got in' if answer.is_let_in else 'was turned away'} ({answer.status}), the table says"
            f' "{TABLE[row_of(knock) or ""]}"'
        )
    if answer.says_no:
        found.append(f"{who} was let in and then told: {answer.words}")
    if not answer.is_let_in and answer.writes:
        found.append(f"{who} was turned away, and yet wrote {answer.writes}")
    if answer.status == 403 and knock.method != "GET" and who != "anonymous" and answer.refusals != 1:
        found.append(f"{answer.refusals} entries in the audit trail tell that {who} was refused")
    if who not in ("CV", "superuser") and shows_costs(answer.text):
        found.append(f"{who} sees a cost")
    return found


def shows_costs(text: str) -> bool:
    """Whether any of the costs is in there, however the number is written."""
    return bool(COST.search(re.sub(r"[\s\u00a0]|&nbsp;", "", text).replace(",", ".")))


@pytest.mark.parametrize(
    ("doors", "roles"),
    [
        (["catalogue.product see", "catalogue.supplier see"], ["Product manager", "Cost viewer"]),
        (["catalogue.pricelistrow list", "catalogue.pricelistrow see"], ["Pricing manager", "Cost viewer"]),
    ],
)
def test_cost_viewers_do_see_costs_where_their_job_takes_them(doors, roles, knocking):
    knock_as = knocking(person("sees.costs", *roles), drawn=True)
    for knock in all_knocks():
        if knock.door in doors and knock.route.endswith(("/", "change/")) and "history" not in knock.route:
            assert shows_costs(knock_as(knock).text) == (knock.method == "GET"), knock.door


@pytest.mark.parametrize(
    ("model", "field", "roles"),
    [
        ("catalogue.bundlecomponent", "component", "PM AP PB PR PA SO AU TM"),
        ("pricing.pricechange", "package", "PM AP PB PR PA SO AU TM"),
    ],
)
def test_suggestions_are_for_those_who_may_see_what_is_suggested(model, field, roles, client, world):
    app, name = model.split(".")
    query = {"app_label": app, "model_name": name, "field_name": field, "term": "Fibre with"}
    for who in ANYBODY[1:]:
        client.force_login(somebody(who))
        answer = client.get("/admin/autocomplete/", query)
        assert answer.status_code == (200 if who in ("superuser", *roles.split()) else 403), who


def test_a_cost_cannot_be_found_out_by_asking_for_it(client, world):
    client.force_login(person("asks.for.costs", "Product manager", "Auditor", "Pricing manager"))
    for address in (
        "/admin/catalogue/product/?hardware__dealer_cost__gt=4000",
        "/admin/catalogue/pricelistrow/?margin_after__lt=60",
        "/admin/catalogue/pricelistrow/?below_floor__exact=1",
        "/admin/catalogue/supplierdeal/?supplier__discount_percent__gt=13",
        "/admin/catalogue/pricelist/?supplier__margin_floor_percent__gt=13",
    ):
        assert client.get(address).status_code == 400, address


def test_a_person_sees_no_password_hash(client, world):
    client.force_login(person("looks.at.people", "Auditor"))
    world.clerk.set_password("a long password indeed")
    world.clerk.save()
    page = client.get(f"/admin/auth/user/{world.clerk.pk}/change/").content.decode()
    assert "clerk" in page
    assert world.clerk.password.split("$")[3] not in page
