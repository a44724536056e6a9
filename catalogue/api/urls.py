from django.urls import path, register_converter
from django.urls.converters import StringConverter

from catalogue.api.views import (
    CategoriesView,
    NowhereView,
    PackageListView,
    PackageView,
    ProvidersView,
    SegmentsView,
)


class ReferenceConverter(StringConverter):
    """Anything: SKUs hold slashes and dots, and whatever else is asked for deserves the API's own 404."""

    regex = r"[\s\S]+"


register_converter(ReferenceConverter, "reference")

urlpatterns = [
    path("packages/", PackageListView.as_view(), name="package-list"),
    path("packages/<reference:sku_or_slug>/", PackageView.as_view(), name="package-detail"),
    path("categories/", CategoriesView.as_view(), name="category-list"),
    path("providers/", ProvidersView.as_view(), name="provider-list"),
    path("segments/", SegmentsView.as_view(), name="segment-list"),
    path("<reference:rest>/", NowhereView.as_view()),
]
