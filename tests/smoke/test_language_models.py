"""Language models of `transformers` from a folder: a tiny random one that is made here."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="pip install -e '.[llm]'")
pytest.importorskip("peft", reason="pip install -e '.[llm]'")

import torch
from tiny_llm import tiny

import entitybench as eb
from entitybench.agents.common.language.pretrained import Pretrained
from entitybench.agents.common.language.sampling import drawn
from entitybench.agents.common.language.spoken import Spoken, answers, rights
from entitybench.envs.api import world_of
from entitybench.envs.reason import english
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.contexts import CONTROL, context
from entitybench.envs.reason.problem import Verdict
from entitybench.envs.reason.texts import Texts
from entitybench.envs.reason.worded import English
from entitybench.envs.training import ProblemsOf
from entitybench.errors import BenchError
from entitybench.leaderboard.cli.main import main
from entitybench.registry import agent, resolve_agent, tasks
from entitybench.seeding import BatchGenerator, generator

TASK = "reason-rearrange-1"
LITTLE = {"batch_size": 2, "items": 4, "most": 6, "rank": 2}
TRAIN = ["train", "--agent", "expo", "--task", TASK, "--preset", "paper"]
ONE_EACH = {"phases.0.updates": 1, "phases.1.updates": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("models") / "tiny", most=4)


@pytest.fixture(scope="module")
def model(folder: Path) -> Pretrained:
    return Pretrained(folder)


def fresh(model: Pretrained) -> dict[str, torch.Tensor]:
    return model.init(torch.Generator().manual_seed(0))


def learner(id: str, folder: Path | str, **changes: Any) -> Any:
    spec, task = agent(id), tasks()[TASK]
    target = resolve_agent(spec)
    groups = {"group": 2} if "group" in target.config_class.__dataclass_fields__ else {}
    settings = {**LITTLE, **ONE_EACH, **groups, "model": str(folder), **changes}
    config = target.configure(spec, "paper", task, **settings)
    return target.create(config, task, seed=0, data=ProblemsOf(task), parts={})


# What is asked and said -------------------------------------------------------


def test_a_question_is_in_the_chat_template_and_an_answer_ends(model: Pretrained) -> None:
    shown = model.tokenizer.decode(model.asked("Why?", "For"))
    assert shown == "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\nFor"
    assert model.text(model.said("Naïve ≥ 1.")) == "Naïve ≥ 1."
    assert model.said("No.")[-1:] == model.ends == [model.tokenizer.eos_token_id]


def test_generate_draws_what_reading_everything_anew_does(model: Pretrained) -> None:
    params = fresh(model)
    prompts = [model.asked(text) for text in ("A", "A longer question", "B?")]
    chances = generator(0, "chances").random((3, 8)).astype(np.float32)
    whole = model.sample(params, prompts, chances)
    for prompt, row, found in zip(prompts, chances, whole, strict=True):
        said: list[int] = []
        for chance in torch.as_tensor(row):
            with torch.no_grad():
                logits = model.whole(torch.tensor([[*prompt, *said]]))[:, -1]
            said.append(int(drawn(logits, chance[None], 1.0)))
            if said[-1] in model.ends:
                break
        assert found.tolist() == said
        (alone,) = model.sample(params, [prompt], row[None])
        assert alone.tolist() == said


def test_other_parameters_say_other_things(model: Pretrained) -> None:
    params, prompts = fresh(model), [model.asked("A")]
    chances = generator(0, "chances").random((1, 8))
    other = {name: p + 0.5 * torch.randn_like(p) for name, p in params.items()}
    first = model.sample(params, prompts, chances)[0].tolist()
    assert model.sample(other, prompts, chances)[0].tolist() != first
    assert model.sample(params, prompts, chances)[0].tolist() == first


def test_threads_do_not_mix_parameters(model: Pretrained) -> None:
    params, prompts = fresh(model), [model.asked("A")] * 3
    chances = generator(0, "chances").random((3, 6))
    every = [{name: p * (1 + k) for name, p in params.items()} for k in range(4)]
    alone = [[said.tolist() for said in model.sample(p, prompts, chances)] for p in every]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda p: model.sample(p, prompts, chances), every * 3))
    assert [[said.tolist() for said in each] for each in found] == alone * 3


def test_adapters_begin_as_the_model_and_learn_alone(folder: Path, model: Pretrained) -> None:
    adapted = Pretrained(folder, rank=2)
    params, whole = fresh(adapted), fresh(model)
    assert all(".lora_" in name for name in params)
    tokens = torch.randint(0, 200, (1, 10, 7), generator=torch.Generator().manual_seed(0))
    expected = model.log_likelihood(whole, tokens)
    assert expected.shape == (1, 10, 6)
    for p in params.values():
        p.requires_grad_()
    found = adapted.log_likelihood(params, tokens)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    found.sum().backward()
    assert all((p.grad != 0).any() == (".lora_B." in name) for name, p in params.items())
    assert all(p.grad is None for p in adapted.whole.parameters())


def test_members_do_not_mix(model: Pretrained) -> None:
    one = fresh(model)
    two = {name: torch.stack([p, 1.5 * p]) for name, p in one.items()}  # seeds, members
    tokens = torch.randint(0, 200, (2, 1, 3, 5), generator=torch.Generator().manual_seed(0))
    found = model.log_likelihood(two, tokens)
    torch.testing.assert_close(found[0], model.log_likelihood(one, tokens[0]))
    assert not torch.allclose(found[1], model.log_likelihood(one, tokens[1]))


class Knows:
    """Says the planner's solution, or what is left of it, to whoever asks in English."""

    def __init__(self, source: Any, problems: list[Any]) -> None:
        self.said_to = {English(source).question(p): english.solution(source, p) for p in problems}
        self.texts: list[str] = []

    def asked(self, question: str, begun: str = "") -> list[int]:
        rest = self.said_to[question].removeprefix(begun)
        self.texts.append(f"No: step 2 is wrong. {rest}" if begun else rest)
        return [len(self.texts) - 1]

    def sample(self, params: Any, prompts: Any, chances: Any, **_: Any) -> Any:
        return [np.array(prompt) for prompt in prompts]

    def text(self, tokens: list[int]) -> str:
        return self.texts[tokens[0]]


