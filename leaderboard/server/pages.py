"""The pages: the board, and of each submission its own."""

from __future__ import annotations

from html import escape
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from entitybench.leaderboard.server import reads

router = APIRouter(include_in_schema=False)
_HEX = "^[0-9a-f]{64}$"


@router.get("/", response_class=HTMLResponse)
def board(request: Request) -> HTMLResponse:
    """All that is accepted."""
    with request.app.state.database.reading() as session:
        found = reads.entries(session, limit=1000).entries
    rows = "".join(
        f'<tr><td>{escape(e.task)}</td><td><a href="/submissions/{e.sha256}">'
        f"{escape(e.label or e.sha256[:16])}</a></td><td>{e.state}</td><td>{e.level}</td></tr>"
        for e in found
    )
    head = "<tr><th>task</th><th>agent</th><th>state</th><th>level</th></tr>"
    return HTMLResponse(_page("Board", f"<table>{head}{rows}</table>"))


@router.get("/submissions/{sha256}", response_class=HTMLResponse)
def submission(request: Request, sha256: Annotated[str, Path(pattern=_HEX)]) -> HTMLResponse:
    """One of them."""
    with request.app.state.database.reading() as session:
        found = reads.one(session, sha256)
        if found is None:
            raise HTTPException(404, f"there is no submission {sha256[:16]}")
        all_of = reads.full(session, found)
    lines = "".join(f"<li>{escape(x.at)} {escape(x.text)}</li>" for x in all_of.log)
    about = f"{escape(all_of.label)} in {escape(all_of.task)}: {all_of.state}"
    return HTMLResponse(_page(about, f"<ol>{lines}</ol>"))


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1>{body}</html>"
    )
