"""`manage.py import_price_list`."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from catalogue.management.commands import import_price_list
from catalogue.models import PriceList, Product
from catalogue.pricelists import services
from circletel.core.models import Job
from tests.catalogue.pricelists.test_applying import apply, done, end_the_lease, lose_the_worker_at, preview
from tests.catalogue.pricelists.workbooks import deal, mtn_workbook
from tests.factories import mr_botha, ms_naidoo

pytestmark = pytest.mark.django_db


@pytest.fixture
def promos(tmp_path):
    path = tmp_path / "promos.xlsx"
    path.write_bytes(mtn_workbook(deal(), deal(deal_id="EBU2", months=12), deal(deal_id="EBU3", device="?")))
    ms_naidoo()
    return path


def run(*arguments: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("import_price_list", *map(str, arguments), "--user", "thandi.naidoo", stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_says_what_it_did_and_what_it_refused(promos):
    out, err = run(promos, "--supplier", "mtn")

    assert out == "2 new, 0 changed, 0 unchanged, 0 vanished, 1 refused.\n"
    assert err == (
        "2 of 2 rows applied\n"
        "SHEET   ROW  DEAL  REASON\n"
        "Sheet1    4  EBU3  OEM and Device: unknown device “?”, expected the name of the device, or “Use Your Own”\n"
    )
    assert Product.objects.count() == 2


def test_a_second_run_changes_nothing_and_says_so(promos):
    run(promos, "--supplier", "mtn")

    out, _err = run(promos, "--supplier", "mtn")

    assert out == "0 new, 0 changed, 2 unchanged, 0 vanished, 1 refused. Nothing changed.\n"
    assert Product.objects.count() == 2


def test_a_dry_run_writes_nothing(promos):
    out, err = run(promos, "--supplier", "mtn", "--dry-run")

    assert out == "Nothing written. It would be: 2 new, 0 changed, 0 unchanged, 0 vanished, 1 refused.\n"
    assert "EBU3" in err
    assert not Product.objects.exists()
    assert not PriceList.objects.exists()


def test_run_again_after_a_crash_it_goes_on(promos, monkeypatch):
    price_list = preview(promos.read_bytes())
    lose_the_worker_at(monkeypatch, 2)
    monkeypatch.setattr(services, "BATCH", 1)
    with pytest.raises(KeyboardInterrupt):
        apply(price_list)
    end_the_lease(PriceList.objects.get())

    out, err = run(promos, "--supplier", "mtn")

    assert err.startswith("Going on where it was interrupted, at 1 of 2 rows.\n2 of 2 rows applied\n")
    assert out == "2 new, 0 changed, 0 unchanged, 0 vanished, 1 refused.\n"
    assert PriceList.objects.count() == 1


def test_a_list_that_a_worker_has_is_waited_for(promos, monkeypatch):
    price_list = services.request_apply(preview(promos.read_bytes()).pk, actor=ms_naidoo())
    Job.objects.filter(pk=price_list.job_id).update(due_at=Now() + timedelta(minutes=1))
    waits = []

    def meanwhile(seconds):
        waits.append(seconds)
        Job.objects.filter(pk=price_list.job_id).update(due_at=Now())
        done(price_list)

    monkeypatch.setattr(import_price_list.time, "sleep", meanwhile)

    out, _err = run(promos, "--supplier", "mtn")

    assert out == "2 new, 0 changed, 0 unchanged, 0 vanished, 1 refused.\n"
    assert waits == [1]


def test_mistakes_are_named(promos, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")

    with pytest.raises(CommandError, match="There is no supplier 'vodacom'; known are: circletel, mtn"):
        run(promos, "--supplier", "vodacom")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run(tmp_path / "nowhere.xlsx", "--supplier", "mtn")
    with pytest.raises(CommandError, match="Nothing was imported: the file cannot be read as a workbook"):
        run(tmp_path / "notes.txt", "--supplier", "mtn")


def test_who_may_not_is_refused(promos):
    mr_botha()

    with pytest.raises(CommandError, match="Nothing was imported: Pieter Botha may not upload and apply"):
        call_command("import_price_list", str(promos), "--supplier", "mtn", "--user", "pieter.botha")
