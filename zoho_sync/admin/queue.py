"""The retry queue: groups of what fails, and one group with its records."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from circletel.core.admin.base import ExtraPages
from circletel.core.admin.jobs import progress_context
from circletel.core.errors import Refused
from zoho_sync.models import Kind, System
from zoho_sync.operating import queue
from zoho_sync.operating.causes import ADVICE, advice_on

FILTERS = ("system", "kind", "error_class", "age")
PER_PAGE = 50
AGE_WORDS = {"hour": "more than an hour", "day": "more than a day", "week": "more than a week"}


class RetryQueuePages(ExtraPages):
    """Adds the two pages to the admin of Zoho records."""

    extra_pages = {"retry-queue/": "retry_queue", "retry-queue/group/": "group"}

    def retry_queue_view(self, request: HttpRequest) -> HttpResponse:
        chosen = {name: request.GET.get(name, "") for name in FILTERS}
        return self.page(
            request,
            "zoho_sync/retry_queue.html",
            "Retry queue",
            groups=queue.groups(queue.in_trouble(**chosen)),
            chosen=chosen,
            choices={
                "system": System.choices,
                "kind": Kind.choices,
                "error_class": [(name, name) for name in ADVICE],
                "age": AGE_WORDS.items(),
            },
            group_url=reverse("admin:zoho_sync_productintegration_group"),
            retries=queue.retries().select_related("requested_by")[:5],
        )

    def group_view(self, request: HttpRequest) -> HttpResponse:
        cause = request.GET.get("cause", "")
        may_resync = request.user.has_perm("zoho_sync.resync_productintegration")
        if request.method == "POST":
            if not may_resync:
                raise PermissionDenied
            return self._deed(request, cause)
        rows = queue.in_trouble(cause=cause).order_by("failing_since", "pk").select_related("package")
        page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
        shown = next((row for row in page if str(row.pk) == request.GET.get("record")), None)
        shown = shown or next(iter(page), None)
        compared, beside = queue.compare(shown) if shown else ([], "")
        last = queue.retries(cause).first()
        return self.page(
            request,
            "zoho_sync/retry_group.html",
            "One cause",
            cause=cause,
            advice=advice_on(cause),
            page=page,
            shown=shown,
            compared=compared,
            beside=beside,
            may_resync=may_resync,
            queue_url=reverse("admin:zoho_sync_productintegration_retry_queue"),
            **(progress_context(last) if last else {}),
        )

    def _deed(self, request: HttpRequest, cause: str) -> HttpResponse:
        try:
            messages.success(request, self._done(request, cause))
        except Refused as refusal:
            for reason in refusal.reasons:
                messages.error(request, reason)
        address = reverse("admin:zoho_sync_productintegration_group")
        return HttpResponseRedirect(f"{address}?{urlencode({'cause': cause})}")

    def _done(self, request: HttpRequest, cause: str) -> str:
        actor: Any = request.user
        deed, chosen = request.POST.get("deed", ""), _ids(request.POST.getlist("record"))
        group = queue.in_trouble(cause=cause)
        if one := _ids([request.POST.get("one", "")]):
            return _sent(queue.retry(one, actor=actor))
        if deed == "retry_group":
            job = queue.retry_group(cause, actor=actor)
            return f"The first of {job.total} records is tried; the rest follow when it goes through."
        if deed == "retry_selection":
            return _sent(queue.retry(chosen, actor=actor))
        rows = group if deed == "give_up_group" else group.filter(pk__in=chosen)
        number = queue.give_up(rows, actor=actor, reason=request.POST.get("reason", ""))
        return f"{number} record{'s' if number != 1 else ''} given up."


def _sent(number: int) -> str:
    return f"{number} record{'s' if number != 1 else ''} will be sent again at once."


def _ids(values: list[str]) -> list[UUID]:
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found
