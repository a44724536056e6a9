"""Import and export jobs: asked for here, carried out by a worker, read again here.

An export is what is on sale, as JSON at a URL of ours. An import reads such JSON from a URL and makes drafts of
it, all or none.
"""

import json
from datetime import timedelta
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from catalogue import audit
from catalogue.models import NoVatRate, TmfJob
from catalogue.tmf620 import deliver, drafts, queries, values
from catalogue.tmf620.collections import COLLECTIONS, as_uuid
from catalogue.tmf620.dialects import DIALECTS, Dialect, Kind, Rendering
from catalogue.tmf620.errors import InvalidBody, NotFound, TmfError
from catalogue.tmf620.values import Document
from circletel.core.enqueue import enqueue
from circletel.core.errors import Refused
from circletel.core.rights import ensure_may

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/json"
LARGEST_IMPORT = 20_000_000
MOST_IMPORTED = 1000
MOST_ERRORS = 20
PAGE = 500
# A job that was begun this long ago and never ended was lost with its worker, and is begun again.
LOST_AFTER = timedelta(hours=1)
KEEP_CONTENT = timedelta(days=7)


class JobFailed(Exception):
    """str() is for the errorLog."""


@transaction.atomic
def create(kind: Kind, body: Any, *, actor: User, dialect: Dialect, root: str) -> TmfJob:
    """Ask for a job. Raises NotAllowed, or InvalidBody naming what is wrong."""
    ensure_may(actor, "catalogue.add_tmfjob", f"start an {dialect.name(kind)}")
    if not isinstance(body, dict):
        raise InvalidBody("The body expects an object.")
    told = {
        name: _text(body, name, longest) for name, longest in (("url", 2000), ("path", 200), ("query", 1000))
    }
    if not told["url"]:
        raise InvalidBody("url is missing.")
    if _text(body, "contentType", 100) not in ("", CONTENT_TYPE):
        raise InvalidBody(f"contentType: only {CONTENT_TYPE} is understood.")
    if kind is Kind.IMPORT_JOB:
        _ensure_reachable(told["url"])
    else:
        told["url"] = ""  # It is told where the export lies, not where to put it.
        _ensure_exportable(told["path"], told["query"], dialect)
    job = TmfJob.objects.create(
        kind=kind, version=dialect.version, root=root[:200], created_by_id=actor.pk, **told
    )
    audit.record("started", job, actor=actor, changes={name: [None, value] for name, value in told.items()})
    enqueue("catalogue.tmf620.tasks.run_job", str(job.pk))
    return job


@transaction.atomic
def delete(kind: Kind, id: str, *, actor: User, dialect: Dialect) -> None:
    """Forget a job and what it exported; what it imported stays. Raises NotFound."""
    ensure_may(actor, "catalogue.delete_tmfjob", f"delete an {dialect.name(kind)}")
    job = find(kind, id, dialect)
    audit.record("deleted", job, actor=actor)
    job.delete()


def find(kind: Kind, id: str, dialect: Dialect) -> TmfJob:
    """Raises NotFound."""
    key = as_uuid(id)
    job = TmfJob.objects.filter(pk=key, kind=kind, version=dialect.version).first() if key else None
    if job is None:
        raise NotFound(f"There is no {dialect.name(kind)} with the id {id[:80]}.")
    return job


def documents(kind: Kind, rendering: Rendering) -> list[Document]:
    jobs = TmfJob.objects.filter(kind=kind, version=rendering.dialect.version).defer("content")
    return [document(job, rendering) for job in jobs]


def document(job: TmfJob, rendering: Rendering) -> Document:
    kind = Kind(job.kind)
    href = rendering.href(kind, job.pk)
    shown: dict[str, Any] = {
        "id": str(job.pk),
        "href": href,
        "contentType": CONTENT_TYPE,
        "creationDate": values.instant(job.created_at),
        "completionDate": values.instant(job.completed_at) if job.completed_at else None,
        "errorLog": job.error_log or None,
        "path": job.path or None,
        "query": job.query or None,
        "status": job.state,
        "url": f"{href}/content" if kind is Kind.EXPORT_JOB else job.url,
        "@type": rendering.dialect.type(kind),
    }
    return {name: value for name, value in shown.items() if value is not None}


