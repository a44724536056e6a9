import re

import pytest

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}")


def plan(product_id, **values):
    return {
        "plan_code": "home-100-12m",
        "name": "Home Fibre 100",
        "recurring_price": 799.0,
        "interval": 1,
        "product_id": product_id,
        **values,
    }


def addon(product_id, **values):
    return {
        "addon_code": "install",
        "name": "Installation",
        "unit_name": "installation",
        "price_brackets": [{"price": 1500}],
        "type": "one_time",
        "product_id": product_id,
        **values,
    }


def refused(answer, code, status=400):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()["message"]


def test_a_plan_is_created_read_and_listed(zoho):
    product_id = zoho.billing_product()

    created = zoho.billing("POST", "/plans", json=plan(product_id))

    assert created.status_code == 201
    assert (created.json()["code"], created.json()["message"]) == (0, "The plan has been created.")
    told = created.json()["plan"]
    assert told["recurring_price"] == 799.0
    assert (told["status"], told["billing_cycles"], told["interval_unit"]) == ("active", -1, "months")
    assert (told["description"], told["tax_id"], told["custom_fields"]) == ("", "", [])
    assert TIMESTAMP.fullmatch(told["created_time"])
    assert zoho.billing("GET", "/plans/home-100-12m").json()["plan"] == told
    row = zoho.billing("GET", "/plans").json()["plans"][0]
    assert row["plan_code"] == "home-100-12m"
    assert "custom_fields" not in row
    assert "url" not in row


@pytest.mark.parametrize("missing", ["plan_code", "name", "recurring_price", "interval"])
def test_changing_a_plan_needs_four_things_each_time(zoho, missing):
    product_id = zoho.billing_product()
    zoho.billing("POST", "/plans", json=plan(product_id))
    body = plan(product_id, recurring_price=899.0)
    del body[missing]

    answer = zoho.billing("PUT", "/plans/home-100-12m", json=body)

    assert refused(answer, 2) == f"Invalid value passed for {missing}"
    assert zoho.billing("GET", "/plans/home-100-12m").json()["plan"]["recurring_price"] == 799.0


def test_a_full_body_changes_the_price_and_keeps_what_it_leaves_out(zoho):
    product_id = zoho.billing_product()
    zoho.billing("POST", "/plans", json=plan(product_id, description="Fast"))

    body = plan(product_id, recurring_price=899.5, status="inactive", currency_code="USD")
    changed = zoho.billing("PUT", "/plans/home-100-12m", json=body)

    assert (changed.status_code, changed.json()["message"]) == (200, "The plan details has been updated.")
    told = changed.json()["plan"]
    assert (told["recurring_price"], told["description"], told["status"]) == (899.5, "Fast", "active")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"billing_cycles": 0}, 2),
        ({"interval": 0}, 2),
        ({"interval_unit": "weeks"}, 2),
        ({"recurring_price": "799"}, 2),
        ({"recurring_price": -1}, 2),
        ({"recurring_price": None}, 2),
        ({"description": None}, 2),
        ({"custom_fields": [{"label": "Speed", "value": None}]}, 2),
        ({"plan_code": "home 100"}, 2),
        ({"plan_code": "x" * 100}, 15),
        ({"name": "x" * 100}, 15),
        ({"description": "x" * 2001}, 15),
        ({"tax_id": "1"}, 2),
        ({"product_id": "1"}, 4),
        ({"custom_fields": [{"label": "Speed", "value": "100"}]}, 120129),
    ],
)
def test_a_plan_with_something_wrong_is_not_created(zoho, wrong, code):
    refused(zoho.billing("POST", "/plans", json={**plan(zoho.billing_product()), **wrong}), code)

    assert zoho.records("billing_plans") == []


def test_a_plan_needs_a_product(zoho):
    body = plan("")
    del body["product_id"]

    assert refused(zoho.billing("POST", "/plans", json=body), 4) == "Invalid value passed for product_id"


