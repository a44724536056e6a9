"""Who may do what: one Django group per job. `migrate` brings the groups in line with this table."""

from typing import Any

# What several roles have in common.
SEE_PRODUCTS = (
    "core.view_job",
    "catalogue.view_product",
    "catalogue.view_servicepackage",
    "catalogue.view_packageversion",
    "zoho_sync.view_productintegration",
)
SEE_PRICE_LISTS = (
    "catalogue.view_supplier",
    "catalogue.view_supplierdeal",
    "catalogue.view_pricelist",
    "catalogue.view_pricelistrow",
)
SEE_PRICES = (
    "catalogue.view_vatrate",
    "pricing.view_pricechange",
    "pricing.view_priceentry",
    "pricing.view_subscription",
    "pricing.view_pricemove",
    "pricing.view_noticestage",
    "pricing.view_pricenotice",
)
DECIDE_PRICES = (
    "catalogue.approve_pricing",
    "pricing.decide_pricemove",
    "pricing.decide_package_since",
    "pricing.settle_pricenotice",
    "pricing.cancel_pricechange",
)
SEE_SYNC = (
    "zoho_sync.view_zohosynclog",
    "zoho_sync.view_fieldsecuritycheck",
    "zoho_sync.view_mappingcheck",
    "zoho_sync.view_alert",
    "zoho_sync.view_alertrule",
    "zoho_sync.view_alertdelivery",
    "reconciliation.view_reconciliationreport",
    "reconciliation.view_finding",
    "reconciliation.view_repair",
)

ROLES: dict[str, tuple[str, ...]] = {
    "Product manager": (
        *SEE_PRODUCTS,
        *SEE_PRICE_LISTS,
        "catalogue.add_product",
        "catalogue.change_product",
        "catalogue.import_product",
        "catalogue.submit_product",
        "catalogue.archive_product",
        "catalogue.view_vatrate",
        "catalogue.change_supplier",
        "catalogue.view_columnmapping",
        "catalogue.add_columnmapping",
        "catalogue.change_columnmapping",
        "catalogue.import_pricelist",
    ),
    "Approver": (
        *SEE_PRODUCTS,
        "catalogue.approve_product",
        "catalogue.view_vatrate",
    ),
    "Publisher": (
        *SEE_PRODUCTS,
        "catalogue.publish_product",
        "catalogue.end_servicepackage",
    ),
    "Pricing manager": (
        *SEE_PRODUCTS,
        *SEE_PRICE_LISTS,
        *SEE_PRICES,
        *DECIDE_PRICES,
        "pricing.edit_noticestage",
        "catalogue.draft_price_changes",
        "pricing.draft_pricechange",
        "pricing.import_subscription",
    ),
    "Pricing approver": (
        *SEE_PRODUCTS,
        *SEE_PRICES,
        *DECIDE_PRICES,
        "pricing.publish_pricechange",
    ),
    "Sync operator": (
        *SEE_SYNC,
        "catalogue.view_product",
        "catalogue.retire_legacytable",
        "catalogue.view_servicepackage",
        "zoho_sync.view_productintegration",
        "zoho_sync.resync_productintegration",
        "zoho_sync.run_smoke_test",
        "zoho_sync.check_field_security",
        "zoho_sync.lock_zoho_fields",
        "pricing.view_pricechange",
        "reconciliation.run_reconciliation",
        "reconciliation.repair_finding",
        "zoho_sync.answer_alert",
        "zoho_sync.change_alertrule",
        "core.view_job",
        "core.cancel_job",
        "core.view_apitoken",
        "core.revoke_apitoken",
        "django_celery_beat.view_periodictask",
        "django_celery_beat.change_periodictask",
    ),
    "Auditor": (
        *SEE_PRODUCTS,
        *SEE_PRICE_LISTS,
        *SEE_PRICES,
        *SEE_SYNC,
        "axes.view_accessattempt",
        "core.view_auditentry",
        "core.view_apitoken",
        "catalogue.view_columnmapping",
        "catalogue.view_hublistener",
        "catalogue.view_hubdelivery",
        "django_celery_beat.view_periodictask",
        "django_celery_beat.view_intervalschedule",
        "django_celery_beat.view_crontabschedule",
        "auth.view_user",
        "auth.view_group",
    ),
    "TMF620 integrator": (
        "catalogue.view_product",
        "catalogue.add_product",
        "catalogue.change_product",
        "catalogue.view_servicepackage",
        "catalogue.archive_product",
        "catalogue.view_hublistener",
        "catalogue.add_hublistener",
        "catalogue.delete_hublistener",
        "catalogue.view_hubdelivery",
        "catalogue.resend_hubdelivery",
    ),
    "Cost viewer": ("catalogue.view_costs",),
    "API token holder": ("core.add_apitoken",),
}


def sync_roles(**_: Any) -> None:
    """Create missing groups and grant what the table says. Grants added by hand stay."""
    from django.contrib.auth.models import Group, Permission

    known = {
        f"{p.content_type.app_label}.{p.codename}": p
        for p in Permission.objects.select_related("content_type")
    }
    for name, wanted in ROLES.items():
        group, _created = Group.objects.get_or_create(name=name)
        # Permissions of apps that migrate later are granted when their own post_migrate comes by.
        group.permissions.add(*(known[permission] for permission in wanted if permission in known))
