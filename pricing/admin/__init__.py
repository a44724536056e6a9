"""Pricing in the admin. Thin doors: every deed is a function in `pricing.services` or `pricing.batch`."""

from pricing.admin.batch import PricedPackageAdmin
from pricing.admin.change import PriceChangeAdmin
from pricing.admin.notices import PriceNoticeAdmin
from pricing.admin.stages import NoticeStageAdmin
from pricing.admin.subscription import PriceMoveAdmin, SubscriptionAdmin

__all__ = [
    "NoticeStageAdmin",
    "PriceChangeAdmin",
    "PriceMoveAdmin",
    "PriceNoticeAdmin",
    "PricedPackageAdmin",
    "SubscriptionAdmin",
]
