"""How many problems of a JSONL file a language model solves: greedy and pass@k, by level.

    pip install -e '.[llm,math]'
    python benchmarks/texts.py --model FOLDER --texts test.jsonl
    python benchmarks/texts.py --weights runs/expo-qwen/seed0 --texts test.jsonl

Files are as those of MATH (problem, solution, level) and GSM8K (question, answer). Answers are
compared by Math-Verify where it is installed; without it only as text, which the last line says.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from entitybench.agents.common.language.pretrained import Pretrained
from entitybench.agents.common.language.spoken import Spoken, rights
from entitybench.checkpoints import read_meta
from entitybench.envs.reason.texts import Texts, judge
from entitybench.errors import BadValue, BenchError
from entitybench.leaderboard.statistics.passes import pass_at
from entitybench.registry import agent, resolve_agent


def main() -> None:
    """Print a line a level."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--model", help="a folder of transformers")
    whose.add_argument(
        "--weights", type=Path, help="a checkpoint of an agent that learned with one"
    )
    parser.add_argument("--texts", required=True)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--problems", type=int, help="the first so many of the file")
    asked = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    problems = Texts(asked.texts).all[: asked.problems]
    if asked.model is not None:
        model = Pretrained(asked.model, device=device)
        params = model.init(torch.Generator())
    else:
        found = resolve_agent(agent(read_meta(asked.weights)["agent"]))
        learner = found.load(asked.weights, device=device)
        model = getattr(learner, "pretrained", None)
        if model is None:
            raise BadValue(f"{asked.weights} learned with no language model from a folder.")
        params, model.most = learner.params["model"], learner.config.most
    right = rights(Spoken(Texts(asked.texts), model), params, problems, samples=asked.samples)
    ks = sorted({1, asked.samples})
    names = "".join(f"{name:>9}" for name in ("greedy", *(f"pass@{k}" for k in ks)))
    print(f"{'level':12}{'problems':>10}{names}")
    for level in [*sorted({problem.level for problem in problems}), None]:
        of = [i for i, problem in enumerate(problems) if level in (None, problem.level)]
        counts = right[of, 1:].sum(1).tolist()
        means = [sum(pass_at(k, c, asked.samples) for c in counts) / len(of) for k in ks]
        shares = "".join(f"{share:9.3f}" for share in (right[of, 0].mean(), *means))
        print(f"{'all' if level is None else level or '-':12}{len(of):10}{shares}")
    print(f"compared by {judge()}")


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        print(f"texts.py: {error}", file=sys.stderr)
        sys.exit(2)
