"""Refusals of the storefront's API, beside the kernel's own.

Problem
  NotOnSale            404  nobody can order such a package now
  AmbiguousSku         409  several packages on sale share the SKU
  PricesUnavailable    503  no VAT rate is recorded for today
"""

import logging
from http import HTTPStatus
from typing import Any

from rest_framework.response import Response

from catalogue.models import NoVatRate
from circletel.core.rest import problems
from circletel.core.rest.problems import Problem

logger = logging.getLogger(__name__)


class NotOnSale(Problem):
    status_code = HTTPStatus.NOT_FOUND
    type = "urn:circletel:problem:not-on-sale"
    title = "Not on sale"

    def __init__(self) -> None:
        super().__init__("No package on sale has this SKU or slug.")


class AmbiguousSku(Problem):
    """Lists what the SKU may mean, by slug, SKU, segment and provider, so that the caller can choose."""

    status_code = HTTPStatus.CONFLICT
    type = "urn:circletel:problem:ambiguous-sku"
    title = "Several packages share this SKU"

    def __init__(self, packages: list[dict[str, str]]) -> None:
        super().__init__(
            f"{len(packages)} packages on sale share this SKU."
            " Ask by slug, or add market_segment or provider.",
            packages=packages,
        )


class PricesUnavailable(Problem):
    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    type = "urn:circletel:problem:prices-unavailable"
    title = "Prices cannot be quoted now"

    def __init__(self) -> None:
        super().__init__("Prices cannot be quoted at the moment. Try again later.")


def as_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER: the kernel's, which does not know VAT."""
    if isinstance(error, NoVatRate):
        logger.error("storefront cannot quote prices: %s", error)
        error = PricesUnavailable()
    return problems.as_problem(error, context)
