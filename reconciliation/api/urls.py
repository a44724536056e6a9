from django.urls import path

from reconciliation.api.views import ReportCsvView, ReportListView, ReportView, RunView

urlpatterns = [
    path("reconciliation-reports", ReportListView.as_view(), name="reconciliation-reports"),
    path("reconciliation-reports/<uuid:pk>", ReportView.as_view(), name="reconciliation-report"),
    path("reconciliation-reports/<uuid:pk>.csv", ReportCsvView.as_view(), name="reconciliation-report-csv"),
    path("reconciliation/run", RunView.as_view(), name="reconciliation-run"),
]
