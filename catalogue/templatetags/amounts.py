"""`{% load amounts %}`: amounts in pages and mails as South Africans write them."""

from decimal import Decimal
from typing import Any

from django import template

from circletel.core import amounts

register = template.Library()


@register.filter
def rand(amount: Any) -> str:
    """An amount, or what JSON made of it, as `R 1 299,00`; nothing as a dash."""
    return amounts.rand(None if amount in (None, "") else Decimal(str(amount)))
