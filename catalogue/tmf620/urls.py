"""Both versions at their own address; v5 also below /tmf-api/, where many clients look."""

from django.urls import URLPattern, URLResolver, include, path

from catalogue.tmf620.dialects import V4, V5, Dialect, Kind
from catalogue.tmf620.drafts import WRITABLE
from catalogue.tmf620.views import HubView, ItemView, ListenerView, ListView

READ_ONLY = ["get", "head", "options"]


def _of(dialect: Dialect) -> list[URLPattern | URLResolver]:
    patterns: list[URLPattern | URLResolver] = [
        path("hub", HubView.as_view(dialect=dialect)),
        path("hub/<str:id>", ListenerView.as_view(dialect=dialect)),
    ]
    for kind in Kind:
        name, options = dialect.name(kind), {"dialect": dialect, "kind": kind}
        if kind not in WRITABLE:
            options["http_method_names"] = READ_ONLY
        for slash in ("", "/"):
            patterns += [
                path(f"{name}{slash}", ListView.as_view(**options)),
                path(f"{name}/<str:id>{slash}", ItemView.as_view(**options)),
            ]
    return patterns


urlpatterns = [
    path(f"{V4.path.lstrip('/')}/", include(_of(V4))),
    path(f"{V5.path.lstrip('/')}/", include(_of(V5))),
    path(f"tmf-api{V5.path}/", include(_of(V5))),
]
