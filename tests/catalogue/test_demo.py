"""`manage.py demo`: its people, and the sample catalogue on sale; once."""

from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.http import HttpRequest

from catalogue import services
from catalogue.content import product_content
from catalogue.demo import SAMPLE_CATALOGUE
from catalogue.models import PackageStatus, Product, ProductStatus, ServicePackage
from circletel.core.models import AuditEntry
from tests.factories import draft_product, mr_botha, ms_naidoo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]

NOTHING_TO_DO = "Nothing to do: the demo people and the sample catalogue are here.\n"


@pytest.fixture(autouse=True)
def a_demo(settings, monkeypatch):
    settings.DEMO = True
    # Slow on purpose, and not what these tests are about.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.delenv("DEMO_PASSWORD", raising=False)


@pytest.fixture(autouse=True)
def four_products(monkeypatch, tmp_path):
    """The first four of the sample, which say as much as 64, sixteen times faster."""
    short = tmp_path / "sample.csv"
    short.write_bytes(b"".join(SAMPLE_CATALOGUE.read_bytes().splitlines(keepends=True)[:5]))
    monkeypatch.setattr("catalogue.demo.SAMPLE_CATALOGUE", short)


def demo() -> str:
    """What it says it did."""
    return demo_and_people()[0]


def demo_and_people() -> tuple[str, str]:
    out = StringIO()
    call_command("demo", stdout=out)
    did, title, people = out.getvalue().partition("NAME ")
    return did, title + people


def sample_product() -> Product:
    return Product.objects.get(sku="SKYFIBRE-HOME-LITE-50-1M")


def edit(product: Product, actor: User, **values) -> None:
    before = product_content(Product.objects.with_content().get(pk=product.pk))
    Product.objects.filter(pk=product.pk).update(**values)
    services.record_edit(product, actor=actor, before=before)


def test_outside_a_demo_it_refuses(settings):
    settings.DEMO = False

    with pytest.raises(CommandError, match="set CIRCLETEL_DEMO=1"):
        demo()

    assert not User.objects.exists()


def test_it_brings_all_64_to_market_each_by_itself(monkeypatch):
    monkeypatch.setattr("catalogue.demo.SAMPLE_CATALOGUE", SAMPLE_CATALOGUE)

    said = demo()

    assert said == "Made 5 people\nImported 64 products\nApproved 64\nPublished 64\n"
    packages = ServicePackage.objects.filter(status=PackageStatus.ACTIVE)
    assert packages.count() == 64
    assert packages.values("logical_key").distinct().count() == 64
    assert packages.filter(speed_down_mbps=None).count() == 31
    assert packages.filter(installation_fee=0).count() == 3
    assert Product.objects.filter(status=ProductStatus.APPROVED).count() == 64
    who = set(AuditEntry.objects.values_list("action", "actor_name").distinct())
    assert who == {
        ("created", "Thandi Naidoo"),
        ("submitted", "Thandi Naidoo"),
        ("approved", "Pieter Botha"),
        ("pricing approved", "Pieter Botha"),
        ("published", "Pieter Botha"),
    }


def test_a_second_run_does_nothing():
    demo()
    entries = AuditEntry.objects.count()

    assert demo() == NOTHING_TO_DO
    assert AuditEntry.objects.count() == entries
    assert set(Product.objects.values_list("version", flat=True)) == {1}


def test_an_interrupted_run_is_finished_by_the_next(monkeypatch):
    publish = services.publish

    def fail_at_the_third(product_id, *, actor):
        if ServicePackage.objects.count() == 2:
            raise RuntimeError("the lights went out")
        return publish(product_id, actor=actor)

    with monkeypatch.context() as patch:
        patch.setattr(services, "publish", fail_at_the_third)
        with pytest.raises(RuntimeError):
            demo()

    assert demo() == "Published 2\n"
    assert demo() == NOTHING_TO_DO


