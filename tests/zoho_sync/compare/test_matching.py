"""Who belongs to whom in a list of Zoho's, without a database, and without holding the list in memory."""

import tracemalloc
from contextlib import closing

import pytest

from zoho_sync.compare.listing import Listing, TooManyVanished, pairs
from zoho_sync.compare.records import Expected, Remote, shelf_of
from zoho_sync.models import Kind, SyncStatus

CRM, PRODUCTS = shelf_of(Kind.CRM_PRODUCT), shelf_of(Kind.BILLING_PRODUCT)


@pytest.fixture
def listing():
    with closing(Listing()) as made:
        yield made


def expected(key, remote_id="", kind=Kind.CRM_PRODUCT, *, payload=None, **values):
    payload = payload or {"Product_Active": True}
    return Expected(kind.value, key, f"package {key}", payload, "hash", remote_id=remote_id, **values)


def matched(listing, shelf=CRM, most_missing=10):
    """(key of ours, id of theirs, id of another one that bears the key), and the ids that are nobody's."""
    found = [
        (pair.expected.key, pair.remote and pair.remote.id, pair.key_holder and pair.key_holder.id)
        for pair in pairs(listing, shelf, most_missing=most_missing)
    ]
    return found, [each.id for each in listing.not_taken(shelf)]


def test_the_stored_id_says_more_than_the_key(listing):
    for each in (expected("A", "1"), expected("B", "2"), expected("C"), expected("D", "9")):
        listing.expect(CRM, each)
    listing.add(
        CRM, [Remote("1", "B"), Remote("2", "typo"), Remote("3", "C"), Remote("4", "C"), Remote("5", "")]
    )

    assert matched(listing) == (
        # B's own record lost its key, and A's bears it now. Of two with one key the first is taken.
        [("C", "3", None), ("A", "1", None), ("B", "2", "1"), ("D", None, None)],
        ["5", "4"],
    )


def test_a_record_that_a_shifting_list_told_twice_is_one(listing):
    listing.add(CRM, [Remote("1", "A", {"Product_Name": "old"}), Remote("1", "A", {"Product_Name": "new"})])

    assert listing.counts(CRM) == (0, 1)
    assert [each.name for each in listing.with_key(CRM, " a ")] == ["new"]


def test_billing_is_taken_at_its_word_and_crm_compares_without_regard_to_case(listing):
    listing.add(CRM, [Remote("1", "Key")])
    listing.add(PRODUCTS, [Remote("1", "Key")])

    assert [len(listing.with_key(shelf, "KEY")) for shelf in (CRM, PRODUCTS)] == [1, 0]


@pytest.mark.parametrize("hostile", ["\ud800", "\0", "ß", "'; --", "x" * 5000])
def test_any_text_is_kept(listing, hostile):
    listing.add(CRM, [Remote(hostile, hostile, {"Product_Name": hostile, "Product_Code": hostile})])

    [found] = listing.with_key(CRM, hostile)
    assert listing.with_id(CRM, hostile) == found
    assert found.values == {"Product_Name": hostile, "Product_Code": hostile}


def test_packages_of_one_line_stand_for_one_product_and_it_retires_with_the_last(listing):
    pending = {"status": SyncStatus.PENDING}
    for each in (
        expected("line", "", Kind.BILLING_PRODUCT, retired=True, **pending),
        expected("line", "7", Kind.BILLING_PRODUCT, retired=True),
        expected("line", "7", Kind.BILLING_PRODUCT, retired=False, **pending),
    ):
        listing.expect(PRODUCTS, each)

    [pair] = pairs(listing, PRODUCTS, most_missing=9)

    assert (pair.expected.remote_id, pair.expected.is_owed, pair.expected.retired) == ("7", False, False)
    assert listing.counts(PRODUCTS) == (3, 0)


def test_what_is_switched_off_or_was_never_there_may_be_missing(listing):
    inactive = {"Product_Active": False}
    for number in range(5):
        listing.expect(CRM, expected(f"off {number}", "1", payload=inactive))
        listing.expect(CRM, expected(f"new {number}"))
    listing.expect(CRM, expected("gone 1", "1"))
    assert len(matched(listing, most_missing=1)[0]) == 11

    listing.expect(CRM, expected("gone 2", "1"))
    with pytest.raises(TooManyVanished):
        matched(listing, most_missing=1)


def test_memory_does_not_grow_with_the_list():
    def peak(records):
        tracemalloc.start()
        with closing(Listing()) as listing:
            for number in range(records):
                listing.expect(CRM, expected(f"{number}", f"{number}"))
            listing.add(
                CRM, (Remote(f"{number}", f"{number}", {"text": "x" * 500}) for number in range(records))
            )
            assert sum(1 for _pair in pairs(listing, CRM, most_missing=0)) == records
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(100)  # what is read or made once
    assert peak(4000) < 2 * peak(400)
