"""The board: rows as records say, pages whole and safe, a dump that is all of it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from site_cases import EVIL, SUITE, TASKS, Made, made, tiny_record

from entitybench.errors import BadValue, RecordError, UnknownId
from entitybench.leaderboard.board.build import board_of, host_row, rows_of
from entitybench.leaderboard.board.model import SCORE, Board, Score, best_first
from entitybench.leaderboard.board.standings import suite_of
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation.stored import stored_records
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.site import links, pages
from entitybench.leaderboard.site.export import export
from entitybench.leaderboard.site.query import SORTS, Query, all_of, selected
from entitybench.leaderboard.site.watching import act_again
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.leaderboard.tables.data import cell
from entitybench.records import Record
from entitybench.registry import tasks

FETCHED = {("link", "href"), ("script", "src"), ("img", "src")}


class Page(HTMLParser):
    """What a page points to, has, and would run."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.inline: list[str] = []
        self.policy = ""
        self._in: str = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in = tag
        found = {name: value or "" for name, value in attrs}
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        for name, value in found.items():
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src"):
                (self.fetched if (tag, name) in FETCHED else self.links).append(value)
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self._in in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def site(small: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "board"
    export(out, small.board, small.evidence)
    return out


@pytest.fixture(scope="module")
def all_pages(site: Path) -> list[Page]:
    return [Page(path) for path in sorted(site.rglob("*.html"))]


def test_data_that_are_named_by_their_content_alone_are_told() -> None:
    path = REFERENCE / "records" / "push-1block" / "hecrl.json"
    assert [x.dataset for x in Record.read(path).data] == [None] * 5
    assert host_row(path).entry.datasets == ("push-1block/play-v1",)


def test_every_committed_record_has_a_row(small: Made) -> None:
    rows = [entry for entry in small.board.entries if entry.origin == "host"]
    assert len(rows) == sum(len(stored_records(task)) for task in TASKS)
    assert {"random", "oracle", "zero", "constant"} <= {entry.agent for entry in rows}
    assert {entry.level for entry in rows} == {0}


def test_rows_say_what_their_records_say(small: Made) -> None:
    for each in small.evidence:
        metric = next(m for m in each.record.metrics if m.name == each.entry.main)
        score, found = each.entry.score(each.entry.main), cell(each.record, metric.name)
        assert score is not None
        assert score.mean == pytest.approx(metric.scale * found.mean, abs=1e-5)
        assert each.entry.items == len(each.record.items)


def test_graphs_are_scored_from_chance_to_the_expert(small: Made) -> None:
    entry = small.board.by_id["host-dag-4.graph-distance"]
    score, main = entry.score(SCORE), entry.score("misprediction")
    assert score is not None
    assert main is not None
    assert score.mean == pytest.approx(100 - main.mean)  # type: ignore[operator]
    assert score.low == pytest.approx(100 - main.high)  # type: ignore[operator]
    assert main.low <= main.mean <= main.high  # type: ignore[operator]


def test_divisions(small: Made) -> None:
    divisions = {entry.id: (entry.division, entry.opens) for entry in small.board.entries}
    assert divisions["host-push-1block.oracle"] == ("scripted", "")
    assert divisions["host-push-1block.hecrl"] == ("closed", "")


def test_a_submission_has_the_level_of_its_report(small: Made) -> None:
    entry = small.board.by_id[small.of("good")]
    assert (entry.level, entry.state, entry.origin) == (2, "accepted", "submitted")
    assert entry.verification is not None
    assert entry.verification.checks["physics"] == "done"


def test_without_a_report_nothing_is_simulated_and_that_is_told(small: Made) -> None:
    entry = small.board.by_id[small.of("other")]
    assert entry.level == 1
    assert any("other.zip was looked at without simulating" in line for line in small.told)
    assert any("none.zip: it has no row" in line for line in small.told)


def test_the_log_takes_the_place_of_a_row_and_leaves_it_to_be_seen(small: Made) -> None:
    entry = small.board.by_id[small.of("other")]
    assert (entry.state, entry.reason, entry.ranked) == ("withdrawn", EVIL, False)
    kind = [x for x in small.board.by_task["push-1block"] if x.kind == entry.kind]
    first_out = next(k for k, x in enumerate(kind) if not x.ranked)
    assert not any(x.ranked for x in kind[first_out:])
    parts = [
        part.entry for suite in small.board.suites for s in suite.standings for part in s.parts
    ]
    assert entry.id not in parts
    assert small.of("good") in parts


def test_a_breach_rejects_whatever_the_log_says(small: Made) -> None:
    entry = small.board.by_id[small.of("evil")]
    assert (entry.state, entry.level) == ("rejected", None)
    assert entry.reason.startswith("archive") or entry.reason


def test_a_report_of_another_bundle_is_passed_over(small: Made, tmp_path: Path) -> None:
    other = (small.folder / "other.zip").read_bytes()
    (tmp_path / "mine.zip").write_bytes(other)
    (tmp_path / "mine.json").write_bytes((small.folder / "good.json").read_bytes())
    told: list[str] = []
    evidence, _ = rows_of(tmp_path, told=told.append, tasks=())
    assert [each.entry.level for each in evidence] == [1]
    assert any("of another bundle" in line for line in told)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("mine.json", "{}", "no report"),
        ("mine.json", "[1", "no report"),
        ("log.jsonl", '{"submission": "x"}', "line 1"),
        ("log.jsonl", '\n{"submission": "x", "at": "", "state": "lost"}', "line 2"),
    ],
)
def test_what_cannot_be_read_is_named(
    small: Made, tmp_path: Path, name: str, text: str, says: str
) -> None:
    (tmp_path / "mine.zip").write_bytes((small.folder / "good.zip").read_bytes())
    (tmp_path / name).write_text(text)
    with pytest.raises(RecordError, match=says):
        rows_of(tmp_path, told=lambda _: None, tasks=())


