"""Download and publish, over a real nginx with faults: whole and right, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from disks import mounted
from mirrors import TOY, Fault, make_toy, nginx, plant, proxy, tree

from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.writer import locked
from entitybench.datasets.transport import download as module
from entitybench.datasets.transport.contract import Patience
from entitybench.datasets.transport.download import download
from entitybench.datasets.transport.publish import publish
from entitybench.datasets.transport.web import retry_after
from entitybench.errors import BadValue, DataError, UnknownId

# Attempts follow one another at once, but a busy machine is borne with.
QUICK = Patience(connect=60.0, silence=60.0, tries=3, first_wait=0.01, longest_wait=1.0)
# For mirrors that are slow on purpose.
HASTY = replace(QUICK, silence=1.5, least_speed=10_000, tries=5)
DEAD = "http://127.0.0.1:9"  # the port that nobody listens at


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A dataset, on a mirror that nginx serves."""
    root = tmp_path_factory.mktemp("mirror")
    made, site = make_toy(root / "made"), root / "site"
    before = os.environ.get("ENTITYBENCH_DATA")
    os.environ["ENTITYBENCH_DATA"] = str(root / "data")
    publish(made, str(site))
    os.environ.pop("ENTITYBENCH_DATA")
    if before is not None:
        os.environ["ENTITYBENCH_DATA"] = before
    with nginx(site, root / "nginx") as url:
        yield {"url": url, "made": made, "site": site}


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("ENTITYBENCH_MIRRORS", raising=False)
    monkeypatch.delenv("ENTITYBENCH_OFFLINE", raising=False)
    return tmp_path / "data"


@pytest.fixture
def server(source):
    with proxy(source["url"]) as running:
        yield running


@pytest.fixture
def lines():
    return []


def get(lines, *mirrors, id=TOY, patience=QUICK, **kwargs):
    return download(id, mirrors, say=lines.append, patience=patience, **kwargs)


def patience_with(fault):
    return HASTY if fault.silent or fault.drip else QUICK


def is_blob(path: str, source, name: str = "observations.npy") -> bool:
    files = json.loads((source["made"] / "manifest.json").read_text())["files"]
    return path.endswith(files[name]["sha256"])


def check_failed(data: Path, error: pytest.ExceptionInfo[DataError]) -> None:
    """One line was said, and nothing is installed."""
    assert "\n" not in str(error.value)
    assert not (data / "toy" / "x-v1").exists()
    assert not list(data.rglob("manifest.json"))


def test_what_is_published_is_what_arrives(source, server, lines, data):
    seen = []
    folder = get(lines, server.url, progress=lambda done, total: seen.append((done, total)))
    assert folder == data / "toy" / "x-v1"
    assert tree(folder) == tree(source["made"])
    assert EpisodeStore.open(folder).id == TOY
    assert [p.name for p in folder.parent.iterdir()] == ["x-v1"]
    total = sum(p.stat().st_size for p in folder.iterdir() if p.name != "manifest.json")
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)

    asked = len(server.seen)
    assert get(lines, server.url) == folder
    assert len(server.seen) == asked
    assert "complete already" in lines[-1]


def test_several_files_are_asked_for_at_once(source, server, lines):
    """The first four answers are given when all four have been asked for."""
    together = threading.Barrier(4)

    def rule(path, count):
        if path.startswith("/blobs") and not path.endswith(manifest) and len(server.seen) <= 6:
            together.wait(timeout=120)

    manifest = json.loads((source["site"] / "index.json").read_text())["manifests"][TOY]
    server.rule = rule
    assert tree(get(lines, server.url)) == tree(source["made"])
    assert not together.broken


def test_folders_and_file_urls_are_mirrors(source, lines, data):
    for mirror in (str(source["site"]), source["site"].as_uri()):
        folder = get(lines, mirror)
        assert tree(folder) == tree(source["made"])
        shutil.rmtree(folder)


PASSING = {
    "cut at once": Fault(cut=0),
    "cut": Fault(cut=40_000),
    "cut, then no ranges": Fault(cut=40_000, no_range=True),
    "shortened": Fault(shorten=70_000),
    "429": Fault(status=429, headers={"Retry-After": "0"}),
    "503": Fault(status=503),
    "silent": Fault(silent=True),
    "slow": Fault(drip=0.1, piece=100),
}


def _slow_ones_marked(faults):
    marks = pytest.mark.slow
    return [
        pytest.param(name, marks=marks) if fault.silent or fault.drip else name
        for name, fault in faults.items()
    ]


