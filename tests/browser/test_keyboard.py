"""The admin without a mouse: everything is reached by Tab, opened by Enter and left by Escape."""

import re

import pytest
from django.urls import reverse

from catalogue.models import Product
from tests.browser.conftest import PASSWORD
from tests.factories import draft_product, live_package, person

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

# What has the focus: its name for people, and where it leads.
FOCUSED = """() => {
  const it = document.activeElement, box = it.getBoundingClientRect();
  return {
    name: (it.getAttribute('aria-label') || it.labels?.[0]?.innerText || it.innerText || it.title || it.name || '').trim(),
    href: it.getAttribute('href'), id: it.id, tag: it.tagName, inDialog: !!it.closest('#modal-content'),
    seen: box.width > 0 && box.height > 0,
  };
}"""
MOST_STOPS = 160


@pytest.fixture
def page(redis_flushed, transactional_db, open_page):
    somebody = person("thandi.naidoo", "Product manager", "Publisher", "Sync operator")
    somebody.set_password(PASSWORD)
    somebody.save()
    return open_page("thandi.naidoo")


def stops(page):
    """Every place that Tab comes to from the top of the page, in order."""
    found = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["tag"] == "BODY" or (found and focused == found[0]):
            return found
        found.append(focused)
    return found


def go(page, name):
    """Tab on until the focus is on what is called `name`."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if re.search(name, page.evaluate(FOCUSED)["name"]):
            return
    raise AssertionError(f"Tab never came to {name}")


def test_tab_comes_to_the_menu_the_search_the_filters_and_each_row(page):
    product = draft_product(name="Karoo Fibre 100")
    page.goto(reverse("admin:catalogue_product_changelist"))

    found = stops(page)

    names, addresses = [one["name"] for one in found], [one["href"] for one in found]
    assert reverse("admin:catalogue_servicepackage_changelist") in addresses  # the menu
    assert any("search" in name.lower() for name in names)
    assert any("Filters" in name for name in names)
    assert reverse("admin:catalogue_product_change", args=[product.pk]) in addresses
    assert not [one for one in found if not one["seen"]]  # Tab never gets lost


def test_a_dialog_opens_with_enter_and_closes_with_escape_and_nothing_is_done(page):
    product = draft_product(name="Karoo Fibre 100")
    page.goto(reverse("admin:catalogue_product_change", args=[product.pk]))

    go(page, "Submit for approval")
    page.keyboard.press("Enter")
    page.locator("#dialog").wait_for()
    # The focus is in the dialog and stays there, however often somebody presses Tab.
    page.wait_for_function("document.getElementById('modal-content').contains(document.activeElement)")
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED)["inDialog"]
    page.keyboard.press("Escape")
    page.locator("#dialog").wait_for(state="hidden")
    page.wait_for_function("document.activeElement.innerText.includes('Submit for approval')")

    product.refresh_from_db()
    assert product.status == "draft"


def test_a_deed_is_done_with_the_keyboard_alone(page):
    product = draft_product(name="Karoo Fibre 100", author=person("sipho.dlamini", "Product manager"))
    page.goto(reverse("admin:catalogue_product_change", args=[product.pk]))

    go(page, "Submit for approval")
    page.keyboard.press("Enter")
    page.locator("#dialog").wait_for()
    page.wait_for_function("document.activeElement.matches('#dialog button[type=submit]')")
    with page.expect_navigation():
        page.keyboard.press("Enter")

    assert Product.objects.get().status == "pending"


def test_the_menu_of_a_row_opens_and_what_it_does_stands_on_the_page_too(page):
    package = live_package()
    page.goto(reverse("admin:catalogue_servicepackage_changelist"))
    go(page, "More actions")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Re-sync CRM").wait_for()
    page.keyboard.press("Enter")

    page.goto(reverse("admin:catalogue_servicepackage_change", args=[package.pk]))
    names = " ".join(one["name"] for one in stops(page))

    assert "Re-sync CRM" in names
    assert "Re-sync Billing" in names


def test_a_list_is_filtered_with_the_keyboard_alone(page):
    live_package()
    page.goto(reverse("admin:catalogue_servicepackage_changelist"))

    go(page, "Filters")
    page.keyboard.press("Enter")
    go(page, "^Inactive$|^Archived$")
    with page.expect_navigation():
        page.keyboard.press("Enter")

    page.get_by_text("Nothing fits").wait_for()
