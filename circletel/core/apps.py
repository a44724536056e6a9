from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The kernel's tables: jobs, audit entries, API tokens, idempotent answers."""

    name = "circletel.core"
    label = "core"
    verbose_name = "Core"
