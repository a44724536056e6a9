"""A Zoho Billing with customers in it, and its calendar: what the tests of price moves live in."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from pricing import moving
from pricing.models import PriceMove, Subscription
from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.customers import Customer
from zoho_sync.billing.subscriptions import Ordered
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.keys import package_key
from zoho_sync.models import System

JOHANNESBURG = ZoneInfo("Africa/Johannesburg")


def instant(text):
    """`2027-03-02 10:00` in Johannesburg."""
    return datetime.fromisoformat(text).replace(tzinfo=JOHANNESBURG)


class World:
    def __init__(self, zoho):
        self.zoho = zoho
        self.http = ZohoHttp(System.BILLING, sleep=lambda _seconds: None)
        self.client = BillingClient(self.http)
        self.now = None

    def day(self, text):
        """Let the time be then; renewals until then are billed."""
        self.now = instant(text)
        self.zoho.clock(to=self.now.isoformat())
        return self.now

    def subscribe(self, package, price=None, addons=()):
        """A new customer of `package`, from today on; mirrored at once."""
        number = len(self.zoho.records("billing_customers")) + 1
        made = self.client.create_customer(
            Customer(display_name=f"Customer {number}", email=f"customer{number}@example.com")
        )
        plan = Ordered(package_key(package), price if price is None else Decimal(price))
        found = self.client.create_subscription(made.customer_id, plan, addons)
        self.pull()
        return Subscription.objects.get(subscription_id=found.subscription_id)

    def pull(self):
        """Bring the mirror in line with Zoho, without a call."""
        from catalogue.models import ServicePackage

        packages = {package_key(package): package for package in ServicePackage.objects.all()}
        for record in self.zoho.records("billing_subscriptions"):
            plan = record["plan"]
            Subscription.objects.update_or_create(
                subscription_id=record["subscription_id"],
                defaults={
                    "package": packages.get(plan["plan_code"]),
                    "plan_code": plan["plan_code"],
                    "number": record["subscription_number"],
                    "customer_id": record["customer_id"],
                    "status": record["status"],
                    "price": Decimal(str(plan["price"])),
                    "quantity": plan["quantity"],
                    "amount": Decimal(str(plan["price"])),
                    "is_inclusive_tax": record["is_inclusive_tax"],
                    "signed_up_at": datetime.fromisoformat(record["created_time"]),
                    "current_term_starts_on": day_of(record["current_term_starts_at"]),
                    "current_term_ends_on": day_of(record["current_term_ends_at"]),
                    "next_billing_on": day_of(record["next_billing_at"]),
                    "last_invoice_id": record["child_invoice_id"],
                    "read_at": self.now,
                    "seen_at": self.now,
                },
            )

    def move(self):
        """One run of the worker; the mirror is pulled before, as every night."""
        self.pull()
        return moving.drain(now=self.now, http=self.http)

    def reprice(self, subscription, price):
        """Somebody in Zoho gives this subscription a price of its own, from now on."""
        self.zoho.set(proration=False)
        plan = Ordered(subscription.plan_code, Decimal(price))
        self.client.update_subscription(subscription.subscription_id, plan, end_of_term=False)
        self.zoho.set(proration=True)

    def calls(self, method=None):
        """What Billing was asked about subscriptions and invoices, as `METHOD /path`."""
        found = [
            f"{one['method']} {one['path'].removeprefix('/billing/v1')}"
            for one in self.zoho.requests(system="billing")
        ]
        return [one for one in found if method is None or one.startswith(method)]

    def in_zoho(self, subscription):
        [found] = [
            one
            for one in self.zoho.records("billing_subscriptions")
            if one["subscription_id"] == subscription.subscription_id
        ]
        return found

    def billed(self, subscription):
        """Every invoice of the subscription: its day and the price of its plan."""
        return [
            (one["invoice_date"], Decimal(str(one["invoice_items"][0]["price"])))
            for one in self.zoho.records("billing_invoices")
            if one["subscription_id"] == subscription.subscription_id
        ]


def day_of(text):
    return date.fromisoformat(text) if text else None


def move_of(subscription, **filters):
    return PriceMove.objects.select_related("change__package", "subscription").get(
        subscription=subscription, **filters
    )
