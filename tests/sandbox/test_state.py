"""What outlives a restart, what the control calls tell, and what the page shows."""

import ast
import sys

import pytest

from .conftest import ROOT


def fill(zoho):
    key = zoho.unique_field()
    zoho.set(billing_custom_fields={"plan": ["Speed"]})
    product_id = zoho.billing_product()
    plan = {"plan_code": "p", "name": "P", "recurring_price": 1, "interval": 1, "product_id": product_id}
    zoho.billing("POST", "/plans", json=plan)
    zoho.upsert({"Product_Name": "A", key: "k", "Unit_Price": 799.0}, {"Product_Name": "B", key: "l"})
    id = zoho.upsert({"Product_Name": "B"}).json()["data"][0]["details"]["id"]
    zoho.crm("DELETE", f"/Products/{id}")
    return key


def test_everything_survives_a_kill_and_nothing_is_numbered_twice(start, tmp_path):
    file = str(tmp_path / "zoho.sqlite3")
    before = start("--state", file)
    before.sign_in()
    key = fill(before)
    kinds = (
        "crm_products",
        "crm_fields",
        "crm_deleted",
        "crm_timelines",
        "billing_products",
        "billing_plans",
    )
    held = {kind: before.records(kind) for kind in kinds}
    used = before.control("GET", "/state")["limits"]
    before.kill()

    after = start("--state", file)
    after.token = before.token

    assert {kind: after.records(kind) for kind in kinds} == held
    assert after.control("GET", "/state")["limits"]["billing"]["today"] == used["billing"]["today"] == 2
    assert after.control("GET", "/state")["limits"]["crm"]["credits_used"] == used["crm"]["credits_used"]
    again = after.upsert({"Product_Name": "Other", key: "K"}, duplicate_check_fields=[key]).json()["data"][0]
    assert (again["action"], again["duplicate_field"]) == ("update", key)
    known = {row["id"] for row in [*held["crm_products"], *held["crm_deleted"], *held["crm_fields"]]}
    new = after.upsert({"Product_Name": "New"}).json()["data"][0]["details"]["id"]
    assert int(new) > max(map(int, known))


def test_it_borrows_nothing_from_the_program_it_is_there_to_test():
    for file in (ROOT / "zoho_sync" / "sandbox").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, f"{file.name} imports from a parent"
                names = [node.module] if node.module and node.level == 0 else []
            for name in names:
                root = name.split(".")[0]
                ours = name == "zoho_sync.sandbox" or name.startswith("zoho_sync.sandbox.")
                assert ours or root == "aiohttp" or root in sys.stdlib_module_names, f"{file.name}: {name}"


def test_it_stops_when_told_to(start):
    sandbox = start()

    assert sandbox.stop() == 0


def test_a_reset_forgets_records_fields_faults_and_calls(zoho):
    fill(zoho)
    zoho.order(status=500)

    state = zoho.control("POST", "/reset")

    assert state["counts"]["crm_products"] == state["counts"]["billing_plans"] == 0
    assert state["counts"]["crm_fields"] == 30
    assert (state["calls"], state["faults"]) == ({}, 0)
    zoho.sign_in()
    assert zoho.crm("GET", "/Products/actions/count").json() == {"count": 0}


def test_a_reset_to_a_snapshot_brings_back_its_records_and_nothing_of_after_it(zoho):
    key = fill(zoho)
    kinds = ("crm_products", "crm_fields", "crm_deleted", "billing_plans", "billing_custom_fields")
    zoho.control("POST", "/snapshots", json={"name": "filled"})
    held = {kind: zoho.records(kind) for kind in kinds}
    zoho.upsert({"Product_Name": "A", key: "changed"}, {"Product_Name": "C", key: "m"})
    zoho.billing("DELETE", "/plans/p")
    zoho.unique_field("Another")
    newest = max(int(record["id"]) for record in zoho.records("crm_products"))

    state = zoho.control("POST", "/reset", json={"to": "filled"})

    assert {kind: zoho.records(kind) for kind in kinds} == held
    assert (state["calls"], state["limits"]["billing"]["today"]) == ({}, 0)
    zoho.sign_in()
    result = zoho.upsert({"Product_Name": "D", key: "K"}, duplicate_check_fields=[key]).json()["data"][0]
    assert (result["action"], result["duplicate_field"]) == ("update", key)
    assert int(zoho.upsert({"Product_Name": "E"}).json()["data"][0]["details"]["id"]) > newest


