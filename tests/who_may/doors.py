"""Every door of the installation, found by walking the URLs and the admin, and how to knock at it.

A door has the name by which `table.py` knows it:

    catalogue.product list        the list of a model in the admin; likewise see, add, change, delete
    catalogue.product: publish_one    a button or an action for a selection
    page catalogue_product_preview    any other page of the admin, by the name of its URL; asked with GET and POST
    POST page …                   the same, where posting to it is for fewer people
    GET api/v1/packages/          everything outside the admin, by method and address
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, get_resolver
from django.urls.resolvers import RegexPattern
from django.views.generic import RedirectView

# The addresses of TMF620 differ in their beginning only.
TMF620 = re.compile(r"^(tmf-api/)?productCatalogManagement/v\d/")
STANDARD = {
    "changelist": [("list", "GET")],
    "add": [("add", "GET"), ("add", "POST")],
    "change": [("see", "GET"), ("change", "POST")],
    "history": [("see", "GET")],
    "delete": [("delete", "GET"), ("delete", "POST")],
}
# Lead to other doors or nowhere: the redirect of unknown addresses, and the lists of one app.
PASSAGES = {r"admin/(?P<url>.*)$"}


@dataclass(frozen=True)
class Knock:
    """One request at a door. `values` are those in its address by name; `action` is one for a selection."""

    door: str
    method: str
    route: str
    model: str = ""
    action: str = ""
    in_admin: bool = False
    params: tuple[str, ...] = field(default=())


def all_knocks() -> list[Knock]:
    """Every request that any door takes, in the order of the URLs; the same view under two addresses once."""
    found: dict[Any, Knock] = {}
    for pattern, route in _walk(get_resolver().url_patterns):
        callback = pattern.callback
        view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
        if route in PASSAGES or (view is not None and issubclass(view, RedirectView)):
            continue
        for knock in _admin(pattern, route) if route.startswith("admin/") else _rest(pattern, route, view):
            options = repr(sorted(getattr(callback, "view_initkwargs", {}).items(), key=str))
            key = (view, options, knock.method) if view and options != "[]" else (knock.door, knock)
            found.setdefault(key, knock)
    for knock in _selections():
        found[knock] = knock
    return list(found.values())


def _walk(patterns: Any, before: str = "") -> Iterator[tuple[URLPattern, str]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern.url_patterns, route)
        else:
            yield pattern, route


def _admin(pattern: URLPattern, route: str) -> list[Knock]:
    params = tuple(re.findall(r"<(?:\w+:)?(\w+)>", route))
    if isinstance(pattern.pattern, RegexPattern):
        route = f"admin/{admin.site._registry and 'catalogue'}/"
    model = _model_of(route)
    options = {"route": route, "model": model, "in_admin": True, "params": params}
    app_and_model = model.replace(".", "_") + "_"
    name = pattern.name or route
    if model and name.startswith(app_and_model):
        page = name.removeprefix(app_and_model)
        if page in STANDARD:
            return [Knock(f"{model} {what}", method, **options) for what, method in STANDARD[page]]
        if page in _buttons(model):
            return [Knock(f"{model}: {page}", method, **options) for method in ("GET", "POST")]
    return [Knock(f"page {name}", method, **options) for method in ("GET", "POST")]


def _model_of(route: str) -> str:
    _admin, _, rest = route.partition("/")
    parts = rest.split("/")
    if len(parts) > 2 and parts[0] in apps.app_configs and parts[1] in apps.all_models[parts[0]]:
        return f"{parts[0]}.{parts[1]}"
    return ""


def _buttons(model: str) -> set[str]:
    one = admin.site._registry[apps.get_model(model)]
    kinds = (one.actions_row, one.actions_detail, one.actions_list, one.actions_submit_line)
    return set(one._extract_action_names([name for kind in kinds for name in kind]))


def _selections() -> Iterator[Knock]:
    """The actions for selected rows of each list; deleting them is deleting."""
    for model, one in admin.site._registry.items():
        label = model._meta.label_lower
        route = f"admin/{label.replace('.', '/')}/"
        for _function, name, _description in one._get_base_actions():
            door = f"{label} delete" if name == "delete_selected" else f"{label}: {name}"
            yield Knock(door, "POST", route, label, action=name, in_admin=True)


def _rest(pattern: URLPattern, route: str, view: Any) -> list[Knock]:
    params = tuple(re.findall(r"<(?:\w+:)?(\w+)>", route))
    shown = TMF620.sub("tmf620/", route)
    if view is None:
        methods = ["GET"]
    elif actions := getattr(pattern.callback, "actions", None):
        methods = [method.upper() for method in actions]
    else:
        instance = view(**getattr(pattern.callback, "view_initkwargs", {}))
        methods = [
            name.upper()
            for name in instance.http_method_names
            if name not in ("head", "options", "trace") and hasattr(instance, name)
        ]
    return [Knock(f"{method} {shown}", method, route, params=params) for method in methods]
