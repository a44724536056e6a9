from django.apps import AppConfig


class PricingConfig(AppConfig):
    name = "pricing"
    verbose_name = "Pricing"

    def ready(self) -> None:
        from pricing import alerting, receivers  # noqa: F401
        from pricing.notices import tracking  # noqa: F401

        alerting.register()
