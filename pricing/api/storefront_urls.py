from django.urls import path

from pricing.api.storefront import PriceLockView, PriceView, VerifyPriceLockView

urlpatterns = [
    path("packages/<str:id>/price", PriceView.as_view(), name="package-price"),
    path("packages/<str:id>/price-lock", PriceLockView.as_view(), name="package-price-lock"),
    path("price-locks/verify", VerifyPriceLockView.as_view(), name="price-lock-verify"),
]
