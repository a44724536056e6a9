"""Every page of the admin in a real browser: narrow and wide, light and dark, and axe-core has nothing serious to say.

`WALK_PICTURES=folder` keeps a picture of each page in both widths.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory

from catalogue.models import PackageVersion
from pricing.models import PriceChange
from tests.browser import house, walking

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PICTURES = os.environ.get("WALK_PICTURES")
# What colours and room decide; the rest of axe's rules finds the same in every dress.
OF_DRESS = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]
ROWS = 20


class Walk:
    """One browser page that goes from address to address and writes down what is wrong with each."""

    def __init__(self, page: Any) -> None:
        self.page, self.wrong, self.heard = page, [], []
        page.on("console", lambda told: self.heard.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: self.heard.append(str(error)))

    def look_at(self, path: str) -> None:
        self.heard.clear()
        self.page.set_viewport_size(WIDE)
        walking.dress(self.page, "light")
        answer = self.page.goto(path)
        found = [] if answer.status == 200 else [f"status {answer.status}"]
        found += walking.without_a_name(self.page)
        found += walking.wider_than_the_window(self.page) + walking.axe_findings(self.page)
        self._picture(path, "wide")
        walking.dress(self.page, "dark")
        self.page.set_viewport_size(NARROW)
        found += [f"narrow: {each}" for each in walking.wider_than_the_window(self.page)]
        found += [f"narrow, dark: {each}" for each in walking.axe_findings(self.page, OF_DRESS)]
        self._picture(path, "narrow-dark")
        self.wrong += [f"{path}\n    {each}" for each in dict.fromkeys(found + self.heard)]

    def _picture(self, path: str, kind: str) -> None:
        if PICTURES:
            name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:90]
            self.page.screenshot(path=Path(PICTURES) / f"{name}.{kind}.png", full_page=True)


@pytest.fixture
def walk(redis_flushed, transactional_db, open_page, monkeypatch) -> Walk:
    house.furnish()
    for pages in admin.site._registry.values():
        # Rows are alike, and axe looks at each of them.
        monkeypatch.setattr(pages, "list_per_page", ROWS)
    page = open_page("admin")
    page.context.add_init_script(path=walking.AXE)
    return Walk(page)


def found_pages() -> walking.Found:
    request = RequestFactory().get("/admin/")
    request.user = User.objects.get(username="admin")
    versions = list(PackageVersion.objects.order_by("pk").values_list("pk", flat=True)[:2])
    # A draft has neither moves nor a proof.
    published = list(PriceChange.objects.exclude(published_at=None).values_list("pk", flat=True)[:1])
    return walking.every_page(
        {
            "catalogue_packageversion_compare": versions,
            "pricing_pricechange_proof": published,
        },
        request,
    )


def look_at_pages(walk: Walk, step: int) -> None:
    """Every page, or of each kind the first and each one `step` further on."""
    found = found_pages()
    assert not found.unreachable, "say their arguments in found_pages, or why they are no pages in NOT_PAGES"
    assert not [kind for kind, paths in found.pages.items() if not paths]

    for paths in found.pages.values():
        for path in paths[::step]:
            walk.look_at(path)

    assert not walk.wrong, f"{len(walk.wrong)} findings\n" + "\n".join(walk.wrong)


def test_each_fourth_page_is_sound_in_every_dress(walk):
    look_at_pages(walk, step=4)


@pytest.mark.exhaustive
def test_every_page_is_sound_in_every_dress(walk):
    look_at_pages(walk, step=1)
