"""The small language model beside a GPT-2 of `transformers` of the same sizes, in turns, one run.

    pip install transformers
    python benchmarks/language_steps.py

Equal: vocabulary, width, blocks, heads, sequences and their lengths, AdamW-like updates, no
dropout, one thread. Training: next tokens of 32 sequences of 60. Sampling: 16 and 128 rows of a
prompt of 15 continued at temperature 1 by 80 tokens, and the same with a token that ends a row with
a chance of about 1 in 40, where ours lets rows go and theirs pads them; what a row says counts, and
no padding. CPU seconds; the best turn counts.
Theirs has learned positions where ours are rotary: as much work.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from entitybench.agents.common.language.decoder import Decoder
from entitybench.agents.common.language.losses import sft_loss
from entitybench.agents.common.language.sampling import sample
from entitybench.agents.common.optimiser import Adam
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, LENGTH = 32, 60
SAMPLED, PROMPT, MOST = (16, 128), 15, 80
ENDS = 1 / 40


def ours(model: Decoder) -> dict[str, Callable[[], int]]:
    """What is timed of ours: each returns how many tokens it was about."""
    params = model.init(torch.Generator().manual_seed(0))
    learned = {name: p.clone() for name, p in params.items()}
    optimiser = Adam({"model": learned}, clip=1.0)
    tokens = torch.randint(0, model.vocabulary, (1, ROWS, LENGTH))
    mask = torch.ones(1, ROWS, LENGTH - 1)

    def train() -> int:
        sft_loss(model.log_likelihood(learned, tokens), mask).backward()
        optimiser.step(1e-3)
        return ROWS * LENGTH

    prompts = generator(0, "prompts").integers(1, model.vocabulary, (max(SAMPLED), PROMPT))
    chances = generator(0, "chances").random((max(SAMPLED), MOST), dtype=np.float32)
    never, ending = dict(params), dict(params)
    for wanted, some in ((0.0, never), (ENDS, ending)):
        some["out.bias"] = params["out.bias"].clone()
        others = model.vocabulary - 1
        some["out.bias"][..., 0] = float(np.log(max(wanted, 1e-30) * others / (1 - wanted)))

    def say(rows: int, ends: bool) -> int:
        some = ending if ends else never
        return sum(map(len, sample(model, some, prompts[:rows], chances[:rows], stop=0)))

    return {"training": train, **sampling(say)}


def theirs(model: Decoder) -> dict[str, Callable[[], int]]:
    """The same of `transformers`."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=model.vocabulary,
        n_positions=PROMPT + MOST,
        n_embd=model.width,
        n_layer=model.layers,
        n_head=model.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=1,
        eos_token_id=0,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    peer = GPT2LMHeadModel(config)
    optimiser = torch.optim.AdamW(peer.parameters(), 1e-3, fused=True)
    tokens = torch.randint(0, model.vocabulary, (ROWS, LENGTH))

    def train() -> int:
        peer.train()
        peer(input_ids=tokens, labels=tokens).loss.backward()
        torch.nn.utils.clip_grad_norm_(peer.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        return ROWS * LENGTH

    prompts = torch.as_tensor(
        generator(0, "prompts").integers(1, model.vocabulary, (max(SAMPLED), PROMPT))
    )
    rng = np.random.default_rng(0)

    class Ends(torch.nn.Module):
        """Lets rows end by chance, as ours do: fresh logits say nothing of when."""

        def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            del ids
            scores[:, 0] = scores[:, 1:].logsumexp(-1) + float(np.log(ENDS / (1 - ENDS)))
            return scores

    def say(rows: int, ending: bool) -> int:
        peer.eval()
        torch.manual_seed(int(rng.integers(2**31)))
        from transformers import LogitsProcessorList

        with torch.no_grad():
            said = peer.generate(
                prompts[:rows],
                attention_mask=torch.ones_like(prompts[:rows]),
                do_sample=True,
                top_k=0,
                max_new_tokens=MOST,
                min_new_tokens=None if ending else MOST,
                logits_processor=LogitsProcessorList([Ends()] if ending else []),
            )[:, PROMPT:].numpy()
        ended = (said == 0).any(1)
        lengths = np.where(ended, (said == 0).argmax(1) + 1, said.shape[1])
        return int(lengths.sum())

    return {"training": train, **sampling(say)}


def sampling(say: Callable[[int, bool], int]) -> dict[str, Callable[[], int]]:
    """All that is sampled, by `say(rows, whether rows end)`."""
    return {
        f"{rows} rows{', ending' if ends else ''}": partial(say, rows, ends)
        for rows in SAMPLED
        for ends in (False, True)
    }


def main() -> None:
    """Print tokens a CPU second of both, side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=7)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    model = Decoder(vocabulary=81, width=asked.width, layers=asked.layers, heads=4)
    sides = {"ours": ours(model), "transformers": theirs(model)}
    rates: dict[tuple[str, str], float] = {}
    for turn in range(asked.turns + 1):
        for what in sides["ours"]:
            for side, work in sides.items():
                cpu = time.process_time()
                tokens = sum(work[what]() for _ in range(8 if what == "training" else 1))
                rate = tokens / (time.process_time() - cpu)
                if turn:  # the first warms up
                    rates[side, what] = max(rates.get((side, what), 0.0), rate)
    print(f"{'tokens a CPU second':24}{'ours':>12}{'transformers':>14}{'times':>8}")
    for what in sides["ours"]:
        mine, peer = rates["ours", what], rates["transformers", what]
        print(f"{what:24}{mine:12,.0f}{peer:14,.0f}{mine / peer:8.1f}")


if __name__ == "__main__":
    main()
