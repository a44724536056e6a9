MODULE = {"module": "Products"}


def fields_of(zoho):
    answer = zoho.crm("GET", "/settings/fields", params=MODULE).json()["fields"]
    return {field["api_name"]: field for field in answer}


def create(zoho, *fields):
    return zoho.crm("POST", "/settings/fields", params=MODULE, json={"fields": list(fields)})


def text(label, **more):
    return {"field_label": label, "data_type": "text", **more}


def test_the_standard_fields_are_there_with_their_lengths(zoho):
    fields = fields_of(zoho)

    assert fields["Product_Name"]["length"] == 50
    assert fields["Product_Name"]["system_mandatory"] is True
    assert fields["Product_Code"]["length"] == 40
    assert fields["Product_Code"]["unique"] == {}
    assert fields["Description"]["length"] == 32000
    assert fields["Modified_Time"]["field_read_only"] is True
    assert [each["permission_type"] for each in fields["Unit_Price"]["profiles"]] == ["read_write"] * 3


def test_lengths_of_standard_fields_can_be_set_at_the_start(start):
    zoho = start("--product-name-length", "200")
    zoho.sign_in()

    assert fields_of(zoho)["Product_Name"]["length"] == 200
    assert zoho.upsert({"Product_Name": "x" * 200}).status_code == 200


def test_a_custom_field_gets_its_api_name_from_its_label(zoho):
    answer = create(zoho, text("Data Limit", length=80))

    assert answer.status_code == 201
    assert answer.json()["fields"][0]["message"] == "field created"
    field = fields_of(zoho)["Data_Limit"]
    assert (field["length"], field["custom_field"], field["unique"]) == (80, True, {})
    zoho.upsert({"Product_Name": "A", "Data_Limit": "1 TB"})
    assert zoho.records("crm_products")[0]["Data_Limit"] == "1 TB"


def test_five_fields_a_call_labels_of_25_and_known_types(zoho):
    assert create(zoho, *(text(f"F {n}") for n in range(6))).json()["code"] == "LIMIT_EXCEEDED"
    mixed = create(
        zoho, text("x" * 26), {"field_label": "Odd", "data_type": "song"}, text("Fine"), text("Fine")
    )

    assert mixed.status_code == 207
    codes = [each["code"] for each in mixed.json()["fields"]]
    assert codes == ["INVALID_DATA", "INVALID_DATA", "SUCCESS", "DUPLICATE_DATA"]
    assert mixed.json()["fields"][0]["details"]["maximum_length"] == 25


def test_a_module_has_two_unique_fields_at_most(zoho):
    zoho.unique_field("Key One")
    zoho.unique_field("Key Two")

    refused = create(zoho, text("Key Three", unique={"case_sensitive": False}))

    assert refused.status_code == 400
    assert refused.json()["fields"][0]["code"] == "LIMIT_EXCEEDED"
    assert refused.json()["fields"][0]["details"]["limit"] == 2


def test_the_product_code_can_be_marked_unique_unless_its_values_repeat(zoho):
    zoho.upsert({"Product_Name": "A", "Product_Code": "c"}, {"Product_Name": "B", "Product_Code": "C"})
    id = fields_of(zoho)["Product_Code"]["id"]
    wish = {"fields": [{"unique": {"case_sensitive": False}}]}

    refused = zoho.crm("PATCH", f"/settings/fields/{id}", params=MODULE, json=wish)
    zoho.upsert({"Product_Name": "B", "Product_Code": "d"})
    accepted = zoho.crm("PATCH", f"/settings/fields/{id}", params=MODULE, json=wish)

    assert refused.json()["fields"][0]["code"] == "DUPLICATE_DATA"
    assert (accepted.status_code, accepted.json()["fields"][0]["message"]) == (200, "field updated")
    answer = zoho.upsert(
        {"Product_Name": "New", "Product_Code": "D"}, duplicate_check_fields=["Product_Code"]
    )
    assert answer.json()["data"][0]["duplicate_field"] == "Product_Code"


def test_an_edition_has_room_for_so_many_custom_fields(start):
    zoho = start("--crm-edition", "standard")
    zoho.sign_in()
    for half in (range(5), range(5, 10)):
        assert create(zoho, *(text(f"F {n}") for n in half)).status_code == 201

    assert create(zoho, text("F 10")).json()["fields"][0]["code"] == "LIMIT_EXCEEDED"
    assert zoho.crm("GET", "/org").json()["org"][0]["license_details"]["paid_type"] == "standard"


def test_a_field_can_be_locked_for_a_profile(zoho):
    profiles = {each["name"]: each["id"] for each in zoho.crm("GET", "/settings/profiles").json()["profiles"]}
    price = fields_of(zoho)["Unit_Price"]
    wish = {"id": price["id"], "profiles": [{"id": profiles["Standard"], "permission_type": "read_only"}]}

    zoho.crm("PATCH", "/settings/fields", params=MODULE, json={"fields": [wish]})

    permissions = {
        each["name"]: each["permission_type"] for each in fields_of(zoho)["Unit_Price"]["profiles"]
    }
    assert permissions == {
        "Administrator": "read_write",
        "Standard": "read_only",
        "API Integration": "read_write",
    }
    assert fields_of(zoho)["Unit_Price"]["read_only"] is False


def test_a_field_locked_for_the_callers_own_profile_is_dropped_on_write(zoho):
    user = zoho.crm("GET", "/users", params={"type": "CurrentUser"}).json()["users"][0]
    price = fields_of(zoho)["Unit_Price"]
    wish = {"id": price["id"], "profiles": [{"id": user["profile"]["id"], "permission_type": "read_only"}]}
    zoho.crm("PATCH", "/settings/fields", params=MODULE, json={"fields": [wish]})

    answer = zoho.upsert({"Product_Name": "A", "Unit_Price": 5})

    assert answer.status_code == 200
    assert "Unit_Price" not in zoho.records("crm_products")[0]


def test_without_the_customisation_permission_profiles_are_null(zoho):
    zoho.set(crm_module_customization=False)

    assert fields_of(zoho)["Unit_Price"]["profiles"] is None


def test_the_layout_and_a_profile_tell_more(zoho):
    layout = zoho.crm("GET", "/settings/layouts", params=MODULE).json()["layouts"][0]
    required = [field["api_name"] for field in layout["sections"][0]["fields"] if field["required"]]
    assert required == ["Product_Name"]

    id = layout["profiles"][0]["id"]
    profile = zoho.crm("GET", f"/settings/profiles/{id}").json()["profiles"][0]
    assert {each["name"] for each in profile["permissions_details"]} >= {"Crm_Implied_Edit_Products"}
