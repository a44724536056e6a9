import pytest


def product(**values):
    return {"Product_Name": "Home Fibre 100", **values}


def test_without_a_list_of_fields_the_name_is_matched_first(zoho):
    key = zoho.unique_field()
    first = zoho.upsert(product(**{key: "k1"})).json()["data"][0]

    second = zoho.upsert(product(**{key: "k2"})).json()["data"][0]

    assert (first["action"], first["duplicate_field"], first["message"]) == ("insert", None, "record added")
    assert (second["action"], second["duplicate_field"]) == ("update", "Product_Name")
    assert second["details"]["id"] == first["details"]["id"]
    assert zoho.records("crm_products")[0][key] == "k2"


def test_with_a_list_equal_names_stay_apart_and_a_rename_is_an_update(zoho):
    key = zoho.unique_field()
    both = zoho.upsert(product(**{key: "k1"}), product(**{key: "k2"}), duplicate_check_fields=[key])

    renamed = zoho.upsert({"Product_Name": "Home Fibre 101", key: "K1"}, duplicate_check_fields=[key])

    assert [each["action"] for each in both.json()["data"]] == ["insert", "insert"]
    assert renamed.json()["data"][0]["action"] == "update"
    assert renamed.json()["data"][0]["duplicate_field"] == key
    names = [each["Product_Name"] for each in zoho.records("crm_products")]
    assert names == ["Home Fibre 101", "Home Fibre 100"]


def test_unlisted_unique_fields_are_matched_after_the_listed(zoho):
    one, two = zoho.unique_field("Key One"), zoho.unique_field("Key Two")
    zoho.upsert(product(**{one: "a", two: "b"}))

    answer = zoho.upsert({"Product_Name": "Other", two: "b"}, duplicate_check_fields=[one])

    assert answer.json()["data"][0]["duplicate_field"] == two


def test_the_same_key_twice_in_one_request_inserts_and_then_updates(zoho):
    key = zoho.unique_field()

    answer = zoho.upsert(
        product(**{key: "k"}), product(Unit_Price=5, **{key: "k"}), duplicate_check_fields=[key]
    )

    assert [each["action"] for each in answer.json()["data"]] == ["insert", "update"]
    assert [each["Unit_Price"] for each in zoho.records("crm_products")] == [5]


def test_only_the_system_field_and_unique_fields_may_be_listed(zoho):
    answer = zoho.upsert(product(Product_Code="c"), duplicate_check_fields=["Product_Code"])

    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_DATA"
    assert answer.json()["details"]["json_path"] == "$.duplicate_check_fields[0]"
    assert zoho.records("crm_products") == []


def test_each_record_has_its_own_result_and_a_mixture_is_207(zoho):
    answer = zoho.upsert(product(), {"Product_Name": "x" * 51}, {"Unit_Price": 9}, product(Unit_Price="9"))

    assert answer.status_code == 207
    good, too_long, nameless, mistyped = answer.json()["data"]
    assert good["status"] == "success"
    assert too_long == {
        "code": "INVALID_DATA",
        "details": {"maximum_length": 50, "api_name": "Product_Name", "json_path": "$.data[1].Product_Name"},
        "message": "invalid data",
        "status": "error",
    }
    assert nameless["code"] == "MANDATORY_NOT_FOUND"
    assert nameless["details"] == {"api_name": "Product_Name", "json_path": "$.data[2].Product_Name"}
    assert mistyped["details"]["expected_data_type"] == "double"
    assert len(zoho.records("crm_products")) == 1


def test_all_bad_is_400_with_the_same_list_and_inserted_is_201(zoho):
    bad = zoho.upsert({"Product_Name": "x" * 51})
    inserted = zoho.crm("POST", "/Products", json={"data": [product()]})

    assert (bad.status_code, bad.json()["data"][0]["code"]) == (400, "INVALID_DATA")
    assert (inserted.status_code, inserted.json()["data"][0]["message"]) == (201, "record added")


def test_unknown_and_read_only_fields_are_dropped_without_a_word(zoho):
    answer = zoho.upsert(
        product(Fibre_Speed="100", product_code="x", Created_Time="2001-01-01T00:00:00+02:00")
    )

    assert answer.status_code == 200
    stored = zoho.records("crm_products")[0]
    assert "Fibre_Speed" not in stored
    assert "Product_Code" not in stored
    assert not stored["Created_Time"].startswith("2001")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("Product_Active", "true", "boolean"),
        ("Sales_Start_Date", "31/12/2026", "date"),
        ("Sales_Start_Date", "2026-02-30", "date"),
        ("Product_Code", 5, "text"),
        ("Owner", 5, "jsonobject"),
    ],
)
def test_values_of_the_wrong_type_are_refused(zoho, field, value, expected):
    refused = zoho.upsert(product(**{field: value})).json()["data"][0]

    assert refused["code"] == "INVALID_DATA"
    assert refused["details"]["api_name"] == field
    assert refused["details"]["expected_data_type"] == expected


