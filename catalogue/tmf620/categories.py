"""The categories that packages on sale stand in: a segment, and in it a service type."""

import hashlib
from dataclasses import dataclass

from django.utils.text import slugify

from catalogue.models import MarketSegment


@dataclass(frozen=True)
class CategoryKey:
    """`service_type` empty is the segment itself. Spellings that differ in case only are one category."""

    segment: str
    service_type: str = ""

    @property
    def id(self) -> str:
        """Fit for an address, and different for different service types."""
        if not self.service_type:
            return self.segment
        folded = self.service_type.lower()
        slug = slugify(folded)
        if slug != folded:  # slugs alone would throw `Home Fibre` and `Home-Fibre` together
            slug = f"{slug}-{hashlib.sha256(folded.encode()).hexdigest()[:8]}".lstrip("-")
        return f"{self.segment}-{slug}"

    @property
    def name(self) -> str:
        return self.service_type or dict(MarketSegment.choices).get(self.segment, self.segment)

    @property
    def parent(self) -> "CategoryKey | None":
        return CategoryKey(self.segment) if self.service_type else None
