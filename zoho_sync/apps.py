from django.apps import AppConfig


class ZohoSyncConfig(AppConfig):
    name = "zoho_sync"
    verbose_name = "Zoho"

    def ready(self) -> None:
        from zoho_sync import receivers  # noqa: F401
