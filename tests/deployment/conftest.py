"""The prepared sandbox of the sync's tests, and the sweep each second."""

from tests.zoho_sync.conftest import drain, zoho, zoho_settings  # noqa: F401
from tests.zoho_sync.kills.conftest import each_second  # noqa: F401
