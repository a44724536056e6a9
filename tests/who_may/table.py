"""Who may what: ONE table of every door and every role. The only place where a right is stated for the tests.

A new door needs a row here; the test that finds it says which one, and who gets in as things stand. Write down who
is MEANT to get in. A superuser always may, but for NOBODY; STAFF is everybody who may log in to the admin.
"""

from collections.abc import Callable
from typing import Any

from catalogue.api.examples import NEW
from tests.who_may.world import World

SHORT = {
    "PM": "Product manager",
    "AP": "Approver",
    "PB": "Publisher",
    "PR": "Pricing manager",
    "PA": "Pricing approver",
    "SO": "Sync operator",
    "AU": "Auditor",
    "TM": "TMF620 integrator",
    "CV": "Cost viewer",
    "TH": "API token holder",
}
EVERYBODY, STAFF, NOBODY, SUPERUSER = "everybody", "staff", "nobody", ""

# fmt: off
# The pages of a model in the admin:      list and see               add            change         delete
PAGES: dict[str, tuple[str, str, str, str]] = {
    "auth.group":                        ("AU",                      SUPERUSER,     SUPERUSER,     SUPERUSER),
    "auth.user":                         ("AU",                      SUPERUSER,     SUPERUSER,     SUPERUSER),
    "axes.accessattempt":                ("AU",                      NOBODY,        SUPERUSER,     SUPERUSER),
    "core.apitoken":                ("SO AU TH",                "TH",          NOBODY,        NOBODY),
    "core.auditentry":              ("AU",                      NOBODY,        NOBODY,        NOBODY),
    "core.job":                     ("PM AP PB PR PA SO AU",                   NOBODY,        NOBODY,        NOBODY),
    "catalogue.columnmapping":           ("PM AU",                   "PM",          "PM",          NOBODY),
    "catalogue.hubdelivery":             ("TM AU",                   NOBODY,        NOBODY,        NOBODY),
    "catalogue.hublistener":             ("TM AU",                   NOBODY,        NOBODY,        NOBODY),
    "catalogue.packageversion":          ("PM AP PB PR PA AU",       NOBODY,        NOBODY,        NOBODY),
    "catalogue.pricelist":               ("PM PR AU",                "PM",          NOBODY,        NOBODY),
    "catalogue.pricelistrow":            ("PM PR AU",                NOBODY,        NOBODY,        NOBODY),
    "catalogue.product":                 ("PM AP PB PR PA SO AU TM", "PM TM",       "PM TM",       NOBODY),
    "catalogue.servicepackage":          ("PM AP PB PR PA SO AU TM", NOBODY,        NOBODY,        NOBODY),
    "catalogue.supplier":                ("PM PR AU",                SUPERUSER,     "PM",          NOBODY),
    "catalogue.supplierdeal":            ("PM PR AU",                NOBODY,        NOBODY,        NOBODY),
    "catalogue.vatrate":                 ("PM AP PR PA AU",          SUPERUSER,     SUPERUSER,     NOBODY),
    "django_celery_beat.crontabschedule":  ("AU",                    SUPERUSER,     SUPERUSER,     SUPERUSER),
    "django_celery_beat.intervalschedule": ("AU",                    SUPERUSER,     SUPERUSER,     SUPERUSER),
    "django_celery_beat.periodictask":   ("SO AU",                   SUPERUSER,     "SO",          SUPERUSER),
    "pricing.pricechange":               ("PR PA SO AU",                "PR",          "PR",          "PR"),
    "pricing.noticestage":               ("PR PA AU",                NOBODY,        "PR",          NOBODY),
    "pricing.pricemove":                 ("PR PA AU",                NOBODY,        NOBODY,        NOBODY),
    "pricing.pricenotice":               ("PR PA AU",                NOBODY,        NOBODY,        NOBODY),
    "pricing.subscription":              ("PR PA AU",                NOBODY,        NOBODY,        NOBODY),
    "reconciliation.finding":            ("SO AU",                   NOBODY,        NOBODY,        NOBODY),
    "reconciliation.reconciliationreport": ("SO AU",                 NOBODY,        NOBODY,        NOBODY),
    "reconciliation.repair":             ("SO AU",                   NOBODY,        NOBODY,        NOBODY),
    "zoho_sync.alert":                   ("SO AU",                   NOBODY,        NOBODY,        NOBODY),
    "zoho_sync.alertdelivery":           ("SO AU",                   NOBODY,        NOBODY,        NOBODY),
    "zoho_sync.alertrule":               ("SO AU",                   NOBODY,        "SO",          NOBODY),
    "zoho_sync.fieldsecuritycheck":      ("SO AU",                   NOBODY,        NOBODY,        NOBODY),
    "zoho_sync.mappingcheck":            ("SO AU",                   NOBODY,        NOBODY,        NOBODY),
    "zoho_sync.productintegration":      ("PM AP PB PR PA SO AU",    NOBODY,        NOBODY,        NOBODY),
    "zoho_sync.zohosynclog":             ("SO AU",                   NOBODY,        NOBODY,        NOBODY),
}

