"""One of everything, with costs that would be recognised anywhere.

A model that is not made here is asked for under an id that nothing has, which most doors stand; make one where the
right depends on the object.
"""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.auth.models import User
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule

from catalogue import batches
from catalogue.models import (
    ColumnMapping,
    HubDelivery,
    HubEvent,
    HubListener,
    PriceList,
    PriceListRow,
    PriceListStatus,
    ServicePackage,
    Supplier,
    SupplierDeal,
)
from circletel.core.models import ApiToken
from pricing import services as pricing
from pricing.models import PriceChange
from pricing.services import Wish
from reconciliation.models import Deed, Finding, FindingType, ReconciliationReport, Repair
from tests.factories import live_package, mr_botha, ms_naidoo, person
from tests.pricing.subscriptions import mirrored
from tests.who_may.doors import Knock
from zoho_sync.models import (
    Alert,
    AlertDelivery,
    AlertRule,
    FieldSecurityCheck,
    Kind,
    MappingCheck,
    System,
    ZohoSyncLog,
)

# Nobody else has these digits; wherever they are shown, a cost is.
DEALER_COST, DISCOUNT, FLOOR = Decimal("4739.27"), Decimal("13.57"), Decimal("91.43")
MARGIN_BEFORE, MARGIN_AFTER = Decimal("61.37"), Decimal("53.69")
# An id that nothing has.
NOBODY_HAS = UUID(int=7)
COSTS = (DEALER_COST, DISCOUNT, FLOOR, MARGIN_BEFORE, MARGIN_AFTER)


