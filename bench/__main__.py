"""`python -m bench [name …]`: run the named benchmarks, or all of them."""

import subprocess
import sys
import time

from bench.registry import benchmarks


def main(wanted: list[str]) -> int:
    known = benchmarks()
    if unknown := set(wanted) - {each.name for each in known}:
        print(f"There is no benchmark {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    if not known:
        print("There are no benchmarks yet: bench/registry.py says how to add one.")
    chosen = [each for each in known if not wanted or each.name in wanted]
    if len(chosen) > 1:
        # Each in a process and on a database of its own: what one leaves behind would slow the next one down.
        ends = [subprocess.call([sys.executable, "-m", "bench", each.name]) for each in chosen]
        return int(any(ends))
    for each in chosen:
        begun = time.monotonic()
        print(f"{each.name}: {each.purpose}", flush=True)
        print(each.run())
        print(f"  ({time.monotonic() - begun:.1f} s)\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
