"""A Zoho Billing whose invoices are foreseen, and compared with what it bills when its clock goes on."""

from datetime import datetime, time, timedelta
from decimal import Decimal

from pricing.mirror.details import read_details
from pricing.mirror.pull import Order, pull_subscriptions
from pricing.models import Subscription
from pricing.renewal_preview import next_invoices
from tests.pricing.billing_world import JOHANNESBURG, instant
from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.customers import Customer
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.keys import package_key
from zoho_sync.models import System


class Foresight:
    """People subscribe over HTTP; `foresee` syncs and previews; `compare` lets Zoho bill and compares to the cent."""

    def __init__(self, zoho, travel):
        self.zoho, self.travel = zoho, travel
        self.http = ZohoHttp(System.BILLING, sleep=lambda _seconds: None)
        self.client = BillingClient(self.http)

    def at(self, when):
        """Let the time be then, here and in Zoho; what falls due until then is billed."""
        self.now = when if isinstance(when, datetime) else instant(when)
        self.travel.move_to(self.now)
        self.zoho.clock(to=self.now.isoformat())

    # --- what people do in Zoho

    @property
    def product_id(self):
        return self.zoho.records("billing_products")[0]["product_id"]

    @property
    def vat(self):
        return next(tax for tax in self.zoho.records("billing_taxes") if tax["is_default_tax"])["tax_id"]

    def make(self, plural, **body):
        body = {"product_id": self.product_id, "name": body.get(f"{plural}_code", "x"), **body}
        return self.client._send("POST", plural, safe=False, body=body)

    def plan(self, code, price, **more):
        self.make(
            "plans", plan_code=code, name=code, recurring_price=price, interval=1, tax_id=self.vat, **more
        )  # fmt: skip

    def addon(self, code, price, type="recurring", **more):
        values = {
            "name": code,
            "unit_name": "piece",
            "price_brackets": [{"price": price}],
            "tax_id": self.vat,
        }
        self.make("addons", addon_code=code, type=type, **{**values, **more})

    def coupon(self, code, *, percent=None, flat=None, times=None, **more):
        value = {"discount_by": "percentage", "discount_value": percent}
        if flat is not None:
            value = {"discount_by": "flat", "discount_value": flat}
        often = {"type": "forever"} if times is None else {"type": "duration", "duration": times}
        if times == 1:
            often = {"type": "one_time"}
        self.make("coupons", coupon_code=code, **{"name": code, **value, **often, **more})

    def subscribe(self, plan, addons=(), **more):
        """`plan` is a package, a code or the block of the request; `addons` are codes with their numbers."""
        number = len(self.zoho.records("billing_customers")) + 1
        customer = self.client.create_customer(
            Customer(display_name=f"Customer {number}", email=f"customer{number}@example.com")
        )
        if not isinstance(plan, dict):
            plan = {"plan_code": plan if isinstance(plan, str) else package_key(plan)}
        body = {
            "customer_id": customer.customer_id,
            "auto_collect": False,
            "plan": plan,
            "addons": [{"addon_code": code, "quantity": number} for code, number in addons],
            **more,
        }
        made = self.client._send("POST", "subscriptions", safe=False, body=body)
        return made["subscription"]["subscription_id"]

    def tell(self, subscription_id, *path, method="POST", **body):
        return self.client._send(method, "subscriptions", subscription_id, *path, safe=False, body=body)

    # --- foreseen and billed

    def sync(self):
        report = pull_subscriptions(Order(), say=lambda _line: None)
        assert report.problems == []
        details = read_details(self.client, self.now)
        assert (details.problems, details.stopped) == ([], "")

    def foresee(self, subscription_id, count=3):
        self.sync()
        subscription = Subscription.objects.select_related("package").get(subscription_id=subscription_id)
        return next_invoices(subscription, self.now, count)

    def compare(self, subscription_id, count=3):
        """What is foreseen, once every invoice until the last of it was made in Zoho and is equal to it."""
        seen = self.foresee(subscription_id, count)
        assert [invoice.unknown for invoice in seen.invoices] == [()] * len(seen.invoices)
        before = len(self.billed(subscription_id))
        if seen.invoices:
            last = seen.invoices[-1].on + timedelta(days=1)
            self.at(datetime.combine(last, time(10), tzinfo=JOHANNESBURG))
        assert [foreseen(invoice) for invoice in seen.invoices] == self.billed(subscription_id)[before:]
        return seen

    def billed(self, subscription_id):
        """Its invoices in Zoho: day, lines, VAT, total, and what was credited with it."""
        notes = self.zoho.records("billing_creditnotes")
        return [
            (
                invoice["invoice_date"],
                [
                    (
                        *(line["code"], line["quantity"]),
                        *(money(line[name]) for name in ("price", "item_total", "discount_amount")),
                    )
                    for line in invoice["invoice_items"]
                ],
                money(invoice["tax_total"]),
                money(invoice["total"]),
                sum(
                    (
                        money(note["total"])
                        for note in notes
                        if any(one["invoice_id"] == invoice["invoice_id"] for one in note["applied"])
                    ),
                    Decimal("0.00"),
                ),
            )
            for invoice in self.zoho.records("billing_invoices")
            if invoice["subscription_id"] == subscription_id
        ]


def foreseen(invoice):
    """An invoice of the preview, told as `Foresight.billed` tells Zoho's."""
    lines = [(line.code, line.quantity, line.unit_price, line.total, line.discount) for line in invoice.lines]
    return invoice.on.isoformat(), lines, invoice.vat, invoice.total, invoice.credit


def money(value):
    return Decimal(str(value)).quantize(Decimal("0.01"))
