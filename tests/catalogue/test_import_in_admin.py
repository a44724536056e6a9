"""The import page of the admin: first a preview, then all rows or none."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now
from redis.exceptions import ConnectionError

from catalogue.demo import SAMPLE_CATALOGUE
from catalogue.models import Product
from catalogue.product_import import upload as uploads
from circletel.core import jobs
from circletel.core.models import AuditEntry, Job
from tests.factories import approved_product, draft_product, mr_botha, ms_naidoo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]

PAGE = "/admin/catalogue/product/import/"
HEADER = "sku,name,service_type,category,segment,provider,price,contract_months\n"
ROW = "FIBRE-1,Home Fibre 100,HomeFibre,home_fibre,consumer,DFA,799,12\n"


@pytest.fixture
def as_ms_naidoo(client):
    client.force_login(ms_naidoo())
    return client


def upload(client, content: str | bytes):
    content = content.encode() if isinstance(content, str) else content
    return client.post(PAGE, {"import_file": SimpleUploadedFile("p.csv", content)})


def confirm(client, preview) -> Job:
    """Press *Import*, and have a worker do it. Returns the job, to whose page one comes."""
    answer = client.post(PAGE, {"upload": preview.context["upload"], "file": preview.context["file"]})
    job = Job.objects.get()
    assert answer.url == f"/admin/core/job/{job.pk}/change/"
    assert (job.state, job.parameters) == ("waiting", {"file": "p.csv"})
    jobs.run(job.pk)
    job.refresh_from_db()
    return job


def text(response) -> str:
    """What a person reads on the page."""
    page = re.sub(r"<(script|style|head).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_a_good_file_is_shown_first_and_applied_after_the_confirmation(as_ms_naidoo):
    preview = upload(as_ms_naidoo, SAMPLE_CATALOGUE.read_bytes())

    assert "64 new, 0 changed, 0 unchanged. Nothing is imported yet." in text(preview)
    assert (
        "SKYFIBRE-HOME-LITE-50-24M SkyFibre Home Lite 50 SkyFibre fixed_wireless_residential consumer"
        in text(preview)
    )
    assert not Product.objects.exists()

    done = confirm(as_ms_naidoo, preview)

    assert (done.state, done.result) == ("done", "Products imported: 64 new, 0 changed, 0 unchanged.")
    assert Product.objects.count() == 64
    assert set(AuditEntry.objects.values_list("actor_name", "action")) == {
        ("Thandi Naidoo", "requested"),
        ("Thandi Naidoo", "created"),
    }
    assert "Products imported: 64 new, 0 changed, 0 unchanged." in text(
        as_ms_naidoo.get(f"/admin/core/job/{done.pk}/change/")
    )


def test_the_audit_trail_knows_where_the_import_came_from(as_ms_naidoo):
    preview = upload(as_ms_naidoo, HEADER + ROW)

    confirm(as_ms_naidoo, preview)

    entry = AuditEntry.objects.get(action="created")
    assert entry.address == "127.0.0.1"
    assert entry.correlation_id != ""


def test_the_preview_shows_new_changed_and_unchanged_with_what_changes(as_ms_naidoo):
    draft_product(sku="FIBRE-1", name="Home Fibre 100")
    approved_product(sku="FIBRE-2", name="Home Fibre 200")

    preview = upload(
        as_ms_naidoo,
        HEADER
        + ROW
        + "FIBRE-2,Home Fibre 200,HomeFibre,home_fibre,consumer,DFA,849,12\n"
        + ROW.replace("DFA", "MTN"),
    )

    page = text(preview)
    assert (
        "1 new, 1 changed, 1 unchanged; 1 of the changed had been submitted or approved and must be submitted again."
        in page
    )
    assert "3 Changed FIBRE-2 price_incl_vat: 799.00 849.00 Home Fibre 200" in page
    assert "4 New FIBRE-1" in page
    assert "2 Unchanged FIBRE-1" in page
    assert page.index("Changed FIBRE-2") < page.index("Unchanged FIBRE-1")


def test_a_bad_file_shows_every_error_and_offers_no_confirmation(as_ms_naidoo):
    page = upload(as_ms_naidoo, HEADER + ROW + ",Home Fibre 200,HomeFibre,home_fibre,retail,DFA,abc,12\n")

    assert "upload" not in page.context
    assert "Nothing was imported. 3 errors in this file: mend them and upload it again." in text(page)
    assert "3 sku (empty) at most 64 letters" in text(page)
    assert "3 market_segment retail consumer or business" in text(page)
    assert "3 price_incl_vat abc an amount in rand with VAT" in text(page)
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The submitted file is empty."),
        (b"\n", "a header row with sku, name"),
        ((HEADER + ROW.replace("Home Fibre", "Café")).encode("latin-1"), "byte 0xE9 at position"),
        ((HEADER + ROW).encode("utf-16"), "text in UTF-16"),
        (b"PK\x03\x04\x00\xff", "an Excel workbook"),
        (b"a,b\n1,2\n", "column 1 a one of sku, name"),
        (HEADER.encode(), "at least one row below the header"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained_in_our_words(as_ms_naidoo, content, words):
    page = upload(as_ms_naidoo, content)

    assert page.status_code == 200
    assert words in text(page)
    assert "upload" not in page.context


def test_what_a_cell_holds_is_shown_and_not_run(as_ms_naidoo):
    good = upload(as_ms_naidoo, HEADER + ROW.replace("Home Fibre 100", "<script>alert(1)</script>"))
    bad = upload(as_ms_naidoo, HEADER + ROW.replace("799", "<script>alert(1)</script>"))

    for page in (good, bad):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.content.decode()
        assert "<script>alert(1)" not in page.content.decode()


def test_a_confirmation_that_no_longer_fits_the_catalogue_applies_nothing(as_ms_naidoo):
    preview = upload(as_ms_naidoo, HEADER + ROW.replace("FIBRE-1", "FIBRE-0") + ROW.replace("799", "650"))
    product = draft_product(sku="FIBRE-1", name="Home Fibre 100", promotion_price=Decimal("699.00"))

    done = confirm(as_ms_naidoo, preview)

    assert (done.state, done.error) == (
        "failed",
        "Refused: Nothing was imported; row 3, promo_price_incl_vat: “699.00”, expected an amount below the regular price,"
        " 650.00",
    )
    assert list(Product.objects.all()) == [product]


def test_a_confirmation_after_the_upload_was_forgotten_says_so(as_ms_naidoo, redis_flushed):
    preview = upload(as_ms_naidoo, HEADER + ROW)
    redis_flushed.flushdb()

    done = confirm(as_ms_naidoo, preview)

    assert (done.state, done.error) == (
        "failed",
        "Refused: Nothing was imported; “an upload of more than a day ago”, expected the file to be uploaded again",
    )
    assert not Product.objects.exists()


def test_who_may_not_import_sees_neither_page_nor_button(client):
    client.force_login(mr_botha())

    assert client.get(PAGE).status_code == 403
    assert upload(client, HEADER + ROW).status_code == 403
    assert client.post(PAGE, {"upload": "0"}).status_code == 403
    assert PAGE not in client.get("/admin/catalogue/product/").content.decode()


def test_who_may_import_finds_the_button_and_the_columns(as_ms_naidoo):
    assert PAGE in as_ms_naidoo.get("/admin/catalogue/product/").content.decode()
    assert "sku, name, service_type, product_category, market_segment, provider, technology," in text(
        as_ms_naidoo.get(PAGE)
    )


def test_a_long_file_is_shown_in_part_and_applied_whole(as_ms_naidoo):
    rows = [ROW.replace("FIBRE-1", f"FIBRE-{number}") for number in range(520)]

    preview = upload(as_ms_naidoo, HEADER + "".join(rows))
    done = confirm(as_ms_naidoo, preview)

    assert "And 20 more rows, not shown." in text(preview)
    assert done.result == "Products imported: 520 new, 0 changed, 0 unchanged."


def test_many_errors_are_shown_in_part_and_counted_whole(as_ms_naidoo):
    page = upload(as_ms_naidoo, HEADER + ROW.replace("799", "abc") * 600)

    assert "Nothing was imported. 1199 errors in this file" in text(page)
    assert "The first 500 of 1199 are shown." in text(page)


def without_redis(monkeypatch, deed):
    def away(*_args, **_options):
        raise ConnectionError("Connection refused")

    monkeypatch.setattr(uploads.cache, deed, away)


NOT_KEPT = (
    "Nothing was imported: Redis, which keeps the file until you confirm it, does not answer. "
    "Upload it again in a minute."
)


def test_an_upload_while_redis_is_away(as_ms_naidoo, monkeypatch):
    without_redis(monkeypatch, "set")

    answer = upload(as_ms_naidoo, HEADER + ROW)

    assert answer.url == PAGE
    assert said(as_ms_naidoo.get(PAGE)) == [NOT_KEPT]


def test_a_confirmed_import_waits_until_redis_is_there_again(as_ms_naidoo, monkeypatch):
    preview = upload(as_ms_naidoo, HEADER + ROW)
    with monkeypatch.context() as redis:
        without_redis(redis, "get")
        waiting = confirm(as_ms_naidoo, preview)
        assert (waiting.state, waiting.progress) == (
            "waiting",
            "Redis, which keeps the file, does not answer: tried again by itself",
        )
        assert not Product.objects.exists()

    Job.objects.update(due_at=Now())
    assert jobs.run(waiting.pk)

    assert Job.objects.get().result == "Products imported: 1 new, 0 changed, 0 unchanged."


def test_a_confirmation_that_is_sent_twice_is_one_job(as_ms_naidoo):
    preview = upload(as_ms_naidoo, HEADER + ROW)
    confirmation = {"upload": preview.context["upload"], "file": "p.csv"}

    addresses = {as_ms_naidoo.post(PAGE, confirmation).url for _ in range(2)}

    assert addresses == {f"/admin/core/job/{Job.objects.get().pk}/change/"}


def test_an_import_that_lost_its_worker_is_done_once(as_ms_naidoo):
    done = confirm(as_ms_naidoo, upload(as_ms_naidoo, HEADER + ROW))
    lost = {"state": "running", "lease_token": uuid.uuid4(), "leased_until": Now() - timedelta(seconds=1)}
    Job.objects.update(**lost, finished_at=None)

    assert jobs.run(done.pk)

    assert Job.objects.get().result == "Products imported: 0 new, 0 changed, 1 unchanged."
    assert Product.objects.count() == 1


def test_who_may_not_import_any_more_when_the_worker_comes_imports_nothing(as_ms_naidoo):
    preview = upload(as_ms_naidoo, HEADER + ROW)
    as_ms_naidoo.post(PAGE, {"upload": preview.context["upload"]})
    ms_naidoo().groups.clear()

    jobs.run(Job.objects.get().pk)

    assert Job.objects.get().error == "Refused: Thandi Naidoo may not start “Import products”"
    assert not Product.objects.exists()
