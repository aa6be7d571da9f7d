"""The pages of a checkout: `make dataset-pages`.

In git lie the facts of every dataset (`catalogue/facts`), and of each family of worlds one page
with its picture (`index.SHOWN`), and the index. `make docs` writes the other pages from the facts,
with the pictures that this drew on the same machine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.shapes import MEASURED, Measured
from entitybench.datasets.pages.api import (
    INDEX,
    described,
    each_registered,
    facts_text,
    is_known,
    read_all,
    read_facts,
    registered_manifest,
)
from entitybench.datasets.pages.index import SHOWN, index
from entitybench.datasets.pages.text import page
from entitybench.errors import BadValue
from entitybench.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from entitybench.datasets.pages.api import Made
    from entitybench.datasets.pages.facts import Facts

ROOT = Path(__file__).resolve().parents[2]
FACTS = ROOT / "datasets" / "catalogue" / "facts"
PAGES = ROOT / "docs" / "datasets"
PICTURES = ROOT / "build" / "pictures"  # of those whose page is not in git; nothing else is lost


def refresh(
    facts_folder: Path = FACTS,
    pages: Path = PAGES,
    pictures: Path = PICTURES,
    *,
    progress: Callable[[int, int, str], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Made:
    """Measure and draw the registered datasets of this machine that are not yet, and write pages.

    Args:
        facts_folder: where `<task>/<name>.json` lie.
        pages: the pages of `SHOWN`, and the index.
        pictures: of all others, by the hash of their manifest.
        progress, say: as for `pages.api.make_all`.
    """

    def one(folder: Path, id: str) -> bool:
        manifest = registered_manifest(folder, id)
        path = facts_folder / f"{id}.json"
        picture = picture_of(id, manifest, pages, pictures)
        if is_known(read_facts(path), manifest) and picture.is_file():
            return False
        facts, drawn = described(folder)
        write_atomic(picture, drawn)
        write_atomic(path, facts_text(facts))
        return True

    found = each_registered(one, progress=progress, say=say)
    if facts_folder == FACTS:
        write_atomic(MEASURED, sizes(read_all(FACTS)))
    for name, text in words(read_all(facts_folder), pages).items():
        write_atomic(pages / name, text)
    return found


def sizes(facts: Mapping[str, Facts]) -> str:
    """The text of `catalogue/measured.json`."""
    lines = []
    for id, about in sorted(facts.items()):
        made = about["manifest"]
        size = sum(file["bytes"] for file in made["files"].values())
        known = Measured(made["transitions"], size, made["content_hash"])
        lines.append(f"{json.dumps(id)}: {json.dumps(known)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def picture_of(id: str, manifest: Mapping[str, object], pages: Path, pictures: Path) -> Path:
    """Where the picture of a dataset lies, or would."""
    if id in SHOWN.values():
        return pages / f"{id}.webp"
    return pictures / f"{manifest['manifest_hash']}.webp"


def words(facts: Mapping[str, Facts], pages: Path) -> dict[str, str]:
    """The pages that stay in git and the index, by their path in the folder of pages."""
    shown = {id: facts[id] for id in SHOWN.values() if id in facts}
    texts = {
        f"{id}.md": page(
            about,
            (pages / id).parent,
            pictured=(pages / f"{id}.webp").is_file(),
            numbers=f"`datasets/catalogue/facts/{id}.json`",
        )
        for id, about in shown.items()
    }
    return {**texts, INDEX: index(facts, pages=shown, pictures=shown)}


def main() -> int:
    """Write them; say what was done."""
    if not (ROOT / "pyproject.toml").is_file():
        raise BadValue("pages are written in a checkout, and this is an installed package.")
    found = refresh(say=lambda text: print(text, file=sys.stderr))  # noqa: T201
    counts = (f"{len(getattr(found, name))} {name}" for name in ("made", "kept", "absent"))
    sys.stderr.write(f"{', '.join(counts)}, {len(found.failed)} failed\n")
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main())
