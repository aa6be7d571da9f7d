"""What `make docs` adds to the site: a page of every dataset, from the facts in git.

MkDocs loads this file as a hook (mkdocs.yml). No dataset is generated: a page has its picture where
that is in git, or was drawn on this machine by `make dataset-pages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.datasets.pages.api import INDEX, facts_text, read_all
from entitybench.datasets.pages.checkout import FACTS, PAGES, PICTURES, picture_of
from entitybench.datasets.pages.index import index
from entitybench.datasets.pages.text import page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.datasets.pages.facts import Facts


def site_pages(
    facts: Mapping[str, Facts], pages: Path = PAGES, pictures: Path = PICTURES
) -> dict[str, str | bytes]:
    """Every file of the site's part on datasets, by its path there.

    Args:
        facts: by id.
        pages: the pages in git, whose pictures are taken.
        pictures: those drawn on this machine.
    """
    files: dict[str, str | bytes] = {}
    drawn = set()
    for id, about in facts.items():
        picture = picture_of(id, about["manifest"], pages, pictures)
        if picture.is_file():
            drawn.add(id)
            files[f"{id}.webp"] = picture.read_bytes()
        files[f"{id}.md"] = page(about, (pages / id).parent, pictured=id in drawn)
        files[f"{id}.json"] = facts_text(about)
    files[INDEX] = index(facts, pages=facts, pictures=drawn)
    return files


def on_files(files: Any, *, config: Any) -> Any:
    """MkDocs' event: the files of the site, ours added."""
    from mkdocs.structure.files import File

    for name, content in site_pages(read_all(FACTS)).items():
        uri = f"{PAGES.name}/{name}"
        old = files.get_file_from_path(uri)
        if old is not None:
            files.remove(old)
        files.append(File.generated(config, uri, content=content))
    return files