def run(id: Any) -> None:
    """Carry a job out, unless another worker does. Everything that goes wrong stands in its errorLog."""
    now = timezone.now()
    mine = TmfJob.objects.filter(_waiting(now), pk=id).update(state=TmfJob.State.RUNNING, started_at=now)
    if not mine:
        return
    job = TmfJob.objects.select_related("created_by").get(pk=id)
    state, error, content = TmfJob.State.SUCCEEDED, "", None
    try:
        if job.kind == Kind.EXPORT_JOB:
            content = exported(job)
        else:
            imported(job)
    except (JobFailed, Refused, TmfError, NoVatRate, deliver.Undeliverable) as trouble:
        state, error = TmfJob.State.FAILED, str(trouble)
    except Exception:
        log.exception("tmf620_job_failed", job=str(job.pk))
        state, error = TmfJob.State.FAILED, "The job failed by a mistake of ours; it is in the log."
    TmfJob.objects.filter(pk=job.pk).update(
        state=state, error_log=error, content=content, completed_at=timezone.now()
    )


def waiting() -> list[Any]:
    """Jobs that nobody carries out."""
    return list(TmfJob.objects.filter(_waiting(timezone.now())).values_list("pk", flat=True)[:PAGE])


def forget_old_content() -> None:
    """An export can be fetched for a week."""
    old = TmfJob.objects.filter(completed_at__lt=timezone.now() - KEEP_CONTENT, content__isnull=False)
    old.update(content=None)


def exported(job: TmfJob) -> dict[str, list[Document]]:
    """`{resource: [documents]}` of what is on sale."""
    dialect = DIALECTS[job.version]
    rendering = Rendering(dialect, job.root)
    kinds = [kind for kind in drafts.WRITABLE if not job.path or job.path == dialect.name(kind)]
    return {dialect.name(kind): _all(kind, job.query, rendering) for kind in kinds}


def imported(job: TmfJob) -> None:
    """Drafts of everything, or of nothing. Raises JobFailed naming each resource that was refused."""
    resources = _read(job, deliver.get(job.url, largest=LARGEST_IMPORT))
    dialect, errors = DIALECTS[job.version], []
    with transaction.atomic():
        for position, (kind, body) in enumerate(resources):
            try:
                drafts.create(kind, body, actor=job.created_by, dialect=dialect)
            except (TmfError, Refused) as refusal:
                errors.append(f"{dialect.name(kind)} {position + 1}: {refusal}")
        if errors:
            raise JobFailed("Nothing was imported. " + "\n".join(errors[:MOST_ERRORS]))


def _read(job: TmfJob, content: bytes) -> list[tuple[Kind, Any]]:
    dialect = DIALECTS[job.version]
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        raise JobFailed(f"What lies at {job.url} is not JSON.") from None
    if isinstance(told, list):
        told = {job.path or dialect.name(Kind.OFFERING): told}
    known = {dialect.name(kind): kind for kind in drafts.WRITABLE}
    if (
        not isinstance(told, dict)
        or set(told) - set(known)
        or not all(isinstance(v, list) for v in told.values())
    ):
        raise JobFailed(f"Expects an object of lists, by the names {', '.join(known)}.")
    found = [(known[name], body) for name, bodies in told.items() for body in bodies]
    if len(found) > MOST_IMPORTED:
        raise JobFailed(f"Holds {len(found)} resources; one import takes at most {MOST_IMPORTED}.")
    return found


def _all(kind: Kind, query: str, rendering: Rendering) -> list[Document]:
    asked = queries.read(QueryDict(query))
    found: list[Document] = []
    while True:
        page = COLLECTIONS[kind].page(asked, rendering, len(found), PAGE)
        found += page.documents
        if not page.documents or len(found) >= page.total:
            return found


def _ensure_exportable(path: str, query: str, dialect: Dialect) -> None:
    known = {dialect.name(kind): kind for kind in drafts.WRITABLE}
    if path and path not in known:
        raise InvalidBody(f"path: expects one of {', '.join(known)}, or nothing for all.")
    if query and not path:
        raise InvalidBody("query: needs a path, the resource to filter.")
    if query:
        COLLECTIONS[known[path]].page(queries.read(QueryDict(query)), Rendering(dialect), 0, 0)


def _ensure_reachable(url: str) -> None:
    try:
        deliver.checked(url)
    except deliver.ForbiddenAddress as wrong:
        raise InvalidBody(f"url {wrong}.") from None


def _text(body: Document, name: str, longest: int) -> str:
    value = body.get(name) or ""
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise InvalidBody(f"{name}: expects a text of at most {longest} characters.")
    return value


def _waiting(now: Any) -> Q:
    lost = Q(state=TmfJob.State.RUNNING, started_at__lt=now - LOST_AFTER)
    return Q(state=TmfJob.State.NOT_STARTED) | lost