@pytest.mark.parametrize("name", _slow_ones_marked(PASSING))
def test_what_passes_is_gone_on_with(source, server, lines, name):
    faults = 2 if PASSING[name].no_range else 1

    def rule(path, count):
        is_one = is_blob(path, source) or path == "/index.json"
        return PASSING[name] if is_one and count < faults else None

    server.rule = rule
    folder = get(lines, server.url, patience=patience_with(PASSING[name]))
    assert tree(folder) == tree(source["made"])
    if name == "cut":
        ranges = [r for path, r in server.seen if is_blob(path, source)]
        assert ranges == [None, "bytes=40000-"]


LASTING = {
    "corrupt": (Fault(flip=1000), "another sha256"),
    "shortened": (Fault(shorten=10), "it broke off"),
    "lengthened": (Fault(lengthen=True), "too many bytes"),
    "cut": (Fault(cut=10), "cut"),
    "404": (Fault(status=404), "no such file"),
    "403": (Fault(status=403), "answers 403"),
    "500": (Fault(status=500), "answers 500"),
    "429": (Fault(status=429, headers={"Retry-After": "3600"}), "asks to wait 3600 s"),
    "silent": (Fault(silent=True), "fell silent"),
    "slow": (Fault(drip=0.1, piece=10), "too slow"),
}


EACH = _slow_ones_marked({name: fault for name, (fault, _) in LASTING.items()})


@pytest.mark.parametrize("name", EACH)
def test_what_lasts_installs_nothing_and_is_resumed(source, server, lines, data, name):
    fault, reason = LASTING[name]
    server.rule = lambda path, count: fault if is_blob(path, source) else None
    with pytest.raises(DataError, match=reason) as error:
        get(lines, server.url, patience=patience_with(fault))
    check_failed(data, error)
    assert server.url in str(error.value)
    assert "observations.npy" in str(error.value)
    asked = len(server.seen)
    server.rule = lambda path, count: None
    assert tree(get(lines, server.url)) == tree(source["made"])
    again = [path for path, _ in server.seen[asked:]]
    assert not any(is_blob(path, source, "actions.npy") for path in again), "it was here already"


@pytest.mark.parametrize("name", EACH)
def test_the_next_mirror_helps_out(source, server, lines, name):
    fault = LASTING[name][0]
    server.rule = lambda path, count: fault if is_blob(path, source) else None
    folder = get(lines, server.url, source["url"], patience=patience_with(fault))
    assert tree(folder) == tree(source["made"])


def test_bytes_of_a_corrupt_mirror_do_not_spoil_those_of_the_next(source, server, lines):
    """The first gives wrong bytes and breaks off; the second would complete them."""

    def rule(path, count):
        return Fault(flip=5, cut=30_000 if count == 0 else 10) if is_blob(path, source) else None

    server.rule = rule
    assert tree(get(lines, server.url, source["url"])) == tree(source["made"])


def test_a_corrupt_mirror_that_also_breaks_off_is_not_asked_for_ever(source, server, lines, data):
    server.rule = lambda path, count: Fault(flip=5, cut=60_000) if is_blob(path, source) else None
    with pytest.raises(DataError, match="another sha256") as error:
        get(lines, server.url)
    check_failed(data, error)
    assert len(server.seen) < 20


def test_another_range_than_asked_for_is_refused(source, server, lines, data):
    server.rule = lambda path, count: Fault(cut=40_000, from_elsewhere=True)
    with pytest.raises(DataError, match="another range"):
        get(lines, server.url)


def test_dead_mirrors_and_those_without_the_set_are_passed_over(source, lines, tmp_path):
    empty = tmp_path / "empty"
    plant(empty, "toy/other-v1", b"{}")
    mirrors = [DEAD, str(tmp_path / "nowhere"), str(empty), source["url"]]
    assert tree(get(lines, *mirrors)) == tree(source["made"])
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(DataError) as error:
        get(lines, *mirrors[:3])
    for words in ("no connection", "it has no index.json", "does not have it"):
        assert words in str(error.value)


def test_retry_after_is_kept_to(source, server, lines, monkeypatch):
    server.rule = lambda path, count: (
        Fault(status=429, headers={"Retry-After": "1"}) if count == 0 else None
    )
    slept = []
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: slept.append(seconds))
    get(lines, server.url)
    assert slept
    assert set(slept) == {1.0}


def test_retry_after_is_read_with_care():
    assert retry_after("120") == 120
    assert retry_after("Fri, 01 Jan 2100 00:00:00 GMT") > 1e9
    assert retry_after("Fri, 01 Jan 1990 00:00:00 GMT") == 0
    for nonsense in (None, "", "soon", "-5", "1e9", "9" * 400, "Fri, 99 Jan 2100 99:00:00 GMT"):
        assert retry_after(nonsense) is None


