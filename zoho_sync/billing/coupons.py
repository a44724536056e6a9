"""Coupons and kinds of add-ons: what subscriptions of Zoho Billing name by code alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from zoho_sync.billing.calls import Calls, the_one_asked_for
from zoho_sync.reading import Values, items, money, number, text


@dataclass(frozen=True)
class AddonKind:
    """How an add-on is charged. Subscriptions do not say it of theirs."""

    code: str
    name: str
    type: str
    """`recurring` or `one_time`."""
    pricing_scheme: str
    """`unit`: its price times its number. The others are `volume`, `tier` and `package`."""

    @classmethod
    def read(cls, values: Values) -> "AddonKind":
        return cls(
            text(values, "addon_code"),
            text(values, "name"),
            text(values, "type").lower(),
            text(values, "pricing_scheme").lower(),
        )


@dataclass(frozen=True)
class Coupon:
    """What a coupon takes off, of which lines, and how often. Lists tell neither how often nor of what."""

    code: str
    name: str
    type: str
    """`one_time`, `duration`, which means `duration` invoices, or `forever`."""
    duration: int
    discount_by: str
    """`percentage` or `flat`."""
    value: Decimal
    plans: str
    """`all`, `none` or `select`, which means those of `plan_codes`."""
    plan_codes: tuple[str, ...]
    addons: str
    """`all_addons`, `all_recurring`, `all_onetime`, `none` or `select`, which means those of `addon_codes`."""
    addon_codes: tuple[str, ...]

    @classmethod
    def read(cls, values: Values) -> "Coupon":
        return cls(
            code=text(values, "coupon_code"),
            name=text(values, "name"),
            type=text(values, "type").lower(),
            duration=number(values, "duration"),
            discount_by=text(values, "discount_by").lower(),
            value=money(values, "discount_value"),
            plans=text(values, "apply_to_plans").lower(),
            plan_codes=tuple(text(each, "plan_code") for each in items(values, "plans")),
            addons=text(values, "apply_to_addons").lower(),
            addon_codes=tuple(text(each, "addon_code") for each in items(values, "addons")),
        )


class CouponCalls(Calls):
    def get_coupon(self, coupon_code: str) -> Coupon:
        """Raises RecordGone."""
        found = self._get("coupon", Coupon.read, "coupons", coupon_code)
        return the_one_asked_for(found, found.code, coupon_code)

    def iter_addon_kinds(self) -> Iterator[AddonKind]:
        """Of all add-ons, the inactive ones too."""
        return (AddonKind.read(row) for row in self._rows("addons", filter_by="AddonStatus.All"))
