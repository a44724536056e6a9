import pytest

from circletel.embedded import program as module
from circletel.embedded.console import EmbeddedError
from circletel.embedded.program import Keeper, Program


class Fragile(Program):
    """Runs, on paper, until the test says otherwise."""

    name = "worker"

    def __init__(self) -> None:
        self.runs = True
        self.launches = 0
        self.log = self.process = None  # type: ignore[assignment]

    def launch(self) -> None:
        self.launches += 1
        self.runs = True

    def is_running(self) -> bool:
        return self.runs


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def fail_and_measure_the_pause(keeper: Keeper, program: Fragile, clock: Clock) -> float:
    program.runs = False
    keeper.tend()
    begun, launches = clock.now, program.launches
    while program.launches == launches:
        clock.now += 0.5
        keeper.tend()
    return clock.now - begun


def test_what_ends_unasked_is_started_again_with_a_growing_pause(clock: Clock) -> None:
    said: list[str] = []
    program, looking_after = Fragile(), Keeper(said.append)
    looking_after.is_starting = False
    looking_after.keep(program)

    pauses = [fail_and_measure_the_pause(looking_after, program, clock) for _ in range(4)]

    assert pauses == [1, 2, 4, 8]
    assert said[0].startswith("worker stopped")
    assert "in 1 s" in said[0]


def test_a_program_that_ran_for_long_is_forgiven(clock: Clock) -> None:
    program, looking_after = Fragile(), Keeper(lambda _: None)
    looking_after.is_starting = False
    looking_after.keep(program)
    for _ in range(3):
        fail_and_measure_the_pause(looking_after, program, clock)

    clock.now += 61

    assert fail_and_measure_the_pause(looking_after, program, clock) == 1


def test_while_starting_the_third_failure_ends_the_start(clock: Clock) -> None:
    program, looking_after = Fragile(), Keeper(lambda _: None)
    looking_after.keep(program)
    for _ in range(2):
        fail_and_measure_the_pause(looking_after, program, clock)

    program.runs = False
    with pytest.raises(EmbeddedError, match="worker does not stay up"):
        looking_after.tend()
