"""Policies that are files or servers: ONNX, TorchScript, Stable-Baselines3, HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served import ACT, server

import entitybench as eb
from entitybench import registry
from entitybench.agents.policies.sight import Sight
from entitybench.agents.policies.wire import packed, unpacked
from entitybench.errors import BadValue, BenchError, OutOfReach, UnknownId
from entitybench.forms import FORMS, form_of, short
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.tables.merge import key_of
from entitybench.seeding import BatchGenerator, generator

TASK = "push-1block"
BRIEF = {"episodes": 1, "threads": 1, "latency": False}


def sight(task: str = TASK) -> Sight:
    return Sight.of(registry.tasks()[task])


def observation(task: str = TASK, batch: int = 3) -> dict[str, Any]:
    """Numbers of the right shapes, and what is privileged beside them."""
    rng = generator(0, "observation")
    parts = {
        name: rng.normal(size=(batch, *shape)).astype(np.float32)
        for name, shape in sight(task).parts.items()
    }
    return {**parts, "state": np.zeros((batch, 5)), "goal_state": np.zeros((batch, 5))}


def acted(agent: str, obs: dict[str, Any], task: str = TASK) -> np.ndarray:
    policy = eb.load_agent(agent, task=task).policy()
    batch = len(obs["observation"])
    rng = BatchGenerator([generator(row) for row in range(batch)])
    return policy.act(obs, policy.initial_state(batch), rng)[0]


def test_a_form_is_told_by_suffix_or_scheme() -> None:
    named = {form.id: form.suffix or form.schemes for form in FORMS}
    assert len(set(named.values())) == len(FORMS)
    for name, form in [
        ("runs/a.onnx", "onnx"),
        ("A.PT", "torchscript"),
        ("my.zip", "sb3"),
        ("https://host/path", "http"),
        ("gcbc", None),
        ("onnx", None),
        ("my.py:Class", None),
    ]:
        found = form_of(name)
        assert (found and found.id) == form
    assert short("runs/far/a.onnx") == "a.onnx"
    assert short("http://name:secret@127.0.0.1:9000/policy") == "127.0.0.1:9000"
    assert short("runs/my.py:Class") == "runs/my.py:Class"
    with pytest.raises(BadValue, match="http:// or https://"):
        registry.agent("ftp://host")
    with pytest.raises(UnknownId, match="unknown agent"):
        registry.agent("no_such_module:Class")


def test_a_class_is_named_by_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "import numpy as np\n"
        "class Still:\n"
        "    def initial_state(self, batch): return None\n"
        "    def act(self, obs, state, rng): return np.zeros((len(obs['observation']), 2)), state\n"
    )
    (tmp_path / "still_policies.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert eb.evaluate("still_policies:Still", TASK, **BRIEF).agent.id == "still_policies:Still"
    with pytest.raises(UnknownId, match="no 'Stil'"):
        eb.load_agent("still_policies:Stil", task=TASK)


def test_policies_see_what_environments_show() -> None:
    assert list(sight().shown(observation())) == ["achieved_goal", "desired_goal", "observation"]
    flat = sight().flat(observation())
    assert flat.shape == (3, sight().size)
    assert np.array_equal(
        flat[:, : sight().size // 3], observation()["achieved_goal"].reshape(3, -1)
    )
    assert sight().actions(np.zeros((3, 2, 1)), 3, "it").shape == (3, 2)
    with pytest.raises(BadValue, match=r"answers 3 observations with .* takes 2 numbers"):
        sight().actions(np.zeros((3, 4)), 3, "it")
    assert len(sight("hockey-2v2").action) == 2


# --- ONNX


def onnx_file(path: Path, inputs: dict[str, tuple[Any, ...]], size: int, actions: int = 2) -> str:
    """tanh(W x), x all inputs as rows of numbers, next to each other; W is 0.1."""
    onnx = pytest.importorskip("onnx", reason="pip install -e '.[dev]'")
    pytest.importorskip("onnxruntime", reason="pip install -e '.[onnx]'")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = onnx.numpy_helper.from_array(np.full((size, actions), 0.1, np.float32), "weights")
    nodes = [make.make_node("Flatten", [name], [f"{name}_flat"]) for name in inputs]
    nodes += [
        make.make_node("Concat", [f"{name}_flat" for name in inputs], ["all"], axis=1),
        make.make_node("MatMul", ["all", "weights"], ["sum"]),
        make.make_node("Tanh", ["sum"], ["action"]),
    ]
    graph = make.make_graph(
        nodes,
        "policy",
        [make.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [make.make_tensor_value_info("action", kind, (None, actions))],
        [weights],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return str(path)


def test_an_onnx_graph_acts(tmp_path: Path) -> None:
    obs, size = observation(), sight().size
    one = onnx_file(tmp_path / "one.onnx", {"input": ("b", size)}, size)
    wanted = np.tanh(0.1 * sight().flat(obs).sum(axis=1))
    assert acted(one, obs)[:, 1] == pytest.approx(wanted, abs=1e-5)
    parts = {name: ("b", *shape) for name, shape in sight().parts.items()}
    assert acted(onnx_file(tmp_path / "parts.onnx", parts, size), obs)[:, 0] == pytest.approx(
        wanted, abs=1e-5
    )
    record = eb.evaluate(one, TASK, **BRIEF)
    sha = hashlib.sha256(Path(one).read_bytes()).hexdigest()
    assert record.agent.config == {"form": "onnx", "file": "one.onnx", "sha256": sha}
    assert record.label == "one.onnx"
    elsewhere = record.agent.model_copy(update={"id": "other/one.onnx"})
    assert key_of(record) != key_of(record.model_copy(update={"agent": elsewhere}))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"input": ("b", 7)}, r"has the shape \(b, 7\), and push-1block shows it \(batch, "),
        ({"input": (1, sight().size)}, "takes 1 observations at a time"),
        ({"observation": ("b", 2)}, "has the shape"),
        ({"state": ("b", 5), "observation": ("b", 2, 9)}, "has the inputs state, observation"),
    ],
)
def test_onnx_graphs_that_do_not_fit(
    tmp_path: Path, inputs: dict[str, tuple[Any, ...]], words: str
) -> None:
    sizes = [math.prod(n if isinstance(n, int) else 1 for n in x[1:]) for x in inputs.values()]
    path = onnx_file(tmp_path / "odd.onnx", inputs, sum(sizes))
    with pytest.raises(BadValue, match=words):
        eb.load_agent(path, task=TASK)


def test_what_is_no_file_of_its_form_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="pip install -e '.[onnx]'")
    pytest.importorskip("torch", reason="pip install -e '.[train]'")
    pytest.importorskip("stable_baselines3", reason="pip install -e '.[sb3]'")
    for name, words in [
        ("x.onnx", "is no ONNX graph"),
        ("x.pt", "a pickle is never loaded"),
        ("x.zip", "cannot be read as a policy"),
    ]:
        path = tmp_path / name
        assert main(["eval", "--agent", str(path), "--task", TASK]) == 2
        assert "no file" in capsys.readouterr().err
        path.write_bytes(b"nothing")
        assert main(["eval", "--agent", str(path), "--task", TASK]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line
    for more in (["--weights", "."], ["--device", "cuda"], ["--preset", "small"]):
        assert main(["eval", "--agent", str(tmp_path / "x.onnx"), "--task", TASK, *more]) == 2
        assert f"leave out {more[0]}" in capsys.readouterr().err


# --- TorchScript


def test_torchscript_acts_and_pickles_are_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="pip install -e '.[train]'")
    from scripted_modules import Dicts, Flat, Parts

    obs = observation()
    wanted = obs["desired_goal"][:, 1, :2] - obs["observation"][:, 0, :2]
    for module in (Parts(), Dicts()):
        path = str(tmp_path / f"{type(module).__name__}.pt")
        torch.jit.save(torch.jit.script(module), path)
        assert acted(path, obs) == pytest.approx(wanted)
    path = str(tmp_path / "flat.pt")
    torch.jit.save(torch.jit.script(Flat()), path)
    assert acted(path, obs) == pytest.approx(sight().flat(obs)[:, :2])
    record = eb.evaluate(path, TASK, **BRIEF)
    assert record.agent.config["form"] == "torchscript"
    assert len(record.agent.config["sha256"]) == 64
    torch.save(Flat().state_dict(), path)
    with pytest.raises(BadValue, match="a pickle is never loaded"):
        eb.load_agent(path, task=TASK)


# --- Stable-Baselines3


def sb3_model(kind: str, task: str, path: Path, **kwargs: Any) -> Any:
    sb3 = pytest.importorskip("stable_baselines3", reason="pip install -e '.[sb3]'")
    import gymnasium

    env = gymnasium.make(registry.tasks()[task].gym_id)
    goal = registry.tasks()[task].kind == "goal-control"
    sized = {} if kind in ("PPO", "A2C") else {"buffer_size": 10}
    model = getattr(sb3, kind)(
        "MultiInputPolicy" if goal else "MlpPolicy", env, seed=0, device="cpu", **sized, **kwargs
    )
    model.save(path)
    env.close()
    return model


@pytest.mark.parametrize(
    ("kind", "task", "kwargs"),
    [
        ("PPO", TASK, {}),
        ("SAC", TASK, {"policy_kwargs": {"net_arch": [8, 8]}}),
        ("TD3", "hopper", {"policy_kwargs": {"net_arch": {"pi": [8], "qf": [4]}}}),
        ("A2C", "hopper", {"policy_kwargs": "relu"}),
    ],
)
def test_an_sb3_zip_acts_as_its_model(
    kind: str, task: str, kwargs: dict[str, Any], tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch", reason="pip install -e '.[train]'")
    if kwargs.get("policy_kwargs") == "relu":
        kwargs = {"policy_kwargs": {"activation_fn": torch.nn.ReLU, "net_arch": [8]}}
    model = sb3_model(kind, task, tmp_path / "model.zip", **kwargs)
    obs = observation(task)
    given = sight(task).shown(obs)
    wanted, _ = model.predict(given if len(given) > 1 else given["observation"], deterministic=True)
    assert np.array_equal(acted(str(tmp_path / "model.zip"), obs, task), wanted)


def test_an_sb3_zip_is_evaluated_or_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="pip install -e '.[train]'")
    path = tmp_path / "model.zip"
    sb3_model("PPO", TASK, path)
    assert eb.evaluate(str(path), TASK, **BRIEF).agent.config["form"] == "sb3"
    with pytest.raises(BadValue, match=r"does not fit push-2blocks .* its tensor"):
        eb.load_agent(str(path), task="push-2blocks")
    sb3_model("A2C", "hopper", path, use_sde=True)
    with pytest.raises(BadValue, match="gSDE"):
        eb.load_agent(str(path), task="hopper")
    sb3_model("PPO", TASK, path, policy_kwargs={"activation_fn": torch.nn.Softplus})
    with pytest.raises(BadValue, match=r"activation_fn .* without unpickling"):
        eb.load_agent(str(path), task=TASK)


def test_nothing_in_an_sb3_zip_is_unpickled(tmp_path: Path) -> None:
    """A pickle that writes a file, in the settings and in the place of the tensors."""
    import cloudpickle

    torch = pytest.importorskip("torch", reason="pip install -e '.[train]'")
    path, mark = tmp_path / "model.zip", tmp_path / "mark"
    sb3_model("PPO", TASK, path)

    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (mark,)

    evil = cloudpickle.dumps(Evil())
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    settings = json.loads(files["data"])
    serialized = [x for x in settings.values() if isinstance(x, dict) and ":serialized:" in x]
    assert serialized
    for each in serialized:
        each[":serialized:"] = base64.b64encode(evil).decode()
    files["data"] = json.dumps(settings).encode()
    write_zip(path, files)
    eb.load_agent(str(path), task=TASK)  # as if nothing were
    assert not mark.exists()
    torch.save(Evil(), tmp_path / "evil.pth")
    write_zip(path, {**files, "policy.pth": (tmp_path / "evil.pth").read_bytes()})
    with pytest.raises(BadValue, match="cannot be read as a policy"):
        eb.load_agent(str(path), task=TASK)
    assert not mark.exists()
    cloudpickle.loads(evil)
    assert mark.exists(), "the pickle does what the test is about"


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


# --- HTTP


def test_a_server_sees_observations_and_acts() -> None:
    with server(lambda body: {**ACT, "state": body["state"] + 1}) as (url, bodies):
        record = eb.evaluate(url, TASK, **BRIEF)
    (path, first), *steps = bodies
    assert (path, first) == ("/reset", {"task": TASK, "batch": 25})
    assert [body["step"] for _, body in steps] == list(range(len(steps)))
    assert [body["state"] for _, body in steps] == list(range(1, len(steps) + 1))
    assert {tuple(body["observation"]) for _, body in steps} == {tuple(sight().parts)}
    seen = np.array(steps[0][1]["observation"]["observation"])
    assert seen.shape == (25, *sight().parts["observation"])
    assert record.agent.config == {"form": "http", "url": url}
    assert record.label == url.removeprefix("http://")


def test_a_server_in_base64_gives_the_same() -> None:
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        seen = {name: unpacked(value) for name, value in body["observation"].items()}
        assert seen["observation"].shape == (25, *sight().parts["observation"])
        return {"actions": packed(np.array(ACT["actions"], np.float32), "base64")}

    about = {"encoding": "base64", "name": "two\nlines", "sha256": "0" * 64}
    with server(answer, info=about) as (url, _):
        packs = eb.evaluate(url, TASK, **BRIEF)
    with server() as (url, _):
        lists = eb.evaluate(url, TASK, episodes=1, threads=1)
    assert lists.costs is not None
    assert "cannot act for one episode" in (lists.costs.unmeasured or ""), "it always answers 25"
    assert packs.columns.digest == lists.columns.digest
    assert packs.agent.config["name"] == "two lines"
    assert packs.agent.config["sha256"] == "0" * 64


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"actions": [[0.5]] * 25}, r"with \(25, 1\): push-1block takes 2"),
        ({"actions": [[0.5, 0.5]] * 24}, r"answers 25 observations with \(24, 2\)"),
        (b'{"actions": [' + b",".join([b"[NaN, 0]"] * 25) + b"]}", "is nan at step 0"),
        ({"actions": [[1, 2], [3]]}, "neither lists of numbers nor"),
        ({"actions": {"shape": [25, 2], "float32": "AAAA"}}, "no float32 of the shape"),
        ({"actions": {"shape": [25, 2]}}, "neither lists of numbers nor"),
        ({}, "answers without actions"),
        (b"[1]", "answers no JSON object"),
        (500, "answers HTTP 500: no more"),
        (404, "answers HTTP 404"),
    ],
)
def test_a_wrong_answer_is_the_policys_fault(answer: Any, words: str) -> None:
    with server(lambda _: answer) as (url, _):
        with pytest.raises(BadValue, match=words) as found:
            eb.evaluate(url, TASK, **BRIEF)
        assert "\n" not in str(found.value)
        record = eb.evaluate(url, TASK, failures="record", **BRIEF)
    assert record.failures() == {"infrastructure": 0, "policy": 1}


@pytest.mark.parametrize("answer", [503, 5.0], ids=["unavailable", "time-out"])
def test_a_server_that_is_away_costs_its_block_alone(answer: Any) -> None:
    """Episodes 24 and 25 are of two blocks, the second reset is of the second one."""

    def act(body: dict[str, Any]) -> Any:
        return {**ACT, "state": 1} if body["state"] == 1 else answer

    with server(act, info={"timeout_s": 0.5 if answer == 5.0 else 30}) as (url, _):
        record = eb.evaluate(url, TASK, episodes=2, episode_seed=24, threads=1, latency=False)
    first, second = record.rows
    assert first.error is None
    assert second.error is not None
    assert second.error.startswith(f"infrastructure: {url}/act ")
    assert record.failures() == {"infrastructure": 1, "policy": 0}


def test_a_password_is_in_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    with server(heard=heard) as (url, _):
        named = url.replace("http://", "http://me:hunter2@")
        with pytest.raises(BadValue, match="ENTITYBENCH_POLICY_AUTH=NAME:PASSWORD") as found:
            eb.evaluate(named, TASK, **BRIEF)
        assert "hunter2" not in str(found.value)
        assert heard == []
        monkeypatch.setenv("ENTITYBENCH_POLICY_AUTH", "me:hunter2")
        record = eb.evaluate(url, TASK, **BRIEF)
    assert set(heard) == {"Basic " + base64.b64encode(b"me:hunter2").decode()}
    assert "hunter2" not in record.to_json()


def test_nobody_at_the_address_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with server() as (url, _):
        pass
    assert main(["eval", "--agent", url, "--task", TASK]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{url}/info cannot be reached" in line
    words = "could be run: infrastructure: http.*/act answers HTTP 503"
    with server(lambda _: 503) as (url, _), pytest.raises(BenchError, match=words):
        eb.evaluate(url, TASK, **BRIEF)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"protocol": 2}, "protocol 2: this is 1"),
        ({"encoding": "msgpack"}, "list or base64"),
        ({"timeout_s": -1}, "timeout_s -1"),
    ],
)
def test_another_protocol_is_refused(info: dict[str, Any], words: str) -> None:
    with server(info=info) as (url, _), pytest.raises(BadValue, match=words):
        eb.load_agent(url, task=TASK)
    assert issubclass(OutOfReach, BenchError)
