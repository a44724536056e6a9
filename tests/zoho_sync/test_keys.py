from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoho_sync.keys import HARDWARE_SUFFIX, INSTALLATION_SUFFIX, line_key, package_key, package_name


def package(sku="FIBRE-100", segment="consumer", provider="DFA", **values):
    values = {
        "name": "Home Fibre 100",
        "contract_months": 12,
        "hardware_model": "",
        "service_type": "Fibre",
    } | values
    return SimpleNamespace(
        sku=sku,
        market_segment=segment,
        provider=provider,
        business_key=(sku, segment, provider),
        get_market_segment_display=lambda: segment.title(),
        **values,
    )


def test_the_key_is_the_whole_business_key():
    assert package_key(package()) == "FIBRE-100_consumer_DFA"
    assert package_key(package(segment="business")) == "FIBRE-100_business_DFA"
    assert package_key(package(provider="MTN")) == "FIBRE-100_consumer_MTN"


@pytest.mark.parametrize("other", ["A.B", "A-B", "A/B", "A_B", "A__B"])
def test_what_zoho_does_not_allow_in_codes_is_replaced_and_still_told_apart(other):
    keys = {package_key(package(sku=sku)) for sku in ("A.B", "A-B", "A/B", "A_B", "A__B")}

    assert len(keys) == 5
    assert package_key(package(sku=other)).startswith("A-B_consumer_DFA")


texts = st.text(min_size=1, max_size=70)


@given(sku=texts, provider=texts)
def test_any_key_and_its_one_time_codes_are_codes_that_zoho_takes(sku, provider):
    key = package_key(package(sku=sku, provider=provider))

    for code in (key, key + INSTALLATION_SUFFIX, key + HARDWARE_SUFFIX):
        assert 0 < len(code) < 100
        assert all(character.isascii() and (character.isalnum() or character in "-_") for character in code)


@given(first=st.tuples(texts, texts), second=st.tuples(texts, texts))
def test_different_business_keys_have_different_keys(first, second):
    keys = {package_key(package(sku=sku, provider=provider)) for sku, provider in (first, second)}

    assert len(keys) == len({first, second})


def test_a_name_is_spelled_out_where_it_fits_and_marked_where_it_was_cut():
    router = package(hardware_model="Reyee RG-EW1300G", contract_months=1)

    assert package_name(router, 99) == "Home Fibre 100, 1 month, Reyee RG-EW1300G (consumer, DFA)"
    assert package_name(router, 50) == "Home Fibre 100 1m Reyee RG-EW1300G #15cd"
    assert package_name(router, 30) == "Home Fibre 1… 1m Reyee… #15cd"


@given(name=texts, device=st.text(max_size=130), longest=st.sampled_from([30, 50, 99]))
def test_no_name_is_longer_than_zoho_allows(name, device, longest):
    assert len(package_name(package(name=name, hardware_model=device), longest)) <= longest


def test_packages_that_differ_in_segment_or_provider_only_have_different_names():
    names = {
        package_name(package(segment=s, provider=p), 50)
        for s in ("consumer", "business")
        for p in ("DFA", "MTN")
    }

    assert len(names) == 4


def test_a_line_is_service_type_provider_and_segment():
    assert line_key(package()) == "Fibre - DFA - Consumer"


def test_long_lines_are_cut_to_what_zoho_allows_and_still_told_apart():
    lines = {line_key(package(service_type="S" * 60, provider="P" * 59 + last)) for last in "AB"}

    assert {len(line) for line in lines} == {99}
    assert len(lines) == 2
