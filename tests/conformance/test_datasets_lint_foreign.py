"""`bench lint` over data of other projects: a planted copy of each published defect is found.

The data are those of a point that walks from a random start to a random place, as D4RL's maze2d and
antmaze have them: position and velocity, and a reward of 1 near a goal.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from entitybench.datasets.lint.api import lint
from entitybench.datasets.minari.defects import SourceDefect
from entitybench.datasets.minari.importer import import_minari
from entitybench.datasets.sampling.windows import WindowSampler
from entitybench.errors import BadValue, DataError

h5py = pytest.importorskip("h5py")
GOAL, RADIUS = np.array([1.0, -2.0]), 1.0
STEPS, EPISODES = 80, 40


@pytest.fixture(autouse=True)
def _roots(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def walk(rng, steps=STEPS):
    """States (steps + 1, 4) and actions (steps, 2) of one trajectory."""
    place, speed = rng.uniform(-8, 8, 2), np.zeros(2)
    target = rng.uniform(-8, 8, 2) if rng.random() < 0.3 else GOAL + rng.normal(size=2) / 2
    states, actions = [np.concatenate([place, speed])], []
    for _ in range(steps):
        push = np.clip(0.3 * (target - place) - 1.2 * speed + 0.1 * rng.normal(size=2), -1, 1)
        speed = speed + 0.1 * push
        place = place + 0.6 * speed
        states.append(np.concatenate([place, speed]))
        actions.append(push)
    return np.array(states, np.float32), np.array(actions, np.float32)


def near(states):
    return np.linalg.norm(states[..., :2] - GOAL, axis=-1) <= RADIUS


def walks(count=EPISODES, seed=0):
    """D4RL's flat arrays: rows (s, a, r) of whole trajectories with timeouts at their ends."""
    rng = np.random.default_rng(seed)
    parts = [walk(rng) for _ in range(count)]
    ends = np.arange(STEPS) == STEPS - 1
    return {
        "observations": np.concatenate([states[:-1] for states, _ in parts]),
        "next_observations": np.concatenate([states[1:] for states, _ in parts]),
        "actions": np.concatenate([actions for _, actions in parts]),
        "rewards": np.concatenate([near(states[1:]) for states, _ in parts]).astype(np.float32),
        "terminals": np.zeros(count * STEPS, bool),
        "timeouts": np.tile(ends, count),
    }


def write(path, arrays):
    """As D4RL's own scripts write their files."""
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip")
        file["metadata/algorithm"] = np.bytes_("SAC")
    return path


def found(report, check):
    return [finding for finding in report.findings if finding.check == check]


def test_clean_files_have_no_finding(tmp_path):
    arrays = walks()
    report = lint(write(tmp_path / "a.hdf5", arrays))
    assert report.findings == []
    assert (report.episodes, report.transitions) == (EPISODES, EPISODES * STEPS)
    del arrays["next_observations"]
    report = lint(write(tmp_path / "b.hdf5", arrays))
    assert report.findings == []
    assert report.transitions == EPISODES * (STEPS - 1)


def test_what_gives_nothing_to_judge_by_is_skipped(tmp_path):
    """One feature, no ends marked, rewards of any number, one episode: nothing of it is "done"."""
    arrays = walks()
    del arrays["next_observations"]
    arrays["timeouts"][:] = False
    arrays["observations"] = arrays["observations"][:, :1]
    arrays["rewards"] = arrays["actions"][:, 0]
    report = lint(write(tmp_path / "a.hdf5", arrays))
    assert report.checks["continuity"] == (
        "skipped: 1 of 1 features move smoothly, and two are needed"
    )
    assert report.checks["duplicates"] == "skipped: no two episodes of 5 steps or more"
    assert "no episode has a seed" in report.checks["starts"]
    assert report.checks["starts"].startswith("skipped")
    assert report.checks["boundaries"] == (
        "done: not in full: 1 episodes do not show whether one goes on in the next"
    )
    assert "one of two values" in report.checks["scores"]
    assert report.checks["replay"].startswith("skipped: not a task of ours")
    assert report.counts["failed"] == 0
    assert sum(report.counts.values()) == len(report.checks)


