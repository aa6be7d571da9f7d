"""Buckets and repositories as mirrors; weights; pins; datasets that are re-simulated."""

from __future__ import annotations

import hashlib
import inspect
import json
import shutil

import numpy as np
import pytest
from bucket import bucket
from mirrors import TOY, make_toy, nginx, plant, sealed, tree

from entitybench.datasets.catalogue.pins import main as move_pins
from entitybench.datasets.generate.api import generate
from entitybench.datasets.store.files import read_manifest
from entitybench.datasets.store.frames import FrameWriter
from entitybench.datasets.store.schema import Column
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.writer import write_manifest
from entitybench.datasets.transport import item
from entitybench.datasets.transport.contract import Patience
from entitybench.datasets.transport.download import download
from entitybench.datasets.transport.item import pins, sha256_of_bytes
from entitybench.datasets.transport.items import item_of
from entitybench.datasets.transport.publish import publish
from entitybench.datasets.transport.weights import weights_manifest
from entitybench.errors import BadValue, BenchError, DataError
from entitybench.leaderboard.cli.main import main as bench
from entitybench.leaderboard.evaluation.weights import REFERENCE, find
from entitybench.places import sha256_of
from entitybench.registry import agents, datasets, tasks
from entitybench.types import DatasetSpec

QUICK = Patience(connect=60.0, silence=60.0, tries=2, first_wait=0.01)
SHORT = DatasetSpec(
    id="push-1block/short-v1",
    task="push-1block",
    behaviour="entitybench.envs.push.play:PushPlay",
    episodes=4,
    validation_episodes=1,
    length=45,
)
WEIGHTS = "agent:hecrl/push-1block/play-v1"


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("HF_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    datasets().add(SHORT)
    yield tmp_path / "data"
    datasets()._specs.pop(SHORT.id)


@pytest.fixture
def lines():
    return []


def get(lines, mirror, id=TOY, **kwargs):
    return download(id, [str(mirror)], say=lines.append, patience=QUICK, **kwargs)


@pytest.fixture
def s3(monkeypatch):
    pytest.importorskip("obstore", reason="obstore is not installed: pip install -e '.[s3]'")
    with bucket() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_REGION", "here")
        yield server


def keys(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def test_a_bucket_is_a_mirror(s3, lines, tmp_path, monkeypatch):
    made = make_toy(tmp_path / "made")
    with monkeypatch.context() as patch:
        keys(patch)
        publish(made, "s3://things/some/where")
        assert all(s3.signed)
        objects = dict(s3.objects)
        publish(made, "s3://things/some/where")
        assert s3.objects == objects
    assert all(path.startswith("/things/some/where/") for path in objects)
    s3.signed.clear()
    partial = tmp_path / "data" / "toy" / ".x-v1.download"
    partial.mkdir(parents=True)
    blob = sha256_of(made / "observations.npy")
    begun = (made / "observations.npy").read_bytes()[:1000]
    (partial / f"{blob}.part").write_bytes(begun)
    assert tree(get(lines, "s3://things/some/where")) == tree(made)
    assert not any(s3.signed)

    shutil.rmtree(tmp_path / "data")
    path = f"/things/some/where/blobs/sha256/{blob[:2]}/{blob}"
    s3.objects[path] = objects[path][:-1] + b"x"
    with pytest.raises(DataError, match="another sha256"):
        get(lines, "s3://things/some/where")
    del s3.objects[path]
    with pytest.raises(DataError, match="no such file"):
        get(lines, "s3://things/some/where")
    with pytest.raises(DataError, match="no such file"):
        get(lines, "s3://things/else/where")


def test_two_who_publish_to_a_bucket_do_not_lose_anything(s3, tmp_path, monkeypatch):
    keys(monkeypatch)
    sets = [make_toy(tmp_path / str(i), id=f"toy/set{i}-v1", episodes=1) for i in range(4)]

    def lost_race(one, other):
        def meanwhile():
            s3.between = lambda: None
            publish(other, "s3://things")

        s3.between = meanwhile
        with pytest.raises(DataError, match="give the same command again"):
            publish(one, "s3://things")
        publish(one, "s3://things")
        return len(json.loads(s3.objects["/things/index.json"])["manifests"])

    assert lost_race(*sets[:2]) == 2  # there was no index before
    assert lost_race(*sets[2:]) == 4


def test_a_dead_bucket_is_one_line(lines, monkeypatch, tmp_path):
    pytest.importorskip("obstore", reason="obstore is not installed: pip install -e '.[s3]'")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(DataError, match="no mirror gave") as error:
        get(lines, "s3://things")
    assert "\n" not in str(error.value)
    keys(monkeypatch)
    with pytest.raises(DataError, match="cannot be published to") as error:
        publish(make_toy(tmp_path / "made"), "s3://things")
    assert "\n" not in str(error.value)


def test_a_repository_is_a_mirror(lines, tmp_path, monkeypatch):
    made = make_toy(tmp_path / "made")
    for repository in ("me/things/resolve/main", "me/things/resolve/v2"):
        publish(made, str(tmp_path / "hub" / "datasets" / repository))
    with nginx(tmp_path / "hub", tmp_path / "nginx") as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        for name in ("hf://me/things", "hf://datasets/me/things", "hf://me/things@v2"):
            folder = get(lines, name)
            assert tree(folder) == tree(made)
            shutil.rmtree(folder)
        with pytest.raises(DataError, match="no such file"):
            get(lines, "hf://me/nothing")
    with pytest.raises(BadValue, match="OWNER/NAME"):
        get(lines, "hf://../../x")


def test_publishing_to_a_repository_is_one_commit(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub", reason="pip install -e '.[hub]'")
    real = hub.HfApi
    site = tmp_path / "hub" / "datasets" / "me" / "things" / "resolve" / "0"
    commits = []

    class Api:
        """What the target calls, with the real signatures, on a folder."""

        def __init__(self, endpoint):
            self.endpoint = endpoint

        def create_repo(self, **kwargs):
            inspect.signature(real.create_repo).bind(self, **kwargs)

        def repo_info(self, **kwargs):
            inspect.signature(real.repo_info).bind(self, **kwargs)

            class File:
                def __init__(self, path):
                    self.rfilename = str(path.relative_to(site))
                    data = path.read_bytes()
                    self.size, self.lfs = len(data), None
                    self.blob_id = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

            class Info:
                sha = "0"
                siblings = tuple(File(p) for p in site.rglob("*") if p.is_file())

            return Info()

        def create_commit(self, **kwargs):
            inspect.signature(real.create_commit).bind(self, **kwargs)
            commits.append([operation.path_in_repo for operation in kwargs["operations"]])
            assert kwargs["parent_commit"] == "0"
            for operation in kwargs["operations"]:
                path = site / operation.path_in_repo
                path.parent.mkdir(parents=True, exist_ok=True)
                with operation.as_file() as file:
                    path.write_bytes(file.read())

    monkeypatch.setattr(hub, "HfApi", Api)
    made = make_toy(tmp_path / "made")
    (tmp_path / "hub").mkdir()
    with nginx(tmp_path / "hub", tmp_path / "nginx") as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        publish(made, "hf://me/things")
        publish(make_toy(tmp_path / "two", id="toy/y-v1", seed=1), "hf://me/things")
        publish(made, "hf://me/things")
    assert len(commits) == 2
    assert all(names[-1] == "index.json" for names in commits)
    assert len(set(commits[0][:-1]) & set(commits[1][:-1])) == 0
    assert tree(download(TOY, [str(site)], say=lambda _: None)) == tree(made)


def shipped(id=WEIGHTS):
    return REFERENCE / "weights" / id.removeprefix("agent:")


def test_weights_travel_by_the_same_road(lines, tmp_path, data, monkeypatch):
    site = tmp_path / "site"
    assert publish(shipped(), str(site))[0] == WEIGHTS
    folder = get(lines, site, WEIGHTS)
    assert folder == data / "weights" / "hecrl" / "push-1block" / "play-v1"
    there = tree(folder)
    there.pop("manifest.json")
    assert there == tree(shipped())
    monkeypatch.setattr("entitybench.leaderboard.evaluation.weights.REFERENCE", tmp_path / "none")
    found = find(agents()["hecrl"], tasks()["push-1block"])
    assert {c.folder for c in found.values()} == set(folder.glob("seed*"))
    assert not any(c.shipped for c in found.values())
    # The id of earlier versions still means the same, and a mirror may still have it.
    former = "agent:hecrl/push-1block"
    assert item_of(former).id == WEIGHTS
    index = site / "index.json"
    manifest = (folder / "manifest.json").read_bytes().replace(WEIGHTS.encode(), former.encode())
    index.unlink()
    plant(site, former, manifest)
    shutil.rmtree(folder)
    assert get(lines, site, former) == folder
    # An agent that acts with the weights of another needs those.
    assert item_of("agent:hecrl-random/push-1block/play-v1").id == WEIGHTS


@pytest.mark.parametrize(
    "damage", ["another task", "another seed", "other weights", "a name", "no agent.json", "pickle"]
)
def test_weights_that_lie(lines, tmp_path, data, damage, monkeypatch):
    monkeypatch.setattr(item, "pins", dict)
    made = tmp_path / "made"
    shutil.copytree(shipped(), made)
    seed = made / "seed1"
    meta = json.loads((seed / "agent.json").read_text())
    change = {
        "another task": {"task": "push-2blocks"},
        "another seed": {"seed": 3},
        "other weights": {"sha256": {"weights.safetensors": "0" * 64}},
    }
    _, whole = weights_manifest(made)
    (seed / "agent.json").write_text(json.dumps({**meta, **change.get(damage, {})}))
    manifest = json.loads(whole)
    path = seed / "agent.json"
    about = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    manifest["files"]["seed1/agent.json"] = about
    if damage == "a name":
        manifest["files"]["../seed1/agent.json"] = about
    if damage == "pickle":
        manifest["files"]["seed1/weights.pkl"] = about
    if damage == "no agent.json":
        del manifest["files"]["seed1/agent.json"]
    site = tmp_path / "site"
    plant(site, WEIGHTS, json.dumps(manifest).encode())
    for file in made.rglob("*.*"):
        plant(site, WEIGHTS, file.read_bytes())
    plant(site, WEIGHTS, json.dumps(manifest).encode())
    with pytest.raises(DataError) as error:
        get(lines, site, WEIGHTS)
    assert "\n" not in str(error.value)
    assert not (data / "weights" / "hecrl" / "push-1block" / "play-v1").exists()
    if damage in change:
        with pytest.raises(BenchError):
            publish(made, str(tmp_path / "other"))


def test_pins_are_of_what_is_shipped():
    for id, sha256 in pins().items():
        item = item_of(id)
        assert item.registered
        assert len(sha256) == 64
        if id.startswith("agent:"):
            assert sha256_of_bytes(weights_manifest(shipped(id))[1]) == sha256, id
    made = {
        f"agent:{folder.relative_to(REFERENCE / 'weights').as_posix()}"
        for folder in (REFERENCE / "weights").glob("*/*/*")
    }
    assert made == {id for id in pins() if id.startswith("agent:")}, (
        "run `python -m entitybench.datasets.catalogue.pins leaderboard/reference/weights/*/*/*`"
    )


def changed(folder, tmp_path, by):
    """A copy of a dataset whose observations are a little other, with right hashes."""
    copy = tmp_path / f"changed{by}"
    shutil.copytree(folder, copy)
    path = copy / "observations.npy"
    observations = np.load(path)
    observations[60] += by
    np.save(path, observations)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][path.name]["sha256"] = sha256_of(path)
    (copy / "manifest.json").write_bytes(sealed(manifest))
    return copy


def test_a_set_of_another_processor_is_taken_if_it_re_simulates(lines, tmp_path, data, monkeypatch):
    made = generate(SHORT.id, workers=1, out=tmp_path / "made", say=lambda _: None)
    pinned = {SHORT.id: sha256_of(made / "manifest.json")}
    monkeypatch.setattr(item, "pins", lambda: pinned)
    sites = {}
    for by in (0, 1e-6, 1e-4):
        sites[by] = tmp_path / f"site{by}"
        publish(changed(made, tmp_path, by) if by else made, str(sites[by]))

    folder = get(lines, sites[0], SHORT.id)
    assert lines == []
    get(lines, sites[0], SHORT.id, verify=True)
    assert lines[:-1] == [f"{folder} is complete already; nothing was fetched."]
    files = json.loads((folder / "manifest.json").read_text())["files"]
    said = f"verified {SHORT.id}: {len(files)} files have the manifest's hashes; all "
    assert lines[-1].startswith(said)
    assert "equal bit for bit: observations" in lines[-1]
    assert "within the tolerance" not in lines[-1]
    shutil.rmtree(folder)

    for by in (1e-6, 1e-4):
        with pytest.raises(DataError, match=r"than this version pins.*another kind of processor"):
            get(lines, sites[by], SHORT.id)
    with pytest.raises(DataError, match=r"episode 1 of .* does not re-simulate: observations"):
        get(lines, sites[1e-4], SHORT.id, verify=True)
    assert not folder.exists()
    get(lines, sites[1e-6], SHORT.id, verify=True)
    assert any(line.endswith("; within the tolerance: observations.") for line in lines)
    assert EpisodeStore.open(folder).id == SHORT.id
    get(lines, sites[0], SHORT.id)
    assert "another kind of processor" in lines[-1]
    assert folder.exists()

    shutil.rmtree(folder)
    shutil.copytree(changed(made, tmp_path / "again", 1e-4), folder)
    with pytest.raises(DataError, match="does not re-simulate"):
        get(lines, sites[0], SHORT.id, verify=True)


def with_frames(folder, value=0, pixels=16):
    """Frames in a set, as `bench generate --pixels` adds them."""
    manifest = read_manifest(folder)
    writer = FrameWriter(folder / "frames.h5", (manifest["transitions"] + 5, pixels, pixels, 3))
    writer.append(np.full((manifest["transitions"] + 5, pixels, pixels, 3), value, np.uint8))
    column = Column("|u1", (pixels, pixels, 3), format="hdf5").json()
    manifest["columns"] = {**manifest["columns"], "frames": column}
    files = {**manifest["files"], "frames.h5": writer.close()}
    write_manifest(
        folder, {**manifest, "files": dict(sorted(files.items())), "drawn": ["frames.h5"]}
    )
    return folder


def test_frames_are_an_item_of_their_own(lines, tmp_path, data, monkeypatch):
    """The same files, and one more; it is added to what is there."""
    pytest.importorskip("h5py")
    made = generate(SHORT.id, workers=1, out=tmp_path / "made", say=lambda _: None)
    plain = tree(made)
    pinned = {SHORT.id: sha256_of(made / "manifest.json")}
    monkeypatch.setattr(item, "pins", lambda: pinned)
    site, framed = tmp_path / "site", f"{SHORT.id}+frames16"
    publish(with_frames(made), str(site))
    assert set(json.loads((site / "index.json").read_text())["manifests"]) == {SHORT.id, framed}
    folder = get(lines, site, SHORT.id)
    assert tree(folder) == plain
    for name in plain.keys() - {"manifest.json"}:  # they are not fetched again
        sha256 = sha256_of(made / name)
        (site / "blobs" / "sha256" / sha256[:2] / sha256).unlink(missing_ok=True)
    assert get(lines, site, framed) == folder
    assert tree(folder) == tree(made)
    assert EpisodeStore.open(folder).columns["frames"].shape == (230, 16, 16, 3)
    lines.clear()
    for id in (framed, SHORT.id):
        get(lines, site, id)
        assert lines.pop() == f"{folder} is complete already; nothing was fetched."
    with pytest.raises(DataError, match="frames of 16 pixels, not 32"):
        get(lines, site, f"{SHORT.id}+frames32")
    shutil.rmtree(folder)
    with pytest.raises(DataError, match=r"does not have it.*--pixels 32"):
        get(lines, site, f"{SHORT.id}+frames32")

    other, elsewhere = changed(made, tmp_path, 1e-4), tmp_path / "elsewhere"
    publish(other, str(elsewhere))
    with pytest.raises(DataError, match="than this version pins"):
        get(lines, elsewhere, framed)
    with pytest.raises(DataError, match="never changes"):
        publish(with_frames(made, value=1), str(site))
    file = tmp_path / "pins.json"
    file.write_text("{}")
    monkeypatch.setattr("entitybench.datasets.catalogue.pins.FILE", file)
    move_pins([str(made)])
    assert json.loads(file.read_text()) == pinned


def test_generating_says_whether_it_is_the_published_set(tmp_path, monkeypatch, capsys):
    words = ["generate", SHORT.id, "--workers", "1"]
    assert bench(words) == 0
    assert "published" not in capsys.readouterr().err
    sha256 = sha256_of(tmp_path / "data" / "push-1block" / "short-v1" / "manifest.json")
    monkeypatch.setattr(item, "pins", lambda: {SHORT.id: sha256})
    assert bench(words) == 0
    assert f"equal to the published {SHORT.id}, bit for bit." in capsys.readouterr().err
    monkeypatch.setattr(item, "pins", lambda: {SHORT.id: "0" * 64})
    assert bench(words) == 0
    assert f"`bench download {SHORT.id} --verify` re-simulates it" in capsys.readouterr().err
    assert bench(["download", SHORT.id, "--verify"]) == 0
    assert bench([*words, "--episodes", "2", "--out", str(tmp_path / "custom")]) == 0
    assert "published" not in capsys.readouterr().err


def test_a_custom_set_is_not_the_registered_one(lines, tmp_path):
    made = generate(SHORT.id, workers=1, episodes=2, out=tmp_path / "made", say=lambda _: None)
    with pytest.raises(DataError, match=r"is (not of the registered|a custom) push-1block/short"):
        publish(made, str(tmp_path / "site"))


def test_pins_are_moved_by_a_command(tmp_path, monkeypatch):
    file = tmp_path / "pins.json"
    file.write_text("{}")
    monkeypatch.setattr("entitybench.datasets.catalogue.pins.FILE", file)
    move_pins([str(shipped())])
    assert json.loads(file.read_text()) == {WEIGHTS: pins()[WEIGHTS]}


def test_the_commands(tmp_path, capsys):
    site, missing = str(tmp_path / "site"), str(tmp_path / "missing")
    assert bench(["publish", WEIGHTS, "--to", site, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == WEIGHTS
    assert bench(["download", WEIGHTS, "--from", missing, site, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"].endswith("hecrl/push-1block/play-v1")
    for words in (
        ("download", WEIGHTS.replace("1", "2"), "--from", missing),
        ("download", "push-3blocks/play-v1"),
        ("download", "push-3blocks/play-v1@paperr"),
        ("download", "push-3blocks/plai-v1"),
        ("publish", "push-3blocks/play-v1", "--to", site),
        ("publish", missing, "--to", site),
    ):
        assert bench(list(words)) == 2, words
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("bench: ")
        assert said.err.count("\n") == 1
