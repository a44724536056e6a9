"""What the tests of known faults share: the sandbox Zoho, a package in it, and who does what."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalogue.models import ServicePackage
from pricing.models import PriceChange
from tests.catalogue.tmf620.test_hub import ear  # noqa: F401
from tests.pricing.conftest import no_stages, world  # noqa: F401
from tests.pricing.histories import package_opened
from tests.pricing.people import R799, mr_daniels, ms_khumalo, published
from tests.reconciliation.conftest import reconcile  # noqa: F401
from tests.zoho_sync.conftest import drain, zoho, zoho_settings  # noqa: F401


@pytest.fixture
def package(world: Any, drain: Callable[..., Any]) -> ServicePackage:  # noqa: F811
    """On sale at R 799,00 a month, and in Zoho."""
    found = package_opened(R799)
    drain()
    return found


def drafts_and_publishes() -> User:
    """Somebody with the rights of both."""
    both = mr_daniels()
    both.groups.add(*ms_khumalo().groups.all())
    return both


def published_on_2_march(world: Any, package: ServicePackage, **values: Any) -> PriceChange:  # noqa: F811
    """R 899,00 for the first of May, unless told otherwise."""
    world.day("2027-03-02 10:00")
    return published(package, **values)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
