"""The clerk: imports files, and brings what is in them on sale. Whatever got no answer is asked for again."""

import random
import re
from html import unescape
from typing import Any

from torture.browser import Browser, outcome_of
from torture.looking import patiently
from torture.records import Outcome

ADMIN = "/admin/catalogue/product"
HEADER = (
    "sku,name,service_type,category,segment,provider,technology,speed_down_mbps,price,"
    "installation_fee_incl_vat,contract_months,hardware_model,hardware_included,features\n"
)
INPUT = re.compile(r"<input[^>]*type=\"hidden\"[^>]*>")
ATTRIBUTE = re.compile(r'(name|value)="([^"]*)"')
DIALOG = {"_form_submitted": "True"}


class Clerk:
    def __init__(self, author: Browser, signatory: Browser, choice: random.Random, seed: int) -> None:
        self.author, self.signatory, self.choice, self.seed = author, signatory, choice, seed
        self.stop = author.stop
        self.rows: dict[str, dict[str, Any]] = {}

    def one_round(self) -> None:
        """One file, until it is in; then each of its products as far as it goes."""
        skus = [f"T{self.seed}-{len(self.rows) + 1 + one}" for one in range(self.choice.randint(1, 3))]
        for sku in skus:
            self.rows[sku] = self._new_row(sku)
        if len(self.rows) > 6 and self.choice.random() < 0.5:
            changed = self.choice.choice(sorted(set(self.rows) - set(skus)))
            self.rows[changed]["features"] = f"Changed {self.choice.randint(1, 10_000)} times"
            skus.append(changed)
        content = HEADER + "".join(f"{','.join(map(str, self.rows[sku].values()))}\n" for sku in skus)
        while not self._imported(content, skus):
            if self.stop.wait(1):
                return
        ids = self._ids(skus)
        for deed, browser in (("submit", self.author), ("approve", self.signatory)):
            for id in ids:
                self._press(deed, browser, id)
        if self.choice.random() < 0.4:
            self._publish_together(ids)
        else:
            for id in ids:
                self._press("publish", self.signatory, id)

    def _new_row(self, sku: str) -> dict[str, Any]:
        fee = self.choice.choice(["", "0", "450"])
        device = self.choice.choice(["", "Reyee"])
        return {
            "sku": sku, "name": f"Fibre {sku}", "service_type": "HomeFibre", "category": "home_fibre",
            "segment": self.choice.choice(["consumer", "business"]), "provider": self.choice.choice(["DFA", "MTN"]),
            "technology": "fibre", "speed": self.choice.choice([50, 100, 200]),
            "price": self.choice.randint(300, 1500), "fee": fee, "months": self.choice.choice([1, 12, 24]),
            "device": device, "included": "yes" if device else "", "features": "Uncapped",
        }  # fmt: skip

    def _imported(self, content: str, skus: list[str]) -> bool:
        """Upload, then confirm the preview. Whether the answer says that it is in."""
        files = {"import_file": ("products.csv", content.encode(), "text/csv")}
        preview = self.author.ask("POST", f"{ADMIN}/import/", files=files)
        if outcome_of(preview) is not Outcome.DONE or preview is None or 'name="upload"' not in preview.text:
            return False
        answer = self.author.ask("POST", f"{ADMIN}/import/", data=hidden_inputs(preview.text))
        is_in = answer is not None and answer.headers.get("location", "") == f"{ADMIN}/"
        if is_in or outcome_of(answer) is Outcome.UNKNOWN:
            for sku in skus:
                self.author.promise("import", sku, answer)
        return is_in

    def _ids(self, skus: list[str]) -> list[str]:
        from catalogue.models import Product

        found = patiently(
            lambda: dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk")), self.stop
        )
        return [str(found[sku]) for sku in skus if sku in found] if found else []

    def _press(self, deed: str, browser: Browser, id: str) -> None:
        """Press once, and again as long as no answer comes."""
        while True:
            answer = browser.do(deed, id, "POST", f"{ADMIN}/{id}/{deed}/", data=DIALOG)
            if outcome_of(answer) is not Outcome.UNKNOWN or self.stop.wait(1):
                return

    def _publish_together(self, ids: list[str]) -> None:
        if not ids:
            return
        answer = self.signatory.ask("POST", "/api/admin/products/bulk-publish", json={"ids": ids})
        batch = answer.json()["id"] if outcome_of(answer) is Outcome.DONE and answer is not None else ""
        self.signatory.promise("batch", batch, answer)


def hidden_inputs(page: str) -> dict[str, str]:
    """The hidden fields of a form, by name."""
    found = (dict(ATTRIBUTE.findall(each)) for each in INPUT.findall(page))
    return {one["name"]: unescape(one.get("value", "")) for one in found if "name" in one}
