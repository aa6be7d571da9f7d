"""A tiny random language model of `transformers`, saved as one would save a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from entitybench.envs.api import world_of
from entitybench.envs.reason.worded import English

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny(folder: Path, *, most: int = 24, seed: int = 0, template: str | None = TEMPLATE) -> Path:
    """Qwen2 of two layers of 32, a tokenizer that knows some words, and Qwen's chat template."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = trainers.BpeTrainer(vocab_size=400, initial_alphabet=letters, show_progress=False)
    tokenizer.train_from_iterator(_texts(), words)
    fast: Any = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    fast.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    fast.chat_template = template
    config = transformers.Qwen2Config(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        eos_token_id=fast.eos_token_id,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.Qwen2ForCausalLM(config)
    model.generation_config.max_new_tokens = most
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def _texts() -> list[str]:
    """Questions, so that they are short in tokens."""
    sources: list[Any] = [world_of(id) for id in ("reason-rearrange-1", "reason-track-1")]
    return [English(of).question(p) for of in sources for p in of.problems(range(20), "train")]
