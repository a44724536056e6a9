"""The pages of price changes as their users see them."""

import re

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from circletel.core.models import AuditEntry
from pricing import services
from pricing.models import PriceChange
from tests.catalogue.admin.conftest import texts
from tests.factories import live_package, person
from tests.pricing.histories import package_opened
from tests.pricing.people import (
    FIRST_OF_MAY,
    PUBLISHED,
    R799,
    R849,
    drafted,
    mr_daniels,
    ms_khumalo,
    published,
    wish,
)

pytestmark = pytest.mark.django_db
LIST, ADD, BATCH = (reverse(f"admin:pricing_pricechange_{name}") for name in ("changelist", "add", "batch"))
CONFIRMED = {"_form_submitted": "True"}
FORM = {
    "new_price": "899.00",
    "effective_date": "2027-05-01",
    "reason": "Yearly review",
    "customer_message": "",
    "notes": "",
}


@pytest.fixture
def package():
    return package_opened(R799)


@pytest.fixture
def as_(client):
    def log_in(someone):
        client.force_login(someone)
        return client

    return log_in


def page_of(change):
    return reverse("admin:pricing_pricechange_change", args=[change.pk])


def deed_of(change, name):
    return reverse(f"admin:pricing_pricechange_{name}", args=[change.pk])


def errors_of(response):
    return response.context["adminform"].form.non_field_errors()


def test_a_change_is_drafted_edited_and_deleted_on_its_pages(as_, package):
    client = as_(ms_khumalo())

    made = client.post(ADD, {**FORM, "package": str(package.pk)}, follow=True)
    change = PriceChange.objects.get()
    assert made.redirect_chain == [(LIST, 302)]
    assert (str(change.new_price), change.effective_date, change.created_by) == (
        "899.00",
        FIRST_OF_MAY,
        ms_khumalo(),
    )
    client.post(page_of(change), {**FORM, "new_price": "849.00"})
    change.refresh_from_db()
    assert change.new_price == R849
    client.post(reverse("admin:pricing_pricechange_delete", args=[change.pk]), {"post": "yes"})

    assert not PriceChange.objects.exists()
    assert list(AuditEntry.objects.filter(target_type="pricechange").order_by("at").values_list("action", flat=True)) == [
        "price change drafted", "price change edited", "price change deleted",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "said"),
    [({"new_price": "799.00"}, "The new price is the old price."), ({"new_price": "0"}, "more than nothing")],
)
def test_the_form_says_what_cannot_be(as_, package, values, said):
    response = as_(ms_khumalo()).post(ADD, {**FORM, "package": str(package.pk), **values})

    assert said in str(errors_of(response))
    assert not PriceChange.objects.exists()


def test_the_form_says_that_another_change_is_open(as_, package):
    drafted(package)

    response = as_(ms_khumalo()).post(ADD, {**FORM, "package": str(package.pk)})

    assert "has an open price change already (draft, to R\u00a0899,00 for 1 May 2027)" in str(
        errors_of(response)
    )


def test_a_rival_who_was_faster_is_told_as_a_message(as_, package, monkeypatch):
    drafted(package)
    monkeypatch.setattr("pricing.admin.forms.PriceChangeForm.clean", lambda form: form.cleaned_data)

    response = as_(ms_khumalo()).post(ADD, {**FORM, "package": str(package.pk)}, follow=True)

    assert "has an open price change already" in texts(response)[0]
    assert PriceChange.objects.count() == 1


def test_publishing_amending_and_cancelling_are_posts_with_a_dialog(as_, package):
    change = drafted(package)

    with time_machine.travel(PUBLISHED, tick=False):
        client = as_(mr_daniels())
        client.get(deed_of(change, "publish_one"))
        assert PriceChange.objects.get().status == "draft"
        client.post(deed_of(change, "publish_one"), CONFIRMED)
        assert PriceChange.objects.get().status == "published"
        client = as_(ms_khumalo())
        asked = {"new_price": "879.00", "effective_date": "2027-05-01", "reason": "Kinder"}
        client.post(deed_of(change, "amend_one"), {**CONFIRMED, **asked})
        amended = PriceChange.objects.get(amends=change)
        assert (amended.status, str(amended.new_price)) == ("draft", "879.00")
        client = as_(mr_daniels())
        client.post(deed_of(amended, "publish_one"), CONFIRMED)
        client.post(deed_of(amended, "cancel_one"), {**CONFIRMED, "reason": "No"})

    assert sorted(PriceChange.objects.values_list("status", flat=True)) == ["cancelled", "cancelled"]
    package.refresh_from_db()
    assert (package.price, package.new_customer_price) == (R799, None)


