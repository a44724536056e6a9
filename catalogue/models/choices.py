from django.db import models
from django.utils.translation import gettext_lazy as _


class MarketSegment(models.TextChoices):
    """Its words stand in keys and names in Zoho, so they are the same in every language."""

    CONSUMER = "consumer", "Consumer"
    BUSINESS = "business", "Business"


class ProductStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PENDING = "pending", _("Pending approval")
    APPROVED = "approved", _("Approved")
    ARCHIVED = "archived", _("Archived")


class PackageStatus(models.TextChoices):
    """Its words stand in Zoho CRM, so they are the same in every language."""

    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"
    ARCHIVED = "archived", "Archived"


class PublishState(models.TextChoices):
    """What the storefront has of a product. Worked out, not stored."""

    NOT_PUBLISHED = "Not published", _("Not published")
    LIVE = "Live", _("Live")
    LIVE_EDITED_SINCE = "Live, edited since", _("Live, edited since")
    ARCHIVED = "Archived", _("Archived")
