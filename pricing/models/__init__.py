from pricing.models.change import PriceChange, PriceChangeStatus
from pricing.models.ledger import Audience, PriceEntry
from pricing.models.move import Cohort, Hold, MoveState, PriceMove, Verdict
from pricing.models.notice import NoticeStage, NoticeState, Occasion, PriceNotice
from pricing.models.pull import OwedRead, SubscriptionPull
from pricing.models.subscription import Subscription

__all__ = [
    "Audience",
    "Cohort",
    "Hold",
    "MoveState",
    "NoticeStage",
    "NoticeState",
    "Occasion",
    "OwedRead",
    "PriceChange",
    "PriceChangeStatus",
    "PriceEntry",
    "PriceMove",
    "PriceNotice",
    "Subscription",
    "SubscriptionPull",
    "Verdict",
]
