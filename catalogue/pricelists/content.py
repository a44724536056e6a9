"""What a deal makes of a product, in the words of `catalogue.content.product_content`."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils import timezone

from catalogue.models import ColumnMapping, DealField
from catalogue.models.vat import CENT
from catalogue.pricelists.record import Record

HUNDRED = Decimal(100)
FEATURES = {DealField.MINUTES, DealField.SMS, DealField.FEATURE, DealField.FREEBIE}


def product_parts(record: Record, mapping: ColumnMapping, markup: Decimal) -> dict[str, Any]:
    """Only what the supplier's list speaks of: about everything else the product keeps its own."""
    assert record.listed_price is not None  # a record without reasons has its price
    content: dict[str, Any] = {
        "sku": record.sku,
        "market_segment": mapping.market_segment,
        "provider": mapping.provider,
        "name": " + ".join([record.name, *record.freebies])[:200],
        "service_type": mapping.service_type,
        "category": mapping.category,
        "technology": mapping.technology,
        "contract_months": record.contract_months,
        "pricing.regular_price": asked_price(record.listed_price, markup),
    }
    if mapping.data_limit:
        content["data_limit"] = mapping.data_limit
    content |= record.said
    mapped = {column.field for column in mapping.columns.all()}
    if mapped & FEATURES:
        content["features"] = record.features
    # On sale for whole South African days; the end is the first instant after the last day.
    for field, path, later in (("offered_from", "valid_from", 0), ("offered_to", "valid_to", 1)):
        if field in mapped:
            title_and_day = record.dates.get(field)
            content[path] = _midnight(title_and_day[1], later) if title_and_day else None
    return {path: _plain(value) for path, value in content.items()}


def asked_price(listed: Decimal, markup: Decimal) -> Decimal:
    """What we ask for a deal listed at `listed`, with `markup` per cent on top."""
    return (listed * (1 + markup / HUNDRED)).quantize(CENT, ROUND_HALF_UP)


def _midnight(day: Any, days_later: int) -> str:
    assert isinstance(day, date)  # undecided dates were settled or refused
    instant = datetime.combine(
        day + timedelta(days=days_later), time.min, timezone.get_default_timezone()
    ).astimezone(UTC)
    return instant.isoformat().replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    return f"{value:.2f}" if isinstance(value, Decimal) else value