# Buttons, and actions for a selection.
DEEDS: dict[str, str] = {
    "auth.user: reset_second_factor_one": SUPERUSER,
    "core.job: cancel_one": "PB SO",  # who may ask for such jobs, which here publish, and who may cancel any
    "core.job: start_one": "PB",
    "core.apitoken: revoke_one": "SO",  # of others; one's own are revoked by whoever holds them
    "catalogue.product: force_billing_selected": "SO",
    "catalogue.product: force_crm_selected": "SO",
    "catalogue.servicepackage: force_billing_selected": "SO",
    "catalogue.servicepackage: force_crm_selected": "SO",
    "pricing.noticestage: test_one": "PR",
    "pricing.pricechange: impact": "PR PA AU",
    "pricing.pricechange: moves_of_one": "PR PA AU",
    "pricing.pricechange: proof": "PR PA AU",
    "pricing.pricemove: again_one": "PR PA",
    "pricing.pricemove: anyway_one": "PR PA",
    "pricing.pricemove: credit_one": "PR PA",
    "pricing.pricemove: decide_selected": "PR PA",
    "pricing.pricemove: keep_one": "PR PA",
    "pricing.pricemove: never_one": "PR PA",
    "pricing.pricemove: settle_one": "PR PA",
    "pricing.subscription: since_one": "PR PA",
    "pricing.pricenotice: send_again_one": "PR PA",
    "pricing.pricenotice: send_again_selected": "PR PA",
    "pricing.pricenotice: settle_one": "PR PA",
    "reconciliation.finding: ignore_selected": "SO",
    "catalogue.hubdelivery: send_again_selected": "TM",
    "catalogue.hubdelivery: send_again_one": "TM",
    "catalogue.packageversion: compare": "PM AP PB PR PA AU",
    "catalogue.packageversion: publish_again_one": "PB",
    "catalogue.pricelist: apply_one": "PM",
    "catalogue.pricelist: cancel_one": "PM",
    "catalogue.pricelist: read_again_one": "PM",
    "catalogue.pricelistrow: draft_price_changes_selected": "PR",
    "catalogue.product: approve_one": "AP",
    "catalogue.product: approve_pricing_one": "PR PA",
    "catalogue.product: approve_pricing_selected": "PR PA",
    "catalogue.product: approve_selected": "AP",
    "catalogue.product: archive_one": "PM TM",
    "catalogue.product: import_products": "PM",
    "catalogue.product: publish_one": "PB",
    "catalogue.product: publish_selected": "PB",
    "catalogue.product: reject_one": "AP",
    "catalogue.product: resync_billing_one": "SO",
    "catalogue.product: resync_billing_selected": "SO",
    "catalogue.product: resync_crm_one": "SO",
    "catalogue.product: resync_crm_selected": "SO",
    "catalogue.product: submit_one": "PM",
    "catalogue.product: submit_selected": "PM",
    "catalogue.servicepackage: change_prices": "PR",
    "catalogue.servicepackage: end_of_life_one": "PB",
    "catalogue.servicepackage: end_of_sale_one": "PB",
    "catalogue.servicepackage: resync_billing_one": "SO",
    "catalogue.servicepackage: resync_billing_selected": "SO",
    "catalogue.servicepackage: resync_crm_one": "SO",
    "catalogue.servicepackage: resync_crm_selected": "SO",
    "django_celery_beat.periodictask: disable_tasks": "SO",
    "django_celery_beat.periodictask: enable_tasks": "SO",
    "django_celery_beat.periodictask: run_now_one": "SO",
    "django_celery_beat.periodictask: run_tasks": "SO",
    "django_celery_beat.periodictask: toggle_tasks": "SO",
    "pricing.pricechange: amend_one": "PR",
    "pricing.pricechange: batch": "PR",
    "pricing.pricechange: cancel_one": "PR PA",
    "pricing.pricechange: publish_one": "PA",
    "pricing.pricechange: publish_selected": "PA",
    "pricing.pricechange delete (selected)": NOBODY,  # a draft is thrown away on its own page
    "reconciliation.finding: adopt_one": "SO",
    "reconciliation.finding: adopt_selected": "SO",
    "reconciliation.finding: deactivate_one": "SO",
    "reconciliation.finding: deactivate_selected": "SO",
    "reconciliation.finding: ignore_one": "SO",
    "reconciliation.finding: link_one": "SO",
    "reconciliation.finding: link_selected": "SO",
    "reconciliation.finding: push_one": "SO",
    "reconciliation.finding: push_selected": "SO",
    "reconciliation.finding: who_one": "SO",
    "reconciliation.reconciliationreport: run_now": "SO",
    "reconciliation.repair: apply_one": "SO",
    "zoho_sync.alert: acknowledge_one": "SO",
    "zoho_sync.alert: snooze_one": "SO",
    "zoho_sync.alertrule: test_one": "SO",
    "zoho_sync.fieldsecuritycheck: check_now": "SO",
    "zoho_sync.fieldsecuritycheck: lock_fields": "SO",
    "zoho_sync.productintegration: send_again_selected": "SO",
    "zoho_sync.productintegration: send_again_one": "SO",
    "zoho_sync.productintegration: smoke_test": "SO",
}

