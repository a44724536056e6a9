"""Products: edited, imported, published, ended."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.utils import timezone

from catalogue import ending, services
from catalogue.admin.product import ProductAdmin
from catalogue.models import ServicePackage
from catalogue.product_import.apply import import_products
from catalogue.product_import.parsing import parse
from circletel.core.errors import Refused
from tests.catalogue.admin.test_products import edit
from tests.factories import approved_product, draft_product, mr_botha, ms_naidoo, person
from tests.known_faults import known_fault
from tests.known_faults.conftest import logged_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]


@known_fault("a form that was being saved while somebody archived the product makes it a draft again")
def test_a_save_that_began_before_an_archive_does_not_bring_the_product_back(monkeypatch):
    product = draft_product()
    saved = ProductAdmin.save_model

    def archived_meanwhile(self, request, obj, form, change):
        chief = person("chief.archiver", "Approver", "Publisher", "Product manager")
        chief.is_superuser = True
        chief.save()
        services.archive(product.pk, actor=chief, reason="No longer offered")
        return saved(self, request, obj, form, change)

    monkeypatch.setattr(ProductAdmin, "save_model", archived_meanwhile)
    edit(logged_in(ms_naidoo()), product, description="New words")

    product.refresh_from_db()
    assert product.status == "archived"


@known_fault("a validity that has ended breaks a constraint on publication", raises=IntegrityError)
def test_a_product_whose_validity_has_ended_is_refused_in_words():
    product = approved_product(valid_to=timezone.now() - timedelta(days=1))

    with pytest.raises(Refused):
        services.publish(product.pk, actor=mr_botha())


@known_fault("publication after the end of life says that the package was updated, and leaves it off sale")
def test_a_package_published_again_after_its_end_of_life_is_on_sale():
    product = approved_product()
    package = services.publish(product.pk, actor=mr_botha()).package
    ending.end_life(package.pk, at=timezone.now(), actor=mr_botha())
    ending.archive_ended()

    services.publish(product.pk, actor=mr_botha())

    assert ServicePackage.objects.get(pk=package.pk).is_on_sale()
    assert ending.archive_ended(timezone.now() + timedelta(hours=1)) == 0


@known_fault("a row that contradicts what the file leaves alone breaks a constraint", raises=IntegrityError)
def test_an_imported_fee_below_the_discounted_fee_is_refused_in_words():
    product = draft_product(installation_fee=Decimal("450.00"), discounted_installation_fee=Decimal("230.00"))
    row = {
        "sku": product.sku,
        "name": product.name,
        "service_type": product.service_type,
        "product_category": product.category,
        "market_segment": product.market_segment,
        "provider": product.provider,
        "price_incl_vat": "799",
        "contract_months": "12",
        "installation_fee_incl_vat": "100",
    }

    with pytest.raises(Refused):
        import_products(parse(f"{','.join(row)}\n{','.join(row.values())}\n".encode()), actor=ms_naidoo())