def test_a_refusal_is_shown_and_written_down(as_, package):
    change = drafted(package)
    both = mr_daniels()
    both.groups.add(*ms_khumalo().groups.all())
    services.edit_price_change(change.pk, wish(R849), actor=both)

    response = as_(both).post(deed_of(change, "publish_one"), CONFIRMED, follow=True)

    assert texts(response) == [
        f"{PriceChange.objects.get()}: you made or last changed it, so someone else must publish it"
    ]
    assert AuditEntry.objects.get(result="refused").action == "publish price change"


def test_only_what_the_status_admits_is_offered(as_, package):
    change = drafted(package)
    boss = person("the.boss", "Pricing manager", "Pricing approver")

    def offered():
        html = as_(boss).get(page_of(change)).content.decode()
        return {name for name in ("publish_one", "amend_one", "cancel_one") if deed_of(change, name) in html}

    assert offered() == {"publish_one"}
    services.publish_price_change(change.pk, actor=mr_daniels(), at=PUBLISHED)
    assert offered() == {"amend_one", "cancel_one"}


def test_a_published_change_is_read_only_and_says_how_it_stands(as_, package):
    change = published(package)

    response = as_(ms_khumalo()).get(page_of(change))
    html = response.content.decode()

    assert 'name="new_price"' not in html
    assert "New customers pay R\u00a0899,00 since 2 Mar 2027 10:00." in html
    assert "Existing customers pay R\u00a0799,00 until 1 May 2027 begins, then R\u00a0899,00." in html
    as_(ms_khumalo()).post(page_of(change), {**FORM, "new_price": "1.00"})
    assert str(PriceChange.objects.get().new_price) == "899.00"


def test_a_draft_says_what_still_speaks_against_it(as_, package):
    change = drafted(package, effective_date=None)

    with time_machine.travel(PUBLISHED, tick=False):
        html = as_(ms_khumalo()).get(page_of(change)).content.decode()

    assert "Published today, the earliest effective date is 1 May 2027." in html
    assert "Not ready, effective date: say from when; 1 May 2027 is the earliest." in html


def test_the_list_shows_moves_and_takes_the_same_queries_for_two_and_for_eight(
    as_, django_assert_num_queries
):
    for _ in range(2):
        drafted(live_package(regular_price="799.00"))
    client = as_(ms_khumalo())
    client.get(LIST)
    with django_assert_num_queries(6):
        html = client.get(LIST).content.decode()
    assert "from R\u00a0799,00" in html
    assert "+R\u00a0100,00" in html
    assert "+12,52\u00a0%" in html
    for _ in range(6):
        drafted(live_package(regular_price="799.00"))
    with django_assert_num_queries(6):
        client.get(LIST)


def test_selected_changes_are_published_each_by_itself(as_, package):
    good, bad = drafted(package), drafted(live_package(regular_price="799.00"), effective_date=None)

    with time_machine.travel(PUBLISHED, tick=False):
        response = as_(mr_daniels()).post(
            LIST, {"action": "publish_selected", "_selected_action": [good.pk, bad.pk]}, follow=True
        )

    assert texts(response)[0] == "1 published."
    assert "effective date: say from when" in texts(response)[1]
    assert [PriceChange.objects.get(pk=each.pk).status for each in (good, bad)] == ["published", "draft"]


@pytest.mark.parametrize("page", [LIST, ADD, BATCH])
def test_who_may_not_is_kept_out(as_, page):
    assert as_(person("anna.approver", "Approver")).get(page).status_code == 403


def test_an_auditor_looks_and_changes_nothing(as_, package):
    change = drafted(package)
    client = as_(person("the.auditor", "Auditor"))

    assert client.get(LIST).status_code == client.get(page_of(change)).status_code == 200
    client.post(page_of(change), {**FORM, "new_price": "1.00"})
    client.post(deed_of(change, "publish_one"), CONFIRMED)

    change.refresh_from_db()
    assert (change.status, str(change.new_price)) == ("draft", "899.00")


