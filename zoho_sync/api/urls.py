from django.urls import path

from zoho_sync.api.views import IntegrationStatusView, SyncBillingView, SyncCrmView

urlpatterns = [
    path("products/integration-status", IntegrationStatusView.as_view(), name="integration-status"),
    path("products/<uuid:product_id>/sync-crm", SyncCrmView.as_view(), name="product-sync-crm"),
    path("products/<uuid:product_id>/sync-billing", SyncBillingView.as_view(), name="product-sync-billing"),
]
