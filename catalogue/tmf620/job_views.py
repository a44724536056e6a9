"""The doors of jobs. Who may read drafts may read jobs; what was exported is public, as it is on sale."""

from django.http import HttpResponseBase, JsonResponse
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue.tmf620 import drafts, jobs, queries
from catalogue.tmf620.actors import writer_of
from catalogue.tmf620.dialects import Kind
from catalogue.tmf620.errors import NotFound
from catalogue.tmf620.matching import filtered
from catalogue.tmf620.queries import Query
from catalogue.tmf620.views import ListView, TmfView


def _ensure_may_read(request: Request) -> None:
    if not drafts.may_read(writer_of(request)):
        raise PermissionDenied("You may not see jobs.")


class JobListView(ListView):
    def post(self, request: Request) -> Response:
        rendering = self.rendering()
        job = jobs.create(
            self.kind, request.data, actor=writer_of(request), dialect=self.dialect, root=rendering.root
        )
        document = jobs.document(job, rendering)
        return Response(document, status=201, headers={"Location": document["href"]})

    def _page_of(self, query: Query) -> tuple[list[str], int]:
        _ensure_may_read(self.request)
        found = filtered(jobs.documents(self.kind, self.rendering()), query)
        return self._as_json(found[query.offset : query.offset + query.limit], query), len(found)


class JobView(TmfView):
    http_method_names = ["get", "head", "options", "delete"]

    def get(self, request: Request, id: str) -> Response:
        _ensure_may_read(request)
        query = queries.read_fields(request.query_params)
        document = jobs.document(jobs.find(self.kind, id, self.dialect), self.rendering())
        return Response(queries.chosen(document, query.fields, self.dialect.always))

    def delete(self, request: Request, id: str) -> Response:
        jobs.delete(self.kind, id, actor=writer_of(request), dialect=self.dialect)
        return Response(status=204)


class ExportView(TmfView):
    """What an export job wrote."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: Request, id: str) -> HttpResponseBase:
        job = jobs.find(Kind.EXPORT_JOB, id, self.dialect)
        if job.content is None:
            raise NotFound(f"There is nothing to fetch: the job is {job.state.lower()}, or a week old.")
        answer = JsonResponse(job.content)
        answer["Content-Disposition"] = f'attachment; filename="catalogue-{job.created_at:%Y-%m-%d}.json"'
        return answer
