"""Whatever is uploaded: understood, or refused with a sentence."""

import io
import zipfile
from decimal import Decimal
from functools import cache

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.models import ColumnMapping
from catalogue.pricelists.deals import read_deals
from catalogue.pricelists.tables import Found, sheets
from catalogue.product_import.apply import import_products
from catalogue.product_import.parsing import parse
from circletel.core.errors import Refused
from tests.catalogue.pricelists.workbooks import FIBRE_5G, TITLES
from tests.catalogue.test_import_fuzz import GOOD
from tests.factories import ms_naidoo
from tests.fuzz.inputs import NUMBERS, TEXTS, bad_input, fuzzed

CELLS = st.one_of(TEXTS, st.from_regex(r"R? ?[0-9 .,]{1,12}", fullmatch=True))
LINES = st.lists(st.lists(CELLS, max_size=20), max_size=4)
HEADERS = st.one_of(
    st.just(list(GOOD)),
    st.permutations(list(GOOD)),
    st.lists(st.one_of(st.sampled_from(list(GOOD)), TEXTS), max_size=20),
)


def as_csv(header: list[str], lines: list[list[str]], comma: str, quote: str) -> bytes:
    rows = (comma.join(f"{quote}{cell}{quote}" for cell in row) for row in [header, *lines])
    return "\n".join(rows).encode("utf-8", "surrogatepass")


CSV = st.one_of(
    st.binary(max_size=300),
    st.builds(as_csv, HEADERS, LINES, st.sampled_from(",;\t|"), st.sampled_from(["", '"'])),
)


@fuzzed(few=200, many=15_000)
@given(CSV)
def test_any_file_of_products_is_parsed(data):
    bad_input("files of products")
    parsed = parse(data)
    assert all(error.expected for error in parsed.errors)


@pytest.mark.django_db
@fuzzed(few=30, many=1_000)
@given(
    st.lists(
        st.builds(
            lambda wild: GOOD | wild, st.dictionaries(st.sampled_from(sorted(GOOD)), CELLS, max_size=4)
        ),
        max_size=3,
    )
)
def test_any_file_of_products_is_taken_or_refused(rows):
    bad_input("files of products, imported")
    data = as_csv(list(GOOD), [list(row.values()) for row in rows], ",", "")
    try:
        import_products(parse(data), actor=ms_naidoo())
    except Refused as refusal:
        assert refusal.reasons


@cache
def workbook() -> bytes:
    """A list as suppliers send it."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(TITLES.values()))
    sheet.append([FIBRE_5G[name] for name in TITLES])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


@cache
def parts() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(workbook())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def damaged(cuts: list[tuple[int, bytes]]) -> bytes:
    data = bytearray(workbook())
    for at, piece in cuts:
        at %= len(data)
        data[at : at + len(piece)] = piece
    return bytes(data)


def rewritten(name: str, at: int, piece: bytes) -> bytes:
    """The archive is whole, and one of the files in it is not."""
    inside = dict(parts())
    content = inside[name]
    at %= max(1, len(content))
    inside[name] = content[:at] + piece + content[at + len(piece) :]
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for each, held in inside.items():
            archive.writestr(each, held)
    return written.getvalue()


PIECES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([b"<!ENTITY a 'b'>", b"&a;", b"<c r=\"ZZZZ99999999\"><v>1e999</v></c>", b"</row>", b"<v>9</v>", b"\x00" * 9]),
)  # fmt: skip
WORKBOOKS = st.one_of(
    st.binary(max_size=200).map(lambda tail: b"PK\x03\x04" + tail),
    st.binary(max_size=200).map(lambda tail: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + tail),
    st.builds(damaged, st.lists(st.tuples(st.integers(0, 10**6), PIECES), min_size=1, max_size=4)),
    st.builds(rewritten, st.sampled_from(sorted(parts())), st.integers(0, 10**6), PIECES),
)


@fuzzed(few=60, many=4_000)
@given(WORKBOOKS)
def test_any_workbook_is_read_or_refused(data):
    bad_input("workbooks")
    try:
        for _name, rows in sheets(data):
            for _row in rows:
                pass
    except Refused as refusal:
        assert refusal.reasons


DEALS = st.dictionaries(
    st.sampled_from(sorted(TITLES)),
    st.one_of(st.text(st.characters(min_codepoint=32), max_size=15), NUMBERS),
    max_size=4,
)


@pytest.mark.django_db
@fuzzed(few=25, many=500)
@given(DEALS)
def test_any_deal_of_a_supplier_is_read_or_says_why_not(mtn, wild):
    bad_input("supplier price lists")
    book = openpyxl.Workbook()
    book.active.append(list(TITLES.values()))
    try:
        book.active.append([(FIBRE_5G | wild)[name] for name in TITLES])
    except (ValueError, openpyxl.utils.exceptions.IllegalCharacterError):
        return  # no spreadsheet holds this
    written = io.BytesIO()
    book.save(written)
    for deal in read_deals(
        written.getvalue(), mtn, vat_rate=Decimal("0.15"), markup=Decimal(0), found=Found()
    ):
        assert deal.reasons or deal.content


@pytest.fixture
def mtn(db):
    return list(ColumnMapping.objects.prefetch_related("columns"))
