from django.urls import path

from pricing.api.moves import DecideView, PriceMoveListView, ProofCsvView, ProofView
from pricing.api.notices import EvidenceView, NoticeListView
from pricing.api.renewals import PackageSinceView, RenewalsCsvView, RenewalsView
from pricing.api.views import (
    AmendView,
    CancelView,
    ImpactView,
    PriceChangeListView,
    PriceChangeView,
    PublishView,
)

urlpatterns = [
    path("price-changes", PriceChangeListView.as_view(), name="price-change-list"),
    path("price-changes/<uuid:id>", PriceChangeView.as_view(), name="price-change-detail"),
    path("price-changes/<uuid:id>/impact", ImpactView.as_view(), name="price-change-impact"),
    path("price-changes/<uuid:id>/renewals.csv", RenewalsCsvView.as_view(), name="price-change-renewals-csv"),
    path("price-changes/<uuid:id>/publish", PublishView.as_view(), name="price-change-publish"),
    path("price-changes/<uuid:id>/cancel", CancelView.as_view(), name="price-change-cancel"),
    path("price-changes/<uuid:id>/amend", AmendView.as_view(), name="price-change-amend"),
    path("price-changes/<uuid:id>/moves", PriceMoveListView.as_view(), name="price-change-moves"),
    path("price-changes/<uuid:id>/proof", ProofView.as_view(), name="price-change-proof"),
    path("price-changes/<uuid:id>/proof.csv", ProofCsvView.as_view(), name="price-change-proof-csv"),
    path("subscriptions/<slug:id>/renewals", RenewalsView.as_view(), name="subscription-renewals"),
    path(
        "subscriptions/<slug:id>/package-since", PackageSinceView.as_view(), name="subscription-package-since"
    ),
    path("price-moves/<uuid:id>/decide", DecideView.as_view(), name="price-move-decide"),
    path("price-changes/<uuid:id>/notices", NoticeListView.as_view(), name="price-notice-list"),
    path("price-changes/<uuid:id>/notices/evidence", EvidenceView.as_view(), name="price-notice-evidence"),
]
