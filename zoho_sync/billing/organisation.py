"""The organisation behind the connection: its currency, its habits, its taxes. Checked once a day."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from threading import Lock

from django.conf import settings
from django.core.cache import cache

from zoho_sync.billing.calls import Calls, Lowered, record
from zoho_sync.connection.errors import Disagreement, Misconfigured
from zoho_sync.reading import Values, amount, flag, items, text

DAY = 86_400
# Until somebody has mended a setting, two calls each half hour are enough.
REST_SECONDS = 1800.0
_ASKING = Lock()
CACHE_KEY = "zoho:billing:organisation"


@dataclass(frozen=True)
class Tax:
    tax_id: str
    name: str
    percentage: Decimal | None

    @classmethod
    def read(cls, values: Values) -> "Tax":
        return cls(text(values, "tax_id"), text(values, "tax_name"), amount(values, "tax_percentage"))


@dataclass(frozen=True)
class Organisation:
    """`mode` is "test" in a test organisation. `prices_include_vat` is None where Zoho does not tell.

    `vat_id` is the tax that `checked` found; blank before.
    """

    organization_id: str
    name: str
    currency_code: str
    mode: Lowered
    prices_include_vat: bool | None
    vat_id: str = ""

    @classmethod
    def read(cls, values: Values) -> "Organisation":
        return record(cls, values, prices_include_vat=flag(values, "is_sales_inclusive_tax_enabled"))

    @property
    def is_for_testing(self) -> bool:
        return self.mode == "test"


class OrganisationCalls(Calls):
    def get_organisation(self) -> Organisation:
        """The one that ZOHO_BILLING_ORGANIZATION_ID names. Raises Misconfigured when it is not among the user's."""
        wanted = settings.ZOHO_BILLING_ORGANIZATION_ID
        rows = items(self._send("GET", "organizations", safe=True), "organizations")
        for found in map(Organisation.read, rows):
            if found.organization_id == wanted:
                return found
        raise Misconfigured(
            f"ZOHO_BILLING_ORGANIZATION_ID is {wanted}, and the integration's user belongs to "
            f"{', '.join(text(row, 'organization_id') for row in rows) or 'no organisation'}."
        )

    def list_taxes(self) -> list[Tax]:
        return [Tax.read(row) for row in items(self._send("GET", "settings", "taxes", safe=True), "taxes")]

    def vat_id(self, rate: Decimal) -> str:
        """The tax of that rate (0.15), told from others by its name. Raises Misconfigured when that is not one."""
        percentage, name = rate * 100, settings.ZOHO_BILLING_VAT_NAME
        fitting = [tax for tax in self.list_taxes() if tax.percentage == percentage]
        named = [tax for tax in fitting if tax.name.casefold() == name.casefold()]
        if len(named) == 1 or len(fitting) == 1:
            return (named or fitting)[0].tax_id
        found = ", ".join(tax.name for tax in fitting) or "none"
        raise Misconfigured(
            f"Zoho Billing must have one tax of {percentage.normalize():f} % named {name}; of that rate it has: {found}. "
            "Add it in Zoho Billing under Settings, Taxes, or set ZOHO_BILLING_VAT_NAME."
        )


def checked(client: OrganisationCalls, *, vat_rate: Decimal, prices_include_vat: bool) -> Organisation:
    """What was found today, when it agrees with how we are set up. Two calls a day, none in between.

    Raises Disagreement when it does not. Then Billing rests as a whole, and the next probe looks again.
    """
    try:
        if (found := _known(vat_rate)) is None:
            # Threads that begin together ask once.
            with _ASKING:
                found = _known(vat_rate) or _found(client, vat_rate)
        if complaint := disagreement(found, prices_include_vat=prices_include_vat):
            raise Misconfigured(complaint)
    except Misconfigured as trouble:
        cache.delete(_key(vat_rate))
        refusal = Disagreement(str(trouble), code=trouble.code, retry_after=REST_SECONDS)
        client.http.breaker.failed(refusal)
        raise refusal from None
    return found


def _known(vat_rate: Decimal) -> Organisation | None:
    known = cache.get(_key(vat_rate))
    return Organisation(**known) if isinstance(known, Mapping) else None


def _found(client: OrganisationCalls, vat_rate: Decimal) -> Organisation:
    found = replace(client.get_organisation(), vat_id=client.vat_id(vat_rate))
    remember(found, vat_rate=vat_rate)
    return found


def remember(found: Organisation, *, vat_rate: Decimal) -> None:
    """Take this for true until tomorrow."""
    cache.set(_key(vat_rate), asdict(found), timeout=DAY)


def disagreement(found: Organisation, *, prices_include_vat: bool) -> str | None:
    """Why bills would be wrong, and what to do; None when they would be right."""
    if found.currency_code not in ("ZAR", ""):
        return (
            f"The Zoho Billing organisation bills in {found.currency_code}; the catalogue's prices are rand."
        )
    if found.prices_include_vat in (None, prices_include_vat):
        return None
    theirs = "include" if found.prices_include_vat else "exclude"
    return (
        f"ZOHO_PRICES_INCLUDE_VAT is {str(prices_include_vat).lower()}, but prices in the Zoho Billing organisation "
        f"{theirs} VAT: customers would be billed {'too little' if found.prices_include_vat else '15 % too much'}. "
        f"Set ZOHO_PRICES_INCLUDE_VAT={str(found.prices_include_vat).lower()} and restart, or change the "
        "organisation under Settings, Taxes. Until then nothing is sent to Zoho Billing."
    )


def _key(vat_rate: Decimal) -> str:
    rate = f"{vat_rate.normalize():f}"
    name = settings.ZOHO_BILLING_VAT_NAME.replace(" ", "_")
    return f"{CACHE_KEY}:{settings.ZOHO_BILLING_ORGANIZATION_ID}:{rate}:{name}"
