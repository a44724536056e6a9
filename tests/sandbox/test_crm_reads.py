import pytest

NAMES = {"fields": "Product_Name"}


@pytest.fixture
def many(zoho):
    """2,050 products, P0000 to P2049."""
    for start in range(0, 2050, 50):
        zoho.upsert(*({"Product_Name": f"P{n:04}", "Unit_Price": n} for n in range(start, start + 50)))
    return zoho


def names(answer):
    return [row["Product_Name"] for row in answer.json()["data"]]


def coql(zoho, query):
    return zoho.crm("POST", "/coql", json={"select_query": query})


def test_no_rows_is_204_with_an_empty_body(zoho):
    for path in ("/Products?fields=id", "/Products/deleted", "/Products/search?word=none"):
        answer = zoho.crm("GET", path)
        assert (path, answer.status_code, answer.content) == (path, 204, b"")


def test_fields_must_be_named_and_fifty_at_most(zoho):
    missing = zoho.crm("GET", "/Products")
    too_many = zoho.crm("GET", "/Products", params={"fields": ",".join(f"F{n}" for n in range(51))})

    assert (missing.status_code, missing.json()["code"]) == (400, "REQUIRED_PARAM_MISSING")
    assert missing.json()["details"] == {"param_name": "fields"}
    assert (too_many.status_code, too_many.json()["code"]) == (400, "LIMIT_EXCEEDED")


def test_the_list_gives_the_fields_asked_for_and_drops_unknown_ones(zoho):
    zoho.upsert({"Product_Name": "A", "Unit_Price": 1.5})

    row = zoho.crm("GET", "/Products", params={"fields": "Product_Name,Unit_Price,Taxable,Speed"}).json()[
        "data"
    ][0]

    assert row == {"id": row["id"], "Product_Name": "A", "Unit_Price": 1.5, "Taxable": True}
    assert row["id"].isdecimal()
    assert len(row["id"]) == 18


