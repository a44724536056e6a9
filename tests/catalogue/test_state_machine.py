"""The life of a product, every transition tried as every role, against a model of a few lines."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from catalogue import services
from catalogue.content import product_content
from catalogue.models import Product, ServicePackage
from circletel.core.errors import Refused
from circletel.core.models import AuditEntry
from circletel.core.roles import ROLES
from tests.factories import draft_product, ms_naidoo, person
from tests.fuzz.inputs import fuzzed

RIGHTS = {
    "submit": "catalogue.submit_product",
    "approve": "catalogue.approve_product",
    "approve_pricing": "catalogue.approve_pricing",
    "reject": "catalogue.approve_product",
    "publish": "catalogue.publish_product",
    "archive": "catalogue.archive_product",
}
WITH_REASON = {"reject", "archive"}
FROM = {
    "submit": {"draft"},
    "approve": {"pending"},
    "approve_pricing": {"pending", "approved"},
    "reject": {"pending"},
    "publish": {"approved"},
    "archive": {"draft", "pending", "approved"},
}
TO = {"submit": "pending", "approve": "approved", "reject": "draft", "archive": "archived"}


class LifeOfAProduct(RuleBasedStateMachine):
    @initialize()
    def describe(self):
        self.product = draft_product(author=ms_naidoo())
        self.people = {role: person(f"model.{role.replace(' ', '').lower()}", role) for role in ROLES}
        self.people["author"] = ms_naidoo()
        self.status, self.priced, self.live, self.changed_by = "draft", False, False, "author"

    def allowed(self, deed, who):
        rights = ROLES[who] if who in ROLES else ROLES["Product manager"]
        if RIGHTS[deed] not in rights or self.status not in FROM[deed]:
            return False
        if deed in ("approve", "approve_pricing"):
            return who not in ("author", self.changed_by)
        if deed == "archive":
            return not self.live
        return deed != "publish" or self.priced

    @rule(deed=st.sampled_from(sorted(RIGHTS)), who=st.sampled_from([*ROLES, "author"]))
    def attempt(self, deed, who):
        expected = self.allowed(deed, who)
        more = {"reason": "because"} if deed in WITH_REASON else {}
        before = self.seen()
        try:
            getattr(services, deed)(self.product.pk, actor=self.people[who], **more)
        except Refused:
            assert not expected, f"{deed} by {who} was refused in {self.status}"
            assert self.seen() == before
            return
        assert expected, f"{deed} by {who} was let through in {self.status}"
        self.status = TO.get(deed, self.status)
        self.priced = self.priced or deed == "approve_pricing"
        self.live = self.live or deed == "publish"

    @rule(pricing=st.booleans(), who=st.sampled_from(["author", "Product manager"]))
    def edit(self, pricing, who):
        if self.status == "archived":
            return
        product = Product.objects.with_content().get(pk=self.product.pk)
        before = product_content(product)
        if pricing:
            product.pricing.regular_price += 1
            product.pricing.save()
        else:
            Product.objects.filter(pk=product.pk).update(description=f"{product.description}x")
        services.record_edit(product, actor=self.people[who], before=before)
        self.status, self.changed_by = "draft", who
        self.priced = self.priced and not pricing

    def seen(self):
        product = Product.objects.select_related("pricing").get(pk=self.product.pk)
        return (
            product.status,
            product.version,
            product.pricing.approved_by_id,
            ServicePackage.objects.count(),
            AuditEntry.objects.count(),
        )

    @invariant()
    def the_database_agrees(self):
        if not hasattr(self, "product"):
            return
        product = Product.objects.select_related("pricing").get(pk=self.product.pk)
        assert product.status == self.status
        assert (product.pricing.approved_by_id is not None) == self.priced
        assert ServicePackage.objects.filter(source_admin_product=product).exists() == self.live
        assert (product.approved_by_id is not None) == (
            self.status == "approved"
        ) or self.status == "archived"


@pytest.mark.fuzz
class TestLifeOfAProduct(LifeOfAProduct.TestCase, TestCase):
    settings = settings(fuzzed(few=12, many=100), stateful_step_count=20)
