"""Bad inputs by the hundred in every test run, by the hundred thousand with `make fuzz`. Counted either way."""

from typing import Any

from hypothesis import HealthCheck, settings

from tests.fuzz.inputs import COUNTED
from tests.zoho_sync.conftest import zoho_settings  # noqa: F401

settings.register_profile("fuzz", deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not COUNTED:
        return
    terminalreporter.section("bad inputs")
    for door, number in sorted(COUNTED.items()):
        terminalreporter.write_line(f"{number:>9,}  {door}")
    terminalreporter.write_line(f"{sum(COUNTED.values()):>9,}  in all")
