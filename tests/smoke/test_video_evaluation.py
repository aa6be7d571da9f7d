"""Videos are filmed afresh for each evaluation, whichever kinds their task has besides."""

import json

import numpy as np
import pytest

from entitybench.envs.drawing import gl
from entitybench.errors import BadValue, BenchError, RenderError
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation.api import evaluate
from entitybench.leaderboard.evaluation.evaluate import Options
from entitybench.leaderboard.evaluation.filming import PREDICTED, clips_of
from entitybench.leaderboard.evaluation.provenance import Source
from entitybench.leaderboard.evaluation.strips import coloured, views_of
from entitybench.leaderboard.tables.data import by_seed
from entitybench.registry import dataset_for, datasets, tasks

TASK = "hockey-mallets-2"
SOURCE = Source(id="one", kind="video")

try:
    gl.make_context(8, 8).free()
except RenderError as error:
    pytest.skip(str(error), allow_module_level=True)


class Knows:
    """Says what it was shown."""

    source = SOURCE

    def roll_out(self, clips, actions, rng):
        assert clips.shape == (25, PREDICTED + 1, 64, 64, 3)
        assert actions.shape == (25, PREDICTED, 2)
        return clips[:, 1:]

    def masks(self, clips):
        return np.abs(clips.astype(int) - clips[:, :1, :1, :1]).argmax(-1)


class Tells(Knows):
    """Moves mallet g, whose latent action is the true one, out of the frame."""

    def __init__(self):
        self.asked = 0

    def masks(self, clips):
        return (clips[..., 2] > clips[..., 0]).astype(int)

    def latents(self, clips, actions):
        self.asked += 1
        return actions[..., None]

    def edited(self, clips, actions, steps, rng):
        assert steps == 5
        plain = clips[:, steps]
        grey = np.median(plain, axis=(1, 2))[:, None, None]
        found = []
        for channel in (0, 2):  # red, and blue
            others = np.delete(plain.astype(int), channel, -1).max(-1)
            own = plain[..., channel] > others + 60
            found.append(np.where(own[..., None], grey, plain))
        return np.stack(found, axis=1).astype(np.uint8)


class Noise:
    source = SOURCE

    def roll_out(self, clips, actions, rng):
        noise = rng.integers(0, 256, clips[:, 0].shape).astype(np.uint8)
        return np.where(clips[:, 1:] > 128, noise[:, None], clips[:, 1:])


def rows(record):
    return [(row.training_seed, row.item, row.values, row.digest) for row in record.rows]


def test_the_truth_is_without_error():
    record = evaluate(Knows(), TASK, episodes=3)
    assert (record.kind, record.item, record.task.kind) == ("video", "clip", "team-control")
    for name, value in {"psnr": 100, "dynamic_psnr": 100, "ssim": 1, "psnr_7": 100}.items():
        assert record.columns.values[name] == pytest.approx([value] * 3)
    assert max(record.columns.values["mover_error"]) < 0.7  # pixels, of what hides behind others
    assert min(record.columns.values["fg_ari"]) > 0.2  # by colour: mallets have two


def test_latent_actions_are_probed_and_edited():
    agent = Tells()
    record = evaluate(agent, TASK, episodes=30, threads=1)
    assert agent.asked == 4  # two blocks, and two that probes are fitted on
    values = record.columns.values
    assert np.mean(values["probe"]) > 0.35  # commands lie on a line: a linear map reads its ends
    assert all(x is not None for x in values["probe_slot"])
    assert np.mean(values["edit_moves"]) > 5  # out of sight
    assert np.mean([x for x in values["edit_leaks"] if x is not None]) < 0.3
    one = evaluate(Tells(), TASK, episodes=1, episode_seed=29)
    assert rows(one) == rows(record)[29:]
    none = evaluate(Knows(), TASK, episodes=1).columns.values
    assert none["probe"] == none["edit_leaks"] == [None]


def test_a_frame_that_is_repeated_gets_worse_with_time():
    values = evaluate("copy-frame", TASK, episodes=6).columns.values
    first, last = np.mean(values["psnr_1"]), np.mean(values["psnr_10"])
    assert first > last + 1
    assert np.mean(values["mover_error"]) > 2
    assert values["fg_ari"] == [None] * 6


def test_number_of_clips_threads_and_shards_change_no_row():
    whole = rows(evaluate(Noise(), TASK, episodes=28, threads=1))
    assert rows(evaluate(Noise(), TASK, episodes=28, threads=2)) == whole
    assert rows(evaluate(Noise(), TASK, episodes=2)) == whole[:2]
    assert rows(evaluate(Noise(), TASK, episodes=1, episode_seed=27)) == whole[27:28]
    assert len({row[-1] for row in whole}) == 28


def test_clips_are_those_of_their_episodes_and_begin_in_motion():
    task = tasks()[TASK]
    both = clips_of(task, (4, 9), Options(), lambda _: None)
    alone = clips_of(task, (9,), Options(), lambda _: None)
    for name in ("frames", "masks", "actions"):
        np.testing.assert_array_equal(getattr(both, name)[1:], getattr(alone, name))
    assert set(np.unique(both.masks)) == {-1, 0, 1, 2}  # two mallets and the puck
    assert (both.frames[:, 1] != both.frames[:, 0]).any((1, 2, 3)).all()
    other = clips_of(task, (4, 9), Options(bank="perturbed:colour"), lambda _: None)
    assert (other.frames != both.frames).any()