def test_rows_of_two_who_sign_do_not_fill_each_other_up(small: Made) -> None:
    """A suite's row is of one origin."""
    suite = suite_of(SUITE, small.evidence)
    random = [standing for standing in suite.standings if standing.agent == "random"]
    assert sorted((x.origin, x.complete) for x in random) == [("host", True), ("submitted", False)]


def test_the_dump_is_the_board(small: Made, site: Path) -> None:
    text = (site / "data" / "board.json").read_text(encoding="utf-8")
    assert Board.from_json(text) == small.board
    for each in small.evidence:
        kept = (site / "data" / "records" / f"{each.entry.id}.json").read_bytes()
        assert kept == each.text
    kept = (site / "data" / "bundles" / f"{small.of('good')}.zip").read_bytes()
    assert kept == (small.folder / "good.zip").read_bytes()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "no JSON of a board"),
        ("[]", "no board of schema 1: got None"),
        ('{"schema_version": 2}', "got 2"),
        ('{"schema_version": 1, "package": "x"}', "entries"),
        ('{"schema_version": 1, "package": "x", "entries": [NaN]}', "NaN"),
        ("[" * 200 + "]" * 200, "nest"),
    ],
)
def test_what_is_no_dump_is_refused_in_a_line(text: str, says: str) -> None:
    with pytest.raises(RecordError, match=says) as told:
        Board.from_json(text, "dump.json")
    assert "\n" not in str(told.value)
    assert "dump.json" in str(told.value)


def test_the_same_inputs_give_the_same_bytes(small: Made, site: Path, tmp_path: Path) -> None:
    evidence, events = rows_of(small.folder, told=lambda _: None, tasks=TASKS)
    board = board_of(evidence, suites=[SUITE], events=events)
    export(tmp_path / "again", board, evidence)
    files = {p.relative_to(site): p.read_bytes() for p in site.rglob("*") if p.is_file()}
    again = tmp_path / "again"
    assert files == {p.relative_to(again): p.read_bytes() for p in again.rglob("*") if p.is_file()}


def test_every_link_leads_to_a_file_of_the_site(site: Path, all_pages: list[Page]) -> None:
    ids = {page.path: set(page.ids) for page in all_pages}
    for page in all_pages:
        for link in (*page.links, *page.fetched):
            path, _, anchor = link.partition("#")
            assert ":" not in path, f"{page.path}: {link} leads out of the site"
            target = (page.path.parent / unquote(path)).resolve() if path else page.path
            assert target.is_file(), f"{page.path}: {link}"
            assert target.is_relative_to(site), link
            if anchor and "=" not in anchor:  # the viewer reads its own
                assert anchor in ids[target], f"{page.path}: {link}"


def test_pages_run_and_load_nothing_of_others(all_pages: list[Page]) -> None:
    for page in all_pages:
        assert page.policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert page.inline == []
        assert page.tags.count("script") == 1 + ("/episodes/" in page.path.as_posix())
        assert not {"iframe", "object", "embed", "form", "base"} & set(page.tags)
        assert len(page.ids) == len(set(page.ids))
        assert page.tags.count("h1") == 1


