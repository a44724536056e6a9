"""A real browser against a real server. Skipped, saying so, where no Chromium is found."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connections

PASSWORD = "a long enough pass phrase"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NAVIGATION_SECONDS = 30


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = pytest.mark.skip(reason="Chromium is not installed: `make browser` installs it")
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker("browser")
            if CHROMIUM is None:
                item.add_marker(missing)


@pytest.fixture
def chromium(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A browser for one test.

    Playwright keeps an event loop running in this thread, in which Django gives out other database connections and
    suspects asynchronous use. So it begins after the database is set up and ends before it is cleaned.
    """
    from playwright.sync_api import sync_playwright

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    serve = StaticFilesHandler.serve

    def serve_to_be_kept(self: Any, request: Any) -> Any:
        """As in production: or else each page asks for its sixteen files again, which takes half of a walk."""
        answer = serve(self, request)
        answer["Cache-Control"] = "max-age=3600"
        return answer

    monkeypatch.setattr(StaticFilesHandler, "serve", serve_to_be_kept)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
        connections.close_all()


@pytest.fixture
def open_page(chromium: Any, live_server: Any) -> Iterator[Any]:
    """`open_page(username)`: a page of a fresh browser profile with that person logged in, on the admin's home."""
    contexts = []

    def log_in(username: str) -> Any:
        context = chromium.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
        contexts.append(context)
        context.set_default_timeout(NAVIGATION_SECONDS * 1000)
        page = context.new_page()
        page.goto("/admin/")
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url("**/admin/")
        return page

    yield log_in
    for context in contexts:
        context.close()
