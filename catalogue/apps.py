from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CatalogueConfig(AppConfig):
    name = "catalogue"
    verbose_name = "Catalogue"

    def ready(self) -> None:
        from catalogue import (
            bundles,  # noqa: F401  (connects its receiver)
            receivers,  # noqa: F401
        )
        from catalogue.roles import sync_roles

        # Permissions come to exist only after all migrations ran, so roles are filled in then.
        post_migrate.connect(sync_roles, dispatch_uid="catalogue.roles")
