from django.urls import path

from pricing.api import moves, renewals, views

CHANGE = "price-changes/<uuid:id>"
SUBSCRIPTION = "subscriptions/<slug:id>"

urlpatterns = [
    path("price-changes", views.PriceChangeListView.as_view(), name="price-change-list"),
    path(CHANGE, views.PriceChangeView.as_view(), name="price-change-detail"),
    path(f"{CHANGE}/impact", views.ImpactView.as_view(), name="price-change-impact"),
    path(f"{CHANGE}/renewals.csv", renewals.RenewalsCsvView.as_view(), name="price-change-renewals-csv"),
    path(f"{CHANGE}/publish", views.PublishView.as_view(), name="price-change-publish"),
    path(f"{CHANGE}/cancel", views.CancelView.as_view(), name="price-change-cancel"),
    path(f"{CHANGE}/amend", views.AmendView.as_view(), name="price-change-amend"),
    path(f"{CHANGE}/moves", moves.PriceMoveListView.as_view(), name="price-change-moves"),
    path(f"{CHANGE}/proof", moves.ProofView.as_view(), name="price-change-proof"),
    path(f"{CHANGE}/proof.csv", moves.ProofCsvView.as_view(), name="price-change-proof-csv"),
    path(f"{SUBSCRIPTION}/renewals", renewals.RenewalsView.as_view(), name="subscription-renewals"),
    path(
        f"{SUBSCRIPTION}/package-since",
        renewals.PackageSinceView.as_view(),
        name="subscription-package-since",
    ),
    path("price-moves/<uuid:id>/decide", moves.DecideView.as_view(), name="price-move-decide"),
    path(f"{CHANGE}/notices", moves.NoticeListView.as_view(), name="price-notice-list"),
    path(f"{CHANGE}/notices/evidence", moves.EvidenceView.as_view(), name="price-notice-evidence"),
]
