"""Whatever Zoho answers, our readers return, or raise one of our own errors."""

import contextlib
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.inputs import LEAVES, bad_input, documents, fuzzed, objects
from zoho_sync.billing.client import ADDONS, PLANS, PRODUCTS, BillingClient
from zoho_sync.billing.customers import Customer
from zoho_sync.billing.invoices import CreditNote, Invoice, Payment
from zoho_sync.billing.organisation import Organisation, Tax
from zoho_sync.billing.subscriptions import Ordered, Subscription, SubscriptionRow
from zoho_sync.compare.remote import Zoho
from zoho_sync.connection import auth
from zoho_sync.connection.codes import billing_error, crm_error, oauth_error
from zoho_sync.connection.errors import ZohoError
from zoho_sync.connection.http import Answer, Call, ZohoHttp
from zoho_sync.crm.client import CrmClient
from zoho_sync.models import System

READERS = (
    Customer, Invoice, Payment, CreditNote, Organisation, Tax, Ordered, Subscription,
    SubscriptionRow,
)  # fmt: skip
# What the readers look for, so that the nonsense gets as deep as it can.
NAMES = [
    "data", "info", "more_records", "next_page_token", "page", "code", "status", "message", "details", "id", "action",
    "api_name", "fields", "users", "profiles", "errors", "product", "products", "plan", "plans", "addon", "addons",
    "page_context", "has_more_page", "organizations", "organization_id", "taxes", "tax_id", "tax_percentage", "tax_name",
    "subscription", "subscriptions", "subscription_id", "invoice", "invoices", "invoice_id", "invoice_items", "payments",
    "payment", "creditnote", "customer", "customers", "customer_id", "email", "amount", "price", "price_brackets",
    "recurring_price", "discount", "coupon", "coupons", "coupon_code", "quantity", "interval", "plan_code", "addon_code",
    "product_id", "name", "custom_fields", "label", "value", "created_time", "created_at", "activated_at", "total",
    "next_billing_at", "is_inclusive_tax", "tax_total", "tax_amount", "item", "items", "sku", "item_id", "rate",
]  # fmt: skip
BODIES = objects(NAMES)
ROWS = st.lists(st.one_of(objects(NAMES), LEAVES), max_size=4)
ENVELOPES = st.dictionaries(
    st.sampled_from(
        ["data", "products", "plans", "addons", "subscriptions", "customers", "invoices", "items", "users", "fields",
         "profiles", "organizations", "taxes"]
    ),
    st.one_of(ROWS, documents(NAMES)),
    max_size=3,
)  # fmt: skip
WHOLE = st.one_of(
    st.none(),
    BODIES,
    st.builds(lambda rows, rest: {**rest, **rows}, ENVELOPES, BODIES),
    st.sampled_from([row.__name__.lower() for row in READERS]).flatmap(
        lambda name: objects(NAMES).map(lambda inner: {name: inner})
    ),
)


@fuzzed(few=200, many=30_000)
@given(reader=st.sampled_from(READERS), values=BODIES)
def test_a_record_of_any_shape_is_read(reader, values):
    bad_input("records of Zoho Billing")
    found = reader.read(values)
    for name, value in vars(found).items():
        if isinstance(value, Decimal):
            assert value.is_finite(), name


class AlwaysAnswers:
    """In place of the connection: the same answer to whatever is asked."""

    def __init__(self, body: Any, status: int) -> None:
        self.answer = Answer(status, body)
        self.breaker = SimpleNamespace(failed=lambda _error: None)

    def send(self, _call: Call) -> Answer:
        return self.answer


BILLING = (
    lambda c: list(islice(c.iter(PLANS), 5)),
    lambda c: list(islice(c.iter(PRODUCTS), 5)),
    lambda c: list(islice(c.iter(ADDONS), 5)),
    lambda c: c.find(PLANS, "A_consumer_DFA"),
    lambda c: c.create(PLANS, {"plan_code": "A"}),
    lambda c: c.get_subscription("1"),
    lambda c: c.get_scheduled_changes("1"),
    lambda c: c.subscription_page(1),
    lambda c: list(islice(c.iter_subscriptions(), 5)),
    lambda c: list(islice(c.iter_invoices(customer_id="1"), 5)),
    lambda c: c.get_invoice("1"),
    lambda c: c.customer_page(1),
    lambda c: c.get_organisation(),
    lambda c: c.list_taxes(),
    lambda c: c.vat_id(Decimal("0.15")),
    lambda c: c.update_subscription("1", Ordered("A", Decimal(1)), end_of_term=True),
)
CRM = (
    lambda c: c.upsert([{}], key_field="ct_Package_Key"),
    lambda c: c.upsert([{}, {}], key_field="ct_Package_Key"),
    lambda c: c.update([{"id": "1"}]),
    lambda c: list(islice(c.iter_products(["id"]), 5)),
    lambda c: list(islice(c.query_products(["id"]), 5)),
    lambda c: list(islice(c.query_by_key(["id"], "ct_Package_Key", ["A"]), 5)),
    lambda c: list(islice(c.products_by_id(["id"], ["1"]), 5)),
    lambda c: c.product("1", ["id"]),
    lambda c: c.profiles(),
    lambda c: limited(c).users(),
    lambda c: c.fields(),
    lambda c: c.create_fields([{}]),
    lambda c: c.update_fields([{"id": "1"}]),
)


