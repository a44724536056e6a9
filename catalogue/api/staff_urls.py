from django.urls import path

from catalogue.api.staff import BatchView, BulkPublishView, CancelBatchView

urlpatterns = [
    path("products/bulk-publish", BulkPublishView.as_view(), name="bulk-publish"),
    path("batches/<uuid:id>", BatchView.as_view(), name="batch-detail"),
    path("batches/<uuid:id>/cancel", CancelBatchView.as_view(), name="batch-cancel"),
]
