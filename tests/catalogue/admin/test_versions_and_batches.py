"""Previews, readiness, versions, ends and batches as their users see them."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from catalogue import batches, ending
from catalogue.models import Product, ProductAddOn, ServicePackage
from circletel.core import jobs
from circletel.core.models import AuditEntry, Job
from tests.catalogue.admin.conftest import texts
from tests.catalogue.test_versions import republished
from tests.factories import approved_product, draft_product, live_package, mr_botha
from zoho_sync.models import ProductIntegration

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]
CONFIRMED = {"_form_submitted": "True"}


def page(response):
    assert response.status_code == 200
    body = re.sub(r"<(script|style|head).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def preview_of(client, product):
    return page(client.get(reverse("admin:catalogue_product_preview", args=[product.pk])))


def test_the_preview_of_a_first_publish_tells_the_records_and_calls_and_does_nothing(as_role):
    product = approved_product(sku="HF-1", installation_fee="450.00")

    text = preview_of(as_role("Product manager"), product)

    assert "API calls: 1 to Zoho CRM, 4 to Zoho Billing." in text
    assert "CRM product: create" in text
    assert "Billing installation: create" in text
    assert not ServicePackage.objects.exists()
    assert not ProductIntegration.objects.exists()
    assert not AuditEntry.objects.filter(action="published").exists()


def test_the_preview_of_a_change_shows_three_columns_and_that_the_price_stays(as_role):
    package = live_package(description="Fast", regular_price="899.00")
    for row in package.integrations.all():
        row.remote_id, row.synced_hash, row.status, row.next_retry_at = "42", row.desired_hash, "ok", None
        row.acknowledged_payload = {"Description": "Fast", "description": "Fast"}
        row.save()
    product = Product.objects.with_content().get()
    Product.objects.update(description="Faster")
    product.pricing.regular_price = 999
    product.pricing.save()

    text = preview_of(as_role("Approver"), product)

    assert "The price does not move: the package stays at R 899,00." in text
    assert "Not yet, though: its content is not what was approved" in text
    assert "description Description Fast Faster Fast" in text
    assert "Billing product: nothing to do" in text
    package.refresh_from_db()
    assert package.description == "Fast"


def test_what_is_wrong_with_a_part_leads_to_that_part(as_role):
    product = draft_product()
    ProductAddOn.objects.create(product=product, name="Mesh", price="99.00", categories=["voice"])

    body = (
        as_role("Product manager")
        .get(reverse("admin:catalogue_product_change", args=[product.pk]))
        .content.decode()
    )

    assert 'href="#add_ons-group"' in body
    assert 'id="add_ons-group"' in body


def test_an_incomplete_product_shows_every_problem_of_every_target(as_role):
    product = draft_product(name="N" * 120, sku="S" * 60, regular_price="0")

    client = as_role("Product manager")
    response = client.get(reverse("admin:catalogue_product_change", args=[product.pk]))

    readiness = {target: len(problems) for target, problems in response.context["panel"]["readiness"]}
    assert readiness == {"Storefront": 1, "Zoho CRM": 1, "Zoho Billing": 0, "TM Forum": 0}
    text = response.content.decode()
    assert 'href="#id_pricing-0-regular_price"' in text
    assert 'href="#id_sku"' in text
    assert "pricing.regular_price: is 0; a product on sale has a price" in preview_of(client, product)


def test_two_versions_are_compared(as_role):
    package = republished(live_package(description="Fast"), description="Faster")
    first, second = package.versions.order_by("revision")
    client, versions = as_role("Auditor"), reverse("admin:catalogue_packageversion_changelist")

    response = client.post(
        versions, {"action": "compare", "_selected_action": [second.pk, first.pk]}, follow=True
    )

    assert "Description Fast Faster" in page(response)
    one = client.post(versions, {"action": "compare", "_selected_action": [first.pk]}, follow=True)
    assert texts(one) == ["Choose exactly two versions to compare."]


def test_an_earlier_version_is_published_again_by_a_publisher_only(as_role):
    package = republished(live_package(description="Fast"), description="Faster")
    first = package.versions.get(revision=1)
    url = reverse("admin:catalogue_packageversion_publish_again_one", args=[first.pk])

    assert as_role("Auditor").post(url, {**CONFIRMED, "reason": "x"}).status_code == 403
    response = as_role("Publisher").post(url, {**CONFIRMED, "reason": "It was better"}, follow=True)

    assert texts(response) == [f"{package} is published again as version 3."]
    package.refresh_from_db()
    assert package.description == "Fast"


def test_what_was_on_sale_at_a_date(as_role):
    live_package(name="Now and later", sku="NOW-1")
    live_package(name="Later only", sku="SOON-1", valid_from=timezone.now() + timedelta(days=2))
    client, url = as_role("Product manager"), reverse("admin:catalogue_packageversion_on_sale")
    later = timezone.localtime(timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")

    assert "1 package on sale" in page(client.get(url))
    assert "0 packages on sale" in page(client.get(url, {"at": "2020-01-01T00:00"}))
    assert "2 packages on sale" in (text := page(client.get(url, {"at": later})))
    assert "By what is known today." in text
    assert "Enter a date and a time" in page(client.get(url, {"at": "soon"}))


def test_the_end_of_sale_is_set_and_taken_back(as_role):
    package = live_package()
    url = reverse("admin:catalogue_servicepackage_end_of_sale_one", args=[package.pk])

    assert as_role("Product manager").post(url, {**CONFIRMED, "at": "2027-01-31T00:00"}).status_code == 403
    as_role("Publisher").post(url, {**CONFIRMED, "at": "2027-01-31T00:00"})
    package.refresh_from_db()
    assert timezone.localtime(package.end_of_sale).isoformat() == "2027-01-31T00:00:00+02:00"
    as_role("Publisher").post(url, CONFIRMED)

    package.refresh_from_db()
    assert package.end_of_sale is None


@pytest.mark.parametrize("deed", ["end_sale_one", "publish_again", "cancel"])
def test_a_refused_attempt_is_told_and_written_down(as_role, deed):
    package = live_package()
    batch = batches.plan("publish", [package.source_admin_product_id], actor=mr_botha())
    jobs.cancel(batch.pk, actor=mr_botha())
    ending.end_life(package.pk, at=timezone.now() + timedelta(days=10), actor=mr_botha())
    target, address = {
        "end_sale_one": (package, "admin:catalogue_servicepackage_end_of_sale_one"),
        "publish_again": (
            package.versions.latest("recorded_from"),
            "admin:catalogue_packageversion_publish_again_one",
        ),
        "cancel": (batch, "admin:core_job_cancel_one"),
    }[deed]
    written = AuditEntry.objects.count()

    # Its life ends already; it is live already; it was cancelled already.
    answer = as_role("Publisher").post(
        reverse(address, args=[target.pk]),
        {**CONFIRMED, "reason": "Because"},
        follow=True,
    )

    entry = AuditEntry.objects.latest("at")
    assert AuditEntry.objects.count() == written + 1
    assert (entry.result, entry.target_id) == ("refused", str(target.pk))
    assert texts(answer) == [entry.detail]


def test_whoever_is_turned_away_at_the_door_leaves_a_trace(as_role):
    package = live_package()
    url = reverse("admin:catalogue_servicepackage_end_of_sale_one", args=[package.pk])

    assert as_role("Auditor").get(url).status_code == 403
    assert as_role("Auditor").post(url, CONFIRMED).status_code == 403

    entry = AuditEntry.objects.get(result="refused")
    assert (entry.action, entry.target_type, entry.target_id) == (
        "end of sale",
        "servicepackage",
        str(package.pk),
    )
    assert (entry.actor_name, entry.address) == ("Some Auditor", "127.0.0.1")
    assert entry.detail == f"POST {url} is not for this person"


def test_a_large_selection_becomes_a_plan_that_is_started_and_watched(as_role):
    products = [approved_product() for _ in range(21)]
    client = as_role("Publisher")

    response = client.post(
        reverse("admin:catalogue_product_changelist"),
        {"action": "publish_selected", "_selected_action": [product.pk for product in products]},
        follow=True,
    )

    batch = Job.objects.get()
    assert texts(response) == ["This is a plan: nothing is done before you start it."]
    assert "Planned. 0 of 21 · nothing is done yet, and 0 would be refused today" in page(response)
    assert not ServicePackage.objects.exists()

    client.post(reverse("admin:core_job_start_one", args=[batch.pk]), CONFIRMED)
    progress = reverse("admin:core_job_progress", args=[batch.pk])
    assert "0 of 21" in page(client.get(progress))
    jobs.run(batch.pk)
    done = client.get(progress)
    assert "Done. 21 of 21" in page(done)
    assert done["HX-Refresh"] == "true"


def test_a_batch_is_started_and_cancelled_by_those_who_may_do_its_deed(as_role):
    batch = batches.plan("publish", [approved_product().pk], actor=mr_botha())

    for name in ("start_one", "cancel_one"):
        url = reverse(f"admin:core_job_{name}", args=[batch.pk])
        assert as_role("Auditor").post(url, CONFIRMED).status_code == 403
    as_role("Publisher").post(reverse("admin:core_job_cancel_one", args=[batch.pk]), CONFIRMED)

    batch.refresh_from_db()
    assert batch.state == "cancelled"


def test_pricing_is_approved_on_its_own_button(as_role):
    product = draft_product()
    as_role("Product manager").post(
        reverse("admin:catalogue_product_submit_one", args=[product.pk]), CONFIRMED
    )
    url = reverse("admin:catalogue_product_approve_pricing_one", args=[product.pk])

    assert as_role("Approver").post(url, CONFIRMED).status_code == 403
    response = as_role("Pricing manager").post(url, CONFIRMED, follow=True)

    assert texts(response)[-1] == f"The pricing of {product} is approved."


def test_an_archived_product_is_read_only(as_role):
    product = draft_product()
    client = as_role("Product manager")

    client.post(
        reverse("admin:catalogue_product_archive_one", args=[product.pk]), {**CONFIRMED, "reason": "Old"}
    )

    assert Product.objects.get().status == "archived"
    change = reverse("admin:catalogue_product_change", args=[product.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {"name": "x"}).status_code == 403
