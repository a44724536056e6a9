from django.db import models


class MarketSegment(models.TextChoices):
    """Its words stand in keys and names in Zoho, so they are the same in every language."""

    CONSUMER = "consumer", "Consumer"
    BUSINESS = "business", "Business"


class ProductStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    PENDING = "pending", "Pending approval"
    APPROVED = "approved", "Approved"
    ARCHIVED = "archived", "Archived"


class PackageStatus(models.TextChoices):
    """Its words stand in Zoho CRM, so they are the same in every language."""

    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"
    ARCHIVED = "archived", "Archived"


class PublishState(models.TextChoices):
    """What the storefront has of a product. Worked out, not stored."""

    NOT_PUBLISHED = "Not published", "Not published"
    LIVE = "Live", "Live"
    LIVE_EDITED_SINCE = "Live, edited since", "Live, edited since"
    ARCHIVED = "Archived", "Archived"
