"""Backfill of 10,000 packages into CRM, and of 1,000 with one-time charges into Billing, at 50 ms a call."""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
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
    from circletel.embedded.postgres import Postgres
    from circletel.embedded.sandbox import RAISED_LIMITS, Sandbox
    from circletel.embedded.valkey import Valkey

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="circletel-bench-")))
        parts = []
        for kind in (Postgres, Valkey, Sandbox):
            # A throwaway PostgreSQL has no database and never waits for the disk.
            service = kind(
                folder=folder / kind.__name__,
                log=folder / f"{kind.__name__}.log",
                throwaway=kind is not Postgres,
            )
            service.start()
            stack.callback(service.stop)
            parts.append(service)
        postgres, valkey, sandbox = parts
        environment = {
            **os.environ,
            "DJANGO_SECRET_KEY": "bench",
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            **RAISED_LIMITS,
            **sandbox.settings(),
        }
        _manage(environment, "migrate", "-v0")
        _manage(environment, "shell", "-v0", "-c", FILL.format(count=count, charged=charged))
        _ask(sandbox, "settings", {"billing_per_minute": 0, "billing_per_day": 0, "billing_concurrency": 10})
        _manage(environment, "zoho_fields", "create", "--yes")
        _ask(sandbox, "settings", {"latency_ms": LATENCY_MS})
        return _backfill(environment, sandbox, system), _backfill(environment, sandbox, system)


def _backfill(environment: dict[str, str], sandbox: Any, system: str) -> dict[str, Any]:
    before, began = _calls(sandbox, system), time.monotonic()
    watch = f"""
import resource, subprocess, sys
code = subprocess.call([sys.executable, "manage.py", "backfill_zoho", {system!r}], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_maxrss, used.ru_utime + used.ru_stime)
"""
    said = subprocess.run(
        [sys.executable, "-c", watch], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    seconds = time.monotonic() - began
    code, kilobytes, cpu = said.stdout.split()
    made = {path: number - before.get(path, 0) for path, number in _calls(sandbox, system).items()}
    reads = sum(number for path, number in made.items() if path.startswith("GET "))
    return {
        "seconds": seconds,
        "cpu": float(cpu),
        "reads": reads,
        "writes": sum(made.values()) - reads,
        "megabytes": int(kilobytes) / 1024,
        "exit": int(code),
    }


def _manage(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-W", "ignore", "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def _calls(sandbox: Any, system: str) -> dict[str, int]:
    endpoints: dict[str, int] = _ask(sandbox, "state")["calls"].get(system, {}).get("endpoints", {})
    return endpoints


def _ask(sandbox: Any, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    from urllib.request import Request, urlopen

    data = json.dumps(body).encode() if body is not None else None
    with urlopen(Request(f"{sandbox.url}/_sandbox/{path}", data=data)) as answer:
        answered: dict[str, Any] = json.load(answer)
    return answered