@pytest.mark.parametrize("task", [task.id for task in tasks() if "video" in task.also])
def test_the_data_are_those_that_frames_are_drawn_from(task):
    assert datasets()[dataset_for(tasks()[task], "video")].video
    shown = clips_of(tasks()[task], (0,), Options(), lambda _: None)
    assert (shown.masks >= 0).any((2, 3)).all()
    assert len(np.unique(shown.frames[0], axis=0)) > 1  # something moves


def test_frames_of_another_shape_and_agents_that_fail_are_told_in_one_line():
    class Small(Knows):
        def roll_out(self, clips, actions, rng):
            return clips[:, 1:, ::2, ::2]

    class Floats(Knows):
        def roll_out(self, clips, actions, rng):
            return clips[:, 1:] / 255

    class Masks(Knows):
        def masks(self, clips):
            return np.zeros((25, PREDICTED + 1, 8, 8), int)

    class Latents(Knows):
        def latents(self, clips, actions):
            return actions

    class Few(Knows):
        def latents(self, clips, actions):
            return actions[..., None]

    class Edits(Knows):
        def edited(self, clips, actions, steps, rng):
            return clips[:, steps]

    class Raises(Knows):
        def roll_out(self, clips, actions, rng):
            raise RuntimeError("no idea")

    shape = r"\(25, 10, 64, 64, 3\)"
    for agent, line in (
        (Small(), rf"frames of one are uint8 of .*; expected uint8 of {shape}"),
        (Floats(), rf"frames of one are float64 .*; expected uint8 of {shape}"),
        (Masks(), r"masks of one are int64 of .*8, 8\); expected whole numbers of \(25, 11, 64,"),
        (Latents(), r"latents of one are float64 of .*10, 2\); expected numbers of \(25, 10, 2\)"),
        (Few(), r"one has a slot 2 and the latent actions of 2 factors: slot g has that of fac"),
        (Edits(), r"edits of one are uint8 of .*expected uint8 of \(25, 64, 64, 64, 3\)"),
        (Raises(), "one raised RuntimeError: no idea"),
    ):
        with pytest.raises(BenchError, match=line) as caught:
            evaluate(agent, TASK, episodes=1)
        assert "\n" not in str(caught.value)
    record = evaluate(Raises(), TASK, episodes=2, failures="record")
    assert record.failures() == {"infrastructure": 0, "policy": 2}
    assert np.isnan(by_seed(record, "psnr")).all()


def test_agents_and_tasks_of_other_kinds_are_refused_in_one_line():
    for agent, task, line in (
        ("copy-frame", "hopper", "copy-frame is for video tasks, and hopper is reward-control"),
        ("bc", "reason-track-1", "bc"),
    ):
        with pytest.raises(BadValue, match=line):
            evaluate(agent, task, episodes=1)


def test_it_is_evaluated_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = f"eval --agent copy-frame --task {TASK} --episodes 2 --out a.json"
    assert main(words.split()) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("PSNR where something moved", "SSIM", "FG-ARI"))
    record = json.loads((tmp_path / "a.json").read_text())
    assert (record["kind"], record["item"]) == ("video", "clip")
    assert main(["table", "a.json", "--columns", "psnr_1", "psnr_10"]) == 0
    assert "PSNR of frame 10" in capsys.readouterr().out


def test_clips_are_filmed_beside_what_is_predicted(tmp_path, monkeypatch, capsys):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    words = f"eval --agent copy-frame --task {TASK} --episodes 2 --video"
    assert main([*words.split(), "--out", "a.json"]) == 0
    frames, _ = ffmpeg.count_frames_and_secs("a.mp4")
    assert frames >= PREDICTED + 1
    size = image.open("a-sheet.png").size
    assert size == (96 + (PREDICTED + 1) * 64, 20 + 4 * (20 + 2 * 64))  # true and predicted
    for more, line in (("--size 100", "multiple of 64"), ("--view side", "means nothing for cl")):
        assert main([*words.split(), *more.split(), "--out", "b.json"]) == 2
        assert line in capsys.readouterr().err


def test_all_that_an_agent_has_is_in_the_strip():
    class Whole(Tells):
        def rebuilt(self, clips):
            return clips // 2

        def roll_out(self, clips, actions, rng):
            return clips[:, 1:]

        def edited(self, clips, actions, steps, rng):
            return np.stack([clips[:, steps] // (g + 3) for g in range(2)], axis=1)

    shown = clips_of(tasks()[TASK], (0, 1), Options(), lambda _: None)
    views = views_of(Whole(), shown, (0, 1))
    assert list(views) == ["true", "rebuilt", "predicted", "slots", "edit 1", "edit 2"]
    assert {frames.shape for frames in views.values()} == {shown.frames.shape}
    assert {frames.dtype for frames in views.values()} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(views["edit 2"][:, 1:], shown.frames[:, 1:] // 4)
    np.testing.assert_array_equal(views["edit 2"][:, 0], shown.frames[:, 0])
    assert len(np.unique(coloured(np.arange(9)), axis=0)) == 9