def limited(client: CrmClient) -> CrmClient:
    """A list that says for ever that there is more is no crash; it ends here."""
    answers = client.http
    calls: Iterator[int] = iter(range(20))

    def send(call: Call) -> Answer:
        return answers.send(call) if next(calls, None) is not None else Answer(204, None)

    return CrmClient(SimpleNamespace(send=send))


@fuzzed(few=200, many=25_000)
@given(ask=st.sampled_from(BILLING), body=WHOLE)
def test_any_answer_of_billing_is_understood_or_refused(ask, body):
    bad_input("answers of Zoho Billing")
    client = BillingClient(AlwaysAnswers(body, 200))
    with contextlib.suppress(ZohoError):
        ask(client)


@fuzzed(few=200, many=20_000)
@given(ask=st.sampled_from(CRM), body=WHOLE, status=st.sampled_from([200, 201, 202, 204, 400]))
def test_any_answer_of_crm_is_understood_or_refused(ask, body, status):
    bad_input("answers of Zoho CRM")
    client = CrmClient(AlwaysAnswers(body, status))
    with contextlib.suppress(ZohoError):
        ask(client)


@fuzzed(few=100, many=5_000)
@given(body=WHOLE)
def test_any_row_of_a_list_can_be_compared(body):
    bad_input("lists of the nightly comparison")
    zoho = object.__new__(Zoho)
    zoho._columns = ["Product_Name", "Modified_By"]
    zoho.terms = SimpleNamespace(crm_prefix="ct_", crm_costs=False)
    crm, billing = CrmClient(AlwaysAnswers(body, 200)), BillingClient(AlwaysAnswers(body, 200))
    try:
        [zoho._from_crm(row) for row in islice(crm.iter_products(["id"]), 5)]
        for family in (PRODUCTS, PLANS, ADDONS):
            [zoho._from_billing(family, row) for row in islice(billing.iter(family), 5)]
    except ZohoError:
        pass


@fuzzed(few=100, many=8_000)
@given(body=objects([*NAMES, "error", "error_description", "expires_in", "expires_in_sec", "api_domain", "access_token"]),
       status=st.one_of(st.none(), st.integers(100, 599)))  # fmt: skip
def test_any_error_is_one_of_ours(body, status):
    bad_input("error answers")
    for made in (crm_error(body, status), billing_error(body, status), oauth_error(body)):
        assert isinstance(made, ZohoError)
        assert made.retry_after is None or made.retry_after >= 0
        json.dumps(made.as_details())
    assert 0 < auth.token_lifetime(body) <= 24 * 3600
    assert auth.trusted_api_url(body.get("api_domain")).startswith("http")


HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "Content-Type", "Content-Encoding", "Location", "X-Anything"]),
    st.one_of(
        st.sampled_from(["nan", "inf", "-inf", "1e999", "-5", "0", "5", "soon", "gzip", "text/html; charset=martian",
                         "application/json; charset=utf-16", "http://[::1", "br", "deflate"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    ),
    max_size=3,
)  # fmt: skip
RAW = st.one_of(
    st.binary(max_size=200),
    documents([*NAMES, "access_token", "expires_in", "api_domain", "error"]).map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe{", b'{"code": 0', b"<html>", b'"\\ud800"', b"9" * 5000]),
)  # fmt: skip
CALLS = st.sampled_from(
    [
        Call("GET", "/crm/v8/Products", safe=True),
        Call("POST", "/crm/v8/Products/upsert", safe=True, body={"data": [{}]}, records=1),
        Call("POST", "/billing/v1/plans", safe=False, body={"plan_code": "A"}),
        Call("GET", "/billing/v1/plans", safe=True, params={"page": 1}),
    ]
)


@pytest.fixture
def wire(zoho_settings, db, monkeypatch):
    """A connection per system whose other end says what it is told."""
    zoho_settings.ZOHO_BILLING_CALLS_PER_MINUTE = 10_000_000
    zoho_settings.ZOHO_BILLING_CALLS_PER_DAY = 100_000_000
    said: dict[str, Any] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == auth.TOKEN_PATH and not said["is_token"]:
            return httpx.Response(200, json={"access_token": "good", "expires_in": 3600})
        return httpx.Response(said["status"], headers=said["headers"], content=said["body"])

    transport = httpx.MockTransport(answer)
    connections = {one: ZohoHttp(one, transport=transport, sleep=lambda _s: None) for one in System}
    yield said, connections
    for each in connections.values():
        each.close()


@fuzzed(few=50, many=1_500)
@given(call=CALLS, status=st.integers(200, 599), headers=HEADERS, body=RAW, is_token=st.booleans())
def test_whatever_comes_over_the_wire(wire, redis_flushed, call, status, headers, body, is_token):
    bad_input("bytes over the wire")
    said, connections = wire
    said.update(status=status, headers=headers, body=body, is_token=is_token)
    redis_flushed.flushdb()
    http = connections[System.CRM if call.path.startswith("/crm") else System.BILLING]
    try:
        http.send(call)
    except ZohoError as error:
        assert error.retry_after is None or 0 <= error.retry_after < 10**7
    http.breaker.state()
