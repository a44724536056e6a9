"""A worker outlives the broker it had messages from."""

from types import SimpleNamespace

import pytest
from kombu.transport import redis as transport

from circletel.celery import LastingQoS, app


class LostChannel:
    """As kombu leaves it when the connection broke: there is no client any more to ask for an address."""

    do_restore = True
    connection = SimpleNamespace(client=None)

    def conn_or_acquire(self, client=None):
        return self.connection.client.hostname

    unacked_key = unacked_index_key = "unacked"


@pytest.fixture
def lasting():
    """Messages in hand, by either kind; nothing of them is given back when this process ends."""
    made = []

    def make(kind):
        held = kind(LostChannel())
        held._delivered["tag"] = "message"
        made.append(held)
        return held

    yield make
    for held in made:
        held._on_collect.cancel()
        held._delivered.clear()


def test_every_worker_has_it():
    assert app.main == "circletel"
    assert transport.Channel.QoS is LastingQoS


def test_what_the_library_does_with_messages_in_hand_ends_a_worker(lasting):
    with pytest.raises(AttributeError, match="hostname"):
        lasting(transport.QoS).restore_unacked_once()


def test_messages_in_hand_are_left_to_the_broker(lasting):
    held = lasting(LastingQoS)

    held.restore_unacked_once()

    assert not held._delivered
    held.restore_unacked_once()


def test_what_the_library_does_with_a_task_done_too_late_ends_a_worker(lasting):
    with pytest.raises(AttributeError, match="hostname"):
        lasting(transport.QoS).ack("tag")


def test_a_task_done_too_late_is_done(lasting):
    lasting(LastingQoS).ack("tag")