def test_custom_fields_have_to_be_defined_first(zoho):
    zoho.set(billing_custom_fields={"plan": ["Speed"]})

    body = plan(zoho.billing_product(), custom_fields=[{"label": "Speed", "value": "100"}])
    told = zoho.billing("POST", "/plans", json=body).json()["plan"]

    assert [(each["label"], each["value"], each["placeholder"]) for each in told["custom_fields"]] == [
        ("Speed", "100", "cf_speed")
    ]


def test_plans_are_switched_by_calls_of_their_own(zoho):
    zoho.billing("POST", "/plans", json=plan(zoho.billing_product()))

    off = zoho.billing("POST", "/plans/home-100-12m/markasinactive")

    assert off.json() == {"code": 0, "message": "The plan has been marked as inactive."}
    active = zoho.billing("GET", "/plans", params={"filter_by": "PlanStatus.ACTIVE"})
    assert active.json()["plans"] == []
    zoho.billing("POST", "/plans/home-100-12m/markasactive")
    assert zoho.billing("GET", "/plans/home-100-12m").json()["plan"]["status"] == "active"


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [
        ("/products/584321000000999999", 2006, 400),
        ("/plans/nope", 101002, 400),
        ("/addons/nope", 102001, 400),
        ("/nonsense", 5, 404),
    ],
)
def test_not_found_has_many_faces(zoho, path, code, status):
    refused(zoho.billing("GET", path), code, status)


def test_a_plan_is_not_found_by_its_id(zoho):
    plan_id = zoho.billing("POST", "/plans", json=plan(zoho.billing_product())).json()["plan"]["plan_id"]

    refused(zoho.billing("GET", f"/plans/{plan_id}"), 101002)


def test_keys_cannot_be_taken_twice(zoho):
    product_id = zoho.billing_product("Fibre")
    zoho.billing("POST", "/plans", json=plan(product_id))
    zoho.billing("POST", "/addons", json=addon(product_id))

    again = [
        zoho.billing("POST", "/products", json={"name": "fibre"}),
        zoho.billing("POST", "/plans", json=plan(product_id, name="Other")),
        zoho.billing("POST", "/addons", json=addon(product_id, name="Other")),
    ]

    for answer in again:
        assert answer.status_code == 400
        assert "already exists" in answer.json()["message"]
    counts = zoho.control("GET", "/state")["counts"]
    assert [counts[f"billing_{kind}"] for kind in ("products", "plans", "addons")] == [1, 1, 1]


def test_a_one_time_addon_has_no_interval_and_a_recurring_one_does(zoho):
    product_id = zoho.billing_product()

    once = zoho.billing("POST", "/addons", json=addon(product_id)).json()["addon"]
    monthly = zoho.billing(
        "POST", "/addons", json=addon(product_id, addon_code="ip", type="recurring", interval_unit="monthly")
    ).json()["addon"]

    assert once["price_brackets"] == [{"price": 1500}]
    assert (once["pricing_scheme"], once["applicable_to_all_plans"]) == ("unit", True)
    assert "interval_unit" not in once
    assert monthly["interval_unit"] == "monthly"
    one_time = zoho.billing("GET", "/addons", params={"filter_by": "AddonStatus.ONETIME"}).json()["addons"]
    assert [each["addon_code"] for each in one_time] == ["install"]


@pytest.mark.parametrize("missing", ["addon_code", "name", "unit_name", "price_brackets"])
def test_an_addon_needs_its_parts_each_time(zoho, missing):
    product_id = zoho.billing_product()
    zoho.billing("POST", "/addons", json=addon(product_id))
    body = addon(product_id)
    del body[missing]

    assert (
        refused(zoho.billing("PUT", "/addons/install", json=body), 2) == f"Invalid value passed for {missing}"
    )


