"""Packages with every text that ever broke an interface, as many as are wanted. The same ones each time."""

import random
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from catalogue.models import Product, ServicePackage

TEXTS = (
    "📶 100 % Größe  ",
    "👩‍👩‍👧‍👦" * 12,
    "שלום שירות סיבים",
    "\u202eevil\u202c \u200fright to left\u200e",
    "مرحبا ألياف 100",
    "line one\r\nline two \r\n\r\n",
    "old Mac\rline ends\r",
    "tab\tand \u00a0 blanks \u2003",
    "  leading and trailing \u00a0",
    "e\u0301tat de\u0301compose\u0301",
    "ﬁbre № ½ ①",
    '=HYPERLINK("http://x")',
    "<b>bold</b> & 'quoted' \"twice\" \\ back",
    "&amp; &lt;script&gt; %20 {{ x }} ${y}",
    "0.005",
    "null",
    "-None-",
    "true",
    "2027-01-01",
    "x" * 1990,
    # The longest that a plan's description holds.
    "é" * 2000,
    "📶" * 1001,
    "",
)
AMOUNTS = tuple(map(Decimal, ("0.005", "0.01", "1.10", "899.995", "1000", "99999.99")))
AT_ONCE = 500


def make(count: int) -> None:
    """Write so many active packages, owed to nobody yet. Publishing's own checks are left out: worse comes through."""
    author, _ = User.objects.get_or_create(username="hostile")
    source = Product.objects.create(
        name="Hostile", sku="HOSTILE", service_type="HomeFibre", category="home_fibre", market_segment="consumer",
        provider="DFA", contract_months=12, created_by=author, changed_by=author,
    )  # fmt: skip
    packages = _packages(count, source, author)
    while some := list(islice(packages, AT_ONCE)):
        ServicePackage.objects.bulk_create(some)


def _packages(count: int, source: Product, author: User) -> Iterator[ServicePackage]:
    dice, now = random.Random(8), timezone.now()
    for number in range(count):
        name, description, feature, model, limit = (dice.choice(TEXTS) for _ in range(5))
        yield ServicePackage(
            source_admin_product=source,
            published_by=author,
            published_at=now,
            valid_from=now,
            status="active",
            sku=f"H-{number}",
            slug=f"hostile-{number}",
            logical_key=f"hostile-{number}",
            name=f"{name[:150]} {number}",
            description=description,
            features=[feature[:200], ""],
            data_limit=limit[:60],
            category="home_fibre",
            service_type="HomeFibre",
            provider=dice.choice(("DFA", "Vumatel (Pty) Ltd", "Öffentlich")),
            market_segment=dice.choice(("consumer", "business")),
            contract_months=dice.choice((1, 12, 24)),
            speed_down_mbps=dice.choice((None, 100)),
            price=dice.choice(AMOUNTS),
            installation_fee=dice.choice((None, Decimal("0.00"), Decimal("0.005"), Decimal("0.05"))),
            **_hardware(dice, model),
        )


def _hardware(dice: random.Random, model: str) -> dict[str, Any]:
    if not model.strip() or dice.random() < 0.7:
        return {}
    included = dice.random() < 0.5
    price = Decimal("0.00") if included else dice.choice(AMOUNTS)
    return {"hardware_model": model[:120], "hardware_included": included, "hardware_price": price}
