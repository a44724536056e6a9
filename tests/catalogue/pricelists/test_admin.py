"""The pages for price lists as their users see them."""

import csv
import io
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalogue.models import ColumnMapping, PriceList, PriceListRow, Product, Supplier
from catalogue.pricelists import services
from circletel.core.errors import NotAllowed
from circletel.core.models import AuditEntry, Job
from pricing.models import PriceChange
from tests.catalogue.admin.conftest import as_role, texts  # noqa: F401
from tests.catalogue.pricelists.test_applying import applied, done, preview, publish
from tests.catalogue.pricelists.workbooks import deal, mtn_workbook
from tests.factories import ms_naidoo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]

LISTS = reverse("admin:catalogue_pricelist_changelist")
ROWS = reverse("admin:catalogue_pricelistrow_changelist")
CONFIRMED = {"_form_submitted": "True"}


@pytest.fixture
def worker(tasks_at_once, django_capture_on_commit_callbacks):
    """Celery's part, done when the request is through."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def page_of(price_list):
    return reverse("admin:catalogue_pricelist_change", args=[price_list.pk])


def upload(client, content, name="promos.xlsx"):
    return client.post(
        reverse("admin:catalogue_pricelist_add"),
        {"supplier": Supplier.objects.get(code="mtn").pk, "workbook": SimpleUploadedFile(name, content)},
    )


def deed(client, price_list, name):
    return client.post(
        reverse(f"admin:catalogue_pricelist_{name}", args=[price_list.pk]), CONFIRMED, follow=True
    )


def test_upload_preview_apply(as_role, worker):  # noqa: F811
    client = as_role("Product manager")

    with worker():
        response = upload(client, mtn_workbook(deal(), deal(deal_id="BAD", device="?")))
    price_list = PriceList.objects.get()
    page = client.get(page_of(price_list)).content.decode()

    assert (response.status_code, response.url) == (302, page_of(price_list))
    assert "Ready to apply" in page
    assert '<strong class="text-font-important-light dark:text-font-important-dark">1</strong> new' in page
    assert f"{ROWS}?list={price_list.pk}&amp;outcome__exact=refused" in page
    assert not Product.objects.exists()

    with worker():
        response = deed(client, price_list, "apply_one")

    assert texts(response) == ["MTN: promos.xlsx is being applied."]
    price_list.refresh_from_db()
    assert (price_list.status, Product.objects.count()) == ("applied", 1)
    assert set(AuditEntry.objects.values_list("actor_name", flat=True)) == {"Some Productmanager"}
    assert AuditEntry.objects.get(action="created").address == "127.0.0.1"


def test_the_panel_refreshes_itself_until_the_work_is_done(as_role):  # noqa: F811
    price_list = services.request_apply(
        preview(*(deal(deal_id=f"D{number}") for number in range(4))).pk, actor=ms_naidoo()
    )
    client, url = as_role("Auditor"), reverse("admin:catalogue_pricelist_panel", args=[price_list.pk])
    Job.objects.filter(pk=price_list.job_id).update(done=1)

    moving = client.get(url)
    done(price_list)
    still = client.get(url)

    assert "1 of 4 rows applied" in moving.content.decode()
    assert 'hx-trigger="every 2s"' in moving.content.decode()
    assert "HX-Refresh" not in moving
    assert "hx-trigger" not in still.content.decode()
    assert still["HX-Refresh"] == "true"


def test_a_file_without_changes_says_so(as_role):  # noqa: F811
    applied(deal())

    page = as_role("Auditor").get(page_of(preview(deal()))).content.decode()

    assert "Nothing changes: the catalogue says what this file says." in page


def test_a_file_that_is_no_workbook_says_what_to_do(as_role, worker):  # noqa: F811
    client = as_role("Product manager")

    with worker():
        upload(client, b"Deal ID,Price\n", "promos.csv")

    page = client.get(page_of(PriceList.objects.get())).content.decode()
    assert "Could not be read" in page
    assert "save it as an Excel workbook (.xlsx)" in page


def test_rows_are_filtered_by_outcome_and_show_why(as_role):  # noqa: F811
    price_list = preview(deal(), deal(deal_id="BAD", device="?", plan="<script>alert(1)</script>"))

    response = as_role("Auditor").get(ROWS, {"list": price_list.pk, "outcome__exact": "refused"})

    assert [row.deal_id for row in response.context["cl"].result_list] == ["BAD"]
    page = response.content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert "unknown device “?”" in page


def test_refused_rows_are_downloaded_and_no_cell_is_a_formula(as_role):  # noqa: F811
    price_list = preview(deal(), deal(deal_id="+1+1", plan="@SUM(A1)"), deal(deal_id="B", device="?"))

    response = as_role("Auditor").get(reverse("admin:catalogue_pricelist_refused", args=[price_list.pk]))

    content = b"".join(response.streaming_content).decode("utf-8-sig")
    header, formula, device = csv.reader(io.StringIO(content))
    assert header == ["Sheet", "Row", "Deal id", "Name", "Reasons"]
    assert formula[:4] == ["Sheet1", "3", "'+1+1", "'@SUM(A1)"]
    assert device == [
        "Sheet1", "4", "B", "MTN Business 5G FWA 500GB",
        "OEM and Device: unknown device “?”, expected the name of the device, or “Use Your Own”",
    ]  # fmt: skip
    assert response["Content-Disposition"].startswith('attachment; filename="refused-mtn-')


def test_what_the_status_does_not_admit_is_refused_and_written_down(as_role):  # noqa: F811
    price_list = applied(deal())
    client = as_role("Product manager")

    response = deed(client, price_list, "apply_one")

    assert texts(response) == ["MTN: promos.xlsx cannot be applied: it is applied, not ready to apply"]
    assert AuditEntry.objects.get(result="refused").action == "price list apply"
    assert "Apply" not in [
        one["title"] for one in client.get(page_of(price_list)).context.get("actions_detail", [])
    ]


def test_a_list_is_given_up(as_role):  # noqa: F811
    price_list = preview(deal())

    deed(as_role("Product manager"), price_list, "cancel_one")

    price_list.refresh_from_db()
    assert price_list.status == "cancelled"


@pytest.mark.parametrize(
    ("role", "sees", "imports"),
    [
        ("Product manager", 200, 200),
        ("Auditor", 200, 403),
        ("Pricing manager", 200, 403),
        ("Approver", 403, 403),
        ("Cost viewer", 403, 403),
        ("Sync operator", 403, 403),
    ],
)
def test_who_may_see_and_who_may_import(as_role, role, sees, imports):  # noqa: F811
    price_list = preview(deal())
    client = as_role(role)

    pages = [
        LISTS,
        page_of(price_list),
        ROWS,
        reverse("admin:catalogue_pricelistrow_change", args=[PriceListRow.objects.get().pk]),
        reverse("admin:catalogue_pricelist_panel", args=[price_list.pk]),
        reverse("admin:catalogue_pricelist_refused", args=[price_list.pk]),
        reverse("admin:catalogue_supplierdeal_changelist"),
    ]
    assert {client.get(page).status_code for page in pages} == {sees}
    assert client.get(reverse("admin:catalogue_pricelist_add")).status_code == imports
    deed(client, price_list, "apply_one")
    price_list.refresh_from_db()
    assert price_list.status == ("applying" if imports == 200 else "previewed")


def test_a_mapping_is_edited_and_the_edit_written_down(as_role):  # noqa: F811
    mapping = ColumnMapping.objects.get(supplier__code="mtn")
    columns = list(mapping.columns.all())
    data = {
        name: getattr(mapping, name)
        for name in ("name", "sku_template", "market_segment", "provider", "service_type", "category", "date_order",
                     "without_device")
    }  # fmt: skip
    data |= {
        "supplier": mapping.supplier_id,
        "active": "on",
        "technology": "5g",
        "data_limit": "",
        "contract_months": "",
    }
    data |= {"columns-TOTAL_FORMS": len(columns), "columns-INITIAL_FORMS": len(columns)}
    for number, column in enumerate(columns):
        data |= {
            f"columns-{number}-{name}": getattr(column, name)
            for name in ("position", "title", "field", "label")
        }
        data |= {f"columns-{number}-id": column.pk, f"columns-{number}-mapping": mapping.pk}
        data |= {f"columns-{number}-required": "on"} if column.required else {}
    data["columns-0-title"] = "Deal ID | Deal number"

    response = as_role("Product manager").post(
        reverse("admin:catalogue_columnmapping_change", args=[mapping.pk]), data
    )

    assert response.status_code == 302
    mapping.refresh_from_db()
    assert (mapping.technology, mapping.columns.first().title) == ("5g", "Deal ID | Deal number")
    assert AuditEntry.objects.get(action="edited").changes == {
        "technology": ["", "5g"],
        "Deal ID | Deal number": [None, "title"],
    }


def test_the_mapping_and_supplier_pages_open(as_role):  # noqa: F811
    client = as_role("Product manager")

    for page in ("supplier", "columnmapping", "supplierdeal"):
        assert client.get(reverse(f"admin:catalogue_{page}_changelist")).status_code == 200
    mtn = Supplier.objects.get(code="mtn")
    page = client.get(reverse("admin:catalogue_supplier_change", args=[mtn.pk])).content.decode()
    assert "markup" in page
    assert "discount" not in page
    both = as_role("Product manager", "Cost viewer")
    assert "discount" in both.get(reverse("admin:catalogue_supplier_change", args=[mtn.pk])).content.decode()


def test_a_changed_discount_is_written_down_and_stays_hidden(as_role):  # noqa: F811
    mtn = Supplier.objects.get(code="mtn")

    as_role("Product manager", "Cost viewer").post(
        reverse("admin:catalogue_supplier_change", args=[mtn.pk]),
        {
            "name": "MTN",
            "code": "mtn",
            "markup_percent": "5",
            "discount_percent": "17.5",
            "margin_floor_percent": "",
        },
    )

    mtn.refresh_from_db()
    assert (mtn.discount_percent, mtn.markup_percent) == (Decimal("17.50"), Decimal(5))
    changes = AuditEntry.objects.get(action="edited").changes
    assert changes["discount_percent"] == ["hidden", "changed"]
    assert changes["markup_percent"][1] == "5"
    assert "17.5" not in str(changes)


def rise():
    """A live package at 599; the supplier, who gives us 20 %, asks 50 more, and we want 18 %."""
    Supplier.objects.filter(code="mtn").update(discount_percent=Decimal(20), margin_floor_percent=Decimal(18))
    applied(deal(), deal(deal_id="B"))
    package = publish()
    return package, preview(deal(incl=649), deal(deal_id="B", incl=649))


def test_a_rise_shows_the_margin_before_and_after_and_proposes_a_price():
    package, price_list = rise()

    row, not_live = price_list.rows.order_by("position")

    assert (row.package, row.margin_before, row.margin_after) == (package, Decimal("20.00"), Decimal("13.32"))
    assert (row.below_floor, row.proposed_price) == (True, Decimal("639.00"))
    assert (not_live.package, not_live.margin_after, not_live.proposed_price) == (None, None, None)


def test_without_a_floor_a_rise_is_passed_on_and_a_fall_is_ours():
    applied(deal())
    package = publish()

    rising = preview(deal(incl=649)).rows.get()
    falling = preview(deal(incl=499)).rows.get()

    assert (rising.package, rising.proposed_price, rising.below_floor) == (package, Decimal("649.00"), False)
    assert (falling.margin_before, falling.margin_after, falling.proposed_price) == (
        Decimal("0.00"), Decimal("16.69"), None,
    )  # fmt: skip


def test_margins_show_to_cost_viewers_only(as_role):  # noqa: F811
    _package, price_list = rise()
    row = price_list.rows.order_by("position").first()
    pages = [
        f"{ROWS}?list={price_list.pk}",
        reverse("admin:catalogue_pricelistrow_change", args=[row.pk]),
        page_of(price_list),
    ]

    for page in pages:
        text = as_role("Pricing manager").get(page).content.decode()
        assert "13.32" not in text
        assert "argin" not in text
    seen = [as_role("Pricing manager", "Cost viewer").get(page).content.decode() for page in pages]
    assert ["13.32 %" in text for text in seen] == [True, True, False]
    assert "1 live package below the margin floor" in seen[2]


@pytest.mark.parametrize(
    ("page", "lookup"),
    [
        ("pricelistrow", "below_floor__exact"),
        ("pricelistrow", "margin_after__lt"),
        ("pricelistrow", "price_list__supplier__discount_percent__gt"),
        ("supplier", "discount_percent__gt"),
        ("supplierdeal", "supplier__discount_percent__gt"),
        ("pricelist", "supplier__margin_floor_percent__gt"),
    ],
)
def test_nobody_finds_out_a_cost_by_filtering_for_it(as_role, page, lookup):  # noqa: F811
    rise()
    url = reverse(f"admin:catalogue_{page}_changelist")

    assert as_role("Pricing manager").get(url, {lookup: "1"}).status_code == 400


def test_price_changes_are_drafted_for_a_selection(as_role):  # noqa: F811
    package, price_list = rise()
    rows = list(price_list.rows.values_list("pk", flat=True))

    response = as_role("Pricing manager").post(
        ROWS, {"action": "draft_price_changes_selected", "_selected_action": rows}, follow=True
    )

    change = PriceChange.objects.get()
    assert (change.package, change.new_price, change.status) == (package, Decimal("639.00"), "draft")
    assert change.reason == "MTN changed the price of 202504EBU1603 (promos.xlsx)."
    assert texts(response) == [
        "MTN Business 5G FWA 500GB (202504EBU1603) (202504EBU1603): a draft price change to R\u00a0639,00 waits for a"
        " pricing manager."
    ]
    package.refresh_from_db()
    assert package.price == Decimal("599.00")


def test_who_may_not_draft_price_changes_is_not_offered_it(as_role):  # noqa: F811
    _package, price_list = rise()
    rows = list(price_list.rows.values_list("pk", flat=True))

    as_role("Product manager").post(
        ROWS, {"action": "draft_price_changes_selected", "_selected_action": rows}
    )

    assert not PriceChange.objects.exists()
    with pytest.raises(NotAllowed):
        services.draft_price_changes(rows, actor=price_list.uploaded_by)


def test_margins_and_discounts_are_not_in_the_audit_trail():
    rise()

    words = str(list(AuditEntry.objects.values_list("changes", "detail")))
    assert "margin" not in words
    assert "13.32" not in words


def test_a_list_of_rows_takes_the_same_queries_for_any_number(as_role):  # noqa: F811
    pages = (ROWS, reverse("admin:catalogue_supplierdeal_changelist"), LISTS)
    client = as_role("Auditor")

    def queries():
        for page in pages:
            with CaptureQueriesContext(connection) as context:
                client.get(page)
            yield len(context)

    applied(deal(deal_id="D0"))
    list(queries())
    few = list(queries())
    applied(*(deal(deal_id=f"D{number}") for number in range(30)))

    assert list(queries()) == few


def test_a_list_whose_job_failed_before_it_began_is_read_again(as_role, worker):  # noqa: F811
    price_list = services.upload(
        supplier=Supplier.objects.get(code="mtn"),
        file_name="promos.xlsx",
        content=mtn_workbook(deal()),
        actor=ms_naidoo(),
    )
    ms_naidoo().groups.clear()
    done(price_list)
    client = as_role("Product manager")

    page = client.get(page_of(price_list)).content.decode()
    listed = client.get(LISTS).content.decode()
    with worker():
        response = deed(client, price_list, "read_again_one")

    assert "<strong data-price-list-status>Could not be read</strong>: Refused: Thandi Naidoo may not" in page
    assert "hx-trigger" not in page.split("price-list-standing")[1].split("</div>")[0]
    assert "Could not be read" in listed
    assert texts(response) == ["MTN: promos.xlsx is being read."]
    price_list.refresh_from_db()
    assert (price_list.status, price_list.summary) == (
        "previewed", "1 new, 0 changed, 0 unchanged, 0 vanished, 0 refused",
    )  # fmt: skip
