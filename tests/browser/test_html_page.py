# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report in a real browser: opened from a file, clicked through, narrow, dark and on paper."""

from __future__ import annotations

import os
import pathlib
import shutil
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._html import render_html
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import PLANS, broken_mesh, hostile

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: tests/requirements/test.txt")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
if not CHROMIUM and os.environ.get("CI") != "true":
    pytest.skip("chromium is not installed: tests/setup test", allow_module_level=True)

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
PAGES = {**{name: PLANS[name] for name in ("empty", "proved", "two-owners", "changed", "two-hubs", "hub")}}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Any]:
    # The profile is playwright's own: a temporary folder that goes with the browser.
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class Opened:
    """A page of a report, everything that it asked for and everything that the browser had to say about it."""

    def __init__(self, browser: t.Any, folder: pathlib.Path, plan: t.Any, **options: t.Any) -> None:
        path = folder / "plan.html"
        path.write_text(render_html(plan), encoding="utf-8")
        self.address = path.as_uri()
        self.context = browser.new_context(**{"viewport": DESKTOP, **options})
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.context.route("**/*", self._route)
        self.page.goto(self.address)

    def _route(self, route: t.Any) -> None:
        self.asked.append(route.request.url)
        if route.request.url == self.address:
            route.continue_()
        else:
            route.abort()

    def is_quiet(self) -> bool:
        assert self.said == []
        assert self.asked == [self.address]
        return True

    def fits(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.fixture
def opened(browser: t.Any, tmp_path: pathlib.Path) -> t.Iterator[t.Callable[..., Opened]]:
    found: list[Opened] = []

    def open_it(plan: t.Any, **options: t.Any) -> Opened:
        found.append(Opened(browser, tmp_path, plan, **options))
        return found[-1]

    yield open_it
    for one in found:
        one.context.close()


def test_a_click_on_a_cell_shows_the_way_of_its_packet(opened: t.Callable[..., Opened]) -> None:
    one = opened(PLANS["two-owners"])
    page = one.page
    trace = page.locator(".trace:visible")
    assert trace.count() == 0
    page.locator(".matrix td.bad a").first.click()
    assert trace.count() == 1
    assert "verdict" in (trace.locator(".verdict").get_attribute("class") or "")
    assert trace.locator("li").count() > 1
    assert trace.locator(".stop .rule").first.inner_text().startswith("WG")
    # It stands in the window, wherever the page was scrolled to.
    box = trace.bounding_box()
    assert box
    assert 0 <= box["y"] < DESKTOP["height"]
    assert box["y"] + box["height"] <= DESKTOP["height"] + 1
    trace.locator(".close").click()
    assert trace.count() == 0
    page.go_back()
    assert trace.count() == 1
    assert one.is_quiet()


def test_every_cell_and_finding_leads_to_its_own_trace(opened: t.Callable[..., Opened]) -> None:
    one = opened(PLANS["two-owners"])
    links = one.page.locator("a[href^='#t']")
    assert links.count() > 4
    for number in range(links.count()):
        target = links.nth(number).get_attribute("href")
        assert one.page.locator(target).count() == 1


def test_the_keyboard_is_enough(opened: t.Callable[..., Opened]) -> None:
    one = opened(PLANS["proved"])
    one.page.locator(".matrix td a").first.focus()
    one.page.keyboard.press("Enter")
    assert one.page.locator(".trace:visible").count() == 1


@pytest.mark.parametrize("name", sorted(PAGES))
def test_nothing_is_fetched_and_nothing_complained_about(opened: t.Callable[..., Opened], name: str) -> None:
    one = opened(PAGES[name])
    assert one.is_quiet()
    # The style is in force: the policy that forbids everything else has let it through.
    assert one.page.evaluate("getComputedStyle(document.body).marginTop") == "0px"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_phone_scrolls_down_and_never_sideways(opened: t.Callable[..., Opened], name: str) -> None:
    one = opened(PAGES[name], viewport=PHONE, is_mobile=True, has_touch=True)
    assert one.fits()
    cells = one.page.locator(".matrix td a")
    if cells.count():
        cells.first.tap()
        assert one.page.locator(".trace:visible").count() == 1
        assert one.fits()


def test_hostile_names_run_nothing(opened: t.Callable[..., Opened]) -> None:
    one = opened(hostile(), viewport=PHONE)
    assert one.fits()
    assert one.page.locator("script, iframe, img, object, embed, form").count() == 0
    assert one.page.evaluate(
        "[...document.querySelectorAll('*')].every(e => ![...e.attributes].some(a => /^on/.test(a.name)))"
    )
    assert "<script>alert(1)</script>" in one.page.locator("body").inner_text()
    assert one.is_quiet()


def test_dark_is_dark(opened: t.Callable[..., Opened]) -> None:
    def brightness(scheme: str) -> int:
        page = opened(PLANS["proved"], color_scheme=scheme).page
        color = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        return sum(color)

    assert brightness("dark") < 150 < 600 < brightness("light")


def test_a_backup_is_dashed_and_a_troubled_link_is_thick(opened: t.Callable[..., Opened]) -> None:
    def drawn(name: str, selector: str) -> tuple[str, float]:
        link = opened(PLANS[name]).page.locator(f".picture {selector}").first
        return tuple(
            link.evaluate("e => [getComputedStyle(e).strokeDasharray, parseFloat(getComputedStyle(e).strokeWidth)]")
        )

    plain, backup = drawn("two-hubs", ".link:not(.standby)"), drawn("two-hubs", ".link.standby")
    assert plain[0] == "none" != backup[0]
    assert drawn("two-owners", ".link.troubled")[1] > 2 * plain[1]
    assert opened(PLANS["two-hubs"]).page.locator(".legend .link.standby").count() == 1


@pytest.mark.parametrize("options", [{"viewport": PHONE, "is_mobile": True}, {"color_scheme": "dark"}, {}])
def test_texts_in_the_picture_stay_inside_of_their_boxes(opened: t.Callable[..., Opened], options: t.Any) -> None:
    for name in ("two-hubs", "hub", "two-owners"):
        outside = opened(PLANS[name], **options).page.evaluate(
            """[...document.querySelectorAll('.picture .node')].filter(node => {
                const box = node.querySelector('rect:last-of-type').getBoundingClientRect()
                return [...node.querySelectorAll('text')].some(text => {
                    const inner = text.getBoundingClientRect()
                    return inner.left < box.left || inner.right > box.right
                })
            }).map(node => node.textContent)"""
        )
        assert outside == []


def test_paper_has_what_blocks_and_no_navigation(opened: t.Callable[..., Opened]) -> None:
    one = opened(PLANS["two-owners"], color_scheme="dark")
    one.page.emulate_media(media="print")
    assert one.page.locator("nav:visible").count() == 0
    assert one.page.locator(".trace.blocked:visible").count() == one.page.locator(".trace.blocked").count() > 0
    assert one.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(one.page.pdf()) > 10_000


def test_a_large_broken_fleet_still_opens_at_once(opened: t.Callable[..., Opened]) -> None:
    one = opened(broken_mesh(80), viewport=PHONE)
    assert one.fits()
    assert one.page.locator(".finding").count() > 5
    assert one.is_quiet()
