"""The examples as a part of the site that `make docs` builds: MkDocs loads this file as a hook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = "examples"


def on_files(files: Any, *, config: Any) -> Any:
    """MkDocs' event: the files of the site, the examples added."""
    from mkdocs.structure.files import File

    for path in sorted((Path(config.docs_dir).parent / FOLDER).glob("*.*")):
        uri = f"{FOLDER}/{path.name}"
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs' event: a page, its links to examples as the site has them, not the checkout."""
    return markdown.replace(f"](../{FOLDER}/", f"]({FOLDER}/")
