"""Traces over OTLP and errors to Sentry, when a setting says where to. Neither tells secrets or who somebody is."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from circletel.core.origin import current_origin
from circletel.core.secrecy import hidden, hide, hide_people

CORRELATION_ID = "circletel.correlation_id"
# What a span may say; the rest stays here. Addresses of clients, user agents and headers are not among it.
TOLD = {
    CORRELATION_ID,
    "celery.action",
    "celery.state",
    "celery.task_name",
    "db.namespace",
    "db.operation.name",
    "db.query.text",
    "db.statement",
    "db.system",
    "db.system.name",
    "error.type",
    "exception.message",
    "exception.stacktrace",
    "exception.type",
    "http.method",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "http.status_code",
    "messaging.destination",
    "messaging.destination.name",
    "messaging.message.id",
    "server.address",
    "server.port",
}
ADDRESSES = {"http.url", "url.full", "http.target", "url.path"}


class ClearedExporter(SpanExporter):
    """Hands on each span with what it may say: see `cleared`."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([cleared(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def cleared(span: ReadableSpan) -> ReadableSpan:
    """The span with attributes on the list only, without secrets, e-mail addresses and query strings."""
    return ReadableSpan(
        name=_text(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes),
        events=[Event(event.name, _attributes(event.attributes), event.timestamp) for event in span.events],
        links=(),
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(span.status.status_code, _text(span.status.description or "") or None),
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _attributes(given: Mapping[str, Any] | None) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in (given or {}).items():
        if name in ADDRESSES:
            kept[name] = _text(urlsplit(str(value))._replace(query="", fragment="").geturl())
        elif name in TOLD:
            kept[name] = _text(value) if isinstance(value, str) else value
    return kept


def _text(words: str) -> str:
    return hide_people(hide(words))


class CorrelationProcessor(SpanProcessor):
    """Gives each span the correlation id of the deed it belongs to."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if correlation_id := current_origin().correlation_id:
            span.set_attribute(CORRELATION_ID, correlation_id)


def _answered(span: Any, _request: HttpRequest, response: HttpResponse) -> None:
    # The span of a request begins before the request has its id.
    if span.is_recording():
        span.set_attribute(CORRELATION_ID, response.headers.get("X-Correlation-Id", ""))


def start_tracing() -> None:
    """Once per process, before the first request. Nothing happens without OTEL_EXPORTER_OTLP_ENDPOINT."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource({SERVICE_NAME: "circletel-catalogue"}))
    exporter = OTLPSpanExporter(f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces")
    provider.add_span_processor(CorrelationProcessor())
    provider.add_span_processor(BatchSpanProcessor(ClearedExporter(exporter)))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(tracer_provider=provider, response_hook=_answered)
    CeleryInstrumentor().instrument(tracer_provider=provider)
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    PsycopgInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)


def sentry_options() -> dict[str, Any]:
    """How Sentry is told of errors, and of nothing more."""
    return {
        "dsn": settings.SENTRY_DSN,
        "send_default_pii": False,
        "include_local_variables": False,
        "max_request_body_size": "never",
        "max_breadcrumbs": 0,
        "traces_sample_rate": 0,
        "before_send": _cleared_event,
    }


def _cleared_event(event: Any, _hint: Any) -> Any:
    event.pop("user", None)
    event.get("request", {}).pop("query_string", None)
    event.setdefault("tags", {})["correlation_id"] = current_origin().correlation_id
    return _without_people(hidden(event))


def _without_people(value: Any) -> Any:
    match value:
        case str():
            return hide_people(value)
        case dict():
            return {key: _without_people(item) for key, item in value.items()}
        case list():
            return [_without_people(item) for item in value]
        case _:
            return value


def start_sentry() -> None:
    """Once per process. Nothing happens without SENTRY_DSN."""
    if settings.SENTRY_DSN:
        import sentry_sdk

        sentry_sdk.init(**sentry_options())