def test_d4rl_77_timeouts_beside_the_ends(tmp_path):
    """antmaze-v0: the flags are not where the trajectories end, and "next" states teleport."""
    arrays = walks()
    del arrays["next_observations"]
    arrays["timeouts"] = np.roll(arrays["timeouts"], 7)
    (finding,) = found(lint(write(tmp_path / "a.hdf5", arrays)), "continuity")
    assert finding.severity == "error"
    assert "timeouts" in finding.fix
    assert int(finding.what.split()[0]) > 10


def test_madiff_20_no_ends_at_all(tmp_path):
    """OMAR's MPE data: every `done` is 0, also at the last step."""
    arrays = walks()
    del arrays["next_observations"]
    arrays["timeouts"][:] = False
    (finding,) = found(lint(write(tmp_path / "a.hdf5", arrays)), "continuity")
    assert "lead from one motion into another" in finding.what


def test_d4rl_194_rewards_of_the_state_before(tmp_path):
    arrays = walks()
    arrays["rewards"] = near(arrays["observations"]).astype(np.float32)
    (finding,) = found(lint(write(tmp_path / "a.hdf5", arrays)), "scores")
    assert finding.severity == "error"
    assert "off by one step" in finding.what


def test_antmaze_terminals_that_are_no_ends(tmp_path):
    """antmaze: every state near the goal is a terminal, and the ant walks on."""
    arrays = walks()
    arrays["terminals"] = near(arrays["next_observations"])
    (finding,) = found(lint(write(tmp_path / "a.hdf5", arrays)), "boundaries")
    assert "begin where the one before ended" in finding.what


def test_og_marl_27_infinite_padding(tmp_path):
    arrays = walks()
    arrays["observations"][70:80, 3] = -np.inf
    report = lint(write(tmp_path / "a.hdf5", arrays))
    assert any("-inf" in finding.what for finding in found(report, "features"))
    assert report.errors


def test_gymnasium_robotics_155_rewards_of_zero(tmp_path):
    arrays = walks()
    arrays["rewards"][:] = 0
    (finding,) = found(lint(write(tmp_path / "a.hdf5", arrays)), "features")
    assert (finding.severity, finding.where) == ("warning", "rewards")
    assert "nothing in it ever changes" in finding.what


def test_the_same_trajectories_twice(tmp_path):
    arrays = {name: np.concatenate([array, array]) for name, array in walks(5).items()}
    (finding,) = found(lint(write(tmp_path / "a.hdf5", arrays)), "duplicates")
    assert finding.what.startswith("5 episodes repeat")


# The same through Minari


