"""Backfill of 10,000 packages into CRM, and of 1,000 with one-time charges into Billing, at 50 ms a call."""

import subprocess
import sys
import time
from typing import Any

from bench._installation import ROOT, Installation, installation

LATENCY_MS = 50
CRM_PACKAGES, BILLING_PACKAGES = 10_000, 1_000
FILL = """
from decimal import Decimal
from django.contrib.auth.models import User
from django.utils import timezone
from catalogue.models import Product, ServicePackage
who = User.objects.create(username="bench")
source = Product.objects.create(name="Bench", sku="BENCH", service_type="HomeFibre", category="fibre",
    market_segment="consumer", provider="DFA", contract_months=12, created_by=who, changed_by=who)
now, charged = timezone.now(), {charged}
ServicePackage.objects.bulk_create(
    (ServicePackage(source_admin_product=source, sku=f"BENCH-{{n}}", name=f"Bench {{n}}", slug=f"bench-{{n}}",
        logical_key=f"bench-{{n}}", market_segment="consumer", provider="DFA", service_type=f"Line {{n % 5}}",
        category="fibre", contract_months=12, price=Decimal("799.00"), status="active", valid_from=now,
        published_at=now, published_by=who, description="Uncapped fibre. " * 20,
        **({{"installation_fee": Decimal("0.00"), "hardware_model": "Reyee", "hardware_price": Decimal("999.00")}}
           if charged else {{}}))
     for n in range({count})), batch_size=500)
"""


def run() -> str:
    lines = [f"  {'':34}{'first run':>12}{'again':>12}"]
    for system, count, charged in (("crm", CRM_PACKAGES, False), ("billing", BILLING_PACKAGES, True)):
        first, again = _measured(system, count, charged=charged)
        lines.append(
            f"  {f'{system}, {count} packages':34}{first['seconds']:>10.1f} s{again['seconds']:>10.1f} s"
        )
        lines.append(f"  {'  processor time of it':34}{first['cpu']:>10.1f} s{again['cpu']:>10.1f} s")
        lines.append(f"  {'  calls that read / that write':34}{_split(first):>12}{_split(again):>12}")
        lines.append(f"  {'  greatest memory':34}{first['megabytes']:>9.0f} MB{again['megabytes']:>9.0f} MB")
        lines.append(f"  {'  exit code':34}{first['exit']:>12}{again['exit']:>12}")
    return "\n".join(lines)


def _split(result: dict[str, Any]) -> str:
    return f"{result['reads']} / {result['writes']}"


def _measured(system: str, count: int, *, charged: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    with installation() as mine:
        mine.manage("shell", "-v0", "-c", FILL.format(count=count, charged=charged))
        mine.ask("settings", {"latency_ms": LATENCY_MS})
        return _backfill(mine, system), _backfill(mine, system)


def _backfill(mine: Installation, system: str) -> dict[str, Any]:
    before, began = _calls(mine, system), time.monotonic()
    watch = f"""
import resource, subprocess, sys
code = subprocess.call([sys.executable, "manage.py", "backfill_zoho", {system!r}], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_maxrss, used.ru_utime + used.ru_stime)
"""
    said = subprocess.run(
        [sys.executable, "-c", watch],
        cwd=ROOT,
        env=mine.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - began
    code, kilobytes, cpu = said.stdout.split()
    made = {path: number - before.get(path, 0) for path, number in _calls(mine, system).items()}
    reads = sum(number for path, number in made.items() if path.startswith("GET "))
    return {
        "seconds": seconds,
        "cpu": float(cpu),
        "reads": reads,
        "writes": sum(made.values()) - reads,
        "megabytes": int(kilobytes) / 1024,
        "exit": int(code),
    }


def _calls(mine: Installation, system: str) -> dict[str, int]:
    endpoints: dict[str, int] = mine.ask("state")["calls"].get(system, {}).get("endpoints", {})
    return endpoints
