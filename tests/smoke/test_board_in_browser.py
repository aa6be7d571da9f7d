"""The board in a real Chromium: files, three widths, light and dark, axe, keys, no script."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from site_cases import Made, made

from entitybench.leaderboard.site.export import export

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTHS = (360, 820, 1280)
SCHEMES = ("light", "dark")
PATIENCE = 120_000  # ms; a busy machine is no defect of a page
KINDS = (
    "index",
    "about",
    "claims",
    "results",
    "results/kind.graph/sort.score",
    "suite/one",
    "task/push-1block",
    "task/hopper",  # without rows
    "agent/hecrl",
    "dataset/push-1block/play-v1",
    "submission/host-push-1block.random",
    "submission/GOOD",
    "submission/OTHER",
    "episodes/push-1block",
    "compare/host-push-1block.hecrl",
    "claim/hecrl/small-1",
)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Path]:
    folder = tmp_path_factory.mktemp("board")
    small = made(folder)
    export(folder / "site", small.board, small.evidence)
    return small, folder / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


def address(board: tuple[Made, Path], kind: str) -> str:
    """Of a page's file; GOOD and OTHER are bundles."""
    small, site = board
    for name in ("good", "other"):
        kind = kind.replace(name.upper(), small.of(name))
    path = site / f"{kind}.html"
    assert path.is_file()
    return path.as_uri()


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    """Opens a page and holds it to what all must keep to: nothing from elsewhere, no complaint."""
    contexts, said, asked = [], list[str](), list[str]()

    def open_(url: str, width: int = 1280, scheme: str = "light", **options: Any) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        context.set_default_timeout(PATIENCE)
        context.set_default_navigation_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    # What a software renderer says of its own speed is no complaint about the page.
    assert [text for text in said if "GL Driver Message" not in text] == []
    assert [url for url in asked if not url.startswith("file://")] == []


@pytest.mark.parametrize("kind", KINDS)
def test_it_fits_every_width_and_axe_finds_nothing(
    board: tuple[Made, Path], opened: Any, kind: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe")
    page = opened(address(board, kind))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{kind} is {wide} wide in {width}"
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        # It would fetch the style sheet, which the page's policy refuses.
        found = axe.Axe().run(page, options={"preload": False}).response["violations"]
        told = [(x["id"], [node["html"] for node in x["nodes"][:3]]) for x in found]
        assert told == [], scheme


def _column(page: Any, number: int) -> list[str]:
    cells: list[str] = page.eval_on_selector_all(
        f"main table tbody tr > :nth-child({number})",
        "all => all.map(x => x.getAttribute('data-value') || x.textContent.trim())",
    )
    return cells


def test_a_column_sorts_by_click_and_by_keys(board: tuple[Made, Path], opened: Any) -> None:
    page = opened(address(board, "results"))
    page.get_by_role("button", name="Score").click()
    scores = [float(x) for x in _column(page, 3) if x not in ("", "–no number")]
    assert len(scores) > 5
    assert scores == sorted(scores, reverse=True)
    page.get_by_role("button", name="Score").press("Enter")
    scores = [float(x) for x in _column(page, 3) if x not in ("", "–no number")]
    assert scores == sorted(scores)
    assert page.locator("[aria-sort=ascending]").count() == 1


def test_rows_are_found_by_words(board: tuple[Made, Path], opened: Any) -> None:
    page = opened(address(board, "results"))
    every = page.locator("tbody tr:visible").count()
    page.get_by_label("Find").fill("graph closed")
    shown = page.locator("tbody tr:visible").count()
    assert 0 < shown < every
    assert page.get_by_role("status").text_content() == f"{shown} of these rows"


def test_it_is_whole_without_a_script(board: tuple[Made, Path], opened: Any) -> None:
    page = opened(address(board, "index"), java_script_enabled=False)
    page.get_by_role("link", name="All results").click()
    page.locator("nav.filters").get_by_role("link", name="graph", exact=False).first.click()
    page.locator("nav.filters").get_by_role("link", name="score", exact=True).click()
    assert page.url.endswith("results/kind.graph/sort.score.html")
    assert page.get_by_role("row").count() > 3
    page.get_by_role("link", name="graph-distance").first.click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("graph-distance")


def test_the_first_key_leads_to_the_content(board: tuple[Made, Path], opened: Any) -> None:
    page = opened(address(board, "task/push-1block"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")


def test_no_name_runs(board: tuple[Made, Path], opened: Any) -> None:
    """A dialog would be the script of a name; the fixture also fails at what CSP refused."""
    page = opened(address(board, "results"))
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.reload()
    assert "<script>alert" in page.inner_text("main")
    assert dialogs == []
