"""What can be set about the sandbox, on the command line and (mostly) while it runs."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, fields
from typing import Any


def option(default: Any, help: str, *, live: bool = True) -> Any:
    """A setting with its help text. `live` ones may be changed through `POST /_sandbox/settings`."""
    return field(default=default, metadata={"help": help, "live": live})


@dataclass
class Settings:
    """Limits, credentials and habits of this Zoho. For every limit, 0 means none."""

    client_id: str = option("sandbox-client", "OAuth client id that is accepted", live=False)
    client_secret: str = option("sandbox-secret", "OAuth client secret that is accepted", live=False)
    refresh_token: str = option("sandbox-refresh", "OAuth refresh token that is accepted", live=False)
    person_refresh_token: str = option(
        "sandbox-person", "OAuth refresh token of an ordinary user, whose profile is Standard", live=False
    )
    organization_id: str = option("10000001", "Billing organisation id that is accepted", live=False)

    token_seconds: int = option(3600, "life of an access token")
    token_refreshes: int = option(10, "token requests allowed per window, and live tokens at a time")
    token_window_seconds: int = option(600, "length of that window")

    billing_per_minute: int = option(30, "Billing calls per minute before code 44")
    # How long code 44 blocks is not documented; users report minutes. One minute keeps a demo moving.
    billing_block_seconds: int = option(60, "how long Billing stays blocked after code 44")
    billing_per_day: int = option(1000, "Billing calls per day before code 45")
    billing_concurrency: int = option(5, "Billing calls at once before code 1070")

    crm_credits: int = option(50_000, "CRM API credits per rolling 24 hours")
    crm_concurrency: int = option(10, "CRM calls at once before TOO_MANY_REQUESTS")
    crm_heavy_concurrency: int = option(10, "heavy CRM calls (upsert of more than 10, COQL, search) at once")
    crm_edition: str = option("professional", "free, standard, professional, enterprise or ultimate")
    # Without the Module Customization permission Zoho answers `profiles: null` in the field metadata.
    crm_module_customization: bool = option(True, "the token's user may see field permissions")

    product_name_length: int = option(50, "maximum length of Product_Name", live=False)
    product_code_length: int = option(40, "maximum length of Product_Code", live=False)
    search_lag_seconds: float = option(5.0, "how late CRM search learns of a change")
    latency_ms: int = option(0, "time added to every API call")
    prices_include_vat: bool = option(True, "the organisation's sales prices include tax")
    # An organisation's choice under Settings, Subscriptions, General; no API tells or changes it.
    use_latest_prices: bool = option(
        False, "renewals take the plan's price of that day, not the one agreed on"
    )
    proration: bool = option(True, "a change within a term is billed and credited by the day")
    # Not documented either way.
    used_coupons_stay: bool = option(True, "a coupon stays on its subscription after its last invoice")
    draft_invoices: bool = option(
        False, "subscriptions make drafts, which nobody can pay until they are opened"
    )
    # Zoho's file lists the VAT of an invoice where one is made by hand, not where one is read.
    invoices_tell_tax: bool = option(True, "an invoice that is read tells its sub-total and VAT")

    def change(self, values: dict[str, Any]) -> None:
        """Set live settings by name; ValueError names what is unknown, fixed or of the wrong type."""
        known = {each.name: each for each in fields(self)}
        for name, value in values.items():
            if name not in known or not known[name].metadata["live"]:
                raise ValueError(f"{name} cannot be set while the sandbox runs")
            wanted = type(known[name].default)
            fits = isinstance(value, wanted) or (wanted is float and isinstance(value, int))
            if not fits or (wanted is not bool and isinstance(value, bool)):
                raise ValueError(f"{name} must be of type {wanted.__name__}")
            if wanted in (int, float) and value < 0:
                raise ValueError(f"{name} must not be negative")
        for name, value in values.items():
            setattr(self, name, value)


def add_options(parser: argparse.ArgumentParser) -> None:
    """One `--option` per setting; a yes/no setting `x` also gets its opposite."""
    for each in fields(Settings):
        flag = "--" + each.name.replace("_", "-")
        if each.name == "prices_include_vat":
            parser.add_argument(
                flag, dest=each.name, action="store_true", default=each.default, help=each.metadata["help"]
            )
            parser.add_argument("--prices-exclude-vat", dest=each.name, action="store_false")
        elif isinstance(each.default, bool):
            parser.add_argument(
                flag, action=argparse.BooleanOptionalAction, default=each.default, help=each.metadata["help"]
            )
        else:
            kind = type(each.default)
            parser.add_argument(
                flag, type=kind, default=each.default, metavar="X", help=each.metadata["help"]
            )


def from_arguments(arguments: argparse.Namespace) -> Settings:
    return Settings(**{each.name: getattr(arguments, each.name) for each in fields(Settings)})
