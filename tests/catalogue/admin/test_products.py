"""The product pages as their users see them."""

from decimal import Decimal

import pytest
from django.urls import reverse

from catalogue import services
from catalogue.models import Product, ProductStatus, ServicePackage
from circletel.core.models import AuditEntry
from tests.catalogue.admin.conftest import texts
from tests.factories import approved_product, draft_product, live_package, mr_botha, ms_naidoo, person
from zoho_sync.models import Kind, ProductIntegration, SyncStatus

pytestmark = pytest.mark.django_db
LIST = reverse("admin:catalogue_product_changelist")
DEEDS = {"submit_one": "submit", "approve_one": "approve", "reject_one": "reject", "publish_one": "publish"}
CONFIRMED = {"_form_submitted": "True"}


def page_of(product):
    return reverse("admin:catalogue_product_change", args=[product.pk])


def deed_of(product, name):
    return reverse(f"admin:catalogue_product_{name}", args=[product.pk])


def acknowledge(package):
    """As if Zoho had taken everything."""
    for row in ProductIntegration.objects.filter(package=package):
        row.remote_id, row.synced_hash, row.status, row.next_retry_at = (
            "42",
            row.desired_hash,
            SyncStatus.OK,
            None,
        )
        row.save()


def status_of(product):
    return Product.objects.get(pk=product.pk).status


def test_the_list_shows_status_storefront_and_both_zoho_states(as_role):
    draft_product(name="A draft")
    waiting = live_package(name="On sale")
    in_step = live_package(name="Everywhere", hardware={"model": "R", "included": True})
    acknowledge(in_step)
    ProductIntegration.objects.filter(package=waiting, kind=Kind.BILLING_PLAN).update(status=SyncStatus.DEAD)

    response = as_role("Product manager").get(LIST)

    rows = {product.name: product for product in response.context["cl"].result_list}
    admin = response.context["cl"].model_admin
    seen = {
        name: (admin.shown_status(row), admin.publish_state(row), admin.crm(row), admin.billing(row))
        for name, row in rows.items()
    }
    assert seen == {
        "A draft": ("Draft", "Not published", None, None),
        "On sale": ("Approved", "Live", "Owed", "Needs a person"),
        "Everywhere": ("Approved", "Live", "In step", "In step"),
    }
    html = response.content.decode()
    assert "R\u00a0799,00" in html
    assert "Needs a person" in html


def test_an_edit_after_publishing_shows_in_the_list(as_role):
    package = live_package()
    product = Product.objects.get(pk=package.source_admin_product_id)
    edit(as_role("Product manager"), product, description="New words")

    response = as_role("Product manager").get(LIST, {"published": "Live, edited since"})

    assert [row.pk for row in response.context["cl"].result_list] == [product.pk]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"status__exact": "draft"}, {"A draft"}),
        ({"published": "Not published"}, {"A draft"}),
        ({"published": "Live"}, {"On sale"}),
        ({"crm": "pending"}, {"On sale"}),
        ({"crm": "ok"}, set()),
        ({"billing": "none"}, {"A draft"}),
        ({"q": "on SALE"}, {"On sale"}),
        ({"q": "SKU-OF-DRAFT"}, {"A draft"}),
        ({"market_segment__exact": "business"}, {"A draft"}),
    ],
)
def test_filters_and_search_find_exactly_these(as_role, query, names):
    draft_product(name="A draft", sku="SKU-OF-DRAFT", market_segment="business")
    live_package(name="On sale")

    response = as_role("Product manager").get(LIST, query)

    assert {product.name for product in response.context["cl"].result_list} == names


def test_the_list_takes_the_same_queries_for_five_and_for_fifteen(as_role, django_assert_num_queries):
    client = as_role("Product manager")
    client.get(LIST)
    for _ in range(5):
        live_package(hardware={"model": "R", "included": True})
    with django_assert_num_queries(6):
        client.get(LIST)
    for _ in range(10):
        live_package(hardware={"model": "R", "included": True})

    with django_assert_num_queries(6):
        client.get(LIST)


def test_the_page_shows_package_and_each_zoho_record(as_role):
    package = live_package(hardware={"model": "R", "included": True})
    acknowledge(package)
    ProductIntegration.objects.filter(package=package, kind=Kind.BILLING_PLAN).update(
        status=SyncStatus.DEAD, last_sync_error="Zoho Billing: a value is invalid."
    )

    html = as_role("Product manager").get(page_of(package.source_admin_product)).content.decode()

    for kind, state in (
        (Kind.CRM_PRODUCT, "In step"),
        (Kind.BILLING_PLAN, "Needs a person"),
        (Kind.BILLING_HARDWARE, "In step"),
    ):
        assert f'data-zoho-state="{kind}">{state}</span>' in html
    assert "Zoho Billing: a value is invalid." in html
    assert "as the storefront sees it" in html


