"""The viewer in a real browser: opened from a disk, by keyboard, by link, with a screen reader."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.viewer import coding

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None, reason="playwright is not installed"
    ),
]
ARGUMENTS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
PATIENCE = 120_000  # ms; a busy machine draws slowly


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("viewer")
    for agent in ("oracle", "random"):
        record, bundle = folder / f"{agent}.json", folder / f"{agent}.zip"
        words = ["--agent", agent, "--task", "push-1block", "--episodes", "14"]
        assert main(["eval", *words, "--out", str(record)]) == 0
        assert main(["submit", str(record), "--pack", str(bundle)]) == 0
    words = [str(folder / "oracle.zip"), str(folder / "random.zip")]
    assert main(["replay", *words, "--out", str(folder / "page")]) == 0
    return folder / "page"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, folder: Path) -> Iterator[Any]:
    """Opens the page from the disk; fails for anything that the browser complains about."""
    contexts, complaints = [], []

    def visit(hash: str = "", **options: Any) -> Any:
        small = {"width": 480, "height": 640}  # quickly drawn
        options = {"reduced_motion": "reduce", "viewport": small, **options}
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda told: complaints.append(told.text) if told.type == "error" else None,
        )
        page.goto((folder / "index.html").as_uri() + hash)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("[data-ready]")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not complaints


def _poses(folder: Path, name: str) -> np.ndarray:
    _, arrays = coding.unpacked(coding.of_script((folder / f"{name}.js").read_bytes()))
    return coding.decoded(arrays["first"], arrays["differences"])


def _until(page: Any, expression: str) -> None:
    """Wait until it is true. The debugger evaluates it: the page's own policy forbids eval."""
    for _ in range(PATIENCE // 100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"it never came to be that {expression}")


def _step(page: Any) -> int:
    return int(page.locator("[data-episode-viewer]").get_attribute("data-step"))


def _places(page: Any) -> np.ndarray:
    return np.array(page.evaluate("entitybenchViewer.places()"))


def _at(page: Any, poses: np.ndarray, picture: int = 0) -> bool:
    shown, step = _places(page)[picture], _step(page)
    turned = np.abs(np.sum(shown[:, 3:] * poses[step, :, 3:], axis=-1))
    return bool(np.allclose(shown[:, :3], poses[step, :, :3], atol=1e-9) and turned.min() > 0.999)


def test_every_step_shows_the_stored_pose(visit: Any, folder: Path) -> None:
    page, poses = visit("#start=1"), _poses(folder, "0-0/1")
    slider = page.get_by_role("slider", name="Step")
    for step in (0, 7, 40, len(poses) - 1):
        slider.fill(str(step))
        assert _step(page) == step
        assert _at(page, poses)
        assert f"step {step} of {len(poses) - 1}" in slider.get_attribute("aria-valuetext")
    moved = np.abs(poses[40, :, :3] - poses[0, :, :3]).max()
    assert moved > 0.01  # so that another step's pose would not do


def test_the_keyboard_alone_does_everything(visit: Any, folder: Path) -> None:
    page = visit("#agent=1")
    press = page.keyboard.press
    press("ArrowRight")
    press("Shift+ArrowRight")
    assert _step(page) == 11
    press("ArrowLeft")
    assert _step(page) == 10
    press("End")
    last = len(_poses(folder, "1-0/0")) - 1
    assert _step(page) == last
    press("Home")
    assert _step(page) == 0
    press("ArrowDown")
    _until(page, "location.hash.includes('start=1&')")
    press("ArrowUp")
    _until(page, "location.hash.includes('start=0&')")
    press("j")
    header, _ = coding.unpacked(coding.of_script((folder / "1-0" / "0.js").read_bytes()))
    assert _step(page) == min(header["jerks"])
    press("Space")
    _until(page, "document.querySelector('.ev').dataset.playing === 'true'")
    _until(page, "Number(document.querySelector('.ev').dataset.step) > 3")
    press("Space")
    _until(page, "document.querySelector('.ev').dataset.playing === 'false'")
    press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    for _ in range(40):
        if page.evaluate("document.activeElement.dataset.ev") == "slider":
            break
        press("Tab")
    press("Home")
    press("ArrowRight")
    assert _step(page) == 1  # once, though the slider and the page both know the key


def test_failures_are_found(visit: Any, folder: Path) -> None:
    header, _ = coding.unpacked(coding.of_script((folder / "index.js").read_bytes()))
    success = header["sources"][1]["success"]
    failed = [k for k, good in enumerate(success) if not good]
    assert failed, "the random agent should fail somewhere"
    page = visit(f"#agent=1&start={failed[0]}&step=3")
    page.get_by_role("button", name="Next failure").click()
    assert _step(page) == len(_poses(folder, f"1-0/{failed[0]}")) - 1
    following = failed[1 % len(failed)]
    page.get_by_role("button", name="Next failure").click()
    _until(page, f"location.hash.includes('start={following}&')")


def test_a_link_leads_to_agent_start_and_step(visit: Any, folder: Path) -> None:
    page = visit("#agent=0&start=9&step=33&beside=1")
    assert _step(page) == 33
    assert len(_places(page)) == 2
    assert _at(page, _poses(folder, "0-0/9"))
    assert _at(page, _poses(folder, "1-0/9"), picture=1)
    assert np.allclose(_poses(folder, "0-0/9")[0], _poses(folder, "1-0/9")[0])  # the same start
    assert page.locator("[aria-current=true]").inner_text() == "9"
    page.evaluate("location.hash = 'agent=1&start=2&step=5'")
    _until(page, "document.querySelector('.ev').dataset.step === '5'")
    assert _at(page, _poses(folder, "1-0/2"))
    link = page.get_by_role("link", name="Link to this step").get_attribute("href")
    assert link == "#agent=1&start=2&step=5"


def test_a_ghost_stands_in_the_same_picture(visit: Any) -> None:
    page = visit("#beside=1&as=ghost&step=20")
    assert page.locator("[data-ev=stage]").get_attribute("data-pictures") == "1"
    assert len(_places(page)) == 2
    page.locator("[data-ev=arrangement]").select_option("beside")
    _until(page, "document.querySelector('[data-pictures=\"2\"]') !== null")


def test_nothing_moves_by_itself_where_less_motion_is_asked_for(visit: Any) -> None:
    page = visit()
    page.wait_for_timeout(300)
    assert _step(page) == 0
    page = visit(reduced_motion="no-preference")
    _until(page, "Number(document.querySelector('.ev').dataset.step) > 2")


def test_a_table_stands_without_javascript(visit: Any) -> None:
    page = visit(java_script_enabled=False)
    assert page.locator(".ev-plain tbody tr").count() == 28
    assert page.locator("canvas:visible").count() == 0


def test_a_lost_context_is_told(visit: Any) -> None:
    page = visit()
    page.evaluate(
        "document.querySelector('[data-ev=canvas]').getContext('webgl2')"
        ".getExtension('WEBGL_lose_context').loseContext()"
    )
    words = page.get_by_text("The browser took the graphics away")
    words.wait_for()
    assert words.is_visible()


def test_a_browser_without_webgl_is_told(browser: Any, folder: Path) -> None:
    context = browser.new_context()
    context.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return kind.startsWith('webgl') ? null : get.call(this, kind, ...more); };"
    )
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    page.get_by_text("This browser offers no WebGL").wait_for(timeout=PATIENCE)
    page.wait_for_selector("[data-ready]", timeout=PATIENCE)
    page.keyboard.press("End")
    assert _step(page) > 0
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 820, 1280])
def test_nobody_is_kept_out(visit: Any, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = visit("#beside=1&step=12", viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = axe.run(page, options={"preload": False}).response["violations"]
    assert not found, json.dumps([(each["id"], each["nodes"][0]["html"]) for each in found])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture = page.locator("[data-ev=stage]").screenshot()
    assert len(set(hashlib.sha256(picture).digest())) > 1
    assert len(picture) > 5_000  # a picture of one colour packs into less


def test_ten_thousand_episodes_are_a_page_of_them(
    browser: Any, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "many")
    header, _ = coding.unpacked(coding.of_script((folder / "index.js").read_bytes()))
    for source in header["sources"]:
        for name in ("steps", "return", "jump"):
            source[name] = [source[name][k % 14] for k in range(10_000)]
        source["success"] = [k % 3 > 0 for k in range(10_000)]
        source["item"] = list(range(10_000))
    data = coding.script("index", coding.packed(header, {}))
    (tmp_path / "many" / "index.js").write_bytes(data)
    page = browser.new_page()
    page.goto((tmp_path / "many" / "index.html").as_uri() + "#start=5")
    page.wait_for_selector("[data-ready]", timeout=PATIENCE)
    assert page.locator("[data-ev=list] tbody tr").count() == 12
    page.get_by_label("Show").select_option("failed")
    assert "episodes, page 1 of" in page.locator("[data-ev=page-where]").inner_text()
    page.get_by_role("button", name="Later").click()
    assert "page 2 of" in page.locator("[data-ev=page-where]").inner_text()
    page.close()