# --- batches ------------------------------------------------------------------------------------

ASKED = {
    "percent": "6",
    "ending": "9",
    "effective_date": "2027-05-01",
    "reason": "Yearly review",
    "name": "March",
}


def plan_in(response):
    return re.search(r'name="plan" value="([^"]+)"', response.content.decode()).group(1)


def test_a_percentage_is_previewed_and_only_then_drafted(as_):
    live_package(name="Home", regular_price="799.00")
    live_package(name="Office", regular_price="999.00", market_segment="business")
    taken = live_package(name="Taken", regular_price="500.00")
    drafted(taken, new_price="510.00")
    client = as_(ms_khumalo())

    preview = client.post(BATCH, {**ASKED, "market_segment": "consumer"})
    html = preview.content.decode()
    assert "1 draft, 1 left out." in html
    assert "R\u00a0849,00" in html
    assert "has an open price change already" in html
    assert "Office" not in html
    assert PriceChange.objects.count() == 1

    done = client.post(BATCH, {"plan": plan_in(preview)}, follow=True)

    assert texts(done) == ["1 drafted. Somebody else publishes them."]
    change = PriceChange.objects.get(batch="March")
    assert (str(change.new_price), change.effective_date, change.status) == ("849.00", FIRST_OF_MAY, "draft")


def test_a_plan_that_grew_stale_drafts_nothing(as_):
    package = live_package(regular_price="799.00")
    client = as_(ms_khumalo())
    plan = plan_in(client.post(BATCH, ASKED))
    drafted(package, new_price="810.00")

    response = client.post(BATCH, {"plan": plan}, follow=True)

    assert texts(response)[0] == "Nothing was drafted; make the preview again."
    assert PriceChange.objects.count() == 1


def test_a_plan_that_was_tampered_with_drafts_nothing(as_):
    live_package(regular_price="799.00")
    client = as_(ms_khumalo())
    plan = plan_in(client.post(BATCH, ASKED))

    client.post(BATCH, {"plan": plan[:-3] + "abc"})

    assert not PriceChange.objects.exists()


def test_a_selection_of_packages_leads_to_the_batch_page(as_):
    wanted, other = live_package(name="Wanted", regular_price="799.00"), live_package(name="Other")
    client = as_(ms_khumalo())

    led = client.post(
        reverse("admin:catalogue_servicepackage_changelist"),
        {"action": "change_prices", "_selected_action": [wanted.pk]},
    )
    preview = client.post(led.url, ASKED)

    assert "1 package selected." in client.get(led.url).content.decode()
    assert "1 draft." in preview.content.decode()
    client.post(BATCH, {"plan": plan_in(preview)})
    assert [change.package for change in PriceChange.objects.all()] == [wanted]
    assert other.price_changes.count() == 0


def test_a_file_is_previewed_or_refused_with_its_errors(as_):
    live_package(sku="A", regular_price="799.00")
    client = as_(ms_khumalo())

    def upload(text):
        file = SimpleUploadedFile("prices.csv", text.encode())
        return client.post(BATCH, {**ASKED, "percent": "", "file": file})

    bad = upload("sku,new_price\nA,cheap\n").content.decode()
    assert "row 2, new_price: “cheap”, expected an amount such as 899.00" in bad
    assert 'name="plan"' not in bad
    client.post(BATCH, {"plan": plan_in(upload("sku,new_price\nA,829\n"))})

    assert str(PriceChange.objects.get().new_price) == "829.00"


def test_a_batch_wants_either_a_percentage_or_a_file(as_):
    response = as_(ms_khumalo()).post(BATCH, {**ASKED, "percent": ""})

    assert "Give either a percentage or a file." in response.content.decode()


def test_the_package_page_shows_its_ledger(as_, package):
    published(package)

    html = (
        as_(ms_khumalo())
        .get(reverse("admin:catalogue_servicepackage_change", args=[package.pk]))
        .content.decode()
    )

    assert "Price ledger" in html
    assert "New customers" in html
    assert "R\u00a0899,00" in html