def test_the_zoho_part_refreshes_itself_while_something_is_owed_and_then_stops(as_role):
    package = live_package()
    client = as_role("Product manager")
    part = reverse("admin:catalogue_product_zoho_standing", args=[package.source_admin_product_id])

    assert f'hx-get="{part}" hx-trigger="every 2s"' in client.get(part).content.decode()
    acknowledge(package)

    assert "hx-get" not in client.get(part).content.decode()


def test_the_page_lists_everything_that_is_missing(as_role):
    product = draft_product(hardware={"model": "R", "included": False})
    Product.objects.filter(pk=product.pk).update(category="")

    html = as_role("Product manager").get(page_of(product)).content.decode()

    assert "mend 2 things" in html
    assert "category: This field cannot be blank." in html
    assert "hardware.retail_value: is missing" in html


@pytest.mark.parametrize("deed", DEEDS.values())
def test_looking_at_a_deed_changes_nothing(as_role, deed):
    product = approved_product() if deed == "publish" else draft_product()
    if deed in ("approve", "reject"):
        services.submit(product.pk, actor=ms_naidoo())
    before = status_of(product)
    name = {url: function for function, url in DEEDS.items()}[deed]

    response = as_role("Product manager", "Approver", "Publisher").get(deed_of(product, name))

    assert response.status_code == 200
    assert status_of(product) == before
    assert not ServicePackage.objects.exists()


def test_from_draft_to_on_sale_with_three_buttons(as_role):
    product = draft_product()

    as_role("Product manager").post(deed_of(product, "submit_one"), CONFIRMED)
    as_role("Approver", "Pricing manager").post(deed_of(product, "approve_one"), CONFIRMED)
    response = as_role("Publisher").post(deed_of(product, "publish_one"), CONFIRMED, follow=True)

    assert ServicePackage.objects.get().source_admin_product_id == product.pk
    assert texts(response)[-1] == f"{product.name} ({product.sku}) published."


def test_a_dialog_posted_by_htmx_is_sent_on_by_header(as_role):
    product = draft_product()

    response = as_role("Product manager").post(
        deed_of(product, "submit_one"), CONFIRMED, headers={"HX-Request": "true"}
    )

    assert response["HX-Redirect"] == page_of(product)
    assert status_of(product) == ProductStatus.PENDING


@pytest.mark.parametrize(
    ("name", "role"),
    [("submit_one", "Product manager"), ("approve_one", "Approver"), ("publish_one", "Publisher")],
)
def test_each_button_is_for_its_role_alone(as_role, name, role):
    others = {"Product manager", "Approver", "Publisher", "Sync operator", "Auditor"} - {role}
    product = approved_product() if name == "publish_one" else draft_product()
    if name == "approve_one":
        services.submit(product.pk, actor=ms_naidoo())
    before = status_of(product)

    for other in others:
        assert as_role(other).post(deed_of(product, name), CONFIRMED).status_code == 403

    assert status_of(product) == before
    assert not ServicePackage.objects.exists()
    assert as_role(role).post(deed_of(product, name), CONFIRMED).status_code == 302


def test_the_author_cannot_approve_and_is_told_and_it_is_written_down(client):
    both = person("zola.dube", "Product manager", "Approver")
    product = draft_product(author=both)
    services.submit(product.pk, actor=both)
    client.force_login(both)

    response = client.post(deed_of(product, "approve_one"), CONFIRMED, follow=True)

    assert status_of(product) == ProductStatus.PENDING
    assert "someone else must approve it" in texts(response)[0]
    assert AuditEntry.objects.get(result="refused").actor_name == "Zola Dube"


def test_a_rejection_without_a_reason_is_asked_again_and_with_one_is_shown_to_the_author(as_role):
    product = draft_product()
    services.submit(product.pk, actor=ms_naidoo())
    client = as_role("Approver")

    assert client.post(deed_of(product, "reject_one"), CONFIRMED).status_code == 200
    assert status_of(product) == ProductStatus.PENDING
    client.post(deed_of(product, "reject_one"), {**CONFIRMED, "reason": "Wrong speed"})

    assert status_of(product) == ProductStatus.DRAFT
    assert "Wrong speed" in as_role("Product manager").get(page_of(product)).content.decode()


def test_publishing_a_selection_publishes_the_good_and_names_the_bad(as_role):
    good, draft = [approved_product(), approved_product()], draft_product(name="Still a draft")

    response = as_role("Publisher").post(
        LIST,
        {"action": "publish_selected", "_selected_action": [str(p.pk) for p in [*good, draft]]},
        follow=True,
    )

    assert ServicePackage.objects.count() == 2
    assert texts(response) == ["2 published.", f"{draft} cannot be published: it is draft, not approved"]


