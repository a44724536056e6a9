"""`python -m torture --minutes 30 --seed 1 --json report.json`: exit code 0 when nothing was lost, doubled or wrong."""

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

from tests.conftest import SandboxZoho
from tests.services import throwaway_folder
from torture import faults, report
from torture.beginning import make_tables, prepare
from torture.house import House
from torture.records import Records
from torture.traffic import Traffic

# After the last fault the house brings itself into step within this time, or a person presses "Send again".
SETTLE_SECONDS = 600
BY_HAND_SECONDS = 180


def main() -> int:
    asked = arguments()
    if asked.histories:
        return play_histories(asked.histories)
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1, 100_000)
    print(f"Seed {seed}: repeat with --seed {seed}", flush=True)
    with throwaway_folder() as folder:
        house = House(folder)
        try:
            made = torture(house, seed, asked.minutes * 60)
        finally:
            house.stop()
            if asked.logs:
                house.keep_logs(asked.logs)
    print(f"\n{report.words_of(made)}")
    if asked.json:
        asked.json.write_text(json.dumps(made.as_json(), indent=2) + "\n")
    return made.exit_code


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=30, help="of traffic; starting and settling come on top"
    )
    parser.add_argument(
        "--seed", type=int, help="what is chosen, and in which order; printed where it is not given"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the logs of the processes there")
    parser.add_argument(
        "--histories",
        type=lambda text: [int(seed) for seed in text.split(",")],
        metavar="SEEDS",
        help="instead: play random histories of price changes, as 1,2,3, and say what was billed otherwise",
    )
    return parser.parse_args()


def play_histories(seeds: list[int]) -> int:
    with throwaway_folder() as folder:
        house = House(folder)
        try:
            house.start_services()
            make_tables()
            from torture import histories

            return histories.run(seeds, say)
        finally:
            house.stop()


def say(words: str) -> None:
    print(words, flush=True)


def torture(house: House, seed: int, seconds: float) -> report.Report:
    say("Starting the house")
    house.start_services()
    sessions = prepare()
    house.start_app()
    zoho = SandboxZoho(house.sandbox.url)
    records = Records()
    began_at = faults.wall_clock_of(records)
    breaker = faults.Breaker(house, zoho, records, say)
    traffic = Traffic(records, house.web.url, sessions, seed)
    say(f"{seconds:.0f} s of traffic begin")
    traffic.start()
    try:
        breaker.run(faults.schedule(seed, seconds))
        time.sleep(max(0.0, seconds - records.now()))
    finally:
        traffic.stop()
    lasted = records.now()
    say("Everything is mended; waiting until everything is in step")
    return conclude(house, breaker, records, traffic, seed, lasted, began_at)


def conclude(
    house: House,
    breaker: faults.Breaker,
    records: Records,
    traffic: Traffic,
    seed: int,
    lasted: float,
    began_at: float,
) -> report.Report:
    from django.db import connection

    from circletel.core.models import Job
    from reconciliation import services
    from torture import settling
    from torture.judge import STORES, judge
    from zoho_sync.models import ProductIntegration, ZohoSyncLog

    connection.close()  # the database it was opened to has gone meanwhile
    settled_after, by_hand = settling.settle(SETTLE_SECONDS, BY_HAND_SECONDS, breaker.tend)
    house.warm_stop()
    for fault in records.faults:
        if fault.name in faults.ZOHO:
            fault.recovered = faults.recovery_of_zoho(records, fault, began_at)
    stored = {table: breaker.zoho.records(table) for table, _key, _id in STORES.values()}
    complaints = [str(each) for each in judge(records, stored)]
    complaints += [f"accident of this suite: {each}" for each in traffic.accidents]
    complaints += [fault.name for fault in records.faults if fault.name.endswith(faults.BY_ITSELF)]
    outcome = services.run(actor=None)
    if not outcome.complete or outcome.findings:
        complaints.append(f"reconciliation: {outcome.trouble or outcome.counts}")
    return report.Report(
        seed=seed,
        seconds=round(lasted, 1),
        requests=report.request_figures(records, lasted),
        deeds=report.deed_figures(records),
        faults=report.fault_figures(records),
        calls=dict(Counter(ZohoSyncLog.objects.values_list("system", flat=True))),
        packages=ProductIntegration.objects.values("package").distinct().count(),
        records=ProductIntegration.objects.count(),
        settled_after=settled_after,
        sent_by_hand=by_hand,
        reconciliation={
            "complete": outcome.complete,
            "findings": len(outcome.findings),
            "calls": outcome.calls,
        },
        jobs=dict(Counter(Job.objects.values_list("state", flat=True))),
        complaints=complaints,
    )


if __name__ == "__main__":
    sys.exit(main())
