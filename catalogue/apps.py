from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CatalogueConfig(AppConfig):
    name = "catalogue"
    verbose_name = "Catalogue"

    def ready(self) -> None:
        import catalogue.bundles
        import catalogue.receivers
        import catalogue.storefront.receivers
        import catalogue.tmf620.receivers  # noqa: F401  (their receivers are connected)
        from circletel.core.roles import sync_roles

        # Permissions come to exist only after all migrations ran, so roles are filled in then.
        post_migrate.connect(sync_roles, dispatch_uid="circletel.core.roles")
