"""`manage.py import_products`."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from catalogue.demo import SAMPLE_CATALOGUE
from catalogue.models import Product
from circletel.core.models import AuditEntry
from tests.factories import mr_botha, ms_naidoo

pytestmark = pytest.mark.django_db

BAD = """sku,name,service_type,category,segment,provider,price,contract_months
FIBRE-1,Home Fibre 100,HomeFibre,home_fibre,consumer,DFA,799,12
,Home Fibre 200,HomeFibre,home_fibre,consumer,DFA,abc,12
"""


@pytest.fixture
def bad_file(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(BAD, encoding="utf-8")
    return path


def run(*arguments: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("import_products", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_says_what_it_did():
    ms_naidoo()

    assert run(SAMPLE_CATALOGUE, "--user", "thandi.naidoo") == ("64 new, 0 changed, 0 unchanged.\n", "")
    assert run(SAMPLE_CATALOGUE, "--user", "thandi.naidoo") == ("0 new, 0 changed, 64 unchanged.\n", "")
    assert set(AuditEntry.objects.values_list("actor_name", flat=True)) == {"Thandi Naidoo"}


def test_the_only_superuser_answers_for_it_when_nobody_is_named():
    User.objects.create_superuser("root", first_name="Johan", last_name="Venter")

    run(SAMPLE_CATALOGUE)

    assert set(AuditEntry.objects.values_list("actor_name", flat=True)) == {"Johan Venter"}


@pytest.mark.parametrize(
    ("names", "number"), [([], "no superuser"), (["one", "two"], "more than one superuser")]
)
def test_without_one_superuser_it_asks_who_imports(names, number):
    for name in names:
        User.objects.create_superuser(name)

    with pytest.raises(CommandError) as refused:
        run(SAMPLE_CATALOGUE)

    assert str(refused.value) == f"Say who imports, with --user USERNAME: there is {number} to take for it."
    assert not Product.objects.exists()


def test_a_dry_run_writes_nothing():
    ms_naidoo()

    out, _err = run(SAMPLE_CATALOGUE, "--user", "thandi.naidoo", "--dry-run")

    assert out == "Nothing written. It would be: 64 new, 0 changed, 0 unchanged.\n"
    assert not Product.objects.exists()


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_bad_rows_are_listed_as_a_table(bad_file, more):
    ms_naidoo()
    err = StringIO()

    with pytest.raises(CommandError) as refused:
        call_command("import_products", str(bad_file), "--user", "thandi.naidoo", *more, stderr=err)

    assert str(refused.value) == f"Nothing was imported: 2 errors in {bad_file}."
    assert err.getvalue() == (
        "ROW  COLUMN          VALUE    EXPECTED\n"
        "  3  sku             (empty)  at most 64 letters, digits, dots, dashes, slashes and underscores,"
        " beginning with a letter or digit\n"
        "  3  price_incl_vat  abc      an amount in rand with VAT, such as 1299, 1 299,00 or R1,299.00;"
        " above 0 and at most 99999999.99\n"
    )
    assert not Product.objects.exists()


@pytest.mark.parametrize("path", ["nowhere.csv", "."])
def test_what_is_no_file_is_refused(tmp_path, path):
    ms_naidoo()

    with pytest.raises(CommandError, match=r"cannot be read: (No such file|Is a directory)"):
        run(tmp_path / path, "--user", "thandi.naidoo")


def test_an_unknown_user_is_refused(bad_file):
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        run(bad_file, "--user", "nobody")


def test_a_user_who_may_not_import_is_refused():
    mr_botha()

    with pytest.raises(CommandError, match="Nothing was imported: Pieter Botha may not import products"):
        run(SAMPLE_CATALOGUE, "--user", "pieter.botha")
