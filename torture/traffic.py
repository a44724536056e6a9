"""People and programs at work, each in a thread of their own, each with their own seeded choices.

Readers ask the storefront and TMF620. The clerk imports products and changes to them, submits, approves and
publishes. Two pricers draft, publish and cancel price changes. The operator sends packages again and asks for
comparisons.
"""

import random
import threading
from collections.abc import Callable

from torture.beginning import AUTHOR, OPERATOR, SIGNATORY, SUPERUSER, Sessions
from torture.browser import Browser
from torture.clerk import Clerk
from torture.looking import patiently
from torture.pricer import Pricer
from torture.records import Records

READERS = 3
PRICERS = 2
OFFERINGS = "/tmf-api/productCatalogManagement/v5/productOffering"


class Traffic:
    """`start()`, and `stop()` when it is enough."""

    def __init__(self, records: Records, url: str, sessions: Sessions, seed: int) -> None:
        self._records, self._url, self._sessions, self._seed = records, url, sessions, seed
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.accidents: list[str] = []

    def start(self) -> None:
        jobs: dict[str, Callable[[str, random.Random], None]] = {
            **{f"reader {number}": self._read for number in range(1, READERS + 1)},
            "clerk": self._keep_catalogue,
            **{f"pricer {number}": self._price for number in range(1, PRICERS + 1)},
            "operator": self._operate,
        }
        for name, work in jobs.items():
            thread = threading.Thread(target=self._guarded, args=(name, work), name=name)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, name: str, work: Callable[[str, random.Random], None]) -> None:
        """A mistake of this suite must not pass for a quiet run."""
        from django.db import connection

        try:
            work(name, random.Random(f"{self._seed} {name}"))
        except Exception as trouble:
            self.accidents.append(f"{name}: {type(trouble).__name__}: {trouble}")
        finally:
            connection.close()

    def _browser(self, who: str, user: str | None = None) -> Browser:
        cookies = self._sessions.of(user) if user else None
        return Browser(self._records, who, self._url, self._stop, cookies)

    def _read(self, who: str, choice: random.Random) -> None:
        shop, slugs = self._browser("storefront"), ["nothing-of-the-kind"]
        while not self._stop.is_set():
            picked = choice.random()
            if picked < 0.5:
                query = choice.choice(
                    [
                        "",
                        "?market_segment=consumer",
                        "?price_max=800",
                        "?search=fibre",
                        "?page=2",
                        "?provider=MTN",
                    ]
                )
                answer = shop.ask("GET", f"/api/v1/packages/{query}")
                if answer is not None and answer.status_code == 200 and query == "":
                    slugs = [one["slug"] for one in answer.json()["results"]] or slugs
            elif picked < 0.85:
                shop.ask("GET", f"/api/v1/packages/{choice.choice(slugs)}/")
            else:
                shop.ask("GET", f"{OFFERINGS}?limit={choice.randint(1, 20)}&offset={choice.randint(0, 60)}")
            self._stop.wait(choice.uniform(0.02, 0.25))
        shop.close()

    def _keep_catalogue(self, who: str, choice: random.Random) -> None:
        author, signatory = self._browser(who, AUTHOR), self._browser(who, SIGNATORY)
        clerk = Clerk(author, signatory, choice, self._seed)
        while not self._stop.is_set():
            clerk.one_round()
            self._stop.wait(choice.uniform(0.5, 3))

    def _price(self, who: str, choice: random.Random) -> None:
        pricer = Pricer(
            self._browser(who, AUTHOR),
            self._browser(who, SIGNATORY),
            self._browser(who, SUPERUSER),
            choice,
            who,
        )
        while not self._stop.is_set():
            pricer.one_round()
            self._stop.wait(choice.uniform(0.3, 2.5))

    def _operate(self, who: str, choice: random.Random) -> None:
        from catalogue.models import ServicePackage

        operator, chief = self._browser(who, OPERATOR), self._browser(who, SUPERUSER)
        products = ServicePackage.objects.filter(integrations__isnull=False).order_by("sku").distinct()
        while not self._stop.is_set():
            if choice.random() < 0.15:
                chief.do("reconciliation", "all", "POST", "/api/admin/reconciliation/run", json={})
            else:
                known = patiently(
                    lambda: [str(pk) for pk in products.values_list("source_admin_product", flat=True)],
                    self._stop,
                )
                if known:
                    self._send_again(operator, choice, choice.choice(known))
            self._stop.wait(choice.uniform(2, 8))

    @staticmethod
    def _send_again(operator: Browser, choice: random.Random, product: str) -> None:
        system, force = choice.choice(["crm", "billing"]), choice.random() < 0.4
        query = "?force=true" if force else ""
        path = f"/api/admin/products/{product}/sync-{system}{query}"
        operator.do("re-sync", product, "POST", path, json={"reason": "under torture"} if force else {})
