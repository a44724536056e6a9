"""10,000 packages with hostile texts, sent to Zoho and compared with it: there must be no finding."""

import json
import os
import time

from bench._installation import installation

PACKAGES = int(os.environ.get("BENCH_HOSTILE_PACKAGES", "10000"))


def run() -> str:
    with installation() as mine:
        mine.manage("shell", "-v0", "-c", f"from tests.hostile import make; make({PACKAGES})")
        begun = time.monotonic()
        for system in ("crm", "billing"):
            mine.manage("backfill_zoho", system)
        sent = time.monotonic() - begun
        begun = time.monotonic()
        outcome = json.loads(mine.manage("reconcile", "all", "--json", "-", may_exit=(0, 1, 2)))
        compared = time.monotonic() - begun
    if not outcome["complete"] or outcome["counts"]["findings"] or outcome["counts"]["owed"]:
        raise AssertionError(f"not in step: {outcome['counts']}; {outcome['findings'][:3]}")
    return (
        f"  {PACKAGES:,} packages, {outcome['counts']['compared']:,} records: sent in {sent:.0f} s, compared in"
        f" {compared:.0f} s with {outcome['calls']} calls; 0 findings"
    )
