from django.conf import settings

from catalogue.content import product_content
from catalogue.models import ServicePackage
from catalogue.package_fields import EACH_TIME, FIRST_TIME, NOT_FROM_THE_PRODUCT, STAYS_BEHIND, page
from tests.factories import draft_product


def test_the_page_says_what_the_table_says():
    written = settings.BASE_DIR / "docs" / "product-to-package.md"

    assert written.read_text(encoding="utf-8") == page(), (
        'stale: run make manage CMD="catalogue_fields document"'
    )


def test_every_field_of_a_package_is_accounted_for_once():
    named = [field.name for field in (*EACH_TIME, *FIRST_TIME)] + list(NOT_FROM_THE_PRODUCT)

    assert sorted(named) == sorted(field.name for field in ServicePackage._meta.concrete_fields)


def test_everything_that_is_signed_is_carried_over_and_nothing_else(db):
    signed = set(product_content(draft_product()))

    # A product that is no bundle has no components to sign.
    assert {field.source for field in (*EACH_TIME, *FIRST_TIME)} == signed | {"components"}
    assert signed.isdisjoint(STAYS_BEHIND)
