"""The product's settings with what it is measured beside."""

from circletel.settings import *  # noqa: F403

ROOT_URLCONF = "bench._plain"
