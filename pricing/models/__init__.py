from pricing.models.billing import SyncedAddOn, SyncedCoupon, SyncedTax
from pricing.models.change import PriceChange, PriceChangeStatus
from pricing.models.ledger import Audience, PriceEntry
from pricing.models.move import Cohort, Hold, MoveState, PriceMove, Verdict
from pricing.models.notice import (
    TOLD,
    UNDELIVERED,
    MailOutage,
    NoticeEvent,
    NoticeEventKind,
    NoticeStage,
    NoticeState,
    NoticeText,
    Occasion,
    PriceNotice,
)
from pricing.models.subscription import OwedRead, SinceHow, Source, Subscription, SubscriptionPull

__all__ = [
    "TOLD",
    "UNDELIVERED",
    "Audience",
    "Cohort",
    "Hold",
    "MailOutage",
    "MoveState",
    "NoticeEvent",
    "NoticeEventKind",
    "NoticeStage",
    "NoticeState",
    "NoticeText",
    "Occasion",
    "OwedRead",
    "PriceChange",
    "PriceChangeStatus",
    "PriceEntry",
    "PriceMove",
    "PriceNotice",
    "SinceHow",
    "Source",
    "Subscription",
    "SubscriptionPull",
    "SyncedAddOn",
    "SyncedCoupon",
    "SyncedTax",
    "Verdict",
]
