"""When a backfill will be done, by the windows of the budget less what is kept for people."""

from datetime import timedelta

import pytest
from limits import RateLimitItemPerDay, RateLimitItemPerSecond

from zoho_sync.compare.forecast import forecast


class Budget:
    """A budget of 30 calls a minute and 1,000 a day, of which `left` are left today."""

    windows = [RateLimitItemPerSecond(30, 60), RateLimitItemPerDay(1000)]

    def __init__(self, left):
        self._left = left

    def left(self):
        return [(self.windows[0], 30), (self.windows[1], self._left)]


class Uncounted:
    windows = []

    def left(self):
        return []


@pytest.mark.parametrize(
    ("calls", "left", "takes"),
    [
        (0, 1000, timedelta(0)),
        (27, 1000, timedelta(minutes=1)),
        (900, 1000, timedelta(seconds=2000)),
        (901, 1000, timedelta(days=1, seconds=60 / 27)),
        (927, 1000, timedelta(days=1, minutes=1)),
        (1800, 1000, timedelta(days=1, seconds=2000)),
        (1801, 1000, timedelta(days=2, seconds=60 / 27)),
        (27, 100, timedelta(days=1, minutes=1)),
        (54, 127, timedelta(days=1, minutes=1)),
    ],
)
def test_how_long_billing_takes(calls, left, takes):
    seen = forecast(calls, Budget(left))

    assert abs(seen.takes - takes) < timedelta(milliseconds=1)
    assert seen.ends_today == (calls <= left - 100)


def test_crm_takes_about_a_second_a_call():
    seen = forecast(100, Uncounted())

    assert (seen.takes, seen.left_today, seen.ends_today) == (timedelta(seconds=100), None, True)
