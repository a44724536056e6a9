"""Both versions at their own address; v5 also below /tmf-api/, where many clients look."""

from django.urls import URLPattern, URLResolver, include, path

from catalogue.tmf620.dialects import V4, V5, Dialect, Kind
from catalogue.tmf620.job_views import ExportView, JobListView, JobView
from catalogue.tmf620.views import HubView, ItemView, ListenerView, ListView


def _of(dialect: Dialect) -> list[URLPattern | URLResolver]:
    patterns: list[URLPattern | URLResolver] = [
        path("hub", HubView.as_view(dialect=dialect)),
        path("hub/<str:id>", ListenerView.as_view(dialect=dialect)),
        path("exportJob/<str:id>/content", ExportView.as_view(dialect=dialect, kind=Kind.EXPORT_JOB)),
    ]
    for kind in Kind:
        is_job = kind in (Kind.IMPORT_JOB, Kind.EXPORT_JOB)
        many, one = (JobListView, JobView) if is_job else (ListView, ItemView)
        name, options = dialect.name(kind), {"dialect": dialect, "kind": kind}
        for slash in ("", "/"):
            patterns += [
                path(f"{name}{slash}", many.as_view(**options)),
                path(f"{name}/<str:id>{slash}", one.as_view(**options)),
            ]
    return patterns


urlpatterns = [
    path(f"{V4.path.lstrip('/')}/", include(_of(V4))),
    path(f"{V5.path.lstrip('/')}/", include(_of(V5))),
    path(f"tmf-api{V5.path}/", include(_of(V5))),
]
