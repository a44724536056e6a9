"""Traces and errors that leave the house: what they say, and what they never say."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import sentry_sdk
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from sentry_sdk.transport import Transport

from circletel.core.origin import Origin, acting_from
from circletel.tracing import ClearedExporter, CorrelationProcessor, sentry_options
from tests.processes import environment

TOKEN = "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef"
ADDRESS = "203.0.113.9"
PERSON = "customer.private@example.org"


@pytest.fixture
def exported():
    """A tracer like ours, and the spans that left it."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(CorrelationProcessor())
    provider.add_span_processor(SimpleSpanProcessor(ClearedExporter(memory)))
    return provider.get_tracer("test"), memory


def test_a_span_bears_the_correlation_id(exported):
    tracer, memory = exported
    with acting_from(Origin(correlation_id="of-the-click")), tracer.start_as_current_span("a call"):
        pass

    [span] = memory.get_finished_spans()
    assert dict(span.attributes) == {"circletel.correlation_id": "of-the-click"}


def test_a_span_says_what_is_on_the_list_and_no_secret(exported, settings):
    settings.ZOHO_CLIENT_SECRET = "known-secret-of-ours"
    tracer, memory = exported
    with tracer.start_as_current_span("GET") as span:
        span.set_attributes(
            {
                "http.url": f"https://www.zohoapis.com/crm/v8/Products?email={PERSON}#x",
                "http.method": "GET",
                "net.peer.ip": ADDRESS,
                "http.user_agent": "Firefox",
                "http.request.header.authorization": f"Zoho-oauthtoken {TOKEN}",
                "db.statement": f"SELECT 1 -- {PERSON} known-secret-of-ours",
            }
        )
        span.record_exception(RuntimeError(f"refused: Zoho-oauthtoken {TOKEN} for {PERSON}"))
        span.set_status(StatusCode.ERROR, f"refused for {PERSON}")

    [span] = memory.get_finished_spans()
    assert dict(span.attributes) == {
        "http.url": "https://www.zohoapis.com/crm/v8/Products",
        "http.method": "GET",
        "db.statement": "SELECT 1 -- … …",
    }
    everything = f"{span.name} {span.to_json()}"
    assert "refused" in everything
    for secret in (TOKEN, PERSON, "known-secret-of-ours"):
        assert secret not in everything


SCRIPT = """
import django
django.setup()
import httpx
from django.db import connection
from django.core.wsgi import get_wsgi_application
from django.test import Client
from opentelemetry import trace
from zoho_sync.tasks import drain_system
get_wsgi_application()
answer = Client().get("/admin/login/?q=customer.private@example.org", HTTP_USER_AGENT="Firefox")
print(answer["X-Correlation-Id"])
httpx.get("{url}/crm/v8?token={token}", headers={{"Authorization": "Zoho-oauthtoken {token}"}})
connection.cursor().execute("SELECT 1")
drain_system.delay("crm")
trace.get_tracer_provider().force_flush()
"""


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_requests_tasks_sql_and_calls_arrive_at_the_collector(redis_flushed):
    received = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(url=url, token=TOKEN)],
        env=environment(
            OTEL_EXPORTER_OTLP_ENDPOINT=url,
            OTEL_EXPORTER_OTLP_COMPRESSION="none",
            DJANGO_SETTINGS_MODULE="circletel.settings",
            DJANGO_ALLOWED_HOSTS="testserver",
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    server.shutdown()

    assert done.returncode == 0, done.stderr
    requests = [ExportTraceServiceRequest.FromString(body) for body in received]
    scopes = [scope for one in requests for resource in one.resource_spans for scope in resource.scope_spans]
    names = {scope.scope.name.rpartition(".")[2] for scope in scopes}
    assert names == {"django", "celery", "httpx", "psycopg"}
    [asked] = [span for scope in scopes if scope.scope.name.endswith("django") for span in scope.spans]
    attributes = {one.key: one.value.string_value for one in asked.attributes}
    assert attributes["circletel.correlation_id"] == done.stdout.strip()
    everything = str(requests)
    for secret in (TOKEN, PERSON, "Firefox", "127.0.0.1:1"):
        assert secret not in everything


# --- Sentry


class Kept(Transport):
    def __init__(self, options):
        super().__init__(options)
        self.events = []

    def capture_envelope(self, envelope):
        self.events.append(envelope.get_event())


def test_sentry_hears_of_an_error_without_secrets_people_and_variables(settings):
    settings.SENTRY_DSN = "https://publickey@sentry.example/1"
    settings.ZOHO_CLIENT_SECRET = "known-secret-of-ours"
    kept = Kept({})
    client = sentry_sdk.Client(**sentry_options() | {"transport": kept, "default_integrations": False})
    with sentry_sdk.isolation_scope() as scope, acting_from(Origin(correlation_id="of-the-click")):
        scope.set_client(client)
        scope.set_user({"email": PERSON, "ip_address": ADDRESS})
        variable = "-".join(("a", "value", "in", "a", "variable"))
        try:
            raise RuntimeError(f"known-secret-of-ours, {TOKEN} and {PERSON} {len(variable)}")
        except RuntimeError as trouble:
            scope.capture_exception(trouble)

    [event] = kept.events
    everything = str(event)
    assert event["exception"]["values"][-1]["value"].startswith("…, … and …")
    assert event["tags"]["correlation_id"] == "of-the-click"
    assert "user" not in event
    for secret in ("known-secret-of-ours", TOKEN, PERSON, "a-value-in-a-variable", ADDRESS):
        assert secret not in everything