def test_a_reset_to_a_snapshot_that_nobody_took_changes_nothing(zoho):
    fill(zoho)
    held = zoho.records("crm_products")

    answer = zoho.http.post("/_sandbox/reset", json={"to": "never"})

    assert (answer.status_code, "no snapshot 'never'" in answer.json()["error"]) == (404, True)
    assert zoho.records("crm_products") == held


def test_calls_are_counted_by_system_and_endpoint(zoho):
    zoho.control("DELETE", "/requests")
    zoho.upsert({"Product_Name": "A"})
    zoho.upsert({"Product_Name": "B"})
    zoho.billing("GET", "/plans/one")
    zoho.billing("GET", "/plans/two")

    calls = zoho.control("GET", "/state")["calls"]

    assert calls == {
        "billing": {"total": 2, "endpoints": {"GET /billing/v1/plans/{plan_code}": 2}},
        "crm": {"total": 2, "endpoints": {"POST /crm/v8/Products/upsert": 2}},
    }


def test_the_request_log_can_be_read_on_from_a_number(zoho):
    zoho.billing("GET", "/plans", params={"page": 1})
    last = zoho.control("GET", "/state")["last_request"]

    zoho.upsert({"Product_Name": "A"})

    (entry,) = zoho.control("GET", "/requests", params={"since": last})["requests"]
    assert (entry["number"], entry["method"], entry["path"]) == (last + 1, "POST", "/crm/v8/Products/upsert")
    assert (entry["status"], entry["body"]) == (200, {"data": [{"Product_Name": "A"}]})


def test_a_person_can_change_and_delete_billing_records(zoho):
    fill(zoho)

    edited = zoho.control(
        "POST", "/records/billing_plans/p", json={"edited_by": "Sipho", "recurring_price": 5}
    )

    assert edited["recurring_price"] == 5
    assert zoho.billing("GET", "/plans/p").json()["plan"]["recurring_price"] == 5
    zoho.control("DELETE", "/records/billing_plans/p")
    assert zoho.billing("GET", "/plans/p").json()["code"] == 101002


def test_a_person_can_add_a_product_by_hand(zoho):
    zoho.control("POST", "/records/crm_products", json={"edited_by": "Sipho", "Product_Name": "Stray"})

    (record,) = zoho.records("crm_products")
    assert (record["Product_Name"], record["Created_By"]["name"]) == ("Stray", "Sipho")


@pytest.mark.parametrize(
    "wrong", [{"colour": 1}, {"latency_ms": "fast"}, {"client_secret": "x"}, {"crm_credits": -1}]
)
def test_settings_that_make_no_sense_are_refused(zoho, wrong):
    assert zoho.http.post("/_sandbox/settings", json=wrong).status_code == 400


def test_the_page_shows_records_calls_and_faults_and_escapes_them(zoho):
    zoho.upsert({"Product_Name": "<script>alert(1)</script>", "Unit_Price": 1799})
    zoho.order(match={"path": "/nowhere<b>"}, status=500)

    answer = zoho.http.get("/")

    assert answer.headers["content-type"].startswith("text/html")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "<script" not in answer.text
    assert "/nowhere&lt;b&gt;" in answer.text
    assert "R 1\N{NO-BREAK SPACE}799.00" in answer.text
    assert "/crm/v8/Products/upsert" in answer.text
    assert "http://" not in answer.text


def test_the_page_is_bounded_and_can_be_turned(zoho):
    for start in range(0, 250, 50):
        zoho.upsert(*({"Product_Name": f"P{n:03}"} for n in range(start, start + 50)))

    first, second = zoho.http.get("/").text, zoho.http.get("/?kind=crm_products&page=2").text

    assert "1 to 200 of 250" in first
    assert "P249" in first
    assert ">P049<" not in first
    assert ">P049<" in second
    assert second.count("<tr>") < 120