def test_pages_reach_two_thousand_rows_and_a_token_the_rest(many):
    asked = {**NAMES, "per_page": 200, "sort_by": "id", "sort_order": "asc"}
    tenth = many.crm("GET", "/Products", params={**asked, "page": 10})
    eleventh = many.crm("GET", "/Products", params={**asked, "page": 11})
    token = tenth.json()["info"]["next_page_token"]
    by_token = many.crm("GET", "/Products", params={**asked, "page_token": token})

    assert names(tenth)[-1] == "P1999"
    assert tenth.json()["info"]["more_records"] is True
    assert (eleventh.status_code, eleventh.json()["code"]) == (400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED")
    assert names(by_token) == [f"P{n:04}" for n in range(2000, 2050)]
    assert by_token.json()["info"]["more_records"] is False
    other = many.crm("GET", "/Products", params={**asked, "per_page": 100, "page_token": token})
    assert other.json()["code"] == "TOKEN_BOUND_DATA_MISMATCH"
    both = many.crm("GET", "/Products", params={**asked, "page": 1, "page_token": token})
    assert both.json()["code"] == "AMBIGUITY_DURING_PROCESSING"


def test_coql_reads_two_thousand_rows_at_a_time(many):
    query = (
        "select id, Product_Name from Products where Product_Name is not null order by id limit {} offset {}"
    )

    first, second = coql(many, query.format(2000, 0)), coql(many, query.format(2000, 2000))

    assert (len(names(first)), first.json()["info"]) == (2000, {"count": 2000, "more_records": True})
    assert names(second) == [f"P{n:04}" for n in range(2000, 2050)]
    assert second.json()["info"] == {"count": 50, "more_records": False}
    assert many.crm("GET", "/Products/actions/count").json() == {"count": 2050}


def test_if_modified_since_gives_newer_rows_or_304(zoho):
    zoho.upsert({"Product_Name": "A"})

    old = zoho.crm(
        "GET", "/Products", params=NAMES, headers={"If-Modified-Since": "2020-01-01T00:00:00+00:00"}
    )
    new = zoho.crm(
        "GET", "/Products", params=NAMES, headers={"If-Modified-Since": "2999-01-01T00:00:00+00:00"}
    )

    assert names(old) == ["A"]
    assert (new.status_code, new.content) == (304, b"")


def test_search_lags_and_equals_finds_what_contains(zoho):
    zoho.set(search_lag_seconds=60)
    zoho.upsert(
        {"Product_Name": "A", "Product_Code": "HF-100"}, {"Product_Name": "B", "Product_Code": "HF-1000"}
    )
    criteria = {"criteria": "(Product_Code:equals:HF-100)"}

    assert zoho.crm("GET", "/Products/search", params=criteria).status_code == 204
    zoho.set(search_lag_seconds=0)
    assert names(zoho.crm("GET", "/Products/search", params=criteria)) == ["A", "B"]


def test_search_joins_criteria_and_reads_escapes(zoho):
    zoho.upsert({"Product_Name": "A (new), B", "Unit_Price": 5}, {"Product_Name": "A", "Unit_Price": 9})

    both = r"((Product_Name:starts_with:A)and(Unit_Price:less_than:6))"
    escaped = r"(Product_Name:equals:A \(new\)\, B)"

    assert names(zoho.crm("GET", "/Products/search", params={"criteria": both})) == ["A (new), B"]
    assert names(zoho.crm("GET", "/Products/search", params={"criteria": escaped})) == ["A (new), B"]
    for unreadable in (
        "(Product_Code:equals:)",
        "(Unit_Price:less_than:cheap)",
        "(Speed:equals:1)",
        "Unit_Price",
    ):
        answer = zoho.crm("GET", "/Products/search", params={"criteria": unreadable})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_QUERY")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Product_Code = 'a'", ["A"]),
        ("Product_Code != 'a'", ["B"]),
        ("Product_Code in ('a', 'b')", ["A", "B"]),
        ("Product_Code not in ('a')", ["B"]),
        ("Product_Code is null", ["C"]),
        ("Unit_Price >= 20.5", ["B", "C"]),
        ("Unit_Price between 10 and 21", ["A", "B"]),
        ("Product_Name like 'B%'", ["B"]),
        ("(Product_Code = 'a' or Product_Code = 'b') and Unit_Price < 15", ["A"]),
        ("Modified_Time > '2020-01-01T00:00:00+02:00'", ["A", "B", "C"]),
        ("Product_Active = true", ["A", "B"]),
    ],
)
def test_coql_conditions(zoho, where, expected):
    zoho.upsert(
        {"Product_Name": "A", "Product_Code": "a", "Unit_Price": 10},
        {"Product_Name": "B", "Product_Code": "b", "Unit_Price": 20.5},
        {"Product_Name": "C", "Unit_Price": 30, "Product_Active": False},
    )

    answer = coql(zoho, f"select Product_Name from Products where {where} order by Unit_Price asc")

    assert names(answer) == expected


@pytest.mark.parametrize(
    ("query", "code", "details"),
    [
        ("select id from Products", "SYNTAX_ERROR", {"clause": "where"}),
        ("select Speed from Products where id is not null", "INVALID_QUERY", {"column_name": "Speed"}),
        ("select id from Leads where id is not null", "INVALID_QUERY", {"module": "Leads"}),
        (
            "select id from Products where id is not null limit 2001",
            "LIMIT_EXCEEDED",
            {"limit": 2000, "clause": "limit"},
        ),
        (
            "select id from Products where Unit_Price > 1 and Unit_Price > 2 and Unit_Price > 3",
            "SYNTAX_ERROR",
            {"near": "and"},
        ),
    ],
)
def test_coql_says_what_it_cannot_read(zoho, query, code, details):
    answer = coql(zoho, query)

    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["details"]) == (code, details)


def test_wrong_modules_paths_methods_and_ids(zoho):
    assert zoho.crm("GET", "/Leads", params=NAMES).json()["code"] == "INVALID_MODULE"
    wrong_path = zoho.crm("GET", "/Products/1/2/3/4")
    assert (wrong_path.status_code, wrong_path.json()["code"]) == (404, "INVALID_URL_PATTERN")
    wrong_method = zoho.crm("PATCH", "/Products")
    assert (wrong_method.status_code, wrong_method.json()["code"]) == (400, "INVALID_REQUEST_METHOD")
    assert zoho.crm("GET", "/Products/abc").json()["code"] == "INVALID_DATA"
