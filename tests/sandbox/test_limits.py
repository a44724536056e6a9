from concurrent.futures import ThreadPoolExecutor


def code(answer):
    return answer.status_code, answer.json()["code"]


def at_once(count, call):
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(count)]]


def test_billing_blocks_for_a_while_after_too_many_calls_in_a_minute(zoho):
    zoho.set(billing_per_minute=3, billing_block_seconds=60)

    answers = [code(zoho.billing("GET", "/plans")) for _ in range(5)]

    assert answers == [(200, 0)] * 3 + [(429, 44)] * 2
    used = zoho.control("GET", "/state")["limits"]["billing"]
    assert 55 <= used["blocked_seconds"] <= 60
    assert used["today"] == 3
    assert zoho.crm("GET", "/org").status_code == 200


def test_billing_has_so_many_calls_a_day_and_the_control_calls_are_free(zoho):
    zoho.set(billing_per_day=2)
    for _ in range(5):
        zoho.control("GET", "/state")

    answers = [code(zoho.billing("GET", "/plans")) for _ in range(3)]

    assert answers == [(200, 0), (200, 0), (429, 45)]


def test_billing_takes_so_many_calls_at_once(zoho):
    zoho.set(billing_concurrency=2, latency_ms=400)

    answers = at_once(4, lambda: code(zoho.billing("GET", "/plans")))

    assert sorted(answers) == [(200, 0), (200, 0), (429, 1070), (429, 1070)]


def test_a_wrong_token_does_not_use_up_the_limit(zoho):
    zoho.set(billing_per_minute=1)
    zoho.billing("GET", "/plans", headers={"Authorization": "Zoho-oauthtoken wrong"})

    assert code(zoho.billing("GET", "/plans")) == (200, 0)


def test_crm_counts_credits_by_tens_of_records_and_tells_only_when_half_are_gone(zoho):
    zoho.set(crm_credits=20)

    first = zoho.upsert(*({"Product_Name": f"P{n}"} for n in range(41)))
    second = zoho.upsert(*({"Product_Name": f"P{n}"} for n in range(50)))
    third = zoho.upsert(*({"Product_Name": f"P{n}"} for n in range(100)))

    assert "X-API-CREDITS-REMAINING" not in first.headers
    assert second.headers["X-API-CREDITS-REMAINING"] == "10"
    assert third.status_code == 200
    assert third.headers["X-API-CREDITS-REMAINING"] == "0"
    assert zoho.crm("GET", "/org").json() == {
        "code": "TOO_MANY_REQUESTS",
        "details": {},
        "message": "You have made too many requests. Please try again later.",
        "status": "error",
    }


def test_a_coql_query_costs_by_the_rows_it_asks_for(zoho):
    query = "select id from Products where id is not null limit {}"
    for rows in (200, 1000, 2000):
        zoho.crm("POST", "/coql", json={"select_query": query.format(rows)})

    assert zoho.control("GET", "/state")["limits"]["crm"]["credits_used"] == 1 + 2 + 3


def test_heavy_crm_calls_have_a_circle_of_their_own(zoho):
    zoho.set(crm_heavy_concurrency=1, latency_ms=400)
    many = [{"Product_Name": f"P{n}"} for n in range(11)]

    heavy = at_once(2, lambda: zoho.upsert(*many).status_code)
    light = at_once(2, lambda: zoho.upsert(*many[:10]).status_code)

    assert sorted(heavy) == [200, 429]
    assert light == [200, 200]
