"""Products, plans and add-ons as typed values: made, or brought up to date, in one errand each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from zoho_sync.billing.calls import Calls, record_in, refuse_blank, the_one_asked_for
from zoho_sync.connection.errors import RecordGone
from zoho_sync.reading import Values, amount, items, money, number, on_the_wire, text


@dataclass(frozen=True)
class Product:
    name: str
    description: str = ""
    product_id: str = ""

    @classmethod
    def read(cls, values: Values) -> "Product":
        return cls(text(values, "name"), text(values, "description"), text(values, "product_id"))


@dataclass(frozen=True)
class Plan:
    """`product_id` counts only when the plan is made. −1 billing cycles is until cancelled."""

    plan_code: str
    name: str
    recurring_price: Decimal
    product_id: str = ""
    interval: int = 1
    interval_unit: str = "months"
    billing_cycles: int = -1
    description: str = ""
    tax_id: str = ""
    custom_fields: dict[str, Any] = field(default_factory=dict)
    status: str = "active"

    @classmethod
    def read(cls, values: Values) -> "Plan":
        return cls(
            plan_code=text(values, "plan_code"),
            name=text(values, "name"),
            recurring_price=money(values, "recurring_price"),
            product_id=text(values, "product_id"),
            interval=number(values, "interval", 1),
            interval_unit=text(values, "interval_unit"),
            billing_cycles=number(values, "billing_cycles", -1),
            description=text(values, "description"),
            tax_id=text(values, "tax_id"),
            custom_fields={text(each, "label"): each.get("value") for each in items(values, "custom_fields")},
            status=text(values, "status").lower() or "active",
        )

    def body(self) -> dict[str, Any]:
        return {
            "plan_code": self.plan_code,
            "name": self.name,
            "recurring_price": on_the_wire(self.recurring_price),
            "interval": self.interval,
            "interval_unit": self.interval_unit,
            "billing_cycles": self.billing_cycles,
            "description": self.description,
            "tax_id": self.tax_id or None,
            "custom_fields": [{"label": label, "value": value} for label, value in self.custom_fields.items()]
            or None,
        }


@dataclass(frozen=True)
class Addon:
    """An add-on with one price for each piece. `plans` are codes; none means every plan of the product."""

    addon_code: str
    name: str
    price: Decimal
    product_id: str
    unit_name: str = "unit"
    type: str = "one_time"
    plans: tuple[str, ...] = ()
    description: str = ""
    tax_id: str = ""
    status: str = "active"

    @classmethod
    def read(cls, values: Values) -> "Addon":
        brackets = items(values, "price_brackets")
        return cls(
            addon_code=text(values, "addon_code"),
            name=text(values, "name"),
            price=(amount(brackets[0], "price") if brackets else None) or money(values, "price"),
            product_id=text(values, "product_id"),
            unit_name=text(values, "unit_name"),
            type=text(values, "type"),
            plans=tuple(text(each, "plan_code") for each in items(values, "plans")),
            description=text(values, "description"),
            tax_id=text(values, "tax_id"),
            status=text(values, "status").lower() or "active",
        )

    def body(self) -> dict[str, Any]:
        return {
            "addon_code": self.addon_code,
            "name": self.name,
            "unit_name": self.unit_name,
            "pricing_scheme": "unit",
            "price_brackets": [{"price": on_the_wire(self.price)}],
            "type": self.type,
            "applicable_to_all_plans": not self.plans,
            "plans": [{"plan_code": code} for code in self.plans] or None,
            "product_id": self.product_id,
            "description": self.description,
            "tax_id": self.tax_id or None,
        }


class CatalogueCalls(Calls):
    """Each upsert is safe to repeat: it looks by key first, or addresses the record by it."""

    def upsert_product(self, product: Product) -> Product:
        """The product of exactly this name, made when there is none. Lists all: products have no code."""
        refuse_blank(product.name)
        body = {"name": product.name, "description": product.description}
        for found in self.iter_products():
            if found.name == product.name:
                if found.description == product.description:
                    return found
                saved = self._send("PUT", "products", found.product_id, safe=True, body=body)
                return Product.read(record_in(saved, "product"))
        return Product.read(record_in(self._send("POST", "products", safe=False, body=body), "product"))

    def iter_products(self) -> Iterator[Product]:
        return (Product.read(row) for row in self._rows("products"))

    def upsert_plan(self, plan: Plan) -> Plan:
        """Write the whole plan, or make it. Raises InvalidField without a `product_id` when it is to be made."""
        try:
            return self.update_plan(plan)
        except RecordGone:
            body = {**plan.body(), "product_id": plan.product_id or None}
            return Plan.read(record_in(self._send("POST", "plans", safe=False, body=body), "plan"))

    def update_plan(self, plan: Plan) -> Plan:
        """Write the whole plan. Moves no subscriber. Raises RecordGone."""
        saved = self._send("PUT", "plans", plan.plan_code, safe=True, body=plan.body())
        found = Plan.read(record_in(saved, "plan"))
        return the_one_asked_for(found, found.plan_code, plan.plan_code)

    def get_plan(self, plan_code: str) -> Plan:
        """Raises RecordGone."""
        found = self._get("plan", Plan.read, "plans", plan_code)
        return the_one_asked_for(found, found.plan_code, plan_code)

    def upsert_addon(self, addon: Addon) -> Addon:
        """Write the whole add-on, or make it."""
        try:
            saved = self._send("PUT", "addons", addon.addon_code, safe=True, body=addon.body())
        except RecordGone:
            saved = self._send("POST", "addons", safe=False, body=addon.body())
        found = Addon.read(record_in(saved, "addon"))
        return the_one_asked_for(found, found.addon_code, addon.addon_code)

    def get_addon(self, addon_code: str) -> Addon:
        """Raises RecordGone."""
        found = self._get("addon", Addon.read, "addons", addon_code)
        return the_one_asked_for(found, found.addon_code, addon_code)
