from pricing.models.change import PriceChange, PriceChangeStatus
from pricing.models.ledger import Audience, PriceEntry

__all__ = ["Audience", "PriceChange", "PriceChangeStatus", "PriceEntry"]
