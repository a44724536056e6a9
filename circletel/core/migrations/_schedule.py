"""The rows of the beat schedule that come with an installation.

They are written once: afterwards the schedule belongs to whoever edits it in the admin.
"""

from typing import Any, NamedTuple

from django.db import migrations


class Interval(NamedTuple):
    period: str
    # A message that waited longer is dropped: the next one has been sent by then.
    expire_seconds: int


class Crontab(NamedTuple):
    minute: str
    hour: str
    day_of_week: str = "*"


class Scheduled(NamedTuple):
    name: str
    task: str
    when: Interval | Crontab
    description: str


EACH_MINUTE = Interval("minutes", 55)
EACH_HOUR = Interval("hours", 3000)


def schedule(*jobs: Scheduled) -> migrations.RunPython:
    """The operation that adds these jobs; undone, it takes them away."""

    def add(apps: Any, _schema_editor: Any) -> None:
        for job in jobs:
            apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
                name=job.name,
                defaults={"task": job.task, "description": job.description, **_when(apps, job.when)},
            )

    def remove(apps: Any, _schema_editor: Any) -> None:
        tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects
        tasks.filter(task__in=[job.task for job in jobs]).delete()

    return migrations.RunPython(add, remove)


def _when(apps: Any, when: Interval | Crontab) -> dict[str, Any]:
    if isinstance(when, Interval):
        intervals = apps.get_model("django_celery_beat", "IntervalSchedule").objects
        interval, _ = intervals.get_or_create(every=1, period=when.period)
        return {"interval": interval, "expire_seconds": when.expire_seconds}
    crontabs = apps.get_model("django_celery_beat", "CrontabSchedule").objects
    crontab, _ = crontabs.get_or_create(
        minute=when.minute, hour=when.hour, day_of_week=when.day_of_week, timezone="Africa/Johannesburg"
    )
    return {"crontab": crontab}
