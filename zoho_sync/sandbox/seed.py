"""What a freshly opened Zoho organisation already holds. Safe to call on one that is in use."""

from __future__ import annotations

from .billing import settings as billing_settings
from .crm import fields as crm_fields
from .crm import people as crm_people
from .state import State


def seed(state: State) -> None:
    crm_people.seed(state)
    crm_fields.seed(state)
    billing_settings.seed(state)
    state.store.commit()
