from django.apps import AppConfig
from django.conf import settings


class FrameConfig(AppConfig):
    """The frame around the apps: settings, urls, Celery, health."""

    name = "circletel"
    label = "circletel"
    verbose_name = "CircleTel"

    def ready(self) -> None:
        # Importing the Celery app here, not in the package, keeps `python -m circletel.embedded`
        # free of Django while `@shared_task` still finds this app in every Django process.
        from circletel import celery, checks  # noqa: F401
        from circletel.security import trail  # noqa: F401

        if settings.OTEL_EXPORTER_OTLP_ENDPOINT or settings.SENTRY_DSN:
            from circletel.tracing import start_sentry, start_tracing

            start_sentry()
            start_tracing()
