"""A worker in a process of its own that moves subscriptions, on the day it is told. It is there to be killed.

python -m tests.pricing.scenario_worker 2027-03-15T07:30:00+02:00
"""

import sys
from datetime import datetime

import django
import time_machine

if __name__ == "__main__":
    django.setup()
    from pricing.tasks import move_subscriptions

    with time_machine.travel(datetime.fromisoformat(sys.argv[1]), tick=True):
        move_subscriptions()
