"""`python -m tests.mutation --minutes 60`: mutmut over the code of consequence, and the score (docs/reliability.md).

mutmut alters one thing at a time and runs the tests that reach it. PostgreSQL and Valkey stay up meanwhile, and the
test database is kept from one run to the next.
"""

import argparse
import os
import subprocess
import sys
from collections import Counter

from tests import services

# As `mutmut results` calls them. What no test reaches survives as well.
KILLED, SURVIVED = ("killed", "timeout"), ("survived", "no tests")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="stop then; run again to go on")
    parser.add_argument("names", nargs="*", help="only these mutants, for example pricing.rule*")
    asked = parser.parse_args()
    os.environ |= services.NO_ZOHO | {"DJANGO_SECRET_KEY": "only-for-tests"}
    services.start_missing_services()
    try:
        command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *asked.names]
        try:
            code = subprocess.run(command, timeout=asked.minutes * 60).returncode
        except subprocess.TimeoutExpired:
            print(f"\nStopped after {asked.minutes:g} minutes.")
            code = 0
    finally:
        services.pytest_unconfigure()
    print_score()
    return code


def print_score() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "mutmut", "results", "--all", "true"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found: dict[str, Counter[str]] = {}
    for line in told.splitlines():
        mutant, _, verdict = line.strip().rpartition(": ")
        if "__mutmut_" in mutant:
            module = mutant.partition(".x")[0]
            found.setdefault(module, Counter())[verdict] += 1
    for module, verdicts in sorted(found.items()):
        killed = sum(verdicts[each] for each in KILLED)
        tried = killed + sum(verdicts[each] for each in SURVIVED)
        rest = sum(verdicts.values()) - tried
        share = f"{killed / tried:.0%}" if tried else "–"
        print(f"{module:32} {killed:4} of {tried:4} found  {share:>4}  {rest} not tried")


if __name__ == "__main__":
    sys.exit(main())
