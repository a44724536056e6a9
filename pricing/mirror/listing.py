"""The first part of a pull: Zoho's lists, a page at a time, each page written down before the next is asked for."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from pricing.mirror.reading import Verdict, judge_row, take_row
from pricing.models import OwedRead, Source, Subscription, SubscriptionPull
from zoho_sync.billing.calls import PER_PAGE, Page
from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.customers import Customer
from zoho_sync.billing.subscriptions import SubscriptionRow
from zoho_sync.connection.errors import ServerTrouble
from zoho_sync.reading import text

FEW = 3
CONTACTS_GOOD_FOR = timedelta(days=7)
MOST_VANISHED_PERCENT = 20
Judged = tuple[dict[str, Any], Verdict, Subscription | None]


def pages_of(ask: Any, after: int) -> Iterator[Page]:
    """The pages after the one with that number. Raises ServerTrouble where a list ends without saying so."""
    number = after
    while True:
        number += 1
        page: Page = ask(number)
        # A page that does not say whether another follows is the last one only when it is not full.
        more = page.has_more if page.has_more is not None else len(page.rows) >= PER_PAGE
        if more and not page.rows:
            raise ServerTrouble(f"Page {number} of Zoho's list is empty, although more was announced.")
        yield Page(page.rows, more)
        if not more:
            return


def list_subscriptions(client: BillingClient, pull: SubscriptionPull) -> None:
    """Judge every row of Zoho's list and write down what is to be read. Goes on after the last page written down."""
    for page in pages_of(client.subscription_page, pull.subscription_pages):
        with transaction.atomic():
            counts = Counter(pull.counts)
            judged = list(judge_page(page.rows, full=pull.full))
            counts.update(verdict.value for _, verdict, _ in judged)
            _write(pull, judged)
            pull.counts, pull.subscription_pages = dict(counts), pull.subscription_pages + 1
            pull.listed_to_the_end = not page.has_more
            pull.save(update_fields=["counts", "subscription_pages", "listed_to_the_end"])


def judge_page(rows: list[dict[str, Any]], *, full: bool) -> Iterator[Judged]:
    """Each row with what it asks for and the subscription we know by its id. One query."""
    by_id = {text(row, "subscription_id"): row for row in rows}
    known = {each.subscription_id: each for each in Subscription.objects.filter(subscription_id__in=by_id)}
    for key, row in by_id.items():
        if key:
            yield row, judge_row(row, known.get(key), full=full), known.get(key)


def list_customers(client: BillingClient, pull: SubscriptionPull) -> None:
    """Bring the e-mail addresses and names of the subscriptions we know up to date, two hundred customers a call."""
    for page in pages_of(client.customer_page, pull.customer_pages):
        with transaction.atomic():
            take_customers(page.rows)
            pull.customer_pages, pull.customers_listed = pull.customer_pages + 1, not page.has_more
            pull.save(update_fields=["customer_pages", "customers_listed"])


def take_customers(rows: list[dict[str, Any]]) -> None:
    told = {}
    for row in rows:
        customer = Customer.read(row)
        told[customer.customer_id] = customer, row.get("email") is not None
    differing = []
    known = Subscription.objects.filter(customer_id__in=told, erased_at=None).only(
        "customer_id", "customer_email", "customer_name"
    )
    for subscription in known:
        customer, tells_email = told[subscription.customer_id]
        email = customer.email[:254] if tells_email else subscription.customer_email
        name = customer.display_name[:200] or subscription.customer_name
        if (subscription.customer_email, subscription.customer_name) != (email, name):
            subscription.customer_email, subscription.customer_name = email, name
            differing.append(subscription)
    Subscription.objects.bulk_update(differing, ["customer_email", "customer_name"])
    known.update(contact_source=Source.LISTED, contact_as_of=timezone.now())


def contacts_are_imported() -> bool:
    """Whether all names and addresses come from an export of the last days: then no customer has to be listed."""
    since = timezone.now() - CONTACTS_GOOD_FOR
    served = Subscription.objects.standing()
    others = served.exclude(contact_source=Source.IMPORTED, contact_as_of__gte=since, customer_email__gt="")
    return served.exists() and not others.exists()


def vanished(pull: SubscriptionPull) -> QuerySet[Subscription]:
    """Those we knew that the list of `pull` did not have. Says nothing before the list was read to its end."""
    listed = OwedRead.objects.filter(pull=pull, subscription_id=OuterRef("subscription_id"))
    return Subscription.objects.filter(~Exists(listed), gone_at=None, seen_at__lt=pull.started_at)


def too_many(missing: int, known: int) -> bool:
    """More than can be believed of a list: rather the list is wrong."""
    return missing >= FEW and missing * 100 > known * MOST_VANISHED_PERCENT


def _write(pull: SubscriptionPull, judged: list[Judged]) -> None:
    seen: list[UUID] = []
    agreed: list[UUID] = []
    taken: list[Subscription] = []
    owed: list[OwedRead] = []
    for row, verdict, known in judged:
        if verdict.is_read:
            owed.append(
                OwedRead(
                    pull=pull,
                    subscription_id=text(row, "subscription_id"),
                    row=row,
                    due_on=SubscriptionRow.read(row).next_billing_at,
                )
            )
        elif known is not None and verdict is not Verdict.SAME:
            take_row(known, row)
            known.gone_at = None
            taken.append(known)
        if known is not None:
            (agreed if verdict in (Verdict.SAME, Verdict.RENEWED) else seen).append(known.pk)
    at = pull.started_at
    Subscription.objects.filter(pk__in=seen).update(seen_at=at)
    Subscription.objects.filter(pk__in=agreed).update(seen_at=at, plan_seen_at=at)
    names = [
        *("status", "current_term_starts_on", "current_term_ends_on", "next_billing_on"),
        *("last_invoice_id", "listed", "gone_at", "remaining_cycles"),
    ]
    Subscription.objects.bulk_update(taken, names)
    # A row that moved to a later page while the list was read is there already.
    OwedRead.objects.bulk_create(owed, ignore_conflicts=True)
