"""Where Zoho CRM calls to say that a product was touched. There is no log-in: the channel's token is the proof."""

import json
from http import HTTPStatus

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from circletel.core.errors import NotAllowed, Refused
from reconciliation.hints import take

LONGEST_BODY = 100_000


@csrf_exempt
@require_POST
def crm_hints(request: HttpRequest) -> HttpResponse:
    """200 when it was noted, 400 for what is no hint, 403 for a wrong token, 404 where hints are off."""
    if not settings.RECONCILIATION_HINTS:
        raise Http404
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST_BODY:
        return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "A hint is short")
    try:
        number = take(json.loads(request.body))
    except NotAllowed as refusal:
        return _problem(HTTPStatus.FORBIDDEN, str(refusal))
    except Refused as refusal:
        return _problem(HTTPStatus.BAD_REQUEST, str(refusal))
    except ValueError:
        return _problem(HTTPStatus.BAD_REQUEST, "A hint is JSON")
    return JsonResponse({"noted": number})


def _problem(status: HTTPStatus, words: str) -> HttpResponse:
    return JsonResponse(
        {"title": f"{words}.", "status": status.value}, status=status, content_type="application/problem+json"
    )
