"""The mappings that come along: MTN's list of business promotions, and CircleTel's own product workbook.

(title, what it means, label, required to recognise the table), in the order of the features.
"""

from typing import Any

Column = tuple[str, str, str, bool]

MTN_COLUMNS: list[Column] = [
    ("Deal ID", "deal_id", "", True),
    ("Promo Start date (mm/dd/yyyy)", "offered_from", "", True),
    ("Promo End date (mm/dd/yyyy)", "offered_to", "", True),
    ("OEM and Device", "device", "", True),
    ("Total Subscription Incl Vat", "price_incl_vat", "", True),
    ("Total Subscription Ex Vat", "price_excl_vat", "", True),
    ("Once-off Pay-in (incl VAT)", "pay_in", "", True),
    ("Price Plan", "name", "", True),
    ("Contract Term", "contract_months", "", True),
    ("Total Data", "data", "", False),
    ("Total Minutes", "minutes", "", False),
    ("Inclusive Price Plan SMS", "sms", "", False),
    ("SMS Bundle", "sms", "", False),
    ("On-Net Minute Bundle", "feature", "On-net minute bundle: {}", False),
    ("Inclusive Price Plan On-net Minutes", "feature", "On-net minutes: {}", False),
    ("Inclusive Price Plan In-Group Calling", "feature", "In-group calling: {}", False),
    ("Bundle description", "feature", "", False),
    ("Freebies description 1 (Devices)", "freebie", "Free: {}", False),
    ("Freebie description 2 (Priceplan)", "freebie", "Free: {}", False),
    ("Free Sim", "feature", "Free SIM card", False),
    ("Free CLI", "feature", "Free caller identification", False),
    ("Free ITB", "feature", "Free itemised billing", False),
    ("EBU Inventory Status (Main device)", "stock", "Device", False),
    ("EBU Inventory Status (Freebie)", "stock", "Freebie", False),
    ("Device Status", "note", "", False),
    ("Eppix Package", "note", "", False),
    ("Eppix Tariff", "note", "", False),
    ("Package description", "note", "", False),
    ("Tariff description", "note", "", False),
    ("Anytime Minute Bundle", "note", "", False),
    ("Data Bundle", "note", "", False),
    ("Inclusive Price Plan Minutes", "note", "", False),
    ("Inclusive Price Plan Data", "note", "", False),
    ("Channel Deal Visibility", "note", "", False),
    ("Device Range Applicability", "note", "", False),
    ("Available on Helios", "note", "", False),
    ("Available on iLula", "note", "", False),
]
MTN: dict[str, Any] = {
    "name": "Business promotions",
    "market_segment": "business",
    "provider": "MTN",
    "service_type": "MTN Business",
    "category": "mobile_business",
    "date_order": "mdy",
    "without_device": "Use Your Own|SIM Only",
}

CIRCLETEL: list[tuple[dict[str, Any], list[Column]]] = [
    (
        {
            "name": "SkyFibre Home",
            "sku_template": "{deal_id}-{contract_months}M",
            "market_segment": "consumer",
            "provider": "MTN",
            "service_type": "SkyFibre",
            "category": "fixed_wireless_residential",
            "technology": "fixed-wireless",
            "contract_months": 1,
            "data_limit": "Unlimited",
        },
        [
            ("Package", "name", "", True),
            ("Regular Price (incl. VAT)", "price_incl_vat", "", True),
            ("Regular Price (ex. VAT)", "price_excl_vat", "", True),
            ("Promo Price (incl. VAT)", "promotion_price", "", True),
            ("Installation Revenue (upfront)", "installation_fee", "", True),
            ("Speeds", "speed", "", True),
        ],
    ),
    (
        {
            "name": "SkyFibre Business",
            "sku_template": "SKYFIBRE-{deal_id}-{contract_months}M",
            "market_segment": "business",
            "provider": "MTN",
            "service_type": "SkyFibre",
            "category": "fixed_wireless_business",
            "technology": "fixed-wireless",
            "contract_months": 1,
            "data_limit": "Unlimited",
        },
        [
            ("Package", "name", "", True),
            ("Regular Price (excl .VAT)", "price_excl_vat", "", True),
            ("Regular Price (incl .VAT)", "price_incl_vat", "", True),
        ],
    ),
    (
        {
            "name": "BizFibre Connect",
            "market_segment": "business",
            "provider": "DFA",
            "service_type": "BizFibreConnect",
            "category": "business_fibre",
            "technology": "fibre",
            "contract_months": 12,
            "data_limit": "Unlimited",
        },
        [
            ("Package", "name", "", True),
            ("Speed", "speed", "", True),
            ("Regular Price (incl .VAT)", "price_incl_vat", "", True),
            ("Promo Price", "promotion_price", "", True),
            ("Router", "device", "", True),
            ("Installation Fee", "installation_fee", "", True),
        ],
    ),
    (
        {
            "name": "5G and LTE",
            "market_segment": "business",
            "provider": "MTN",
            "service_type": "CircleConnect",
            "category": "mobile_data_business",
            "without_device": "Use Your Own|SIM Only",
        },
        [
            ("Deal ID", "deal_id", "", True),
            ("Package", "name", "", True),
            ("Regular Price (incl. VAT)", "price_incl_vat", "", True),
            ("Regular Price (ex. VAT)", "price_excl_vat", "", True),
            ("Speed", "speed", "", True),
            ("Contract Term (months)", "contract_months", "", True),
            ("OEM and Device", "device", "", True),
        ],
    ),
]


def add_mappings(apps: Any, _schema_editor: Any) -> None:
    Supplier = apps.get_model("catalogue", "Supplier")
    mtn = Supplier.objects.create(code="mtn", name="MTN")
    _add(apps, mtn, MTN, MTN_COLUMNS)
    circletel = Supplier.objects.create(code="circletel", name="CircleTel")
    for values, columns in CIRCLETEL:
        _add(apps, circletel, {**values, "ends_at_blank_row": True}, columns)


def _add(apps: Any, supplier: Any, values: dict[str, Any], columns: list[Column]) -> None:
    mapping = apps.get_model("catalogue", "ColumnMapping").objects.create(supplier=supplier, **values)
    MappedColumn = apps.get_model("catalogue", "MappedColumn")
    MappedColumn.objects.bulk_create(
        MappedColumn(
            mapping=mapping, position=position, title=title, field=field, label=label, required=required
        )
        for position, (title, field, label, required) in enumerate(columns)
    )