def test_what_someone_edited_later_is_neither_approved_nor_published_nor_overwritten():
    demo()
    edit(sample_product(), ms_naidoo(), name="SkyFibre Home Lite Renamed")

    assert demo() == NOTHING_TO_DO
    assert sample_product().name == "SkyFibre Home Lite Renamed"
    assert sample_product().status == ProductStatus.DRAFT
    assert ServicePackage.objects.get(sku="SKYFIBRE-HOME-LITE-50-1M").name == "SkyFibre Home Lite 50"


def test_what_was_edited_or_rejected_before_it_ever_was_on_sale_waits_for_people(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("catalogue.demo.approve_sample", lambda: 0)
        demo()
    edited, rejected, *_others = Product.objects.order_by("sku")
    edit(edited, ms_naidoo(), name="Renamed")
    services.submit(rejected.pk, actor=ms_naidoo())
    services.reject(rejected.pk, actor=mr_botha(), reason="Too dear")

    said = demo()

    assert said == "Approved 2\nPublished 2\n"
    edited.refresh_from_db()
    rejected.refresh_from_db()
    assert edited.status == rejected.status == ProductStatus.DRAFT


def test_archived_products_do_not_come_back():
    demo()
    Product.objects.filter(sku="SKYFIBRE-HOME-LITE-50-1M").update(status=ProductStatus.ARCHIVED)

    assert demo() == NOTHING_TO_DO


def test_other_products_are_none_of_its_business():
    mine = draft_product(author=ms_naidoo())

    demo()

    mine.refresh_from_db()
    assert mine.status == ProductStatus.DRAFT
    assert not ServicePackage.objects.filter(sku=mine.sku).exists()


@pytest.mark.parametrize(
    ("username", "may", "may_not"),
    [
        ("thandi.naidoo", "catalogue.import_product", "catalogue.approve_product"),
        ("thandi.naidoo", "pricing.draft_pricechange", "pricing.publish_pricechange"),
        ("pieter.botha", "pricing.publish_pricechange", "pricing.draft_pricechange"),
        ("pieter.botha", "catalogue.publish_product", "catalogue.change_product"),
        ("lerato.mokoena", "zoho_sync.resync_productintegration", "catalogue.publish_product"),
        ("auditor", "core.view_auditentry", "catalogue.change_product"),
        ("admin", "catalogue.view_costs", "catalogue.no_such_permission"),
    ],
)
def test_each_of_its_people_can_log_in_and_do_their_job(username, may, may_not):
    demo()

    person = authenticate(HttpRequest(), username=username, password="circletel-demo")
    assert person is not None
    assert person.is_staff
    assert person.has_perm(may)
    assert person.is_superuser or not person.has_perm(may_not)


def test_the_password_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("DEMO_PASSWORD", "something-else")

    demo()

    assert authenticate(HttpRequest(), username="admin", password="something-else") is not None
    assert authenticate(HttpRequest(), username="admin", password="circletel-demo") is None


def test_nobodys_password_is_reset():
    demo()
    lerato = User.objects.get(username="lerato.mokoena")
    lerato.set_password("her own")
    lerato.save()

    assert demo() == NOTHING_TO_DO
    assert authenticate(HttpRequest(), username="lerato.mokoena", password="her own") is not None


def test_its_people_are_listed_with_their_logins():
    demo()
    lerato = User.objects.get(username="lerato.mokoena")
    lerato.set_password("her own")
    lerato.save()

    assert demo_and_people() == (
        NOTHING_TO_DO,
        "NAME            LOGIN           PASSWORD        MAY\n"
        "Thandi Naidoo   thandi.naidoo   circletel-demo  make, import and submit products, draft price changes\n"
        "Pieter Botha    pieter.botha    circletel-demo  approve and publish what others made or drafted\n"
        "Lerato Mokoena  lerato.mokoena  (their own)     see what is owed to Zoho, and send it again\n"
        "Nomsa Dlamini   auditor         circletel-demo  read everything, the audit trail too; change nothing\n"
        "Johan Venter    admin           circletel-demo  everything, as superuser\n",
    )
