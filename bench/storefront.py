"""The storefront beside a plain DRF ModelViewSet (1×) and a constant view: 2 processes, 8 connections, 20 a page."""

import os
import sys
from pathlib import Path
from statistics import median
from typing import Any

from bench import _database
from bench._load import Load, Missing, Server, serving, wrk

PACKAGES = int(os.environ.get("BENCH_PACKAGES", 10_000))
MANY = 10 * PACKAGES
SECONDS = float(os.environ.get("BENCH_SECONDS", 4))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 5))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", 200_000))
COPIES = """
INSERT INTO service_packages
SELECT (jsonb_populate_record(p, jsonb_build_object(
    'id', gen_random_uuid(), 'sku', 'BENCH-' || n, 'slug', 'bench-' || n, 'logical_key', 'bench-' || n,
    'name', (ARRAY['SkyFibre', 'HomeFibre', 'BizFibre', 'Mobile', 'Wireless'])[1 + n %% 5] || ' Plan ' || md5(n::text),
    'provider', (ARRAY['MTN', 'DFA', 'Openserve', 'Vuma', 'Frogfoot', 'MetroFibre', 'Octotel', 'Telkom'])[1 + n %% 8],
    'market_segment', (ARRAY['consumer', 'business'])[1 + (n / 8) %% 2],
    'price', 299 + n %% 2000, 'installation_fee', 450,
    'features', ARRAY['Uncapped', 'Free router', 'Support around the clock'],
    'add_ons', '[{"name": "Static IP", "price": "99.00", "recurring": true}]'::jsonb,
    'hardware_model', 'Reyee RG-EW1300G', 'hardware_included', true, 'hardware_price', 0,
    'promotion_price', CASE WHEN n %% 10 = 0 THEN 199 END))).*
FROM service_packages p, generate_series(%s, %s) n WHERE p.id = %s
"""
FILTER = "market_segment=consumer&provider=MTN"
LIST, DETAIL = f"/api/v1/packages/?{FILTER}", "/api/v1/packages/bench-42/"
PLAIN_LIST, PLAIN_DETAIL = f"/plain/packages/?{FILTER}", "/plain/packages/bench-42/"
TMF = "/tmf-api/productCatalogManagement/v4/productOffering?limit=50"


def run() -> str:
    _database.start()
    template = _template()
    _fill(template, 1, PACKAGES)
    try:
        return "\n".join(_lines(template))
    except Missing as missing:
        return f"  {missing}"


def _lines(template: Any) -> list[str]:
    with serving(BENCH_CACHE="off") as server:
        _ensure_same(server)
        loads = _measured(server, {
            "plain list": (PLAIN_LIST, {}), "plain detail": (PLAIN_DETAIL, {}), "floor": ("/floor", {}),
            "list, not cached": (LIST, {}), "detail, not cached": (DETAIL, {}), "TMF620 list of 50": (TMF, {}),
        })  # fmt: skip
        list_small = median(wrk(server.url + LIST, SECONDS).p50 for _ in range(ROUNDS))
    with serving() as server:
        tag = server.get(LIST)[1]["ETag"]
        again = _measured(server, {
            "plain list": (PLAIN_LIST, {}), "plain detail": (PLAIN_DETAIL, {}), "floor": ("/floor", {}),
            "list, repeated": (LIST, {}), "detail, repeated": (DETAIL, {}), "304": (LIST, {"If_None_Match": tag}),
        })  # fmt: skip
        memory = _memory(server)
    lines = [f"  {PACKAGES:,} packages; answers/s, times plain DRF, p50 and p99 in ms"]
    lines += [_line(name, load, loads) for name, load in loads.items()]
    lines += [_line(name, load, again) for name, load in again.items() if name not in loads]
    lines += _remarks()
    lines.append(f"  304 is {again['304'].rate / again['floor'].rate:.0%} of the floor of its own run")
    lines.append(memory)
    _fill(template, PACKAGES + 1, MANY)
    with serving(BENCH_CACHE="off") as server:
        wrk(server.url + LIST, SECONDS)
        list_large = median(wrk(server.url + LIST, SECONDS).p50 for _ in range(ROUNDS))
    lines.append(
        f"  list at {MANY:,}: p50 {list_large:.2f} ms, {list_large / list_small:.2f} × that at {PACKAGES:,}"
    )
    return lines


def _measured(server: Server, wanted: dict[str, tuple[str, dict[str, str]]]) -> dict[str, Load]:
    """In turns, so that a neighbour's noise meets all alike; the median of each."""
    for path, headers in wanted.values():
        wrk(server.url + path, 1, **headers)
    rounds = [
        {name: wrk(server.url + path, SECONDS, **headers) for name, (path, headers) in wanted.items()}
        for _ in range(ROUNDS)
    ]
    for each in rounds:
        told = (f"{name} {load.rate:.0f}/s" for name, load in each.items())
        print("  …", *told, sep=", ", file=sys.stderr, flush=True)
    return {
        name: Load(*(median(getattr(each[name], what) for each in rounds) for what in ("rate", "p50", "p99")))
        for name in wanted
    }


def _line(name: str, load: Load, beside: dict[str, Load]) -> str:
    plain = beside["plain detail" if "detail" in name else "plain list"]
    return (
        f"  {name:20} {load.rate:8,.0f}/s {load.rate / plain.rate:6.1f}×"
        f"  p50 {load.p50:6.2f}  p99 {load.p99:6.2f} ({load.p99 / load.p50:.1f}×)"
    )


def _remarks() -> list[str]:
    grouped = Path("/proc/sys/kernel/sched_autogroup_enabled")
    if not grouped.exists() or grouped.read_text().strip() == "0":
        return []
    return [
        "  kernel.sched_autogroup_enabled is 1: now and then p99 is the scheduler's, see docs/deployment.md"
    ]


def _memory(server: Server) -> str:
    """Before and after 200,000 requests."""
    before, seconds = server.memory, 10.0
    rate = wrk(server.url + LIST, seconds).rate
    wrk(server.url + LIST, REQUESTS / rate)
    return f"  largest process: {before:.0f} MB, after {REQUESTS:,} more requests {server.memory:.0f} MB"


def _ensure_same(server: Server) -> None:
    """What is compared must be the same answer."""
    ours, plain = server.get(LIST)[2]["results"], server.get(PLAIN_LIST)[2]["results"]
    assert ours == plain, (ours[0], plain[0])
    assert server.get(DETAIL)[2] == server.get(PLAIN_DETAIL)[2]


def _template() -> Any:
    from decimal import Decimal

    from tests.factories import live_package

    return live_package(name="Template", regular_price=Decimal("799.00")).pk


def _fill(template: Any, first: int, last: int) -> None:
    from django.db import connection

    from catalogue.models import PackageDocument
    from catalogue.storefront import written

    with connection.cursor() as cursor:
        cursor.execute(COPIES, [first, last, template])
    while written.write_missing():
        pass
    assert not PackageDocument.objects.filter(text=None).exists()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