def test_names_are_words_and_never_html(small: Made, site: Path) -> None:
    shown = [path for path in site.rglob("*.html") if "alert(" in path.read_text(encoding="utf-8")]
    assert len(shown) >= 4  # its row, its agent, its task, lists
    for path in shown:
        text = path.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;alert(&#34;x&#34;)" in text
    assert small.of("evil") in {path.stem for path in shown}


def test_every_page_stays_within_its_weight(site: Path) -> None:
    static = sum(path.stat().st_size for path in (site / "static").iterdir())
    for path in site.rglob("*.html"):
        own = path.stat().st_size
        pictures = {name for name in Page(path).fetched if "/pictures/" in f"/{name}"}
        own += sum((path.parent / name).resolve().stat().st_size for name in pictures)
        assert own + static < 1_500_000, path


def test_tables_have_their_numbers_without_a_script(site: Path) -> None:
    text = (site / "task" / "push-1block.html").read_text(encoding="utf-8")
    score = cell(stored_records("push-1block", ["hecrl"])[0], "success")
    assert f"<b>{100 * score.mean:.1f}</b>" in text
    assert f"{100 * score.low:.1f} to {100 * score.high:.1f}" in text


def test_a_row_has_every_episode_and_its_log(small: Made, site: Path) -> None:
    page = Page(site / "submission" / f"{small.of('good')}.html")
    record = next(x.record for x in small.evidence if x.entry.id == small.of("good"))
    text = page.path.read_text(encoding="utf-8")
    table = text.partition('id="episodes"')[2]
    assert table.count('<th scope="row">') == len(record.rows) == 2
    assert "Level 2 proves the physics, and not who chose the actions." in text
    assert {"viewer", "log", "episodes"} <= set(page.ids)
    assert "withdrawn" in (site / "submission" / f"{small.of('other')}.html").read_text()


def test_episodes_of_bundles_play_in_the_viewer(small: Made, site: Path) -> None:
    text = (site / "submission" / f"{small.of('good')}.html").read_text(encoding="utf-8")
    assert 'href="../episodes/push-1block.html#agent=0&amp;start=1&amp;step=0"' in text
    page = Page(site / "episodes" / "push-1block.html")
    assert {"../static/viewer.js", "../static/viewer.css"} <= set(page.fetched)
    folder = site / "episodes" / "push-1block"
    assert {"geometry.js", "index.js", "episodes.csv"} <= {path.name for path in folder.iterdir()}
    for start in (0, 1):  # good's, and those of other, which was withdrawn and is still evidence
        for source in ("0-0", "1-0"):
            assert (folder / source / f"{start}.js").is_file()
    rejected = (site / "submission" / f"{small.of('evil')}.html").read_text(encoding="utf-8")
    assert "episodes/push-1block" not in rejected
    assert not (site / "episodes" / "dag-4.html").exists()


def test_the_hosts_act_again_to_be_watched(small: Made) -> None:
    own = [x for x in small.evidence if x.entry.task == "push-1block" and x.bundle is None]
    again = act_again([x for x in own if x.entry.agent in ("oracle", "zero", "random")], 1)
    assert set(again) == {f"host-push-1block.{agent}" for agent in ("oracle", "zero", "random")}
    report = verify(again["host-push-1block.oracle"], Wanted(threads=1))
    assert (report.level, report.findings) == (2, [])
    assert act_again([x for x in small.evidence if x.entry.task == "dag-4"], 1) == {}


def test_what_is_pasted_into_a_shell_is_quoted(small: Made) -> None:
    words = shlex.split(small.board.by_id[small.of("evil")].command)
    assert words[:4] == ["bench", "eval", "--agent", EVIL]


def test_addresses_of_lists_are_read_back(small: Made) -> None:
    found = all_of(small.board)
    assert len({query.path for query in found}) == len(found)
    for query in found:
        assert Query.of_path(query.path) == query


@pytest.mark.parametrize(
    "path",
    ["results/sort.nothing", "results/colour.red", "results/part.0", "results/part.x", "tables",
     "results/kind.", "results/kind.a/kind.b", "results/part.99999999"],
)  # fmt: skip
def test_addresses_of_no_list_are_refused(path: str) -> None:
    with pytest.raises((BadValue, UnknownId)):
        Query.of_path(path)


def test_filters_and_orders(small: Made) -> None:
    graphs = selected(small.board.entries, Query(kind="graph"))
    assert {entry.kind for entry in graphs} == {"graph"}
    assert selected(small.board.entries, Query(level="2")) == [small.board.by_id[small.of("good")]]
    scores = [
        x.score(SCORE).mean  # type: ignore[union-attr]
        for x in selected(small.board.entries, Query(sort="score"))
        if x.ranked and x.score(SCORE)
    ]
    assert scores == sorted(scores, reverse=True)
    for sort in SORTS:
        ordered = selected(small.board.entries, Query(sort=sort))
        assert len(ordered) == len(small.board.entries)
        assert [x.ranked for x in ordered] == sorted((x.ranked for x in ordered), reverse=True)


def test_less_is_better_ranks_from_below(small: Made) -> None:
    rows = [x for x in small.board.by_task["dag-4"] if x.main == "misprediction" and x.ranked]
    means = [x.score("misprediction").mean for x in rows]  # type: ignore[union-attr]
    assert means == sorted(means)
    assert best_first(reversed(rows)) == rows


def test_a_comparison_is_the_difference_and_its_other_way_round(small: Made, site: Path) -> None:
    def shown(of: str, against: str) -> str:
        text = (site / "compare" / f"host-push-1block.{of}.html").read_text(encoding="utf-8")
        row = text.partition(f"host-push-1block.{against}.html")[2]
        found = re.search(r'data-value="(-?[\d.]+)"', row)
        assert found is not None
        return found[1]

    assert float(shown("hecrl", "random")) == -float(shown("random", "hecrl")) > 0


def test_what_is_not_on_the_board_is_refused(small: Made) -> None:
    frame, board = links.SERVER, small.board
    for page in (pages.task, pages.agent, pages.dataset, pages.suite):
        with pytest.raises(UnknownId):
            page(board, frame, "nothing-like-it")
    with pytest.raises(UnknownId):
        pages.claim(board, frame, "hecrl", "nothing")
    with pytest.raises(UnknownId):
        pages.compare(board, frame, "nothing", [])


def test_a_server_writes_its_own_addresses(small: Made) -> None:
    text = pages.home(small.board, links.SERVER)
    assert 'href="/task/push-1block"' in text
    assert 'href="/static/board.css"' in text
    assert ".html" not in text
    assert 'href="/results/kind.graph/level.2"' in pages.results(
        small.board, links.SERVER, Query(kind="graph")
    )


def test_ids_with_other_signs_have_paths_of_their_own() -> None:
    assert links.agent("my_agent.py:A") != links.agent("my_agent.py-A")
    assert links.dataset("push-1block/play-v1") == "dataset/push-1block/play-v1"
    assert ".." not in links.agent("../../etc").split("/")[1].split("-")
    assert re.fullmatch(r"agent/[\w.@-]+", links.agent(EVIL))


@pytest.mark.parametrize(
    ("mean", "text"),
    [(None, "–"), (81.44, "81.4"), (-3.25, "−3.2"), (-0.04, "0.0"), (2e12, "2.00e+12")],
)
def test_numbers_in_words(mean: float | None, text: str) -> None:
    score = Score(metric="x", title="x", digits=1, higher=True, mean=mean, low=None, high=None)
    assert (score.text, score.ends) == (text, "")
    ends = replace(score, low=-1.0, high=2.0)
    assert ends.ends == "−1.0 to 2.0"


def test_many_episodes_have_several_parts(small: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from entitybench.leaderboard.board.entries import episodes_of

    monkeypatch.setattr(pages, "EPISODES", 1)
    rows = episodes_of(tiny_record())
    assert pages.parts_of(rows) == 2
    text = pages.submission(small.board, links.SERVER, small.of("good"), rows, part=2)
    assert text.partition('id="episodes"')[2].count('<th scope="row">') == 1
    assert "part 2 of 2" in text
    with pytest.raises(BadValue, match="2 parts: got 3"):
        pages.submission(small.board, links.SERVER, small.of("good"), rows, part=3)


def test_a_site_is_replaced_and_nothing_else_is(small: Made, tmp_path: Path) -> None:
    out = tmp_path / "site"
    some = [each for each in small.evidence if each.entry.task == "dag-4"][:2]
    board = board_of(some, suites=[])
    export(out, board, some)
    (out / "stale.html").write_text("of an earlier version")
    export(out, board, some)
    assert not (out / "stale.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("years")
    with pytest.raises(BadValue, match="other things than a site"):
        export(other, board, some)
    assert [path.name for path in other.iterdir()] == ["thesis.tex"]
    with pytest.raises(BadValue, match="is no folder"):
        export(other / "thesis.tex", board, some)


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("")
    for words, says in (
        (["--out", str(tmp_path / "full")], "other things"),
        (["--out", str(tmp_path / "new"), "--suite", "contrl"], "Did you mean 'control'"),
    ):
        assert main(["site", *words]) == 2
        told = capsys.readouterr()
        assert says in told.err
        assert told.err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_no_folder_of_submissions() -> None:
    with pytest.raises(BadValue, match="it is no folder"):
        rows_of(Path("nowhere"), told=lambda _: None, tasks=())


def test_the_board_knows_every_task(small: Made) -> None:
    assert [task.id for task in small.board.tasks] == tasks().ids
    assert json.loads(small.board.to_json())["schema_version"] == 1
