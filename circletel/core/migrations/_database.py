"""What the first migration does beside making the tables of the models.

The first migration of every app is made from its models, with BEFORE and OPERATIONS of this module around that:
BEFORE is what tables and indexes need, OPERATIONS is what needs the tables (functions, triggers, rows).
"""

from typing import Any

from django.db import migrations

BEFORE: list[Any] = [
    # Left behind when undone: what else came to use them would be in the way.
    migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS btree_gist", migrations.RunSQL.noop),
    migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS pg_trgm", migrations.RunSQL.noop),
]
