"""Who may do what: one Django group per job. `migrate` brings the groups in line with this table."""

from typing import Any

ROLES: dict[str, tuple[str, ...]] = {
    "Product manager": (
        "catalogue.view_product",
        "catalogue.add_product",
        "catalogue.change_product",
        "catalogue.import_product",
        "catalogue.submit_product",
        "catalogue.archive_product",
        "catalogue.view_servicepackage",
        "catalogue.view_packageversion",
        "catalogue.view_vatrate",
        "zoho_sync.view_productintegration",
    ),
    "Approver": (
        "catalogue.view_product",
        "catalogue.approve_product",
        "catalogue.view_servicepackage",
        "catalogue.view_packageversion",
        "catalogue.view_batch",
        "catalogue.view_vatrate",
        "zoho_sync.view_productintegration",
    ),
    "Publisher": (
        "catalogue.view_product",
        "catalogue.publish_product",
        "catalogue.end_servicepackage",
        "catalogue.view_servicepackage",
        "catalogue.view_packageversion",
        "catalogue.view_batch",
        "zoho_sync.view_productintegration",
    ),
    "Pricing manager": (
        "catalogue.view_product",
        "catalogue.approve_pricing",
        "catalogue.view_servicepackage",
        "catalogue.view_packageversion",
        "catalogue.view_vatrate",
        "zoho_sync.view_productintegration",
    ),
    "Sync operator": (
        "catalogue.view_product",
        "catalogue.retire_legacytable",
        "catalogue.view_servicepackage",
        "zoho_sync.view_productintegration",
        "zoho_sync.resync_productintegration",
        "zoho_sync.view_zohosynclog",
        "zoho_sync.view_alert",
        "zoho_sync.answer_alert",
        "zoho_sync.view_alertrule",
        "zoho_sync.change_alertrule",
        "zoho_sync.view_alertdelivery",
        "zoho_sync.view_jobrun",
        "django_celery_beat.view_periodictask",
        "django_celery_beat.change_periodictask",
    ),
    "Auditor": (
        "catalogue.view_product",
        "catalogue.view_servicepackage",
        "catalogue.view_vatrate",
        "catalogue.view_auditentry",
        "catalogue.view_packageversion",
        "catalogue.view_batch",
        "zoho_sync.view_productintegration",
        "zoho_sync.view_zohosynclog",
        "zoho_sync.view_alert",
        "zoho_sync.view_alertdelivery",
        "zoho_sync.view_jobrun",
    ),
    "Cost viewer": ("catalogue.view_costs",),
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
