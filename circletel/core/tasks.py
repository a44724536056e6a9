"""Celery tasks of the kernel."""

from celery import shared_task

from circletel.core import jobs


@shared_task
def run_job(job_id: str) -> None:
    jobs.run(job_id)


@shared_task
@jobs.job
def sweep_jobs() -> str:
    """Each minute: wake a worker for jobs whose message, or whose worker, was lost."""
    return f"{jobs.sweep()} woken"
