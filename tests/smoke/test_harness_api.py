"""Loading agents and evaluating by id: shipped weights, users' folders and files, wrong ones."""

import dataclasses
import json
import math
import shutil

import numpy as np
import pytest

import entitybench as eb
from entitybench.errors import BadValue, BenchError, CheckpointError
from entitybench.leaderboard.evaluation import api, weights
from entitybench.registry import dataset_of, tasks
from entitybench.types import AgentSpec

SHORT = dataclasses.replace(tasks()["push-1block"], horizon=3)

USERS = """
import numpy as np

class Still:
    def __init__(self, task):
        self.task = task
    def initial_state(self, batch):
        return None
    def act(self, obs, state, rng):
        return np.zeros((len(obs["observation"]), 2)), state

class Bare(Still):
    def __init__(self):
        pass

def make(task):
    return Still(task)

ready = Bare()

class Broken:
    def __init__(self, task):
        raise OSError("no map")

class Mute:
    pass

class Learned:
    unit = "updates"
    configure = create = advance = ready = save = None  # it comes trained
    def __init__(self, folder, device):
        self.folder, self.device = folder, device
    @classmethod
    def load(cls, folder, *, task=None, device="cpu", **changes):
        return cls(folder, device)
    def policy(self, *, greedy=True):
        return Bare()
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(USERS)
    return path


@pytest.mark.parametrize("name", ["Still", "Bare", "make", "ready"])
def test_a_users_file_holds_a_policy_or_makes_one(file, name):
    record = eb.evaluate(f"{file}:{name}", SHORT, episodes=2)
    assert len(record.rows) == 2
    assert record.agent.id.endswith(f"mine.py:{name}")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Broken", "cannot be made: OSError: no map"),
        ("Mute", "Mute cannot act"),
        ("Nothing", "has no 'Nothing'"),
    ],
)
def test_a_users_file_that_cannot(file, name, words):
    with pytest.raises(BenchError, match=words):
        eb.load_agent(f"{file}:{name}", task=SHORT)


@pytest.mark.parametrize("id", ["random", "oracle"])
def test_agents_without_weights(id):
    record = eb.evaluate(id, SHORT, episodes=3)
    assert record.hashes.weights == {}
    assert record.training_seeds == [0]
    assert eb.evaluate(id, SHORT, episodes=3, training_seeds=[2]).training_seeds == [2]


def test_the_real_world_gives_the_same_rows_for_any_threads_and_shards():
    task = dataclasses.replace(SHORT, horizon=12)
    whole = eb.evaluate("random", task, episodes=30, threads=1).deterministic()
    assert eb.evaluate("random", task, episodes=30, threads=3).deterministic() == whole
    part = eb.evaluate("random", task, episodes=4, episode_seed=23).deterministic()
    for name in ("item", "digest"):
        assert part["rows"][name] == whole["rows"][name][23:27]
    for name, column in part["rows"]["values"].items():
        assert column == whole["rows"]["values"][name][23:27]
    assert len(set(whole["rows"]["digest"])) == 30
    assert whole["hashes"]["model"] == part["hashes"]["model"]


SPEC = AgentSpec(id="mine", kind="goal-control", target="", presets=("small",))


@pytest.fixture
def mine(file, monkeypatch):
    """Registers agent `mine` and its variant `mine-fast`; returns a maker of checkpoints."""
    specs = {
        "mine": dataclasses.replace(SPEC, target=f"{file}:Learned"),
        "mine-fast": dataclasses.replace(
            SPEC, id="mine-fast", target=f"{file}:Learned", weights_of="mine"
        ),
    }
    monkeypatch.setattr(api, "agent_spec", specs.__getitem__)
    monkeypatch.setattr(weights, "REFERENCE", file.parent / "reference")

    def make(folder, seed=0, **changes):
        place = folder / f"seed{seed}"
        place.mkdir(parents=True)
        meta = {"agent": "mine", "task": "push-1block", "task_version": 1, "preset": "small"}
        meta |= {"seed": seed, "step": 10, "total": 10}
        meta |= {"sha256": {"weights.safetensors": f"sha{seed}"}, "config": {}, **changes}
        (place / "agent.json").write_text(json.dumps(meta))
        return place

    return make


def test_weights_of_claims_where_there_are_no_others(mine, file):
    claims = file.parent / "reference" / "claims" / "weights" / "mine" / "push-1block"
    for seed in (0, 3):
        mine(claims / "play-v1+0123456789ab", seed)
    with pytest.warns(UserWarning, match="those of its claims, with settings of their own"):
        assert list(api.load_agents("mine", task="push-1block")) == [0, 3]
    mine(claims / "play-v1+ba9876543210")
    match = r"Or use those of claims.*`--weights .*0123456789ab` or `--weights .*ba9876543210`"
    with pytest.raises(CheckpointError, match=match):
        api.load_agents("mine", task="push-1block")
    mine(claims.parents[3] / "weights" / "mine" / "push-1block" / "play-v1", 5)
    assert list(api.load_agents("mine", task="push-1block")) == [5]


def test_shipped_weights_and_those_of_a_folder(mine, file, tmp_path):
    shipped = file.parent / "reference" / "weights" / "mine" / "push-1block" / "play-v1"
    for seed in (0, 3):
        mine(shipped, seed)
    (shipped / "seed4.training").mkdir()
    assert list(api.reference_weights("mine", "push-1block")) == [0, 3]
    loaded = api.load_agents("mine", task="push-1block")
    assert list(loaded) == [0, 3]
    assert loaded[3].source.shipped
    assert loaded[3].folder == shipped / "seed3"
    place = mine(tmp_path / "runs", 7)
    for given in (tmp_path / "runs", place):
        agents = api.load_agents("mine", task="push-1block", weights=given)
        assert list(agents) == [7]
        assert not agents[7].source.shipped
    record = api.evaluate(agents, SHORT, episodes=2)
    assert record.hashes.weights == {"7": "sha7"}
    assert record.agent.updates == 10
    assert api.load_agent("mine", task="push-1block", weights=place).source.training_seed == 7


def test_weights_by_dataset_and_of_the_old_folders(mine, tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path))
    root = tmp_path / "weights" / "mine" / "push-1block"
    play, noisy = ({"id": f"push-1block/{name}-v1", "content_hash": ""} for name in ("play", "new"))
    mine(root, 0, dataset=play)  # as earlier versions laid them down
    assert list(api.load_agents("mine", task="push-1block")) == [0]
    mine(root / "new-v1", 2, dataset=noisy)
    found = api.load_agents("mine", task="push-1block", dataset="push-1block/new-v1")
    assert [each.source.dataset for each in found.values()] == ["push-1block/new-v1"]
    shutil.rmtree(root / "seed0")
    with pytest.raises(CheckpointError, match=r"another dataset: `--dataset push-1block/new-v1`"):
        api.load_agents("mine", task="push-1block")
    with pytest.raises(CheckpointError, match=r"trained on new-v1 \(seed 2\), not on play-v1"):
        api.load_agents(
            "mine", task="push-1block", weights=root / "new-v1", dataset="push-1block/play-v1"
        )


LINE = "bench train --agent mine --task push-1block --preset small --seed 0 --out "


def test_missing_weights_print_the_line_that_makes_them(mine, tmp_path):
    with pytest.raises(CheckpointError, match=LINE):
        api.load_agent("mine", task="push-1block")
    with pytest.raises(CheckpointError, match=LINE):  # a variant has the weights of its agent
        api.load_agents("mine-fast", task="push-1block")
    mine(tmp_path / "runs", 1)
    with pytest.raises(CheckpointError, match=r"seed 2 .*; there are seeds 1\. .*--seed 2"):
        api.load_agents("mine", task="push-1block", seeds=[1, 2], weights=tmp_path / "runs")
    with pytest.raises(BadValue, match="it is not there"):
        api.load_agent("mine", task="push-1block", weights=tmp_path / "none")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"agent": "other"}, "holds weights of other, not of mine"),
        ({"task": "push-2blocks"}, "trained on push-2blocks.*--weights-from push-2blocks"),
        ({"task_version": 0}, "version 0; this is version 1. Train again: `bench train"),
        ({"preset": "tiny"}, "preset 'tiny', not 'small'"),
    ],
)
def test_wrong_weights_are_refused(mine, tmp_path, change, words):
    place = mine(tmp_path, 0, **change)
    with pytest.raises(CheckpointError, match=words):
        api.load_agent("mine", task="push-1block", weights=place, preset="small")


@pytest.mark.parametrize("text", ["{", "[]", '{"agent": "mine"}'])
def test_a_corrupt_checkpoint_is_refused(mine, tmp_path, text):
    place = mine(tmp_path)
    (place / "agent.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"agent\.json (is corrupt|lacks)"):
        api.load_agent("mine", task="push-1block", weights=place)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", "abc"),
        ("seed", -1),
        ("seed", True),
        ("agent", 3),
        ("task", ["push-1block"]),
        ("task_version", "1"),
        ("preset", 3),
        ("step", "many"),
        ("dataset", 7),
        ("dataset", {"content_hash": 7}),
        ("config", "small"),
        ("sha256", [1]),
    ],
)
def test_a_field_of_another_type_is_refused(mine, tmp_path, field, value):
    place = mine(tmp_path, 0)
    path = place / "agent.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    for given in (place, tmp_path):
        with pytest.raises(CheckpointError, match=rf"agent\.json misstates {field}") as caught:
            api.load_agents("mine", task="push-1block", weights=given)
        assert "\n" not in str(caught.value)


def test_a_folder_named_after_another_seed_is_refused(mine, tmp_path):
    place = mine(tmp_path / "runs", 2)
    place.rename(place.with_name("seed1"))
    with pytest.raises(CheckpointError, match=r"holds training seed 2, and its name says 1"):
        api.load_agents("mine", task="push-1block", weights=tmp_path / "runs")


def test_a_training_seed_counts_once(mine, tmp_path):
    for name in ("seed01", "seed1"):
        mine(tmp_path / "runs", 1).rename(tmp_path / "runs" / f"{name}x")
    for name in ("seed01", "seed1"):
        (tmp_path / "runs" / f"{name}x").rename(tmp_path / "runs" / name)
    with pytest.raises(CheckpointError, match="both of training seed 1"):
        api.load_agents("mine", task="push-1block", weights=tmp_path / "runs")


def _on(dataset):
    return {"dataset": {"id": f"push-1block/{dataset}", "content_hash": dataset}}


def test_weights_of_one_dataset_among_several(mine, file, tmp_path):
    for seed, dataset in ((0, "play-v1"), (1, "late-v1"), (2, "late-v1")):
        mine(tmp_path / "flat", seed, **_on(dataset))
    for dataset in ("early-v1", "late-v1"):
        mine(tmp_path / "tree" / "mine" / "push-1block" / dataset, 0, **_on(dataset))

    def seeds(**where):
        return list(api.load_agents("mine", task="push-1block", **where))

    assert seeds(weights=tmp_path / "flat", dataset="push-1block/late-v1") == [1, 2]
    assert seeds(weights=tmp_path / "flat", dataset="late-v1@paper") == [1, 2]
    assert seeds(weights=tmp_path / "flat", seeds=[2]) == [2]
    with pytest.raises(CheckpointError, match=r"late-v1 \(seeds 1 2\) and play-v1 \(seed 0\): say"):
        seeds(weights=tmp_path / "flat")
    with pytest.raises(CheckpointError, match=r"play-v1 \(seed 0\), not on odd-v1"):
        seeds(weights=tmp_path / "flat", dataset="odd-v1")
    for root in (tmp_path / "tree", tmp_path / "tree" / "mine", tmp_path / "tree/mine/push-1block"):
        agents = api.load_agents("mine", task="push-1block", weights=root, dataset="late-v1")
        assert agents[0].source.dataset == "push-1block/late-v1"
    with pytest.raises(
        CheckpointError, match=r"early-v1 \(seed 0\) and late-v1 \(seed 0\): say which"
    ):
        seeds(weights=tmp_path / "tree")
    # What the task names needs no naming.
    mine(tmp_path / "tree" / "mine" / "push-1block" / "play-v1", 5, **_on("play-v1"))
    assert seeds(weights=tmp_path / "tree") == [5]
    record = api.evaluate("mine", SHORT, weights=tmp_path / "flat", dataset="late-v1", episodes=1)
    assert record.label == "mine (on late-v1)"


@pytest.mark.parametrize(
    ("given", "id"),
    [
        ("mixed-obs", "team-pushbox/mixed-obs-v1"),
        ("mixed-obs-v1", "team-pushbox/mixed-obs-v1"),
        ("medium@paper", "team-pushbox/medium-v1@paper"),
        ("team-spread/mixed-obs-v1", "team-spread/mixed-obs-v1"),
        ("mixed", "mixed"),
        ("there", "there"),
        (None, None),
    ],
)
def test_datasets_have_short_names_within_their_task(given, id, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dataset_of(tasks()["team-pushbox"], given) == id
    (tmp_path / "mixed-obs").mkdir()  # a folder of that name is meant
    assert dataset_of(tasks()["team-pushbox"], "mixed-obs") == "mixed-obs"


def test_weights_are_found_by_the_short_name(mine, tmp_path):
    mine(tmp_path / "runs", 0, **_on("play-v1"))
    found = api.load_agents("mine", task="push-1block", weights=tmp_path / "runs", dataset="play")
    assert found[0].source.dataset == "push-1block/play-v1"
    with pytest.raises(CheckpointError, match=r"trained on play-v1 .*not on noisy"):
        api.load_agents("mine", task="push-1block", weights=tmp_path / "runs", dataset="noisy")


def test_seeds_that_learned_from_other_content_are_no_seeds_of_one_result(mine, tmp_path):
    for seed, content in ((0, "a"), (1, "b")):
        named = {"id": "push-1block/play-v1", "content_hash": content}
        mine(tmp_path / "runs", seed, dataset=named)
    with pytest.raises(CheckpointError, match=r"seeds 0 and 1 .* different content.*--train-seeds"):
        api.load_agents("mine", task="push-1block", weights=tmp_path / "runs")
    one = api.load_agents("mine", task="push-1block", weights=tmp_path / "runs", seeds=[1])
    assert list(one) == [1]


def test_weights_in_folders_as_they_were_laid_before(mine, file, tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    mine(tmp_path / "data" / "weights" / "mine" / "push-1block", 3, **_on("play-v1"))
    mine(tmp_path / "own" / "mine" / "push-1block", 4, **_on("late-v1"))
    assert list(api.load_agents("mine", task="push-1block")) == [3]
    assert list(api.load_agents("mine", task="push-1block", weights=tmp_path / "own")) == [4]
    with pytest.raises(BenchError, match=r"unknown dataset 'push-1block/late-v1'.*play-v1"):
        api.load_agents("mine", task="push-1block", dataset="push-1block/late-v1")
    mine(tmp_path / "data" / "weights" / "mine" / "push-1block", 6, **_on("late-v1"))
    assert list(api.load_agents("mine", task="push-1block")) == [3]


def test_presets_that_are_not_there(file):
    with pytest.raises(BadValue, match=r"no preset 'smal'; it has .*Did you mean 'small'\?"):
        api.load_agents("hecrl", task="push-3blocks", preset="smal")
    for id in ("oracle", "random", f"{file}:Still"):
        with pytest.raises(BadValue, match="has no presets: leave out --preset tiny"):
            api.load_agents(id, task="push-1block", preset="tiny")


def test_zero_shot_says_where_the_weights_are_from(mine, file, tmp_path, monkeypatch):
    asked = {}

    class Wider:
        @classmethod
        def load(cls, folder, **kwargs):
            asked.update(kwargs)
            return api.Loaded(real(f"{file}:ready"), None)

    real = api.resolve
    monkeypatch.setattr(api, "resolve_agent", lambda _: Wider)
    place = mine(tmp_path, 0, task="push-1block")
    agent = api.load_agent("mine", task="push-2blocks", weights=place, weights_from="push-1block")
    assert asked["task"].id == "push-2blocks"
    task = dataclasses.replace(tasks()["push-2blocks"], horizon=2)
    assert api.evaluate(agent, task, episodes=1).label == "mine (trained on push-1block)"


def test_an_agent_that_is_taken_to_another_task_is_marked(mine, file, tmp_path, monkeypatch):
    class Wider:
        @classmethod
        def load(cls, folder, **kwargs):
            return api.Loaded(real(f"{file}:ready"), None)

    real = api.resolve
    monkeypatch.setattr(api, "resolve_agent", lambda _: Wider)
    agent = api.load_agent("mine", task="push-1block", weights=mine(tmp_path, 0))
    for id, label in (("push-1block", "mine"), ("push-2blocks", "mine (trained on push-1block)")):
        task = dataclasses.replace(tasks()[id], horizon=2)
        assert api.evaluate(agent, task, episodes=1).label == label


def test_arguments_that_cannot_be():
    with pytest.raises(BadValue, match="training seeds are different"):
        api.load_agents("random", task="push-1block", seeds=[1, 1])
    with pytest.raises(BadValue, match="has no weights: leave out --weights-from"):
        api.load_agents("random", task="push-1block", weights_from="push-2blocks")
    with pytest.raises(BadValue, match="choose weights for an agent's id"):
        api.evaluate(api.load_agent("random", task=SHORT), SHORT, training_seeds=[0])
    with pytest.raises(BadValue, match="unknown device 'gpu'"):
        api.load_agent("random", task=SHORT, device="gpu")


def test_the_gpu_that_is_not_there():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(BadValue, match="no GPU for device 'cuda'"):
        api.load_agent("random", task=SHORT, device="cuda")
    assert api.pick_device("auto") == "cpu"


def test_a_film_shows_the_evaluated_episodes(tmp_path):
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    from PIL import Image

    from entitybench.errors import RenderError
    from entitybench.leaderboard.evaluation.video import record_video

    agent = api.load_agent("oracle", task=SHORT)
    path = tmp_path / "film.mp4"
    try:
        files = record_video(agent, SHORT, path, seeds=(0, 1, 30), size=64)
    except RenderError as error:
        pytest.skip(str(error))
    assert files == [path, tmp_path / "film-sheet.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film-sheet.png", "film.mp4"]
    assert Image.open(files[1]).size == (8 * 64, 18 + 3 * (64 + 18))
    meta = next(imageio_ffmpeg.read_frames(str(path)))
    assert (meta["size"], meta["fps"]) == ((128, 64), 30)
    # Two blocks of episodes, SHORT.horizon + 1 states each of 0.1 s, and half a second at the end.
    states = 2 * (SHORT.horizon + 1)
    assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] == 3 * states + 2 * 15
    record_video(agent, SHORT, path, seeds=(0,), size=64, speed=2, view="side")
    frames = math.ceil(1.5 * (SHORT.horizon + 1)) + 15
    assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] == frames
    for wrong, words in (({"speed": 0}, "0.05 to 100 times"), ({"view": "below"}, "no view")):
        with pytest.raises(BadValue, match=words):
            record_video(agent, SHORT, path, **wrong)
    with pytest.raises(BadValue, match=r"an \.mp4 file"):
        record_video(agent, SHORT, tmp_path / "film.gif")
    with pytest.raises(BadValue, match="not negative"):
        record_video(agent, SHORT, path, seeds=())


def test_a_contact_sheet_goes_up_to_success_and_has_the_end():
    from entitybench.leaderboard.evaluation.sheet import SHOTS, Strip

    strip = Strip(seed=4)
    for step in range(701):
        strip.add(step, np.full((1, 1, 3), step % 256, np.uint8), success=step >= 331)
    labels = [label for label, _ in strip.shots()]
    assert len(labels) == SHOTS
    assert labels[0] == "step 0"
    assert labels[-2:] == ["step 331: success", "step 700: the end"]
    assert len(strip.kept) <= 64
    never = Strip(seed=4)
    for step in range(4):
        never.add(step, np.zeros((1, 1, 3), np.uint8), success=False)
    assert [label for label, _ in never.shots()] == [f"step {k}" for k in range(4)]


def test_actions_are_checked_in_the_real_world(file):
    class Loud:
        def initial_state(self, batch):
            return None

        def act(self, obs, state, rng):
            return np.full((len(obs["observation"]), 3), 0.5), state

    with pytest.raises(BadValue, match=r"shape \(25, 3\) at step 0; expected \(25, 2\)"):
        eb.evaluate(Loud(), SHORT, episodes=1)