def test_a_selection_cannot_be_published_without_the_right(as_role):
    product = approved_product()

    as_role("Product manager").post(
        LIST, {"action": "publish_selected", "_selected_action": [str(product.pk)]}
    )

    assert not ServicePackage.objects.exists()


def form_data(client, product=None, **changes):
    """What the form would post, with these fields changed."""
    url = page_of(product) if product else reverse("admin:catalogue_product_add")
    context = client.get(url).context
    data = {}
    for form in [
        context["adminform"].form,
        *(f for s in context["inline_admin_formsets"] for f in [s.formset.management_form, *s.formset.forms]),
    ]:
        for field in form:
            value = field.value()
            data[field.html_name] = "" if value is None else value
    for name in [name for name, value in data.items() if value is False]:
        del data[name]
    return url, {**data, **changes}


def edit(client, product, **changes):
    url, data = form_data(client, product, **changes)
    response = client.post(url, data, follow=True)
    assert response.redirect_chain, response.context["errors"]
    return response


def test_an_edit_of_an_approved_product_voids_the_approval_and_says_so(as_role):
    product = approved_product()

    response = edit(as_role("Product manager"), product, description="New words")

    product.refresh_from_db()
    assert (product.status, product.description, product.approved_by) == (
        ProductStatus.DRAFT,
        "New words",
        None,
    )
    assert any("voided the approval" in text for text in texts(response))
    assert AuditEntry.objects.get(action="edited").changes["description"] == ["", "New words"]


def test_an_edit_of_the_price_alone_voids_the_approval_too(as_role):
    product = approved_product()

    edit(as_role("Product manager"), product, **{"pricing-0-regular_price": "849.00"})

    product.refresh_from_db()
    assert product.status == ProductStatus.DRAFT
    assert AuditEntry.objects.get(action="edited").changes["pricing.regular_price"] == ["799.00", "849.00"]


def test_saving_without_a_change_keeps_the_approval(as_role):
    product = approved_product()

    edit(as_role("Product manager"), product)

    assert status_of(product) == ProductStatus.APPROVED
    assert not AuditEntry.objects.filter(action="edited").exists()


def test_a_new_product_belongs_to_who_made_it(as_role):
    client = as_role("Product manager")
    url, data = form_data(
        client,
        name="Home Fibre 200",
        sku="HF-200",
        provider="DFA",
        market_segment="consumer",
        service_type="HomeFibre",
        category="home_fibre",
        contract_months="12",
        **{"pricing-0-regular_price": "999.00"},
    )

    response = client.post(url, data, follow=True)

    assert response.redirect_chain, response.context["errors"]
    product = Product.objects.with_content().get(sku="HF-200")
    assert (product.status, product.pricing.regular_price) == (ProductStatus.DRAFT, Decimal("999.00"))
    assert product.created_by == product.changed_by
    assert AuditEntry.objects.get(action="created").target_id == str(product.pk)


def test_costs_show_to_the_cost_viewer_only(as_role):
    hardware = {"model": "R", "included": True, "dealer_cost": Decimal("123.45")}
    product = draft_product(hardware=hardware)

    assert "123.45" not in as_role("Product manager").get(page_of(product)).content.decode()
    assert "123.45" in as_role("Product manager", "Cost viewer").get(page_of(product)).content.decode()


def test_the_business_key_of_a_published_product_cannot_be_edited(as_role):
    package = live_package(sku="FIXED")

    edit(as_role("Product manager"), package.source_admin_product, sku="OTHER")

    assert Product.objects.get(pk=package.source_admin_product_id).sku == "FIXED"


def test_products_cannot_be_deleted_in_the_admin(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("root.user"))
    product = draft_product()

    response = client.post(reverse("admin:catalogue_product_delete", args=[product.pk]), {"post": "yes"})

    assert response.status_code == 403
    assert Product.objects.filter(pk=product.pk).exists()


def test_packages_and_audit_trail_are_read_only_even_for_a_superuser(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("root.user"))
    package = live_package()
    entry = AuditEntry.objects.filter(action="published").get()

    for name, row in (("catalogue_servicepackage", package), ("core_auditentry", entry)):
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:{name}_change", args=[row.pk])).status_code == 200
        assert client.post(reverse(f"admin:{name}_change", args=[row.pk]), {"name": "x"}).status_code == 403
        assert client.get(reverse(f"admin:{name}_add")).status_code == 403
    assert services.publish(package.source_admin_product_id, actor=mr_botha()).changes == {}


def test_a_business_key_that_is_taken_is_said_at_the_form(as_role):
    draft_product(sku="HF-1")
    other = draft_product(sku="HF-2")

    client = as_role("Product manager")
    url, data = form_data(client, other, sku="hf-1")
    page = client.post(url, data)

    assert page.status_code == 200
    assert "There is already a product with this SKU, segment and provider." in page.text
    other.refresh_from_db()
    assert other.sku == "HF-2"
