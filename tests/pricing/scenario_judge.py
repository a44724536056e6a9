"""Every invoice of the story against what it ought to say, and the deviations against the pages of billing proof."""

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.urls import reverse

from pricing.rule import price_for_customer
from tests.pricing.people import ms_khumalo
from tests.pricing.scenario_cast import STORY
from zoho_sync.keys import package_key


@dataclass(frozen=True)
class Bill:
    """What an invoice says of the plan, for one unit."""

    who: str
    on: date
    said: Decimal
    ought: Decimal
    units: int


def bills(scenario):
    """Every invoice in Zoho's books. Each has one line of the plan; each customer of the story has some."""
    people = {person.id: person for person in scenario.people if person.id}
    found = []
    for invoice in scenario.zoho.records("billing_invoices"):
        person = people[invoice["subscription_id"]]
        [line] = invoice["invoice_items"]
        assert line["code"] == package_key(scenario.packages[person.package])
        on = date.fromisoformat(invoice["invoice_date"])
        said, ought = Decimal(line["price"]), person.ought_to_pay(on)
        found.append(Bill(person.name, on, said, ought, line["quantity"]))
        if not person.has_terms_of_its_own:
            package = scenario.packages[person.package]
            quote = price_for_customer(package, person.came, person.billed_at(on))
            assert quote.including_vat == ought, f"{person.name} on {on}"
    return found


def deviations(found):
    """Who was billed wrong, and by how much a month. Several months at the same wrong price are one deviation."""
    wrong = defaultdict(set)
    for bill in found:
        if bill.said != bill.ought:
            wrong[bill.who].add((bill.said - bill.ought) * bill.units)
    return dict(wrong)


def on_the_proof(scenario, client):
    """Whom the pages of billing proof name as billed wrong, and by how much a month: read from their CSV."""
    client.force_login(ms_khumalo())
    wrong = defaultdict(set)
    for event in STORY:
        if event not in scenario.changes:
            continue
        address = reverse("admin:pricing_pricechange_proof_csv", args=[scenario.changes[event].pk])
        text = b"".join(client.get(address).streaming_content).decode("utf-8-sig")
        for row in csv.DictReader(io.StringIO(text)):
            if row["verdict"] in ("under", "over"):
                wrong[row["customer"]].add(Decimal(row["billed_wrong_a_month"].lstrip("'")))
    return dict(wrong)