def test_an_addon_for_some_plans_names_them(zoho):
    product_id = zoho.billing_product()
    zoho.billing("POST", "/plans", json=plan(product_id))

    nameless = zoho.billing("POST", "/addons", json=addon(product_id, applicable_to_all_plans=False))
    unknown = [{"plan_code": "nope"}]
    wrong = zoho.billing(
        "POST", "/addons", json=addon(product_id, applicable_to_all_plans=False, plans=unknown)
    )
    named = [{"plan_code": "home-100-12m"}]
    right = zoho.billing(
        "POST", "/addons", json=addon(product_id, applicable_to_all_plans=False, plans=named)
    )

    refused(nameless, 2)
    refused(wrong, 101002)
    assert right.json()["addon"]["plans"] == [{"plan_code": "home-100-12m", "name": "Home Fibre 100"}]


def test_a_product_with_plans_cannot_be_deleted(zoho):
    product_id = zoho.billing_product()
    zoho.billing("POST", "/plans", json=plan(product_id))

    assert zoho.billing("DELETE", f"/products/{product_id}").status_code == 400
    assert zoho.billing("DELETE", "/plans/home-100-12m").json() == {
        "code": 0,
        "message": "The plan has been deleted.",
    }
    assert zoho.billing("DELETE", f"/products/{product_id}").status_code == 200


def test_pages_have_200_rows_at_most_and_say_whether_more_follow(zoho):
    for number in range(205):
        zoho.billing_product(f"P{number:03}")

    first = zoho.billing("GET", "/products", params={"per_page": 500}).json()
    second = zoho.billing("GET", "/products", params={"page": 2}).json()

    assert len(first["products"]) == 200
    assert first["products"][0]["name"] == "P000"
    assert first["page_context"]["per_page"] == 200
    assert first["page_context"]["has_more_page"] is True
    assert [each["name"] for each in second["products"]] == [f"P{n}" for n in range(200, 205)]
    assert second["page_context"] == {
        "page": 2,
        "per_page": 200,
        "has_more_page": False,
        "applied_filter": "ProductStatus.All",
        "sort_column": "created_time",
        "sort_order": "A",
    }


def test_a_blank_filter_filters_nothing_and_a_malformed_one_is_refused(zoho):
    product_id = zoho.billing_product()
    for code in ("a", "b"):
        zoho.billing("POST", "/plans", json=plan(product_id, plan_code=code))

    assert len(zoho.billing("GET", "/plans", params={"plan_code": ""}).json()["plans"]) == 2
    assert len(zoho.billing("GET", "/plans", params={"plan_code": "a"}).json()["plans"]) == 1
    refused(zoho.billing("GET", "/plans", params={"plan_code": "a b"}), 2)
    refused(zoho.billing("GET", "/plans", params={"filter_by": "PlanStatus.Asleep"}), 2)


def test_the_organisation_header_is_needed_and_has_to_be_right(zoho):
    header = "X-com-zoho-subscriptions-organizationid"
    missing = zoho.http.get("/billing/v1/plans", headers={"Authorization": f"Zoho-oauthtoken {zoho.token}"})

    refused(missing, 2)
    refused(zoho.billing("GET", "/plans", headers={header: "777"}), 6041)


def test_the_organisation_and_its_taxes(zoho):
    organisation = zoho.billing("GET", "/organizations").json()["organizations"][0]
    taxes = zoho.billing("GET", "/settings/taxes").json()["taxes"]

    assert (organisation["organization_id"], organisation["currency_code"]) == ("10000001", "ZAR")
    assert organisation["is_sales_inclusive_tax_enabled"] is True
    assert [(tax["tax_name"], tax["tax_percentage"]) for tax in taxes] == [
        ("Standard Rate", 15),
        ("Zero Rate", 0),
    ]
    body = plan(zoho.billing_product(), tax_id=taxes[0]["tax_id"])
    assert zoho.billing("POST", "/plans", json=body).json()["plan"]["tax_name"] == "Standard Rate"
