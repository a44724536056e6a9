"""An export against Zoho's own list, over HTTP: what is taken, what it costs, and what is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from pricing.mirror.standing import mirror_standing
from pricing.models import OwedRead, Subscription, SubscriptionPull
from tests.pricing.mirror.conftest import pulled
from tests.pricing.people import R799
from zoho_sync.billing.subscriptions import Ordered

pytestmark = pytest.mark.django_db

TITLES = (
    "Subscription ID,Subscription Number,Customer ID,Customer Name,Email,Status,Plan Code,Plan Price,Quantity,Amount,"
    "Currency Code,Created Time,Next Billing Date"
)
DAY = datetime.now(UTC).date()


def row(told, **other):
    said = {
        "id": told.subscription_id,
        "number": told.number,
        "customer": told.customer_id,
        "name": told.customer_name,
        "email": told.email,
        "status": told.status.title(),
        "plan": told.plan.code,
        "price": told.plan.price,
        "quantity": told.plan.quantity,
        "amount": told.amount,
        "currency": "ZAR",
        "created": told.created_at.isoformat(),
        "next": told.next_billing_at.isoformat(),
    } | other
    return ",".join(map(str, said.values()))


@pytest.fixture
def exported(tmp_path):
    def made(*rows, titles=TITLES):
        file = tmp_path / "subscriptions.csv"
        file.write_text("\r\n".join((titles, *rows)) + "\r\n")
        return file

    return made


def imported(file, *options):
    out = StringIO()
    call_command("import_subscriptions", str(file), *options, stdout=out)
    return out.getvalue()


def test_an_export_makes_subscriptions_known_for_one_list_and_no_read(shop, exported):
    told = [shop.join(), shop.join(price=Decimal("649.50")), shop.join()]
    start = shop.now

    said = imported(exported(*map(row, told)))

    assert (
        "3 taken, 0 unchanged, 0 ended and passed over, 0 refused; 0 of those taken are still to be read"
        in said
    )
    assert shop.calls(start) == {"subscriptions": 1}
    known = Subscription.objects.get(subscription_id=told[1].subscription_id)
    assert (known.package, known.price, known.amount) == (shop.package, Decimal("649.50"), Decimal("649.50"))
    assert (known.customer_email, known.contact_source, known.read_at) == (told[1].email, "imported", None)
    assert (known.details_known[0], known.terms_known[0]) == ("imported", "listed")
    assert known.next_billing_on == told[1].next_billing_at
    assert not OwedRead.objects.exists()
    assert mirror_standing(datetime.now(UTC)).is_complete


def test_the_nightly_list_reads_none_of_them_again_and_no_customers(shop, exported):
    told = [shop.join(), shop.join()]
    imported(exported(*map(row, told)))
    start = shop.now

    report = pulled(resume=True)

    assert (report.read, report.problems) == (0, [])
    assert shop.calls(start) == {}
    assert pulled().counts == {"same": 2}
    assert shop.calls(start) == {"subscriptions": 1}


def test_the_same_file_twice_changes_nothing(shop, exported):
    told = [shop.join(), shop.join()]
    file = exported(*map(row, told))
    imported(file)
    before = list(Subscription.objects.order_by("pk").values())
    start = shop.now

    said = imported(file)

    assert said.endswith(
        "0 taken, 2 unchanged, 0 ended and passed over, 0 refused; 0 of those taken are still to be read from Zoho.\n"
    )
    assert list(Subscription.objects.order_by("pk").values()) == before
    assert shop.calls(start) == {}


def test_what_was_read_after_the_export_is_left_as_it_is(shop, exported):
    told = shop.join()
    pulled()
    yesterday = (DAY - timedelta(days=1)).isoformat()

    said = imported(exported(row(told, price="649.50", amount="649.50")), "--exported-on", yesterday)

    assert "0 taken, 1 unchanged" in said
    assert Subscription.objects.get().price == R799


def test_one_whose_amount_the_file_does_not_explain_is_taken_and_read_by_itself(shop, exported):
    plain, other = shop.join(), shop.join()
    start = shop.now

    said = imported(exported(row(plain), row(other, price="749.00")))

    assert "2 taken" in said
    assert "1 of those taken are still to be read from Zoho" in said
    [owed] = OwedRead.objects.all()
    assert (owed.subscription_id, owed.due_on) == (other.subscription_id, other.next_billing_at)
    assert pulled(resume=True).read == 1
    assert shop.calls(start) == {"subscriptions": 1, "subscriptions/{id}": 1}
    assert Subscription.objects.get(subscription_id=other.subscription_id).price == R799


def test_a_file_that_lacks_more_than_one_in_twenty_is_refused_with_examples(shop, exported):
    told = [shop.join() for _ in range(3)]
    stranger = row(told[0], id="111111111111111111")

    with pytest.raises(CommandError) as refused:
        imported(exported(stranger, row(told[1])))

    words = str(refused.value)
    assert "The file has 1 of the 3 subscriptions that Zoho Billing lists, less than 95 %" in words
    assert told[0].subscription_id in words
    assert "row 2, 111111111111111111" in words
    assert not Subscription.objects.exists()


def test_rows_that_are_not_taken_are_named(shop, exported):
    told = [shop.join() for _ in range(2)]
    shop.client.cancel_subscription(told[1].subscription_id, at_end=False)
    gone = row(told[0], id="111111111111111111")

    said = imported(exported(row(told[0]), row(told[1], status="Cancelled"), gone))

    assert "1 taken, 0 unchanged, 1 ended and passed over, 1 refused" in said
    assert "row 4 (111111111111111111): Zoho Billing does not list it" in said


def test_another_currency_is_kept_and_named(shop, exported):
    said = imported(exported(row(shop.join(), currency="USD")))

    assert "is billed in USD: kept, and held from price changes" in said
    assert Subscription.objects.get().currency_code == "USD"


def test_units_and_add_ons_of_the_file_explain_the_amount(shop, exported):
    code = shop.join().plan.code
    told = shop.client.create_subscription(shop.join().customer_id, Ordered(code, R799, 2))
    first, second = (
        each for each in shop.client.iter_subscriptions() if each.subscription_id != told.subscription_id
    )
    others = [row(shop.client.get_subscription(each.subscription_id)) for each in (first, second)]

    said = imported(exported(row(told), *others))

    assert "3 taken" in said
    assert Subscription.objects.get(subscription_id=told.subscription_id).quantity == 2
    assert not OwedRead.objects.exists()


def test_dry_run_asks_zoho_nothing_and_writes_nothing(shop, exported):
    told = shop.join()
    start = shop.now

    said = imported(exported(row(told), row(told)), "--dry-run")

    assert "1 subscriptions could be read, 1 rows not. Nothing was taken." in said
    assert shop.calls(start) == {}
    assert not SubscriptionPull.objects.exists()


def test_a_title_nobody_knows_and_dates_that_may_be_either_are_asked_for(shop, exported):
    told = shop.join()
    with pytest.raises(CommandError, match=r"--map plan_price=TITLE .*Its other columns are Tarief"):
        imported(exported(row(told), titles=TITLES.replace("Plan Price", "Tarief")))

    both = {"created": "03/04/2026", "next": "05/04/2026"}
    with pytest.raises(CommandError, match="--dates day_first or --dates month_first"):
        imported(exported(row(told, **both)))

    mapped = exported(row(told, **both), titles=TITLES.replace("Plan Price", "Tarief"))
    assert "1 taken" in imported(mapped, "--map", "plan_price=Tarief", "--dates", "day_first")
    assert Subscription.objects.get().signed_up_at.date().isoformat() == "2026-04-02"
