"""The keys and names by which Zoho knows our records. Pure functions of a package.

A SKU may be sold in two segments or by two providers, so every key is made of the whole business key.
"""

import hashlib
import re

from catalogue.models import ServicePackage

# Zoho allows plan and add-on codes under 100 characters without spaces, letters, digits, hyphen and underscore.
LONGEST_KEY = 84
LONGEST_LINE = 100
INSTALLATION_SUFFIX = "_INSTALLATION"
HARDWARE_SUFFIX = "_HARDWARE"


def package_key(package: ServicePackage) -> str:
    """The one key of a package in CRM and, as plan code, in Billing: `SKU_segment_provider`."""
    parts = package.business_key
    readable = "_".join(re.sub(r"[^A-Za-z0-9-]+", "-", part).strip("-") for part in parts)
    # Where anything was changed or cut, a short hash keeps different business keys apart.
    if len(readable) > LONGEST_KEY or readable != "_".join(parts):
        readable = f"{readable[: LONGEST_KEY - 9]}_{_digest(parts)[:8]}"
    return readable


def line_key(package: ServicePackage) -> str:
    """The product line a package belongs to. Billing products have no code, so their exact name is the key."""
    parts = (package.service_type, package.provider, package.get_market_segment_display())
    line = " - ".join(_squeezed(part) for part in parts)
    return line if len(line) <= LONGEST_LINE else f"{_cut(line, LONGEST_LINE - 10)} {_digest(parts)[:8]}"


def package_name(package: ServicePackage, longest: int) -> str:
    """A name that tells packages of the same name apart by term, device, segment and provider.

    Spelled out where it fits, shorter where it does not; what had to be cut ends in a mark made from the key.
    """
    name, device = _squeezed(package.name), _squeezed(package.hardware_model)
    term = f"{package.contract_months} month{'s' if package.contract_months != 1 else ''}"
    where = f"{package.market_segment}, {package.provider}"
    full = f"{', '.join(part for part in (name, term, device) if part)} ({where})"
    if len(full) <= longest:
        return full
    mark = f"#{_digest(package.business_key)[:4]}"
    short_term = f"{package.contract_months}m"
    short = " ".join(part for part in (name, short_term, device, mark) if part)
    if len(short) <= longest:
        return short
    room = longest - len(short_term) - len(mark) - 2
    device_room = min(len(device), max(room // 3, room - len(name) - 1)) if device else 0
    name_room = room - device_room - (1 if device_room else 0)
    parts = (_cut(name, name_room), short_term, _cut(device, device_room), mark)
    return " ".join(part for part in parts if part)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 0)].rstrip() + "…"


def _digest(parts: tuple[str, ...]) -> str:
    # Without regard to case, as the catalogue's own business key; NUL cannot occur in a part.
    return hashlib.sha256("\0".join(part.casefold() for part in parts).encode()).hexdigest()