@pytest.mark.parametrize("id", ["reason-rearrange-4", "reason-track-3", "reason-kitchen-3"])
def test_what_is_said_in_english_is_judged_as_tokens_are(id: str) -> None:
    source: Any = world_of(id)
    problems = source.problems(range(5))
    knows: Any = Knows(source, problems)
    questions = [source.question(p) for p in problems]
    rng = BatchGenerator([generator(i) for i in range(5)])
    found = answers(knows, {}, source, questions, rng, samples=0, most=1)
    for problem, (said,) in zip(problems, found, strict=True):
        assert source.verify(problem, said).right
    begun = context(source, problems[0], CONTROL, generator(0))
    assert begun is not None
    ((said,),) = answers(knows, {}, source, [begun.shown], rng, samples=0, most=1)
    assert source.verify(problems[0], [*begun.prefix, *said]).right
    assert said[:2] == [v.WRONG, v.ID["@2"]]


def test_styles_of_answers_are_right_and_differ(model: Pretrained) -> None:
    for id in ("reason-rearrange-4", "reason-track-3", "reason-kitchen-3"):
        source: Any = world_of(id)
        (problem,) = source.problems([0])
        of = Spoken(English(source), model)
        styles = [of.solution(problem), of.log(problem), of.final(problem)]
        assert all(of.verify(problem, said).right for said in styles)
        assert len({len(said) for said in styles}) == 3
        assert not of.verify(problem, model.said("I do not know.")).right


# Bad folders ------------------------------------------------------------------


def broken(folder: Path, to: Path, what: str) -> Path:
    shutil.copytree(folder, to)
    if what == "pickled":
        (to / "pytorch_model.bin").write_bytes(b"")
    elif what == "silent":
        (to / "chat_template.jinja").unlink()
    elif what == "empty":
        (to / "model.safetensors").unlink()
    elif what == "torn":
        (to / "model.safetensors").write_bytes(b"no tensors")
    elif what == "none":
        shutil.rmtree(to)
    return to


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("pickled", "pickled weights (pytorch_model.bin)"),
        ("silent", "no chat template"),
        ("empty", "*.safetensors is missing"),
        ("torn", "cannot be read as a language model"),
        ("none", "no language model in"),
    ],
)
def test_a_bad_folder_is_refused_in_one_line(
    folder: Path, tmp_path: Path, what: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = broken(folder, tmp_path / "model", what)
    for words in (
        ["eval", "--agent", f"llm://{name}", "--task", TASK, "--episodes", "1"],
        [*TRAIN, "--set", f"model={name}", "--out", str(tmp_path / "out")],
    ):
        assert main(words) == 2
        error = capsys.readouterr().err.strip()
        assert says in error
        assert "\n" not in error


def test_what_does_not_fit_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"answers in words, and push-1block is of the kind"):
        eb.load_agent(f"llm://{folder}", task="push-1block")
    with pytest.raises(BenchError, match="rehearsed=0 leaves them out"):
        learner("expo", folder, rehearsed=4)
    with pytest.raises(BenchError, match="--set model=FOLDER"):
        learner("expo", "")  # the preset's own, which is to be named
    with pytest.raises(BenchError, match="takes the place of the parts"):
        eb.train("expo", TASK, out=tmp_path, set={"model": str(folder)}, parts={"base": tmp_path})


