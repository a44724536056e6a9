from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CatalogueConfig(AppConfig):
    name = "catalogue"
    verbose_name = "Catalogue"

    def ready(self) -> None:
        from catalogue.roles import sync_roles
        from catalogue.tmf620 import receivers  # noqa: F401

        # Permissions come to exist only after all migrations ran, so roles are filled in then.
        post_migrate.connect(sync_roles, dispatch_uid="catalogue.roles")