def test_a_damaged_set_is_fetched_anew_and_a_foreign_one_is_not(source, lines, data, tmp_path):
    folder = get(lines, source["url"])
    path = folder / "actions.npy"
    path.write_bytes(path.read_bytes()[:-8] + b"01234567")
    assert tree(get(lines, source["url"])) == tree(source["made"])
    assert "fetched anew" in lines[-2]

    shutil.rmtree(folder)
    make_toy(folder, id="toy/other-v1")
    before = tree(folder)
    with pytest.raises(DataError, match=r"is of 'toy/other-v1'.*rm -r"):
        get(lines, source["url"])
    assert tree(folder) == before
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "thesis.txt").write_text("three years of work")
    with pytest.raises(DataError, match="exists and is not"):
        get(lines, source["url"])
    assert (folder / "thesis.txt").read_text() == "three years of work"


def test_offline_uses_no_network(source, server, lines, data, monkeypatch):
    with pytest.raises(DataError, match="--offline forbids"):
        get(lines, server.url, offline=True)
    monkeypatch.setenv("ENTITYBENCH_OFFLINE", "1")
    with pytest.raises(DataError, match="--offline forbids"):
        get(lines, server.url)
    folder = get(lines, server.url, str(source["site"]))
    assert get(lines, server.url) == folder
    assert server.seen == []


def test_without_a_server_it_says_how_to_make_it(lines, monkeypatch, source):
    with pytest.raises(DataError, match=r"--from URL.*bench generate push-3blocks/play-v1"):
        get(lines, id="push-3blocks/play-v1")
    with pytest.raises(DataError, match=r"--from URL.*bench train --agent hecrl"):
        get(lines, id="agent:hecrl/push-3blocks")
    monkeypatch.setenv("ENTITYBENCH_MIRRORS", f"{DEAD}, {source['url']}")
    get(lines)


@pytest.mark.parametrize(
    ("id", "error", "says"),
    [
        ("push-3block/play-v1", DataError, "Did you mean 'push-3blocks/play-v1'"),
        ("toy/y-v1", DataError, "Did you mean 'toy/x-v1'"),
        ("push-3blocks", UnknownId, "unknown dataset"),
        ("../toy/x-v1", UnknownId, "unknown dataset"),
        ("toy/..-v1", UnknownId, "unknown dataset"),
        ("/toy/x-v1", UnknownId, "unknown dataset"),
        ("", UnknownId, "unknown dataset"),
        ("agent:hecrll/push-3blocks", UnknownId, "Did you mean 'hecrl"),
        ("agent:hecrl/push-3block", UnknownId, "Did you mean 'push-3blocks'"),
        ("agent:hecrl", BadValue, "names no task"),
        ("agent:hecrl/push-4blocks/plai-v1", UnknownId, "Did you mean 'play-v1'"),
        ("agent:hecrl/scene", BadValue, "names no dataset: choose one of agent:hecrl/scene/"),
        ("agent:oracle/push-3blocks", BadValue, "no weights"),
    ],
)
def test_ids_typed_wrong(source, lines, id, error, says):
    with pytest.raises(error, match=says):
        get(lines, str(source["site"]), id=id)


@pytest.mark.parametrize(
    "mirror", ["ftp://x/y", "http://", "https:///x", "s3://", "hf://x", "file://host/x"]
)
def test_a_mirror_that_is_none(lines, mirror):
    with pytest.raises(BadValue):
        get(lines, mirror)


def test_too_small_a_disk_is_noticed_before(source, server, lines, data, monkeypatch):
    usage = shutil.disk_usage(data.parent)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda place: usage._replace(free=10_000))
    with pytest.raises(DataError, match="0 MB are free") as error:
        get(lines, server.url)
    check_failed(data, error)
    assert not any(is_blob(path, source) for path, _ in server.seen)


def test_a_full_disk_installs_nothing_and_is_resumed(source, lines, tmp_path, monkeypatch):
    with mounted(tmp_path / "small", "size=128k") as small:
        monkeypatch.setenv("ENTITYBENCH_DATA", str(small))
        usage = shutil.disk_usage(tmp_path)  # it fills up after the check
        monkeypatch.setattr(module.shutil, "disk_usage", lambda place: usage)
        with pytest.raises(DataError, match="the disk is full") as error:
            get(lines, source["url"])
        check_failed(small, error)
        subprocess.run(["mount", "-o", "remount,size=2m", str(small)], check=True)
        assert tree(get(lines, source["url"])) == tree(source["made"])


