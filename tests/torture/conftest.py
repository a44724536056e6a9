from tests.zoho_sync.conftest import drain, zoho, zoho_settings  # noqa: F401