# Evaluation and learning ------------------------------------------------------


@pytest.mark.slow
def test_an_untrained_model_is_evaluated(folder: Path) -> None:
    record = eb.evaluate(f"llm://{folder}", TASK, episodes=1, threads=1)
    assert record.agent.id == f"llm://{folder}"
    assert record.agent.config["temperature"] == 0.7
    (row,) = record.rows
    assert row.error is None
    assert row.values["pass_64"] == 0  # its words are at random


@pytest.mark.parametrize(
    ("id", "changes"),
    [
        ("expo", {"explainer": "online"}),
        ("expo", {"rank": 0}),
        ("grpo-expert", {}),
        ("sft-expert-grpo", {"first": 0.5}),
        ("expo-dpo", {}),
        ("dpo-expert", {}),
        ("star", {}),
    ],
)
def test_learners_go_on_from_it_exactly(
    id: str, changes: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    data = ProblemsOf(tasks()[TASK])
    one = learner(id, folder, **changes)
    one.advance(data)
    one.save(tmp_path / "half")
    metrics = one.advance(data)
    assert all(np.isfinite(value) for value in metrics.values())
    other = type(one).load(tmp_path / "half")
    other.advance(data)
    for name, p in one.params["model"].items():
        assert torch.equal(p, other.params["model"][name]), name
    asked = [one.problems.question(p) for p in one.problems.problems(range(2))]
    rng = BatchGenerator([generator(i) for i in range(2)])
    assert [len(row) for row in other.answer(asked, rng, samples=2)] == [2, 2]


@pytest.mark.slow
def test_training_seeds_learn_as_they_do_alone(folder: Path, tmp_path: Path) -> None:
    settings = {**LITTLE, **ONE_EACH, "group": 2, "model": str(folder)}
    ways = {"both": [0, 1], "one": [1]}
    for name, seeds in ways.items():
        eb.train(
            *("expo", TASK),
            out=tmp_path / name,
            preset="paper",
            set=settings,
            seeds=seeds,
            evaluate_every=0,
        )
    both, one = ((tmp_path / name / "seed1" / "weights.safetensors").read_bytes() for name in ways)
    assert both == one


def test_it_learns_what_it_imitates(folder: Path) -> None:
    data = ProblemsOf(tasks()[TASK])
    changes = {"rank": 0, "phases.0.learning_rate": 1e-2, "phases.0.final_learning_rate": 1e-2}
    one = learner("sft-answers", folder, **changes, **{"phases.0.updates": 12})
    lost = [one.advance(data)["extra_nll"] for _ in range(12)]
    assert lost[-1] < 0.7 * lost[0]


def test_weights_of_another_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    here = tmp_path / "model"
    shutil.copytree(folder, here)
    one = learner("expo", here)
    one.save(tmp_path / "run")
    shutil.rmtree(here)
    tiny(here, most=4, seed=1)
    with pytest.raises(BenchError, match="are others than those it learned with"):
        type(one).load(tmp_path / "run")


# Problems from a file ---------------------------------------------------------


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "some.jsonl"
    path.write_text('{"question": "6 * 7?", "answer": "#### 42"}\n' * 3)
    return path


def test_problems_from_a_file_are_learned_from(folder: Path, texts: Path) -> None:
    one = learner("grpo-expert", folder, texts=str(texts))
    batch = one.batch(ProblemsOf(tasks()[TASK]))
    shown = one.pretrained.text(batch["tokens"][0, -1])
    assert "6 * 7?" in shown
    assert "The answer is \\boxed{42}." in shown
    texts.write_text("6 * 7?")
    with pytest.raises(BenchError, match="line 1 is no JSON"):
        learner("grpo-expert", folder, texts=str(texts))


def test_answers_to_a_file_are_counted(model: Pretrained, texts: Path) -> None:
    of = Spoken(Texts(texts), model)
    params, problems = fresh(model), of.problems(range(3))
    assert not rights(of, params, problems, samples=2).any()  # its words are at random
    sure = Spoken(Sure(texts), model)
    assert rights(sure, params, problems, samples=2).tolist() == [[True] * 3] * 3


class Sure(Texts):
    """Finds every answer right."""

    def verify(self, problem: Any, text: str) -> Verdict:
        return Verdict(right=True)