def test_a_place_that_cannot_be_written(source, lines, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "file" / "below"))
    with pytest.raises(DataError, match="cannot be written: Not a directory"):
        get(lines, source["url"])
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_disk_that_is_read_only(source, lines, monkeypatch, tmp_path):
    with mounted(tmp_path / "disk", "ro") as disk:
        monkeypatch.setenv("ENTITYBENCH_DATA", str(disk))
        with pytest.raises(DataError, match="cannot be written: Read-only file system"):
            get(lines, source["url"])


def test_it_waits_for_another_process(source, lines, data):
    folder = data / "toy" / "x-v1"
    with locked(folder):
        thread = threading.Thread(target=get, args=(lines, source["url"]))
        thread.start()
        while not lines:
            time.sleep(0.01)
        assert "waiting for it" in lines[0]
        assert not folder.exists()
    thread.join()
    assert tree(folder) == tree(source["made"])


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "entitybench", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_processes_fetch_it_once_and_a_killed_one_is_gone_on_with(source, server, data):
    server.rule = lambda path, count: Fault(drip=0.05, piece=4000)
    killed = start("download", TOY, "--from", server.url)
    deadline = time.monotonic() + 180
    while not any(p.stat().st_size > 8000 for p in data.rglob("*.part")):
        assert killed.poll() is None, killed.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    server.rule = lambda path, count: Fault(drip=0.01, piece=20_000)
    asked = len(server.seen)
    both = [start("download", TOY, "--from", server.url) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, err
        assert out.strip() == str(data / "toy" / "x-v1")
    assert tree(data / "toy" / "x-v1") == tree(source["made"])
    later = server.seen[asked:]
    assert len({path for path, _ in later}) == len(later), "something was fetched twice"
    assert any(r is not None for _, r in later), "nothing was gone on with"


def test_what_lies_on_a_mirror_already_is_held_to_its_hash(source, tmp_path):
    site = tmp_path / "site"
    publish(source["made"], str(site))
    before = tree(site)
    blob = next(path for path in site.rglob("*") if path.is_file() and path.stat().st_size > 999)
    blob.write_bytes(bytes(blob.stat().st_size))
    publish(source["made"], str(site))
    assert tree(site) == before


def test_what_changes_while_it_is_published_is_not(source, tmp_path, monkeypatch):
    made, site = make_toy(tmp_path / "made"), tmp_path / "site"

    def changed(source, target):
        Path(target).write_bytes(Path(source).read_bytes() + b"?")

    monkeypatch.setattr(shutil, "copyfile", changed)
    with pytest.raises(DataError, match="changed while it was published"):
        publish(made, str(site))
    assert [path for path in site.rglob("*") if path.is_file()] == []


def test_publishing_never_changes_a_version(source, tmp_path, lines):
    site = tmp_path / "site"
    made = make_toy(tmp_path / "one")
    assert publish(made, str(site))[0] == TOY
    before = tree(site)
    assert publish(made, str(site))[0] == TOY
    assert tree(site) == before
    with pytest.raises(DataError, match="never changes"):
        publish(make_toy(tmp_path / "two", seed=1), site.as_uri())
    assert tree(site) == before
    publish(make_toy(tmp_path / "three", id="toy/z-v2"), str(site))
    assert set(json.loads((site / "index.json").read_text())["manifests"]) == {TOY, "toy/z-v2"}
    assert before.items() - tree(site).items() == {("index.json", before["index.json"])}


def test_what_cannot_be_published(tmp_path):
    site = tmp_path / "site"
    for where, says in (("http://x", "over HTTP"), ("ftp://x", "no mirror"), ("hf://x", "OWNER")):
        with pytest.raises(BadValue, match=says):
            publish(make_toy(tmp_path / "toy"), where)
    with pytest.raises(BadValue, match="does not hold the weights"):
        publish(tmp_path, str(site))
    with pytest.raises(BadValue, match="no folder"):
        publish(tmp_path / "nothing", str(site))
    with pytest.raises(DataError, match="is not of the registered push-1block/play-v1"):
        publish(make_toy(tmp_path / "custom", id="push-1block/play-v1"), str(site))
    toy = make_toy(tmp_path / "toy2")
    (toy / "actions.npy").rename(tmp_path / "elsewhere.npy")
    (toy / "actions.npy").symlink_to(tmp_path / "elsewhere.npy")
    with pytest.raises(DataError, match="symbolic link"):
        publish(toy, str(site))
    toy = make_toy(tmp_path / "toy3")
    (toy / "actions.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"actions\.npy .* is truncated"):
        publish(toy, str(site))
    site.mkdir(exist_ok=True)
    (site / "index.json").write_text("[]")
    with pytest.raises(DataError, match=r"the index of .* is corrupt"):
        publish(make_toy(tmp_path / "toy4"), str(site))
    assert not (site / "blobs").exists()
