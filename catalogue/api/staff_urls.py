from django.urls import path

from catalogue.api import products
from catalogue.api.batches import BatchView, BulkPublishView, CancelBatchView

urlpatterns = [
    path("products", products.ProductListView.as_view(), name="product-list"),
    path("products/bulk-publish", BulkPublishView.as_view(), name="bulk-publish"),
    path("products/<uuid:id>", products.ProductView.as_view(), name="product-detail"),
    path("products/<uuid:id>/submit", products.SubmitView.as_view(), name="product-submit"),
    path("products/<uuid:id>/approve", products.ApproveView.as_view(), name="product-approve"),
    path(
        "products/<uuid:id>/approve-pricing",
        products.ApprovePricingView.as_view(),
        name="product-approve-pricing",
    ),
    path("products/<uuid:id>/reject", products.RejectView.as_view(), name="product-reject"),
    path("products/<uuid:id>/publish", products.PublishView.as_view(), name="product-publish"),
    path("products/<uuid:id>/archive", products.ArchiveView.as_view(), name="product-archive"),
    path("batches/<uuid:id>", BatchView.as_view(), name="batch-detail"),
    path("batches/<uuid:id>/cancel", CancelBatchView.as_view(), name="batch-cancel"),
]