# Other pages of the admin. Without a row of its own, posting to a page is for whom reading it is for.
OTHERS: dict[str, str] = {
    "page second-factor": STAFF,
    "page django_celery_beat_periodictask_preflight": "SO AU",
    "page pricing_noticestage_preview": "PR PA AU",
    "page pricing_pricechange_impact_csv": "PR PA AU",
    "page pricing_pricechange_renewals_csv": "PR PA AU",
    "page pricing_pricechange_proof_csv": "PR PA AU",
    "page pricing_pricenotice_csv": "PR PA AU",
    "page pricing_pricenotice_json": "PR PA AU",
    "page app_list": STAFF,
    "page auth_user_password_change": SUPERUSER,
    "page autocomplete": NOBODY,  # asked for nothing; asked for a product, see the test of its own
    "page core_job_progress": "PM AP PB PR PA SO AU",
    "page catalogue_packageversion_compare": "PM AP PB PR PA AU",
    "page catalogue_packageversion_on_sale": "PM AP PB PR PA AU",
    "page catalogue_pricelist_panel": "PM PR AU",
    "page catalogue_pricelist_refused": "PM PR AU",
    "page catalogue_product_preview": "PM AP PB PR PA SO AU TM",
    "page catalogue_product_zoho_standing": "PM AP PB PR PA SO AU TM",
    "page catalogue_servicepackage_panel": "PM AP PB PR PA SO AU TM",
    "page index": STAFF,
    "page jsi18n": STAFF,
    "page login": EVERYBODY,
    "page logout": EVERYBODY,
    "page password_change": STAFF,
    "page password_change_done": STAFF,
    "page reconciliation_reconciliationreport_csv": "SO AU",
    "page reconciliation_reconciliationreport_json": "SO AU",
    "page reconciliation_reconciliationreport_progress": "SO AU",
    "page search": STAFF,
    "page view_on_site": STAFF,
    "page zoho_sync_productintegration_group": "PM AP PB PR PA SO AU",
    "POST page zoho_sync_productintegration_group": "SO",
    "page zoho_sync_productintegration_retry_queue": "PM AP PB PR PA SO AU",
}

