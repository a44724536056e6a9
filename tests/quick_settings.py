"""The product's settings for a process of its own, which waits as long as the test says instead of as long as for Zoho."""

import os

from circletel.settings import *  # noqa: F403
from zoho_sync import timing

timing.LEASE_SECONDS = float(os.environ.get("TEST_LEASE_SECONDS") or timing.LEASE_SECONDS)
timing.LATE_CALL_SECONDS = float(os.environ.get("TEST_LATE_CALL_SECONDS") or timing.LATE_CALL_SECONDS)
timing.GATHER_SECONDS = float(os.environ.get("TEST_GATHER_SECONDS") or timing.GATHER_SECONDS)
