"""Start PostgreSQL and Valkey in the folder named, print their process ids, and wait to be killed."""

import sys
import time
from pathlib import Path

from circletel.embedded.postgres import Postgres
from circletel.embedded.service import Valkey

folder = Path(sys.argv[1])
postgres = Postgres(folder=folder / "postgres", log=folder / "postgres.log")
valkey = Valkey(folder=folder / "valkey", log=folder / "valkey.log")
for service in (postgres, valkey):
    service.launch()
for service in (postgres, valkey):
    service.wait()
assert postgres.process
assert valkey.process
print(postgres.process.pid, valkey.process.pid, postgres.url, valkey.url, flush=True)  # noqa: T201
time.sleep(600)
