"""Language models of `transformers` from a local folder; weights are safetensors, never pickle.

R rows, T tokens, E members (leading axes of the parameters), as in `decoder`.
"""

from __future__ import annotations

import hashlib
import importlib
import threading
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from entitybench.agents.common.language.sampling import drawn, until
from entitybench.errors import BadValue, MissingExtra, foreign
from entitybench.places import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.types import Array

Tensor = torch.Tensor
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
ROWS = 64  # that are sampled at once
READ = 2  # rows that are read at once, where all are learned from: logits take gigabytes
MOST = 1024  # tokens of an answer, where the folder does not say


class Pretrained:
    """A causal language model with its tokenizer and chat template.

    Its parameters are those that learn: adapters of a rank, or all of them.
    """

    def __init__(self, folder: str | Path, *, rank: int = 0, device: str = "cpu") -> None:
        """Read it.

        Args:
            folder: of config.json, a tokenizer with a chat template, and *.safetensors.
            rank: of adapters to all linear layers (LoRA, Hu et al. 2021); 0: all weights learn.
            device: where it computes; with adapters on a GPU what does not learn is of bfloat16.

        Raises:
            BadValue: there is no such folder, something is missing in it, or weights are pickled.
            MissingExtra: transformers, or for adapters peft, is not installed.
        """
        self.folder, self.device = Path(folder), torch.device(device)
        # Evaluation asks from several threads; a tokenizer and lent parameters are for one each.
        self._one = threading.Lock()
        _check(self.folder)
        transformers: Any = _module("transformers", folder)
        transformers.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        half = bool(rank) and self.device.type == "cuda"
        here: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        with foreign(f"{str(folder)!r} cannot be read as a language model"):
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **here)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                folder,
                use_safetensors=True,
                dtype=torch.bfloat16 if half else torch.float32,
                **here,
            )
        if not self.tokenizer.chat_template:
            raise BadValue(
                f"the tokenizer of {str(folder)!r} has no chat template: take a model that follows "
                "instructions, or put one into chat_template.jinja."
            )
        asked = model.generation_config
        self.most = int(asked.max_new_tokens or MOST)
        ends = asked.eos_token_id if isinstance(asked.eos_token_id, list) else [asked.eos_token_id]
        self.ends = sorted({end for end in (*ends, self.tokenizer.eos_token_id) if end is not None})
        if not self.ends:
            raise BadValue(f"the tokenizer of {str(folder)!r} has no token that ends an answer.")
        self.end = self.tokenizer.eos_token_id or self.ends[0]
        # Not what the folder recommends: an answer is drawn by its chances alone.
        model.generation_config = transformers.GenerationConfig(
            eos_token_id=self.ends, pad_token_id=self.end, do_sample=False
        )
        if rank:
            model = _adapted(model, rank, folder)
        self.whole = _Whole(model.to(self.device).eval())
        self.learned = [name for name, p in self.whole.named_parameters() if p.requires_grad]
        self.whole.requires_grad_(False)
        digest = hashlib.sha256()
        for path in sorted(self.folder.glob("*.safetensors")):
            digest.update(bytes.fromhex(sha256_of(path)))
        self.sha256 = digest.hexdigest()  # of all weights

    # Words

    def asked(self, question: str, begun: str = "") -> list[int]:
        """The tokens of a question, in the chat template, and of an answer that is begun."""
        shown = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
        )
        return self._tokens(shown + begun)

    def said(self, answer: str) -> list[int]:
        """The tokens of an answer, and the one that ends it."""
        return [*self._tokens(answer), self.end]

    def text(self, tokens: Sequence[int]) -> str:
        """What tokens say."""
        with self._one:
            return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def _tokens(self, text: str) -> list[int]:
        with self._one:
            return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    # Numbers

    def init(self, rng: torch.Generator) -> Params:
        """The parameters that learn, of one member: those of the folder, and fresh adapters."""
        own = dict(self.whole.named_parameters())
        return {name: _fresh(name, own[name], rng)[None] for name in self.learned}

    def log_likelihood(self, params: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        """As `Decoder.log_likelihood`. Rows are read anew for their gradients, some at a time."""
        lead = tokens.shape[:-2]
        members = {name: p.flatten(0, len(lead) - 1) for name, p in params.items()}
        found = []
        for e, rows in enumerate(tokens.flatten(0, -3)):
            one = partial(self._read, {name: p[e] for name, p in members.items()})
            some = [checkpoint(one, part, use_reentrant=False) for part in rows.split(READ)]
            found.append(torch.cat(some))
        return torch.stack(found).unflatten(0, lead)

    def _read(self, params: dict[str, Tensor], tokens: Tensor) -> Tensor:
        with self._one:
            logits = functional_call(self.whole, params, (tokens[:, :-1],))
        return -F.cross_entropy(logits.float().mT, tokens[:, 1:], reduction="none")

    def sample(
        self,
        params: Mapping[str, Tensor],
        prompts: Sequence[Sequence[int]],
        chances: Array,
        *,
        temperature: float = 1.0,
    ) -> list[Array]:
        """As `sampling.sample`, with the model's own `generate`; answers hold their end.

        Rows depend on their own chances alone, but for rounding: prompts are padded.
        """
        found: list[Array] = []
        if not chances.shape[1]:
            return [np.zeros(0, np.int64) for _ in prompts]
        own = {name: p[0] for name, p in params.items()}
        for first in range(0, len(prompts), ROWS):
            some = slice(first, first + ROWS)
            said = self._generated(own, prompts[some], chances[some], temperature)
            found += [until(row, self.ends) for row in said]
        return found

    @torch.no_grad()
    def _generated(
        self,
        params: dict[str, Tensor],
        prompts: Sequence[Sequence[int]],
        chances: Array,
        temperature: float,
    ) -> Array:
        from transformers import LogitsProcessorList

        longest = max(map(len, prompts))
        padded = np.full((len(prompts), longest), self.end, np.int64)
        there = np.zeros_like(padded)
        for row, prompt in enumerate(prompts):
            padded[row, longest - len(prompt) :] = prompt
            there[row, longest - len(prompt) :] = 1
        uniform = torch.as_tensor(chances.T, dtype=torch.float32, device=self.device)

        def chosen(ids: Tensor, scores: Tensor) -> Tensor:
            token = drawn(scores.float(), uniform[ids.shape[1] - longest], temperature)
            return torch.full_like(scores, -torch.inf).scatter(1, token[:, None], 0.0)

        asked = {
            "attention_mask": torch.as_tensor(there, device=self.device),
            "max_new_tokens": chances.shape[1],
            "logits_processor": LogitsProcessorList([chosen]),
        }
        shown = torch.as_tensor(padded, device=self.device)
        with self._one:
            said = functional_call(self.whole, params, (shown,), asked)
        return said[:, longest:].cpu().numpy()


class _Whole(torch.nn.Module):
    """Logits of tokens; with settings of `generate`, tokens that go on: parameters can be given."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, **generate: Any) -> Tensor:
        if generate:
            found: Tensor = self.model.generate(input_ids=tokens, **generate)
            return found
        return self.model(input_ids=tokens, use_cache=False).logits


def _check(folder: Path) -> None:
    """Raise BadValue for what is no folder of a model, or has weights that could run code."""
    if not (folder / "config.json").is_file():
        raise BadValue(
            f"no language model in {str(folder)!r}: a folder with config.json, a tokenizer and "
            "*.safetensors is meant, as `save_pretrained` of transformers writes it."
        )
    pickled = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in PICKLED)
    if pickled:
        raise BadValue(
            f"{str(folder)!r} holds pickled weights ({pickled[0]}), which can run code: convert "
            "them to safetensors, and remove them."
        )
    if not any(folder.glob("*.safetensors")):
        raise BadValue(f"{str(folder)!r} has no weights: *.safetensors is missing.")


def _module(name: str, folder: str | Path) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{error.name} is not installed, and the language model in {str(folder)!r} needs it: "
            "pip install -e '.[llm]'"
        ) from error


def _adapted(model: Any, rank: int, folder: str | Path) -> Any:
    peft = _module("peft", folder)
    asked = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")
    refused = foreign(f"{str(folder)!r} takes no adapters")
    with torch.random.fork_rng(devices=[]), refused, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the one package, for the other to heed
        return peft.get_peft_model(model, asked)


def _fresh(name: str, own: Tensor, rng: torch.Generator) -> Tensor:
    """Adapters begin as peft's do, from a stream of their own: the second of each pair is 0."""
    if ".lora_A." not in name:
        return own.detach().clone()
    between = torch.rand(own.shape, generator=rng) * 2 - 1
    return (between * own.shape[-1] ** -0.5).to(own)