def episodes(count=EPISODES, seed=1):
    """Goal data as Minari's port of D4RL holds them."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        states, actions = walk(rng)
        goal = np.broadcast_to(GOAL, (STEPS + 1, 2)).astype(np.float32)
        yield {
            "id": index,
            "seed": index,
            "observations": {
                "observation": states,
                "achieved_goal": states[:, :2],
                "desired_goal": goal,
            },
            "actions": actions,
            "rewards": near(states[1:]).astype(np.float32),
            "terminations": np.zeros(STEPS, bool),
            "truncations": np.arange(STEPS) == STEPS - 1,
            "infos": {"success": near(states)},
        }


def collect(name, buffers, scores=(0.0, 80.0)):
    minari = pytest.importorskip("minari")
    from gymnasium import spaces
    from minari.data_collector import EpisodeBuffer

    def box(size, limit=np.inf):
        return spaces.Box(-limit, limit, (size,), np.float32)

    space = {"observation": box(4), "achieved_goal": box(2), "desired_goal": box(2)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = minari.create_dataset_from_buffers(
            name,
            [EpisodeBuffer(**buffer) for buffer in buffers],
            observation_space=spaces.Dict(space),
            action_space=box(2, 1.0),
        )
    # Minari takes them as arguments only where there is an environment.
    data.storage.update_metadata({"ref_min_score": scores[0], "ref_max_score": scores[1]})
    return data


def test_clean_minari_data_have_no_finding(tmp_path):
    collect("d4rl/walk-v0", episodes())
    report = lint("d4rl/walk-v0")
    assert report.findings == []
    assert report.checks["actions"] == "done"
    assert report.checks["references"] == "done"
    assert lint(tmp_path / "minari" / "d4rl" / "walk-v0").findings == []


def test_d4rl_194_with_goals(tmp_path):
    buffers = list(episodes())
    for buffer in buffers:
        buffer["rewards"] = near(buffer["observations"]["observation"][:-1]).astype(np.float32)
    collect("d4rl/walk-v0", buffers)
    (finding,) = found(lint("d4rl/walk-v0"), "scores")
    assert finding.severity == "error"
    assert "off by one step" in finding.what


def test_d4rl_199_success_given_once_only(tmp_path):
    buffers = list(episodes())
    for buffer in buffers[: EPISODES // 2]:
        buffer["rewards"][np.flatnonzero(buffer["rewards"])[1:]] = 0
    collect("d4rl/walk-v0", buffers)
    (finding,) = found(lint("d4rl/walk-v0"), "scores")
    assert "have no reward" in finding.what


def test_d4rl_215_an_expert_worse_than_the_data(tmp_path):
    collect("d4rl/walk-v0", episodes(), scores=(0.0, 5.0))
    (finding,) = found(lint("d4rl/walk-v0"), "references")
    assert "lies above the expert's 5" in finding.what


def test_actions_outside_their_space(tmp_path):
    buffers = list(episodes())
    buffers[3]["actions"][5] = 1.7
    collect("d4rl/walk-v0", buffers)
    (finding,) = found(lint("d4rl/walk-v0"), "actions")
    assert "episode 3, step 5" in finding.where


def test_a_truncation_in_the_middle(tmp_path):
    buffers = list(episodes())
    buffers[0]["truncations"][20] = True
    collect("d4rl/walk-v0", buffers)
    (finding,) = lint("d4rl/walk-v0").findings
    assert (finding.check, finding.severity) == ("source", "warning")
    assert "go on after a truncation" in finding.what


def test_combined_data_without_seeds(tmp_path):
    minari = pytest.importorskip("minari")
    parts = [
        collect("d4rl/one-v0", episodes(20)),
        collect("d4rl/two-v0", episodes(20, 5)),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.combine_datasets(parts, "d4rl/both-v0")
    assert any("without seeds" in f.what for f in lint("d4rl/both-v0").findings)


def test_images_as_jpeg(tmp_path):
    minari = pytest.importorskip("minari")
    from gymnasium import spaces
    from minari.data_collector import EpisodeBuffer

    frames = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)
    buffer = EpisodeBuffer(
        id=0,
        seed=0,
        observations=frames,
        actions=np.arange(8) % 3,
        rewards=np.arange(8.0),
        terminations=np.arange(8) == 7,
        truncations=np.zeros(8, bool),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers(
            "some/frames-v0",
            [buffer],
            observation_space=spaces.Box(0, 255, (64, 64, 3), np.uint8),
            action_space=spaces.Discrete(3),
        )
    assert any("JPEG" in finding.what for finding in lint("some/frames-v0").findings)


# D4RL's layout


def test_d4rl_import_gives_the_transitions_of_d4rl(tmp_path):
    """The same as D4RL's own `qlearning_dataset` and `sequence_dataset` make of the file."""
    arrays = {**walks(4), "infos/qpos": np.arange(4.0 * STEPS)[:, None]}
    arrays["terminals"][[30, 90]] = True
    del arrays["next_observations"]
    store = import_minari(write(tmp_path / "toy-v2.hdf5", arrays), tmp_path / "a")
    assert store.manifest["behaviour"] == "SAC"
    assert store.id == "toy-v2"
    # Ends: terminal 30, timeout 79, terminal 90, timeouts 159, 239, 319.
    assert store.lengths.tolist() == [31, 48, 11, 68, 79, 79]
    ours, theirs = [], []
    for index in range(len(store)):
        part = store.episode(index)
        ours += zip(
            part["observations"][:-1],
            part["actions"],
            part["rewards"],
            part["masks"],
            part["infos.qpos"],
            strict=False,
        )
    for row in range(319):  # their loop: the rows of timeouts are dropped
        if not arrays["timeouts"][row]:
            names = ("observations", "actions", "rewards")
            theirs.append(
                (
                    *(arrays[name][row] for name in names),
                    not arrays["terminals"][row],
                    arrays["infos/qpos"][row],
                )
            )
    assert len(ours) == len(theirs) == 316
    for one, other in zip(ours, theirs, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_d4rl_next_observations_are_the_last_states(tmp_path):
    arrays = walks(3)
    store = import_minari(write(tmp_path / "a.hdf5", arrays), tmp_path / "a")
    last = arrays["next_observations"][STEPS - 1 :: STEPS]
    assert np.array_equal(store.observations[store.offsets[1:] - 1], last)
    assert store.lengths.tolist() == [STEPS] * 3
    first = arrays["rewards"][:STEPS].sum()
    assert store.episodes[0]["return"] == first


def test_d4rl_shapes_of_older_files(tmp_path):
    """Columns (N, 1), no timeouts, terminals as numbers; the rest of a cut trajectory is kept."""
    arrays = walks(2)
    for name in ("rewards", "terminals"):
        arrays[name] = arrays[name].astype(np.float32)[:, None]
    arrays["terminals"][STEPS - 1] = 1
    del arrays["timeouts"], arrays["next_observations"]
    with pytest.warns(UserWarning, match="no timeouts"):
        store = import_minari(write(tmp_path / "a.hdf5", arrays), tmp_path / "a")
    assert store.lengths.tolist() == [STEPS, STEPS - 1]
    assert store.columns["masks"][[STEPS - 1, STEPS]].tolist() == [False, False]
    assert store.columns["rewards"].shape == (2 * STEPS + 1,)


def test_d4rl_files_without_timeouts_are_cut_at_a_named_horizon(tmp_path):
    """As D4RL's `sequence_dataset` cuts them at the limit of the environment."""
    arrays = walks(4)
    del arrays["next_observations"], arrays["timeouts"]
    arrays["terminals"][[30, 90]] = True
    path = write(tmp_path / "a.hdf5", arrays)
    store = import_minari(path, tmp_path / "a", horizon=STEPS)
    ends, step = [], 0  # their loop
    for row, terminal in enumerate(arrays["terminals"]):
        step += 1
        if terminal or step == STEPS:
            ends.append((row, terminal, step))
            step = 0
    lengths = [step if terminal else step - 1 for _, terminal, step in ends]
    assert store.lengths.tolist() == [*lengths, 4 * STEPS - ends[-1][0] - 2]
    with pytest.raises(BadValue, match="no D4RL file"):
        import_minari(write(tmp_path / "c.npz", arrays), tmp_path / "b", horizon=STEPS)


def test_d4rl_ends_without_a_flag_are_found_by_the_next_observations(tmp_path):
    arrays = walks(6)
    whole = import_minari(write(tmp_path / "whole.hdf5", arrays), tmp_path / "whole")
    arrays["timeouts"][[2 * STEPS - 1, 4 * STEPS - 1]] = False  # two of six are not marked
    path = write(tmp_path / "a.hdf5", arrays)
    with pytest.warns(SourceDefect, match="2 trajectories of a.hdf5 end without a flag") as caught:
        store = import_minari(path, tmp_path / "a")
    assert "next observation of row 159" in str(caught[0].message)
    assert store.lengths.tolist() == [STEPS] * 6
    for name in whole.columns:
        assert np.array_equal(store.columns[name], whole.columns[name]), name
    (finding,) = lint(path).findings
    assert (finding.check, finding.severity) == ("source", "warning")
    arrays["next_observations"] += np.float32(1e-7)  # rounding is no end
    arrays["timeouts"] = walks(6)["timeouts"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(import_minari(write(tmp_path / "b.hdf5", arrays), tmp_path / "b")) == 6
    arrays["next_observations"] = arrays["next_observations"][:, :2]
    with pytest.raises(DataError, match=r"next_observations are of the shape \(480, 2\)"):
        import_minari(write(tmp_path / "c.hdf5", arrays), tmp_path / "c")


def test_d4rl_ends_without_a_flag_are_found_by_the_horizon(tmp_path):
    arrays = walks(8)
    del arrays["next_observations"]
    marked = import_minari(write(tmp_path / "whole.hdf5", arrays), tmp_path / "whole")
    arrays["timeouts"][[2 * STEPS - 1, 4 * STEPS - 1]] = False
    path = write(tmp_path / "a.hdf5", arrays)
    with pytest.warns(SourceDefect, match=f"2 trajectories .* more than the {STEPS} steps of its"):
        store = import_minari(path, tmp_path / "a")
    assert store.lengths.tolist() == marked.lengths.tolist() == [STEPS - 1] * 8
    assert np.array_equal(store.observations, marked.observations)
    # Timeouts after any number of steps, as maze2d's, show no limit; a named one is believed.
    arrays["timeouts"] = np.isin(np.arange(8 * STEPS), [99, 299, 349, 8 * STEPS - 1])
    path = write(tmp_path / "b.hdf5", arrays)
    with pytest.warns(UserWarning, match="transitions of b.hdf5 jump .* no end is marked there"):
        assert import_minari(path, tmp_path / "b").lengths.tolist() == [99, 199, 49, 289]
    with pytest.warns(SourceDefect, match="2 trajectories .* more than the 160 steps of --horizon"):
        store = import_minari(path, tmp_path / "c", horizon=160)
    assert store.lengths.tolist() == [99, 159, 39, 49, 159, 129]


def test_d4rl_half_marked_timeouts_show_the_limit(tmp_path):
    """Six of ten are marked: all of the lengths that they leave are multiples of the limit."""
    arrays = walks(10)
    del arrays["next_observations"]
    marked = np.array([0, 2, 3, 6, 7, 9])
    arrays["timeouts"] = np.isin(np.arange(10 * STEPS), (marked + 1) * STEPS - 1)
    path = write(tmp_path / "a.hdf5", arrays)
    with pytest.warns(SourceDefect, match=f"4 trajectories .* more than the {STEPS} steps of its"):
        store = import_minari(path, tmp_path / "a")
    assert store.lengths.tolist() == [STEPS - 1] * 10


def test_d4rl_ends_that_nothing_shows_are_told(tmp_path):
    """Timeouts that mark where one motion goes on, or observations that do not move smoothly."""
    rng = np.random.default_rng(0)
    arrays = {name: array[: 4 * STEPS] for name, array in walks(4).items()}
    del arrays["next_observations"]
    states, _ = walk(rng, 4 * STEPS)
    turn = np.linspace(0, 40, len(states))
    states[:, :2] = 8 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    arrays["observations"] = states[:-1]
    arrays["timeouts"] = np.isin(np.arange(4 * STEPS), [49, 149, 210])
    path = write(tmp_path / "a.hdf5", arrays)
    with pytest.warns(UserWarning, match=r"not be checked \(0 of 3 marked ends show as a jump\)"):
        assert import_minari(path, tmp_path / "a").lengths.tolist() == [49, 99, 60, 108]
    arrays["observations"] = rng.normal(size=(4 * STEPS, 4))
    path = write(tmp_path / "b.hdf5", arrays)
    with pytest.warns(UserWarning, match=r"not be checked \(0 of 4 features move smoothly"):
        import_minari(path, tmp_path / "b")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import_minari(path, tmp_path / "c", horizon=150)


def test_files_that_are_no_d4rl(tmp_path):

    (tmp_path / "text.hdf5").write_text("no")
    with h5py.File(tmp_path / "less.hdf5", "w") as file:
        file["observations"] = np.zeros((3, 2))
    arrays = walks(1)
    arrays["rewards"] = arrays["rewards"][:-1]
    write(tmp_path / "short.hdf5", arrays)
    for name, words in (
        ("text", "no HDF5 file"),
        ("less", "no actions, rewards, terminals"),
        ("short", "not as many numbers in rewards"),
        ("none", "no file"),
    ):
        with pytest.raises(DataError, match=words):
            import_minari(tmp_path / f"{name}.hdf5", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_masks_and_rewards_of_an_ogbench_single_task(tmp_path):
    """The masks of the file are the store's, and padding steps of windows are zeros."""
    rng = np.random.default_rng(0)
    parts = [walk(rng, 10) for _ in range(2)]
    reached = np.zeros(22, np.float32)
    reached[[3, 4, 5, 14, 15, 16]] = 1  # six rewarded transitions, and the episodes go on
    arrays = {
        "observations": np.concatenate([states for states, _ in parts]),
        "actions": np.concatenate([np.append(actions, [[0, 0]], 0) for _, actions in parts]),
        "terminals": np.isin(np.arange(22), [10, 21]).astype(np.float32),
        "rewards": reached - 1,
        "masks": 1 - reached,
    }
    path = tmp_path / "toy-singletask-v0.npz"
    np.savez(path, **arrays)
    store = import_minari(path, tmp_path / "a")
    steps = arrays["terminals"] == 0
    assert np.array_equal(store.columns["masks"][steps], 1 - reached[steps])
    assert np.array_equal(store.columns["rewards"][steps], reached[steps] - 1)
    assert not store.columns["masks"][~steps].any()
    assert not store.columns["rewards"][~steps].any()
    batch = WindowSampler(store, 4, pad="end").sample(64, np.random.default_rng(0))
    outside = ~batch["valid"]
    assert outside.any()
    for name in ("rewards", "masks", "actions"):
        assert not batch[name][outside].any(), name
    assert not [f for f in lint(path).findings if f.check == "boundaries"]
    # As OGBench's loader gives it: the state after each action, and no row for the last one.
    flat = {name: array[steps] for name, array in arrays.items()}
    flat["next_observations"] = arrays["observations"][np.flatnonzero(steps) + 1]
    flat["terminals"] = np.isin(np.arange(20), [9, 19]).astype(np.float32)
    np.savez(tmp_path / "flat.npz", **flat)
    same = import_minari(tmp_path / "flat.npz", tmp_path / "flat")
    assert all(np.array_equal(same.columns[n], store.columns[n]) for n in store.columns)
    flat["terminals"][9] = 0
    np.savez(tmp_path / "flat.npz", **flat)
    with pytest.warns(SourceDefect, match="1 trajectories of flat.npz end without a flag"):
        split = import_minari(tmp_path / "flat.npz", tmp_path / "split")
    assert split.lengths.tolist() == [10, 10]
    assert np.array_equal(split.observations, store.observations)
    for bad in (np.full(22, 0.5), np.ones((22, 2))):
        np.savez(path, **{**arrays, "masks": bad})
        with pytest.raises(DataError, match="masks are one 0 or 1 a row"):
            import_minari(path, tmp_path / "b")


def test_ogbench_import_gives_the_transitions_of_ogbench(tmp_path):
    """Against OGBench's own loader, on a file as its scripts write it."""
    utils = pytest.importorskip("ogbench.utils")
    rng = np.random.default_rng(0)
    parts = [walk(rng, steps) for steps in (12, 20)]
    terminals = [np.arange(len(states)) == len(states) - 1 for states, _ in parts]
    np.savez_compressed(
        tmp_path / "toy-navigate-v0.npz",
        observations=np.concatenate([states for states, _ in parts]),
        actions=np.concatenate([np.append(actions, [[9, 9]], 0) for _, actions in parts]).astype(
            np.float32
        ),
        terminals=np.concatenate(terminals),
        qpos=np.concatenate([states[:, :2] for states, _ in parts]),
    )
    theirs = utils.load_dataset(str(tmp_path / "toy-navigate-v0.npz"), add_info=True)
    store = import_minari(tmp_path / "toy-navigate-v0.npz", tmp_path / "a")
    is_step = ~store.columns["terminals"]
    for name, ours in (
        ("observations", store.observations[is_step]),
        ("next_observations", store.observations[np.flatnonzero(is_step) + 1]),
        ("actions", store.actions[is_step]),
        ("qpos", store.columns["qpos"][is_step]),
    ):
        assert np.array_equal(ours, theirs[name]), name
    assert lint(tmp_path / "toy-navigate-v0.npz").findings == []

    # The second file of theirs is the second split.
    arrays = dict(np.load(tmp_path / "toy-navigate-v0.npz"))
    np.savez(tmp_path / "toy-navigate-v0-val.npz", **{n: a[:13] for n, a in arrays.items()})
    both = import_minari(tmp_path / "toy-navigate-v0.npz", tmp_path / "both")
    assert both.manifest["splits"] == {"train": [0, 2], "validation": [2, 3]}
    assert np.array_equal(both.split("train").observations, store.observations)
    theirs = utils.load_dataset(str(tmp_path / "toy-navigate-v0-val.npz"))
    part = both.split("validation").episode(0)
    assert np.array_equal(part["observations"][1:], theirs["next_observations"])
    assert np.array_equal(part["actions"], theirs["actions"])
    assert both.id == "toy-navigate-v0"
    alone = import_minari(tmp_path / "toy-navigate-v0-val.npz", tmp_path / "alone")
    assert alone.manifest["splits"] == {"train": [0, 1]}
    del arrays["qpos"]
    np.savez(tmp_path / "toy-navigate-v0-val.npz", **arrays)
    with pytest.raises(DataError, match="other qpos"):
        import_minari(tmp_path / "toy-navigate-v0.npz", tmp_path / "none")
