from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from circletel.security.second_factor import second_factor

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/second-factor/", second_factor, name="second-factor"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("catalogue.api.urls")),
    path("api/admin/", include("catalogue.api.staff_urls")),
    path("api/admin/", include("pricing.api.urls")),
    path("api/admin/", include("reconciliation.api.urls")),
    path("api/admin/", include("zoho_sync.api.urls")),
    path("hooks/zoho/", include("reconciliation.api.hook_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("", include("catalogue.tmf620.urls")),
]
