"""A pricing manager and whoever signs: drafts, publishes, cancels. A draft bears words of its own, to be found by."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from torture.browser import Browser, body_of
from torture.looking import patiently

CHANGES = "/api/admin/price-changes"


class Pricer:
    def __init__(
        self, author: Browser, signatory: Browser, chief: Browser, choice: random.Random, who: str
    ) -> None:
        self.author, self.signatory, self.chief, self.choice, self.who = author, signatory, chief, choice, who
        self.number = 0

    def one_round(self) -> None:
        change = self._draft()
        if change is None or self.choice.random() < 0.1:
            return
        published = self.signatory.do(
            "price change published", change, "POST", f"{CHANGES}/{change}/publish", json={}
        )
        if body_of(published).get("status") == "published" and self.choice.random() < 0.6:
            # Left standing it would keep its package from any other change.
            self.chief.do(
                "price change cancelled",
                change,
                "POST",
                f"{CHANGES}/{change}/cancel",
                json={"reason": "torture"},
            )

    def _draft(self) -> str | None:
        """The id of a new draft; None when it was refused or not answered."""
        package = patiently(self._any_package, self.author.stop)
        if package is None:
            return None
        id, price = package
        self.number += 1
        factor = Decimal(self.choice.randint(80, 120)) / 100
        new = (price * factor).quantize(Decimal("1.00")) + (1 if factor == 1 else 0)
        today = timezone.localdate()
        words = f"{self.who}, wish {self.number}"
        wish: dict[str, Any] = {
            "package": id,
            "new_price": str(new),
            "reason": words,
            "effective_date": (today if new < price else today + timedelta(days=70)).isoformat(),
        }
        answer = self.author.do("price change drafted", words, "POST", CHANGES, json=wish)
        return body_of(answer).get("id")

    def _any_package(self) -> tuple[str, Decimal] | None:
        from catalogue.models import ServicePackage

        free = ServicePackage.objects.filter(status="active", new_customer_price=None).order_by("sku")
        known = list(free.values_list("pk", "price"))
        return (str((one := self.choice.choice(known))[0]), one[1]) if known else None