# Everything outside the admin.
REST: dict[str, str] = {
    "GET api/docs/": EVERYBODY,
    "GET api/schema/": EVERYBODY,
    "GET api/v1/packages/": EVERYBODY,
    "GET api/v1/packages/<reference:sku_or_slug>/": EVERYBODY,
    "GET api/v1/<reference:rest>/": EVERYBODY,
    "GET api/v1/categories/": EVERYBODY,
    "GET api/v1/packages/<str:id>/price": EVERYBODY,
    "GET api/v1/packages/<str:id>/price-lock": EVERYBODY,
    "GET api/v1/price-locks/verify": EVERYBODY,
    "GET api/v1/providers/": EVERYBODY,
    "GET api/v1/segments/": EVERYBODY,
    **{
        f"GET api/{what}/{window}/": EVERYBODY
        for what in ("docs", "schema") for window in ("admin", "storefront", "tmf620-v4", "tmf620-v5")
    },
    "GET metrics": EVERYBODY,  # from this machine; from elsewhere with METRICS_TOKEN
    "POST mail/resend/tracking": EVERYBODY,  # signed by the provider

    "GET api/admin/batches/<uuid:id>": "PM AP PB PR PA SO AU",
    "POST api/admin/batches/<uuid:id>/cancel": "PB SO",
    "GET api/admin/products": "PM AP PB PR PA SO AU TM",
    "POST api/admin/products": "PM TM",
    "GET api/admin/products/<uuid:id>": "PM AP PB PR PA SO AU TM",
    "PATCH api/admin/products/<uuid:id>": "PM TM",
    "POST api/admin/products/<uuid:id>/approve": "AP",
    "POST api/admin/products/<uuid:id>/approve-pricing": "PR PA",
    "POST api/admin/products/<uuid:id>/archive": "PM TM",
    "POST api/admin/products/<uuid:id>/publish": "PB",
    "POST api/admin/products/<uuid:id>/reject": "AP",
    "POST api/admin/products/<uuid:id>/submit": "PM",
    "POST api/admin/products/bulk-publish": "PB",
    "GET api/admin/products/integration-status": "PM AP PB PR PA SO AU",
    "POST api/admin/products/<uuid:product_id>/sync-billing": "SO",
    "POST api/admin/products/<uuid:product_id>/sync-crm": "SO",
    "GET api/admin/price-changes": "PR PA SO AU",
    "POST api/admin/price-changes": "PR",
    "GET api/admin/price-changes/<uuid:id>": "PR PA SO AU",
    "PUT api/admin/price-changes/<uuid:id>": "PR",
    "DELETE api/admin/price-changes/<uuid:id>": "PR",
    "POST api/admin/price-changes/<uuid:id>/amend": "PR",
    "POST api/admin/price-changes/<uuid:id>/cancel": "PR PA",
    "POST api/admin/price-changes/<uuid:id>/publish": "PA",
    "GET api/admin/price-changes/<uuid:id>/impact": "PR PA AU",
    "GET api/admin/price-changes/<uuid:id>/moves": "PR PA AU",
    "GET api/admin/price-changes/<uuid:id>/notices": "PR PA AU",
    "GET api/admin/price-changes/<uuid:id>/notices/evidence": "PR PA AU",
    "GET api/admin/price-changes/<uuid:id>/proof": "PR PA AU",
    "GET api/admin/price-changes/<uuid:id>/proof.csv": "PR PA AU",
    "GET api/admin/price-changes/<uuid:id>/renewals.csv": "PR PA AU",
    "POST api/admin/price-moves/<uuid:id>/decide": "PR PA",
    "GET api/admin/subscriptions/<slug:id>/renewals": "PR PA AU",
    "POST api/admin/subscriptions/<slug:id>/package-since": "PR PA",
    "GET api/admin/reconciliation-reports": "SO AU",
    "GET api/admin/reconciliation-reports/<uuid:pk>": "SO AU",
    "GET api/admin/reconciliation-reports/<uuid:pk>.csv": "SO AU",
    "POST api/admin/reconciliation/run": "SO",

    # What is on sale is public, written are drafts. Deleting what is on sale ends its sale.
    **{
        f"GET tmf620/{kind}{one}": EVERYBODY
        for kind in ("catalog", "productCatalog", "category", "productOffering", "productOfferingPrice",
                     "productSpecification")
        for one in ("", "/<str:id>")
    },
    **{
        f"{method} tmf620/{kind}{one}": who
        for kind in ("productOffering", "productOfferingPrice", "productSpecification")
        for method, one, who in (
            ("POST", "", "PM TM"), ("PATCH", "/<str:id>", "PM TM"), ("DELETE", "/<str:id>", "PM PB TM"),
        )
    },
    "DELETE tmf620/productOffering/<str:id>": "PB",
    "POST tmf620/hub": "TM",
    "DELETE tmf620/hub/<str:id>": "TM",
}
# fmt: on

TABLE: dict[str, str] = DEEDS | OTHERS | REST
for _model, (_see, _add, _change, _delete) in PAGES.items():
    TABLE |= {f"{_model} list": _see, f"{_model} see": _see, f"{_model} add": _add}
    TABLE |= {f"{_model} change": _change, f"{_model} delete": _delete}


# What a request needs to get as far as the question who is asking, where an empty one is refused before.
_A_PRICE = {"new_price": "989.00", "effective_date": "2099-06-01", "reason": "Yearly review"}
BODIES: dict[str, dict[str, Any] | Callable[[World], dict[str, Any]]] = {
    "POST api/admin/products/bulk-publish": lambda world: {"ids": [str(world.product.pk)]},
    "POST api/admin/price-changes": lambda world: _A_PRICE | {"package": str(world.package.pk)},
    "PUT api/admin/price-changes/<uuid:id>": _A_PRICE,
    "POST api/admin/price-changes/<uuid:id>/amend": _A_PRICE,
    "POST api/admin/price-changes/<uuid:id>/cancel": {"reason": "because"},
    "POST api/admin/products": NEW,
    "POST api/admin/products/<uuid:id>/archive": {"reason": "because"},
    "POST api/admin/products/<uuid:id>/reject": {"reason": "because"},
    "POST api/admin/price-moves/<uuid:id>/decide": {"deed": "never_move", "reason": "because"},
    "POST api/admin/subscriptions/<slug:id>/package-since": {
        "since": "2027-03-01T00:00:00+02:00",
        "reason": "because",
    },
    "POST tmf620/hub": {"callback": "http://127.0.0.1:1/hub"},
}
