"""A supplier's list and our own editing meet in one product: neither undoes the other."""

from decimal import Decimal
from typing import Any

from catalogue.product_import.plan import KEY_PATHS, NO_DEVICE
from circletel.core.amounts import rand

# When a deal meets a product that we made ourselves, its words are ours; price, term, device and dates are the deal's.
OURS_WHEN_MET = ("name", "service_type", "category", "technology", "features")
_UNKNOWN = object()


def merged(
    ours: dict[str, Any], said: dict[str, Any], base: dict[str, Any] | None
) -> tuple[dict[str, Any], list[str]]:
    """Our content with what the list says now, and a remark for each value of ours that stands against it.

    `base` is what the list applied last said, None when the deal is met for the first time. Carried over is what
    the supplier changed and we did not.
    """
    wanted, remarks = dict(ours), []
    for path, value in said.items():
        last = base.get(path, _UNKNOWN) if base is not None else _UNKNOWN
        if path in KEY_PATHS or value in (last, ours.get(path)):
            continue
        if last is _UNKNOWN and path in OURS_WHEN_MET and ours.get(path):
            remarks.append(_stays(path, ours[path], value))
        elif last is _UNKNOWN or ours.get(path) == last:
            wanted[path] = value
        else:
            remarks.append(_stays(path, ours.get(path), value))
    if not wanted["hardware.model"]:
        wanted |= NO_DEVICE
    elif wanted["hardware.included"] is None:
        wanted["hardware.included"] = False
    return wanted, remarks


def contradictions(content: dict[str, Any]) -> list[str]:
    """What the database would not hold, where the list and our own values come together."""
    reasons = []
    price = Decimal(content["pricing.regular_price"])
    promotion = content["pricing.promotion_price"] and Decimal(content["pricing.promotion_price"])
    if promotion is not None and promotion >= price:
        reasons.append(
            f"the product's promotion price {rand(promotion)} is not below the price {rand(price)} it would have:"
            " change or remove the promotion first"
        )
    begins, ends = content["valid_from"], content["valid_to"]
    if begins and ends and ends <= begins:
        reasons.append(
            f"the product would be on sale until {ends[:10]} but only from {begins[:10]}: change its dates first"
        )
    return reasons


def _stays(path: str, ours: Any, said: Any) -> str:
    return f"{path}: ours, {_shown(ours)}, stays; the list says {_shown(said)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "“" + ", ".join(value) + "”"
    return "nothing" if value in (None, "") else f"“{value}”"