class World:
    """`package` is live, made of `product`. `of` gives one object of any model."""

    def __init__(self) -> None:
        now = timezone.now()
        self.package = live_package(
            name="Fibre with a router",
            regular_price="899.00",
            hardware={
                "model": "AX1",
                "included": False,
                "retail_value": "999.00",
                "dealer_cost": DEALER_COST,
            },
        )
        self.product = self.package.source_admin_product
        self.change = self._a_price_change(self.package)
        repriced = live_package(name="Fibre at a new price", regular_price="899.00")
        # Its publication plans a move and owes a notice.
        self.subscription = mirrored(repriced, price="899.00")
        draft = self._a_price_change(repriced)
        self.published = pricing.publish_price_change(
            draft.pk, actor=person("publishes.prices", "Pricing approver")
        )
        self.version = self.package.versions.first()
        self.job = batches.plan("publish", [self.product.pk], actor=mr_botha())
        self.clerk = User.objects.create_user("clerk", is_staff=True)
        self._keys: dict[str, Any] = {
            "auth.user": self.clerk.pk,
            "catalogue.product": self.product.pk,
            "catalogue.servicepackage": self.package.pk,
            "pricing.pricechange": self.change.pk,
        }
        self._addresses: dict[tuple[str, str], str] = {}
        AccessAttempt.objects.create(
            username="clerk", ip_address="10.0.0.1", path_info="/admin/login/", failures_since_start=5
        )
        ApiToken.objects.create(
            owner=self.clerk,
            name="nightly",
            prefix="ctk_1",
            digest="0" * 64,
            scopes=["catalogue.view_product"],
            expires_at=now + timedelta(days=9),
        )
        IntervalSchedule.objects.get_or_create(every=7, period="days")
        CrontabSchedule.objects.get_or_create(minute="7", hour="7")
        self._a_price_list()
        self._tmf620()
        self._zoho(now)
        self._reconciliation()

    def of(self, model: str) -> Any:
        """The key of one object of `model` ("app.name"), or one that nothing has."""
        if model not in self._keys:
            one = apps.get_model(model)._default_manager.order_by("pk").first()
            self._keys[model] = one.pk if one else NOBODY_HAS
        return self._keys[model]

    def address_of(self, knock: Knock) -> str:
        if (knock.route, knock.model) not in self._addresses:
            values = self._values_for(knock.route)
            if knock.model and knock.params:
                values = {knock.params[0]: self.of(knock.model)} | values
            filled = re.sub(
                r"<(?:\w+:)?(\w+)>", lambda part: str(values.get(part[1], NOBODY_HAS)), knock.route
            )
            self._addresses[knock.route, knock.model] = f"/{filled}"
        return self._addresses[knock.route, knock.model]

    def _a_price_change(self, package: ServicePackage) -> PriceChange:
        june = date(timezone.now().year + 1, 6, 1)
        wish = Wish(new_price=Decimal("949.00"), effective_date=june, reason="Yearly review")
        author = person("drafts.prices", "Pricing manager")
        return pricing.create_price_change(package.pk, wish, actor=author)

    def _a_price_list(self) -> None:
        supplier = Supplier.objects.get(code="mtn")
        supplier.discount_percent, supplier.margin_floor_percent = DISCOUNT, FLOOR
        supplier.save()
        mapping = ColumnMapping.objects.filter(supplier=supplier).first()
        self.price_list = PriceList.objects.create(
            supplier=supplier,
            file_name="november.xlsx",
            file_hash="0" * 64,
            content=b"",
            status=PriceListStatus.PREVIEWED,
            counts={"changed": 1, "refused": 1},
            uploaded_by=ms_naidoo(),
        )
        row = {"price_list": self.price_list, "sheet": "Deals", "mapping": mapping}
        PriceListRow.objects.create(
            **row,
            position=1,
            number=2,
            deal_id="D1",
            name="A deal",
            outcome="changed",
            product=self.product,
            package=self.package,
            listed_before=Decimal("500.00"),
            listed_after=Decimal("600.00"),
            proposed_price=Decimal("949.00"),
            margin_before=MARGIN_BEFORE,
            margin_after=MARGIN_AFTER,
            below_floor=True,
        )
        PriceListRow.objects.create(
            **row, position=2, number=3, deal_id="D2", outcome="refused", reasons=["No price"]
        )
        SupplierDeal.objects.create(
            supplier=supplier,
            mapping=mapping,
            deal_id="D1",
            product=self.product,
            listed_price=Decimal("500.00"),
            price_list=self.price_list,
        )

    def _tmf620(self) -> None:
        author = ms_naidoo()
        listener = HubListener.objects.create(
            version="v4", callback="https://example.com/hub", created_by=author
        )
        body = {"eventType": "ProductOfferingCreateEvent", "event": {"productOffering": {"id": "1"}}}
        event = HubEvent.objects.create(occurred_at=timezone.now(), bodies={"v4": body, "v5": body})
        HubDelivery.objects.create(event=event, listener=listener, due_at=timezone.now())
        self.listener = listener

    def _zoho(self, now: Any) -> None:
        alert = Alert.objects.create(
            rule=AlertRule.objects.first(),
            cause="x",
            title="Zoho is away",
            path="/admin/",
            opened_at=now,
            last_seen_at=now,
        )
        AlertDelivery.objects.create(
            key="x", alert=alert, channel="email", subject="Zoho is away", body="…", next_try_at=now
        )
        ZohoSyncLog.objects.create(
            system="crm",
            method="POST",
            path="/crm/v8/Products/upsert",
            packages=[self.package.pk],
            duration_ms=7,
        )
        MappingCheck.objects.create(mapping_version="1" * 64, remote_id="1")
        FieldSecurityCheck.objects.create(result="locked", holes=0, new_holes=0, unknown=0)

    def _reconciliation(self) -> None:
        self.report = ReconciliationReport.objects.create(state="complete", finished_at=timezone.now())
        finding = Finding.objects.create(
            system=System.CRM,
            kind=Kind.CRM_PRODUCT,
            type=FindingType.FIELD_MISMATCH,
            key="K",
            field="Product_Name",
            package=self.package,
            ours="ours",
            theirs="theirs",
        )
        Repair.objects.create(deed=Deed.PUSH).findings.add(finding)

    def _values_for(self, route: str) -> dict[str, Any]:
        """What stands in an address, by the beginning of the route and by name."""
        version = self.version
        found = {
            "admin/catalogue/packageversion/<int:before_id>": {
                "before_id": version.pk,
                "after_id": version.pk,
            },
            "admin/pricing/pricechange/<path:object_id>/cancel/": {"object_id": self.published.pk},
            "admin/pricing/pricechange/<path:object_id>/amend/": {"object_id": self.published.pk},
            "api/admin/price-changes/<uuid:id>/cancel": {"id": self.published.pk},
            "api/admin/price-changes/<uuid:id>/amend": {"id": self.published.pk},
            "tmf-api/productCatalogManagement/v4/productOffering/": {"id": self.package.pk},
            "productCatalogManagement/v5/productOffering/": {"id": self.package.pk},
            "api/v1/packages/": {"sku_or_slug": self.package.slug, "id": self.package.pk},
            "api/admin/products/": {"product_id": self.product.pk, "id": self.product.pk},
            "api/admin/batches/": {"id": self.job.pk},
            "api/admin/price-changes/": {"id": self.change.pk},
            "api/admin/subscriptions/": {"id": self.subscription.subscription_id},
            "api/admin/reconciliation-reports/": {"pk": self.report.pk},
        }
        return next((values for start, values in found.items() if route.startswith(start)), {})
