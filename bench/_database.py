"""A throwaway PostgreSQL and Valkey with our tables in it, for benchmarks. One for all of a run."""

import atexit
import os
from contextlib import ExitStack
from functools import cache


@cache
def start() -> None:
    """Set Django up on services of its own, gone with this process. Never touches those that are configured."""
    from circletel.embedded.postgres import Postgres
    from circletel.embedded.service import Valkey
    from tests.services import throwaway_folder

    running = ExitStack()
    atexit.register(running.close)
    folder = running.enter_context(throwaway_folder())
    for variable, kind in {"DATABASE_URL": Postgres, "REDIS_URL": Valkey}.items():
        service = kind(folder=folder / kind.name, log=folder / f"{kind.name}.log", throwaway=True)
        running.callback(service.stop)
        service.start()
        os.environ[variable] = service.url
    os.environ["DJANGO_SETTINGS_MODULE"] = "circletel.settings"
    os.environ["DJANGO_SECRET_KEY"] = "only-for-benchmarks"
    import django
    from django.db import connection

    django.setup()
    connection.creation.create_test_db(verbosity=0, serialize=False)
    running.callback(connection.close)
