from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CatalogueConfig(AppConfig):
    name = "catalogue"

    def ready(self) -> None:
        import catalogue.bundles
        import catalogue.storefront.wire
        import catalogue.storefront.written
        import catalogue.tmf620.events
        import catalogue.tmf620.tasks
        import catalogue.versions  # noqa: F401  (receivers are connected, tasks register themselves)
        from circletel.core.roles import sync_roles

        # Permissions come to exist only after all migrations ran, so roles are filled in then.
        post_migrate.connect(sync_roles, dispatch_uid="circletel.core.roles")