def test_a_price_of_seventeen_digits_is_too_long(zoho):
    refused = zoho.upsert(product(Unit_Price=12345678901234567)).json()["data"][0]

    assert refused["details"]["maximum_length"] == 16


def test_what_is_left_out_stays_and_null_clears(zoho):
    zoho.upsert(product(Product_Code="c", Description="d", Unit_Price=799.0))

    zoho.upsert(product(Description=None, Unit_Price=899.99))

    stored = zoho.records("crm_products")[0]
    assert stored["Product_Code"] == "c"
    assert "Description" not in stored
    assert stored["Unit_Price"] == 899.99


def test_a_unique_value_of_another_record_is_refused_and_names_it(zoho):
    key = zoho.unique_field()
    holder = zoho.upsert(product(**{key: "k"})).json()["data"][0]["details"]["id"]

    answer = zoho.crm("POST", "/Products", json={"data": [{"Product_Name": "Other", key: "K"}]})

    assert answer.status_code == 400
    refused = answer.json()["data"][0]
    assert refused["code"] == "DUPLICATE_DATA"
    assert refused["details"]["api_name"] == key
    assert refused["details"]["duplicate_record"]["id"] == holder
    assert refused["details"]["duplicate_record"]["module"]["api_name"] == "Products"


def test_two_collisions_at_once_come_as_a_list(zoho):
    one, two = zoho.unique_field("Key One"), zoho.unique_field("Key Two")
    zoho.upsert({"Product_Name": "A", one: "a"}, {"Product_Name": "B", two: "b"})

    record = {"Product_Name": "C", one: "a", two: "b"}
    refused = zoho.crm("POST", "/Products", json={"data": [record]}).json()["data"][0]

    assert refused["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    assert [error["details"]["api_name"] for error in refused["errors"]] == [one, two]


def test_a_hundred_and_one_records_are_too_many_and_none_is_too_few(zoho):
    too_many = zoho.upsert(*[product()] * 101)
    missing = zoho.crm("POST", "/Products/upsert", json={})

    assert (too_many.status_code, too_many.json()["code"]) == (400, "LIMIT_EXCEEDED")
    assert missing.json()["code"] == "MANDATORY_NOT_FOUND"
    assert zoho.records("crm_products") == []


def test_put_needs_an_id_in_each_item(zoho):
    answer = zoho.crm("PUT", "/Products", json={"data": [product()]})

    assert answer.status_code == 400
    assert answer.json()["data"][0]["code"] == "MANDATORY_NOT_FOUND"
    assert answer.json()["data"][0]["details"]["json_path"] == "$.data[0].id"


def test_a_record_that_was_modified_since_is_left_alone(zoho):
    id = zoho.upsert(product()).json()["data"][0]["details"]["id"]

    late = {"If-Unmodified-Since": "2020-01-01T00:00:00+02:00"}
    answer = zoho.crm("PUT", f"/Products/{id}", json={"data": [{"Unit_Price": 1}]}, headers=late)

    assert answer.status_code == 412
    assert answer.json()["data"][0]["code"] == "ALREADY_MODIFIED"
    assert "Unit_Price" not in zoho.records("crm_products")[0]


def test_a_deleted_record_lies_in_the_recycle_bin_and_its_key_is_free_again(zoho):
    key = zoho.unique_field()
    id = zoho.upsert(product(**{key: "k"})).json()["data"][0]["details"]["id"]

    answer = zoho.crm("DELETE", "/Products", params={"ids": f"{id},1"})

    assert answer.status_code == 207
    assert [each["code"] for each in answer.json()["data"]] == ["SUCCESS", "INVALID_DATA"]
    deleted = zoho.crm("GET", "/Products/deleted", params={"type": "all"}).json()["data"]
    assert [(each["id"], each["display_name"], each["type"]) for each in deleted] == [
        (id, "Home Fibre 100", "recycle")
    ]
    assert zoho.crm("GET", f"/Products/{id}").status_code == 204
    again = zoho.upsert(product(**{key: "k"})).json()["data"][0]
    assert again["action"] == "insert"
    assert again["details"]["id"] != id


def test_a_hand_edit_shows_in_the_timeline_with_the_hand(zoho):
    id = zoho.upsert(product(Unit_Price=799)).json()["data"][0]["details"]["id"]

    zoho.control(
        "POST", f"/records/crm_products/{id}", json={"edited_by": "Sipho Dlamini", "Unit_Price": 699}
    )

    latest, first = zoho.crm("GET", f"/Products/{id}/__timeline").json()["__timeline"]
    assert (latest["source"], latest["done_by"]["name"]) == ("crm_ui", "Sipho Dlamini")
    assert [(h["api_name"], h["_value"]) for h in latest["field_history"]] == [
        ("Unit_Price", {"old": 799, "new": 699})
    ]
    assert (first["source"], first["action"], first["done_by"]["name"]) == ("crm_api", "added", "API User")
    record = zoho.crm("GET", f"/Products/{id}", params={"fields": "Modified_By"}).json()["data"][0]
    assert record["Modified_By"]["name"] == "Sipho Dlamini"
