from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerView

from circletel import windows
from circletel.health import healthz, readyz

handler404 = "circletel.windows.not_found"
handler500 = "circletel.windows.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("catalogue.api.urls")),
    path("api/admin/", include("catalogue.api.staff_urls")),
    path("api/admin/", include("pricing.api.urls")),
    path("api/admin/", include("reconciliation.api.urls")),
    path("api/admin/", include("zoho_sync.api.urls")),
    path("api/schema/", windows.schema, name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    *windows.urlpatterns,
    path("", include("catalogue.tmf620.urls")),
    path("healthz", healthz),
    path("readyz", readyz),
]
