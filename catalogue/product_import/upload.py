"""A file that somebody uploaded, looked at and confirmed: kept until then, and imported by a worker."""

import uuid

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from catalogue.product_import.apply import BadFile, import_products
from catalogue.product_import.parsing import ParsedFile, RowError, parse
from circletel.core import jobs
from circletel.core.errors import Refused
from circletel.core.models import Job

KEPT_SECONDS = 24 * 60 * 60
MOST_SAID = 5
REDIS_SECONDS = 30


def keep(content: bytes) -> str:
    """Keeps the file for a day, and returns its key. In Redis, since another machine may import it. Raises RedisError."""
    upload = uuid.uuid4().hex
    cache.set(_key(upload), content, KEPT_SECONDS)
    return upload


def _key(upload: str) -> str:
    """Of the file in Redis, and of the job that imports it."""
    return f"product-import:{upload}"


def request_import(upload: str, file: str, *, actor: User) -> Job:
    """Have the kept file imported; `file` is its name, for people. Asked twice, it is one job. Raises NotAllowed."""
    try:
        return jobs.request(IMPORT, actor=actor, key=_key(upload), file=file)
    except jobs.AlreadyOpen as open_already:
        return open_already.job


def _import(job: jobs.RunningJob) -> str | jobs.Again:
    """The catalogue may have changed since the preview, so a confirmed file may be refused."""
    try:
        content = cache.get(job.job.key)
    except RedisError:
        return jobs.Again(
            REDIS_SECONDS, "Redis, which keeps the file, does not answer: tried again by itself"
        )
    forgotten = RowError(None, "", "an upload of more than a day ago", "the file to be uploaded again")
    parsed = ParsedFile(errors=[forgotten]) if content is None else parse(content)
    assert job.actor is not None  # nobody but a person asks for it
    try:
        with transaction.atomic():
            job.renew()
            return f"Products imported: {import_products(parsed, actor=job.actor)}."
    except BadFile as bad:
        more = len(bad.reasons) - MOST_SAID
        rest = [f"and {more} more errors"] if more > 0 else []
        raise Refused("Nothing was imported", *bad.reasons[:MOST_SAID], *rest) from bad


IMPORT = jobs.JobKind(
    "catalogue.import_products",
    "Import products",
    _import,
    "catalogue.import_product",
    is_cancellable=False,
)
