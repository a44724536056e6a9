"""What pages say can be translated: labels, help, choices, buttons and the words of templates go through gettext."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import override, trans_real

from catalogue.models import MarketSegment, PackageStatus
from catalogue.models.tmf620 import TmfJobState
from reconciliation.models import Finding
from tests.factories import draft_product, ms_naidoo
from zoho_sync.keys import line_key
from zoho_sync.models import Kind, System

APPS = ("catalogue", "pricing", "zoho_sync", "reconciliation")
# Their words go to Zoho or name records there.
SAME_IN_EVERY_LANGUAGE = (MarketSegment, PackageStatus, System, Kind, TmfJobState)
OURS = [model for app in APPS for model in apps.get_app_config(app).get_models()]
TEMPLATES = [
    path
    for folder in ("templates", *(f"{app}/templates" for app in APPS))
    for path in (Path(settings.BASE_DIR) / folder).rglob("*.html")
    # Mails are written in the language of whoever they go to; unfold's own are translated by unfold.
    if not {"mail", "unfold"} & set(path.parts)
]
CODE = re.compile(r"{%.*?%}|{#.*?#}|<(script|style)\b.*?</\1>", re.DOTALL)
COMMENT = re.compile(r"{% comment %}.*?{% endcomment %}|{% blocktranslate.*?endblocktranslate %}", re.DOTALL)
BARE = re.compile(r">\s*([A-Za-z][A-Za-z ,.’'–-]+[a-z.])\s*<")


KEPT = {words for choices in SAME_IN_EVERY_LANGUAGE for _value, words in choices.choices} | {
    words for _value, words in Finding.KINDS
}


def words_of(model):
    for field in model._meta.get_fields():
        if words := getattr(field, "help_text", ""):
            yield f"{field.name}: {words}", words
        for _value, label in getattr(field, "choices", None) or ():
            if label not in KEPT:
                yield f"{field.name}: {label}", label


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_help_and_choices_of_a_model_are_marked(model):
    assert [where for where, words in words_of(model) if not isinstance(words, Promise)] == []


@pytest.mark.parametrize("model", [m for m in OURS if m in admin.site._registry], ids=lambda m: m._meta.label)
def test_columns_and_buttons_of_a_page_are_marked(model):
    page = admin.site._registry[model]
    bare = []
    for name in set(dir(type(page))) - {"action_checkbox"}:
        made = getattr(type(page), name)
        for kind in ("short_description", "dialog"):
            said = getattr(made, kind, None)
            words = (
                [said[key] for key in ("title", "description") if key in said]
                if isinstance(said, dict)
                else [said]
            )
            bare += [f"{name}: {each}" for each in words if isinstance(each, str)]
    assert bare == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_the_words_of_a_template_are_marked(path):
    text = CODE.sub("", COMMENT.sub("", path.read_text()))

    assert BARE.findall(text) == []


@pytest.mark.django_db
def test_a_page_speaks_the_language_that_is_asked_for_and_zoho_hears_english(client, monkeypatch):
    catalogue = trans_real.translation("af")._catalog._catalogs[0]
    for english, afrikaans in {
        "Whose network carries it.": "Wie se netwerk dit dra.",
        "Where this product stands": "Waar hierdie produk staan",
        "Consumer": "Verbruiker",
    }.items():
        monkeypatch.setitem(catalogue, english, afrikaans)
    product = draft_product(service_type="Fibre", provider="DFA")
    client.force_login(ms_naidoo())
    address = reverse("admin:catalogue_product_change", args=[product.pk])

    with override("af"):
        page = client.get(address).content.decode()
        line = line_key(product)
    english = client.get(address).content.decode()

    assert "Wie se netwerk dit dra." in page
    assert "Waar hierdie produk staan" in page
    assert "Verbruiker" not in page
    assert line == "Fibre - DFA - Consumer"
    assert "Whose network carries it." in english
    assert "netwerk" not in english
