"""How much a page with the episode viewer loads, and how long until it shows an episode.

    python benchmarks/viewer.py replay/index.html [another/index.html …]

Pages of `bench replay`, opened from the disk in Chromium (Debian's, without a GPU: SwiftShader
draws). Needs `pip install playwright`; no browser is downloaded. Prints, for each page, the bytes
that it loads, the best of three times from opening to the first episode drawn, the processor time
that all of Chromium's processes took for it, and the machine's load then: on a busy machine wall
time says little, and processor time is what an idle core would at most take.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

TRIES = 3
BYTES, SECONDS = 1_500_000, 1.5  # what it is held to
_TICKS = os.sysconf("SC_CLK_TCK")
ARGUMENTS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]


def main(pages: list[str]) -> int:
    """Measure pages; 1 where one loads more than it should."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        for path in map(Path, pages):
            tries = [_opened(browser, path) for _ in range(TRIES)]
            best = min(tries, key=lambda one: one["seconds"])
            found.append({"page": path.parent.name, **best, "load": round(os.getloadavg()[0], 1)})
        browser.close()
    for one in found:
        one["bytes_ok"] = one["bytes"] <= BYTES
        one["seconds_ok"] = one["seconds"] <= SECONDS
        print(json.dumps(one))
    return 0 if all(one["bytes_ok"] for one in found) else 1


def _opened(browser: Any, path: Path) -> dict[str, Any]:
    """Bytes and seconds of one visit with an empty cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(120_000)
    context.add_init_script(
        "addEventListener('DOMContentLoaded', () => new MutationObserver((_, all) => {"
        " if (!document.querySelector('[data-ready]')) return; all.disconnect();"
        " requestAnimationFrame(() => setTimeout(() => {"
        "  window.shownAfter = performance.now(); }));"
        "}).observe(document, {attributes: true, subtree: true}))"
    )
    page, loaded = context.new_page(), set()
    before = _processor_seconds()
    page.on("requestfinished", lambda request: loaded.add(request.url))
    page.goto(path.resolve().as_uri())
    while page.evaluate("window.shownAfter ?? null") is None:
        page.wait_for_timeout(50)
    files = [Path(url.removeprefix("file://").partition("#")[0]) for url in loaded]
    seconds = page.evaluate("window.shownAfter") / 1000
    processor = _processor_seconds() - before
    context.close()
    sizes = [file.stat().st_size for file in set(files) if file.is_file()]
    return {
        "files": len(sizes),
        "bytes": sum(sizes),
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
    }


def _processor_seconds() -> float:
    """Of all processes that this one has started, and of theirs (Linux)."""
    times: dict[int, tuple[int, float]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        times[int(folder.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS)
    ours, total = {os.getpid()}, 0.0
    for _ in range(6):  # generations
        ours |= {process for process, (parent, _) in times.items() if parent in ours}
    for process in ours - {os.getpid()}:
        total += times[process][1]
    return total


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
