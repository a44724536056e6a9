"""The runs of scheduled jobs."""

from django.contrib import admin
from unfold.decorators import display

from circletel.core.admin.base import ReadOnlyAdmin
from circletel.core.admin.long_lists import LongList
from zoho_sync.operating.models import JobRun

RESULTS = {"Running": "info", "Done": "success", "Failed": "danger", "Broken off": "danger"}


@admin.register(JobRun)
class JobRunAdmin(LongList, ReadOnlyAdmin):
    empty_words = "Scheduled jobs have not run yet: do beat and a worker run?"
    list_display = ("job", "started_at", "shown_result", "duration", "detail")
    list_filter = ("result", "job", "started_at")
    search_fields = ("job", "detail", "correlation_id")
    fields = (("job", "shown_result"), ("started_at", "finished_at", "duration"), "detail", "correlation_id")

    @display(description="Result", ordering="result", label=RESULTS)
    def shown_result(self, run: JobRun) -> str:
        return run.get_result_display()

    @display(description="Took")
    def duration(self, run: JobRun) -> str:
        return f"{run.seconds:.1f} s" if run.seconds is not None else "—"
