#!/usr/bin/env python
"""Django's command line for the catalogue."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletel.settings")
    from django.core.management import execute_from_command_line

    from circletel.core.origin import Origin, acting_from, new_correlation_id

    # What a command changes can be told from what nobody knows the origin of.
    with acting_from(Origin(new_correlation_id(), user_agent=" ".join(["manage.py", *sys.argv[1:2]]))):
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
