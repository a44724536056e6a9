from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from circletel import windows
from circletel.core.mail import ResendWebhook
from circletel.metrics import metrics
from circletel.security.second_factor import second_factor

handler404 = "circletel.windows.not_found"
handler500 = "circletel.windows.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/second-factor/", second_factor, name="second-factor"),
    path("admin/", admin.site.urls),
    *windows.urlpatterns,
    path("", include("catalogue.tmf620.urls")),
    path("mail/resend/tracking", ResendWebhook.as_view(), name="resend-tracking"),
    path("metrics", metrics, name="metrics"),
]
