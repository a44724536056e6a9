"""What is broken when: the same seed breaks the same, and a long run breaks everything."""

import itertools

from torture.faults import PROCESSES, QUIET_SECONDS, ZOHO, schedule
from torture.records import percentile


def test_a_seed_is_a_schedule():
    assert schedule(7, 600) == schedule(7, 600)
    assert schedule(7, 600) != schedule(8, 600)


def test_half_an_hour_breaks_everything_and_ends_in_peace():
    for seed in range(20):
        planned = schedule(seed, 1800)

        assert {each.name for each in planned} == {*PROCESSES, *ZOHO}
        assert all(each.at >= QUIET_SECONDS for each in planned)
        assert all(each.at + each.lasts <= 1800 - QUIET_SECONDS for each in planned)
        for lane in (PROCESSES, ZOHO):
            theirs = [each for each in planned if each.name in lane]
            pairs = itertools.pairwise(theirs)
            assert all(one.at + one.lasts < other.at for one, other in pairs)


def test_percentiles():
    assert [percentile(range(1, 101), each) for each in (0, 50, 99)] == [1, 51, 100]
    assert percentile([], 99) == 0.0
