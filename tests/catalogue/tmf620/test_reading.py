"""What is on sale, as TMF620 tells it: exact values, filters, pages and the cost of each."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine

from catalogue.models import ServicePackage, VatRate
from tests.catalogue.api.packages import SECRETS, package, skyfibre_home_lite
from tests.catalogue.tmf620.world import BASES, READABLE, V4, V5, small_catalogue

pytestmark = pytest.mark.django_db
ID = "6a1f5c1e-0f3c-4c55-9d8a-2f6f0a0c9b11"


def names(response):
    assert response.status_code in (200, 206), response.content
    return [item["name"] for item in response.json()]


@time_machine.travel("2026-11-02T08:00:00+02:00", tick=False)
def test_an_offering_whole_in_v4(client):
    skyfibre_home_lite()
    shown = client.get(f"{V4}/productOffering/{ID}").json()
    here = f"http://testserver{V4}"
    prices = shown.pop("productOfferingPrice")
    assert shown == {
        "id": ID,
        "href": f"{here}/productOffering/{ID}",
        "name": "SkyFibre Home Lite 50",
        "description": "",
        "version": "1",
        "lastUpdate": "2026-11-02T06:00:00Z",
        "lifecycleStatus": "Active",
        "isBundle": False,
        "isSellable": True,
        "validFor": {"startDateTime": "2026-09-30T22:00:00Z"},
        "category": [
            {
                "id": "consumer-skyfibre",
                "href": f"{here}/category/consumer-skyfibre",
                "name": "SkyFibre",
                "@type": "CategoryRef",
                "@referredType": "Category",
            }
        ],
        "marketSegment": [
            {
                "id": "consumer",
                "name": "Consumer",
                "@type": "MarketSegmentRef",
                "@referredType": "MarketSegment",
            }
        ],
        "productSpecification": {
            "id": ID,
            "href": f"{here}/productSpecification/{ID}",
            "name": "SkyFibre Home Lite 50",
            "version": "1",
            "@type": "ProductSpecificationRef",
            "@referredType": "ProductSpecification",
        },
        "productOfferingTerm": [
            {
                "name": "12 months",
                "duration": {"amount": 12, "units": "Month"},
                "@type": "ProductOfferingTerm",
            }
        ],
        "@type": "ProductOffering",
    }
    assert [(p["id"].removeprefix(f"{ID}-"), p["price"]["taxIncludedAmount"]["value"]) for p in prices] == [
        ("recurring", 899.0),
        ("discount", -100.0),
        ("installation", 230.0),
        ("hardware", 0.0),
    ]
    assert prices[0]["price"] == {
        "taxIncludedAmount": {"unit": "ZAR", "value": 899.0},
        "dutyFreeAmount": {"unit": "ZAR", "value": 781.74},
        "taxRate": 15.0,
        "taxCategory": "VAT",
        "@type": "Price",
    }


@time_machine.travel("2026-11-02T08:00:00+02:00", tick=False)
def test_a_price_whole_in_v5(client):
    skyfibre_home_lite()
    recurring = client.get(f"{V5}/productOfferingPrice/{ID}-recurring").json()
    discount = client.get(f"{V5}/productOfferingPrice/{ID}-discount").json()
    assert recurring == {
        "id": f"{ID}-recurring",
        "href": f"http://testserver{V5}/productOfferingPrice/{ID}-recurring",
        "name": "SkyFibre Home Lite 50: a month",
        "description": "In rand, VAT included.",
        "version": "1",
        "lastUpdate": "2026-11-02T06:00:00Z",
        "lifecycleStatus": "Active",
        "isBundle": False,
        "priceType": "recurring",
        "price": {"unit": "ZAR", "value": 899.0},
        "tax": [
            {
                "taxCategory": "VAT, included in the price",
                "taxRate": 15.0,
                "taxAmount": {"unit": "ZAR", "value": 117.26},
                "@type": "TaxItem",
            }
        ],
        "unitOfMeasure": {"amount": 1.0, "units": "each"},
        "validFor": {"startDateTime": "2026-09-30T22:00:00Z"},
        "recurringChargePeriodType": "month",
        "recurringChargePeriodLength": 1,
        "popRelationship": [
            {
                "id": f"{ID}-discount",
                "href": f"http://testserver{V5}/productOfferingPrice/{ID}-discount",
                "relationshipType": "discountedBy",
                "@type": "ProductOfferingPriceRelationship",
                "@referredType": "ProductOfferingPrice",
            }
        ],
        "@type": "ProductOfferingPrice",
    }
    assert discount["price"] == {"unit": "ZAR", "value": -100.0}
    # Offered until the end of 31 December in South Africa, and kept for three months.
    assert discount["validFor"] == {
        "startDateTime": "2026-09-30T22:00:00Z",
        "endDateTime": "2026-12-31T22:00:00Z",
    }
    assert discount["productOfferingTerm"][0]["duration"] == {"amount": 3, "units": "Month"}


def test_what_differs_between_the_versions(client):
    everything = small_catalogue()[0]
    v4, v5 = (client.get(f"{base}/productSpecification/{everything.pk}").json() for base in (V4, V5))
    speed4 = next(c for c in v4["productSpecCharacteristic"] if c["name"] == "downloadSpeed")
    speed5 = next(c for c in v5["productSpecCharacteristic"] if c["name"] == "downloadSpeed")
    assert speed4["productSpecCharacteristicValue"][0]["value"] == 50
    assert speed5["characteristicValueSpecification"] == [
        {
            "isDefault": True,
            "valueType": "integer",
            "value": 50,
            "unitOfMeasure": "Mbit/s",
            "@type": "IntegerCharacteristicValueSpecification",
        }
    ]
    assert "category" in v5
    assert "category" not in v4
    category4, category5 = (client.get(f"{base}/category/consumer-skyfibre").json() for base in (V4, V5))
    assert category4["parentId"] == category5["parent"]["id"] == "consumer"
    assert client.get(f"{V4}/productCatalog").status_code == client.get(f"{V5}/catalog").status_code == 404
    assert client.get(f"/tmf-api{V5}/productCatalog").json()[0]["id"] == "circletel"


def test_only_what_is_on_sale_and_nothing_internal(client):
    small_catalogue()
    package("LATER", name="Later", valid_from=datetime(2091, 1, 1, tzinfo=UTC))
    package("OVER", name="Over", valid_to=datetime(2021, 1, 1, tzinfo=UTC))
    assert names(client.get(f"{V4}/productOffering")) == [
        "Biz Mobile, 5G",
        "Home Fibre 100",
        "SkyFibre Home Lite 50",
    ]
    gone = ServicePackage.objects.get(sku="GONE")
    for version, kinds in READABLE.items():
        for kind in kinds:
            answer = client.get(f"{BASES[version]}/{kind}").content.decode()
            assert not [secret for secret in SECRETS if secret in answer.lower()]
            assert str(gone.pk) not in answer
        assert client.get(f"{BASES[version]}/productOffering/{gone.pk}").status_code == 404
        assert client.get(f"{BASES[version]}/productOfferingPrice/{gone.pk}-recurring").status_code == 404


def test_categories_stand_in_their_segments(client):
    small_catalogue()
    shown = client.get(f"{V4}/category").json()
    assert [(c["id"], c["isRoot"], c.get("parentId")) for c in shown] == [
        ("consumer", True, None),
        ("consumer-homefibre", False, "consumer"),
        ("consumer-skyfibre", False, "consumer"),
        ("business", True, None),
        (next(c["id"] for c in shown if c["name"] == "Mobile Data"), False, "business"),
    ]
    assert [sub["name"] for sub in shown[0]["subCategory"]] == ["HomeFibre", "SkyFibre"]
    catalog = client.get(f"{V4}/catalog/circletel").json()
    assert [root["id"] for root in catalog["category"]] == ["consumer", "business"]
    mobile = shown[4]["id"]
    assert names(client.get(f"{V4}/productOffering", {"category.id": mobile})) == ["Biz Mobile, 5G"]
    assert len(names(client.get(f"{V4}/productOffering", {"category.id.ne": mobile}))) == 2


BIZ, HOME, SKY = "Biz Mobile, 5G", "Home Fibre 100", "SkyFibre Home Lite 50"
AMOUNT = "productOfferingPrice.price.taxIncludedAmount.value"
QUERIES = {
    "productOffering": [
        (f"name={HOME}", [HOME]),
        (f"name={BIZ}", [BIZ]),
        (f'name="{BIZ}",{HOME}', [BIZ, HOME]),
        (f"name={HOME}&name={SKY}", [HOME, SKY]),
        (f"name.ne={HOME}", [BIZ, SKY]),
        ("name.regex=^Home.*100$", [HOME]),
        ("name.regex=5", [BIZ, SKY]),
        ("name.gt=Home Fibre 100", [SKY]),
        ("productOfferingTerm.duration.amount.gt=12", [BIZ]),
        ("productOfferingTerm.duration.amount>=24", [BIZ]),
        ("productOfferingTerm.duration.amount<24", [HOME, SKY]),
        ("productOfferingTerm.duration.amount=24,12", [BIZ, HOME, SKY]),
        (f"{AMOUNT}.gt=1000", [BIZ]),
        (f"{AMOUNT}=799", [HOME]),
        (f"sort=-{AMOUNT}", [BIZ, SKY, HOME]),
        ("marketSegment.id=business,consumer", [BIZ, HOME, SKY]),
        ("category.name=HomeFibre", [HOME]),
        (f"productSpecification.name={HOME}", [HOME]),
        ("isSellable=true", [BIZ, HOME, SKY]),
        ("isSellable=false", []),
        ("isBundle=false", [BIZ, HOME, SKY]),
        ("lifecycleStatus=Active", [BIZ, HOME, SKY]),
        ("lifecycleStatus=Retired", []),
        ("validFor.endDateTime.gt=2080-01-01T00:00:00Z", [BIZ]),
        ("validFor.startDateTime.lt=2020-01-01T02:00:01%2B02:00", [BIZ, HOME, SKY]),
        ("validFor.startDateTime=2020-01-01T02:00:00%2B02:00", [BIZ, HOME, SKY]),
        (f"name={HOME}&marketSegment.id=business", []),
        ("sort=-name", [SKY, HOME, BIZ]),
        ("sort=productOfferingTerm.duration.amount,-name", [SKY, HOME, BIZ]),
        ("sort=validFor.endDateTime", [BIZ, HOME, SKY]),
        ("sort=-validFor.endDateTime", [BIZ, HOME, SKY]),
        ("id=nobody", []),
    ],
    "productSpecification": [
        ("productNumber=BIZ-MOBILE", [BIZ]),
        ("brand.ne=SkyFibre", [BIZ, HOME]),
        ("sort=-productNumber", [SKY, HOME, BIZ]),
    ],
    "productOfferingPrice": [
        ("priceType=oneTime", [f"{BIZ}: ZTE MC801A", f"{SKY}: installation", f"{SKY}: Reyee RG-EW1300G"]),
        ("price.value.gt=799", [f"{BIZ}: a month", f"{BIZ}: ZTE MC801A", f"{SKY}: a month"]),
        ("price.value>799", [f"{BIZ}: a month", f"{BIZ}: ZTE MC801A", f"{SKY}: a month"]),
        ("price.value.lt=0", [f"{SKY}: discount a month"]),
        ("price.value=0.00", [f"{SKY}: Reyee RG-EW1300G"]),
        ("priceType=recurring&price.value.lte=899", [f"{HOME}: a month", f"{SKY}: a month"]),
        (
            "recurringChargePeriodType=month",
            [f"{BIZ}: a month", f"{HOME}: a month", f"{SKY}: a month", f"{SKY}: discount a month"],
        ),
        (
            "sort=-price.value",
            [
                f"{BIZ}: ZTE MC801A",
                f"{BIZ}: a month",
                f"{SKY}: a month",
                f"{HOME}: a month",
                f"{SKY}: installation",
                f"{SKY}: Reyee RG-EW1300G",
                f"{SKY}: discount a month",
            ],
        ),
        ("name.regex=ZTE", [f"{BIZ}: ZTE MC801A"]),
        ("offset=1&limit=2&priceType=oneTime", [f"{SKY}: installation", f"{SKY}: Reyee RG-EW1300G"]),
    ],
}


@pytest.mark.parametrize("version", ["v4", "v5"])
@pytest.mark.parametrize(
    ("name", "asked", "expected"), [(name, *each) for name, all in QUERIES.items() for each in all]
)
def test_what_is_asked_for_is_found(client, version, name, asked, expected):
    small_catalogue()
    assert names(client.get(f"{BASES[version]}/{name}?{asked}")) == expected


@pytest.mark.parametrize("version", ["v4", "v5"])
@pytest.mark.parametrize("name", QUERIES)
def test_every_resource_is_found_by_what_it_shows(client, version, name):
    small_catalogue()
    for shown in client.get(f"{BASES[version]}/{name}").json():
        for attribute in ("id", "href", "lastUpdate", "version", "@type"):
            assert shown in client.get(f"{BASES[version]}/{name}", {attribute: shown[attribute]}).json()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("colour=red", "colour cannot be filtered"),
        ("name.regex=(a%2B)%2B", "needs a backslash"),
        ("name.regex=.*.*.*.*", "at most 3"),
        ("isBundle=perhaps", "isBundle expects true or false"),
        ("lastUpdate.gt=yesterday", "lastUpdate expects an instant"),
        ("productOfferingTerm.duration.amount.gt=NaN", "expects a number"),
        ("lastUpdate.gt=0001-01-01T00:00:00%2B10:00", "lastUpdate expects an instant"),
        ("productOfferingTerm.duration.amount=1e999", "expects a number"),
        ("limit=-1", "limit expects a whole number"),
        ("offset=1e3", "offset expects a whole number"),
        ("sort=colour", "colour cannot be filtered or sorted"),
        ("fields=na%20me", "fields: 'na me'"),
        ("name=%00", "NUL"),
        ("isBundle.regex=true", "needs an attribute that holds text"),
    ],
)
def test_what_is_not_understood_is_named(client, query, says):
    response = client.get(f"{V4}/productOffering?{query}")
    assert response.status_code == 400
    body = response.json()
    assert says in body["reason"]
    assert (body["status"], body["message"], body["code"]) == ("400", "Bad Request", "invalidQuery")


def test_pages(client):
    for number in range(5):
        package(f"P-{number}", name=f"Package {number}")
    whole = client.get(f"{V4}/productOffering")
    assert (whole.status_code, whole["X-Total-Count"], whole["X-Result-Count"]) == (200, "5", "5")
    assert "Link" not in whole
    first = client.get(f"{V4}/productOffering", {"limit": 2, "name.ne": "nobody"})
    assert (first.status_code, first["X-Total-Count"], first["X-Result-Count"]) == (206, "5", "2")
    here = f"http://testserver{V4}/productOffering?name.ne=nobody"
    assert first["Link"] == (
        f'<{here}&offset=0&limit=2>; rel="self", <{here}&offset=0&limit=2>; rel="first", '
        f'<{here}&offset=4&limit=2>; rel="last", <{here}&offset=2&limit=2>; rel="next"'
    )
    last = client.get(f"{V4}/productOffering", {"limit": 2, "offset": 4})
    assert (last.status_code, names(last)) == (200, ["Package 4"])
    assert 'rel="prev"' in last["Link"]
    assert 'rel="next"' not in last["Link"]
    beyond = client.get(f"{V4}/productOffering", {"offset": 9})
    assert (beyond.status_code, beyond.json(), beyond["X-Total-Count"]) == (200, [], "5")
    exact = client.get(f"{V4}/productOffering", {"limit": 5})
    assert exact.status_code == 200
    seen = [
        name
        for offset in range(0, 5, 2)
        for name in names(client.get(f"{V4}/productOffering", {"limit": 2, "offset": offset}))
    ]
    assert seen == [f"Package {number}" for number in range(5)]


def test_fields(client):
    skyfibre_home_lite(valid_from=datetime(2020, 1, 1, tzinfo=UTC))
    shown = client.get(f"{V4}/productOffering/{ID}", {"fields": "name,productOfferingTerm.duration"}).json()
    assert shown == {
        "id": ID,
        "href": f"http://testserver{V4}/productOffering/{ID}",
        "name": "SkyFibre Home Lite 50",
        "productOfferingTerm": [
            {"duration": {"amount": 12, "units": "Month"}, "@type": "ProductOfferingTerm"}
        ],
    }
    assert set(client.get(f"{V4}/productOffering", {"fields": "none"}).json()[0]) == {"id", "href"}
    assert set(client.get(f"{V5}/productOffering", {"fields": "none"}).json()[0]) == {"id", "href", "@type"}


@pytest.mark.parametrize(
    ("name", "queries"),
    [
        # Each with the one for the epoch. What shows VAT asks for its rate.
        ("catalog", 2),
        ("category", 2),
        ("productOffering", 3),
        ("productOfferingPrice", 3),
        ("productSpecification", 2),
    ],
)
def test_queries_do_not_grow_with_the_page(client, django_assert_num_queries, name, queries):
    for number in range(6):
        package(f"P-{number}", service_type=f"Type {number}", installation_fee=Decimal("1.00"))
    for limit in (1, 12):
        with django_assert_num_queries(queries):
            assert client.get(f"{V4}/{name}", {"limit": limit}).status_code in (200, 206)


def test_texts_come_as_they_were_written(client, settings):
    package("ODD", name='"href":"\u0001 \\u0001 {root}', description="Zoë’s\n")
    settings.TMF620_PUBLIC_URL = 'https://other.example/"x'
    for base in BASES.values():
        [shown] = client.get(f"{base}/productOffering").json()
        assert shown["name"] == '"href":"\u0001 \\u0001 {root}'
        assert shown["description"] == "Zoë’s\n"
        assert shown["href"].startswith(f'https://other.example/"x{base}/')


def test_no_vat_rate_is_said(client):
    package()
    VatRate.objects.all().delete()
    response = client.get(f"{V4}/productOffering")
    assert response.status_code == 503
    assert response.json()["status"] == "503"
    assert client.get(f"{V5}/productSpecification").status_code == 200


def test_addresses_come_from_the_setting(client, settings):
    settings.TMF620_PUBLIC_URL = "https://catalogue.circletel.co.za/"
    item = package()
    shown = client.get(f"{V5}/productOffering").json()[0]
    assert shown["href"] == f"https://catalogue.circletel.co.za{V5}/productOffering/{item.pk}"


@pytest.mark.parametrize("version", ["v4", "v5"])
def test_a_bundle_lists_its_components(client, version):
    part, *_others = small_catalogue()
    entry = {"package": str(part.pk), "sku": part.sku, "name": part.name, "quantity": 2, "price": "899.00"}
    bundle = package("BUNDLE", name="Home and Voice", components=[entry])
    base = BASES[version]
    answer = client.get(f"{base}/productOffering/{bundle.pk}")

    assert answer.json()["isBundle"] is True
    assert answer.json()["bundledProductOffering"] == [
        {
            "id": str(part.pk),
            "href": f"http://testserver{base}/productOffering/{part.pk}",
            "name": part.name,
            "bundledProductOfferingOption": {
                "numberRelOfferDefault": 2,
                "numberRelOfferLowerLimit": 2,
                "numberRelOfferUpperLimit": 2,
                "@type": "BundledProductOfferingOption",
            },
            "@type": "BundledProductOffering",
            "@referredType": "ProductOffering",
        }
    ]
    single = client.get(f"{base}/productOffering/{part.pk}").json()
    assert single["isBundle"] is False
    assert "bundledProductOffering" not in single
    for wanted, expected in (("true", ["Home and Voice"]), ("false", 3)):
        found = [one["name"] for one in client.get(f"{base}/productOffering", {"isBundle": wanted}).json()]
        assert (found if wanted == "true" else len(found)) == expected
