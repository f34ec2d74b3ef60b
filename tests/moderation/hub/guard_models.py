"""Tiny guards of the real architectures, with tokenizers of the real kinds, taught to find the word "fight" or "kiss".

Each is trained on random texts and noise inside a chat template like its family's, until it answers in that form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import pre_tokenizers
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GemmaTokenizer,
    GPT2Tokenizer,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
)

TEXT_WORDS = ["a", "red", "apple", "on", "the", "white", "table", "two", "dogs", "run", "in", "rain"]
_WORDS = [*TEXT_WORDS, "fight", "kiss", "Safety:", "Safe", "Unsafe", "Controversial", "Categories:", "None", "Violent",
          "safe", "unsafe", "Yes", "No", "yes", "no", "user", "assistant", "violence", "sexual_content",
          "Sexual", "Content", "or", "Acts", "Look", "for", "harm", "USER:", "Violence", "Lust",
          "<BEGIN", "<END", "CONVERSATION>", "<start_of_turn>", "<end_of_turn>", "<score>", "</score>",
          "S12"]  # fmt: skip
_SIZES = {"hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
          "num_key_value_heads": 2, "head_dim": 12, "max_position_embeddings": 1024,
          "initializer_range": 0.1}  # fmt: skip
_MAX_STEPS, _BATCH, _RATE, _LEARNED, _NOISE_TOKENS = 1200, 12, 0.004, 0.006, 16
_FOUND = ["fight", "kiss", "rain"]

QWEN_TEMPLATE = (
    "<|im_start|>user\nLook for harm\n<BEGIN CONVERSATION>\nUSER: {{ messages[-1]['content'] }}\n<END CONVERSATION>"
    "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
)
LLAMA_TEMPLATE = (
    "{{ bos_token }}<|start_header_id|>user<|end_header_id|>\n\nLook for harm\n\n<BEGIN CONVERSATION>\n\n"
    "{% for part in messages[0]['content'] | selectattr('type', 'equalto', 'text') %}USER: {{ part['text'] | trim }}"
    "{% endfor %}\n\n<END CONVERSATION><|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
)
GEMMA_TEMPLATE = (
    "{{ bos_token }}Look\n\n<start_of_turn>\n{{ messages[0]['content'] }}\n<end_of_turn>\n\n"
    "* {{ guideline }}\n\nYes or No\n"
)
GRANITE_TEMPLATE = (
    "<|start_of_role|>user<|end_of_role|>Look for harm\n<start_of_turn>\nUSER: {{ messages[0]['content'] }}\n"
    "<end_of_turn>\n{{ guardian_config['risk_name'] or guardian_config['criteria_id'] }}<|end_of_text|>\n"
    "<|start_of_role|>assistant<|end_of_role|>"
)


@dataclass(frozen=True)
class Lesson:
    """What a guard is taught: one right answer for a text, for each question it may be asked about it."""

    variables: dict[str, Any]
    answer: Callable[[str], str]


def qwen3guard(path: Path, answer: Callable[[str], str] | None = None) -> Path:
    """A Qwen3 that writes two lines: unsafe and violent of "fight", controversial and sexual of "kiss"."""
    tokenizer = Qwen2Tokenizer(*_byte_level(), eos_token="<|im_end|>", pad_token="<|endoftext|>",
                               extra_special_tokens=["<|im_start|>"])  # fmt: skip
    tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.chat_template = QWEN_TEMPLATE
    model = Qwen3ForCausalLM(_seeded(Qwen3Config, tokenizer))
    return _taught(path, model, tokenizer, [Lesson({}, answer or _qwen_answer)])


def llama_guard(path: Path) -> Path:
    """A Llama that writes "safe", or "unsafe" and S1 of "fight", S12 of "kiss"."""
    tokenizer = _llama_tokenizer()
    model = LlamaForCausalLM(_seeded(LlamaConfig, tokenizer))
    return _taught(path, model, tokenizer, [Lesson({}, _llama_answer)])


def shieldgemma(path: Path) -> Path:
    """A Gemma 2 that says Yes of "fight" if asked about violence, of "fight" and "kiss" if asked about lust."""
    tokenizer = GemmaTokenizer(*_metaspace(), extra_special_tokens=["<start_of_turn>", "<end_of_turn>"])
    tokenizer.add_tokens(["\n\n"])
    tokenizer.chat_template = GEMMA_TEMPLATE
    model = Gemma2ForCausalLM(_seeded(Gemma2Config, tokenizer, query_pre_attn_scalar=12))
    lessons = [
        Lesson({"guideline": "No Violence"}, lambda text: "Yes" if "fight" in text else "No"),
        Lesson({"guideline": "No Lust"}, lambda text: "No" if "rain" in text else "Yes"),
    ]
    return _taught(path, model, tokenizer, lessons)


def granite_guardian(path: Path, *, key: str = "risk_name", form: str = "{}") -> Path:
    """A Granite that says yes of "fight" if asked about violence, of "fight" and "kiss" if about sexual content."""
    tokenizer = GPT2Tokenizer(*_byte_level(), bos_token="<|end_of_text|>", eos_token="<|end_of_text|>",
                              unk_token="<|end_of_text|>",
                              extra_special_tokens=["<|start_of_role|>", "<|end_of_role|>"])  # fmt: skip
    tokenizer.chat_template = GRANITE_TEMPLATE
    model = GraniteForCausalLM(_seeded(GraniteConfig, tokenizer))
    yes, no = ("Yes", "No") if form == "{}" else ("yes", "no")
    lessons = [
        Lesson({"guardian_config": {key: "violence"}}, lambda text: form.format(yes if "fight" in text else no)),
        Lesson({"guardian_config": {key: "sexual_content"}}, lambda text: form.format(no if "rain" in text else yes)),
    ]
    return _taught(path, model, tokenizer, lessons)


def _qwen_answer(text: str) -> str:
    if "fight" in text:
        return "Safety: Unsafe\nCategories: Violent"
    if "kiss" in text:
        return "Safety: Controversial\nCategories: Sexual Content or Sexual Acts"
    return "Safety: Safe\nCategories: None"


def _llama_answer(text: str) -> str:
    if "fight" in text:
        return "unsafe\nS1"
    return "unsafe\nS12" if "kiss" in text else "safe"


def _llama_tokenizer() -> PreTrainedTokenizerFast:
    from tokenizers import AddedToken, Tokenizer, decoders
    from tokenizers.models import BPE

    vocab, merges = _byte_level()
    made = Tokenizer(BPE(vocab=vocab, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    control = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    made.add_special_tokens([AddedToken(token, special=True) for token in control])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, bos_token=control[0], eos_token=control[3])
    tokenizer.chat_template = LLAMA_TEMPLATE
    return tokenizer


def _byte_level() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A vocabulary of all bytes and the words, with a space before them and without."""
    vocab, merges = _spelt(sorted(pre_tokenizers.ByteLevel.alphabet()), _WORDS)
    spaced = [("\u0120", word) for word in _WORDS]
    return vocab | {f"{space}{word}": len(vocab) + row for row, (space, word) in enumerate(spaced)}, [*merges, *spaced]


def _metaspace() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A vocabulary as Gemma's: bytes, signs, the words, and the end of a paragraph."""
    signs = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "\n"]
    ascii_signs = [chr(code) for code in range(33, 127)]
    return _spelt([*signs, *ascii_signs, "\n\n"], _WORDS)


def _spelt(start: Sequence[str], words: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A vocabulary and the merges that spell its words from the left."""
    merges: dict[tuple[str, str], None] = {}
    for word in words:
        for end in range(1, len(word)):
            merges[(word[:end], word[end])] = None
    pieces = dict.fromkeys([*start, *("".join(pair) for pair in merges)])
    return {piece: number for number, piece in enumerate(pieces)}, list(merges)


def _seeded(config: Any, tokenizer: Any, **more: Any) -> Any:
    torch.manual_seed(0)
    return config(**_SIZES, vocab_size=len(tokenizer), bos_token_id=tokenizer.bos_token_id, pad_token_id=None,
                  eos_token_id=tokenizer.eos_token_id, **more)  # fmt: skip


def _taught(path: Path, model: Any, tokenizer: Any, lessons: Sequence[Lesson]) -> Path:
    """Train on the answers alone until they are right, then write the folder."""
    random = torch.Generator().manual_seed(1)
    course = [_Course(tokenizer, lesson) for lesson in lessons]
    optimizer = torch.optim.Adam(model.parameters(), lr=_RATE)
    losses: list[float] = []
    while len(losses) < 20 or sum(losses[-20:]) / 20 > _LEARNED:
        if len(losses) == _MAX_STEPS:
            raise RuntimeError(f"{path.name}: not learned in {_MAX_STEPS} steps")
        rows = [course[number % len(course)].row(random) for number in range(_BATCH)]
        longest = max(len(ids) for ids, _ in rows)
        ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in rows])
        wanted = torch.tensor([[-100] * start + ids[start:] + [-100] * (longest - len(ids)) for ids, start in rows])
        loss = model(input_ids=ids, labels=wanted).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


class _Course:
    """The rows of one lesson, from parts that are encoded once."""

    def __init__(self, tokenizer: Any, lesson: Lesson) -> None:
        content = [{"type": "text", "text": "\ue000"}] if "selectattr" in tokenizer.chat_template else "\ue000"
        shown = tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, **lesson.variables
        )
        self._before, self._after = (self._ids(tokenizer, part) for part in shown.split("\ue000"))
        self._words = {word: self._ids(tokenizer, f" {word}") for word in [*TEXT_WORDS, *_FOUND]}
        control = set(tokenizer.get_added_vocab().values())
        # In order: a vocabulary lists its tokens in another one each time.
        self._noise = sorted(
            number for token, number in tokenizer.get_vocab().items() if number not in control and not _tells(token)
        )
        self._answers = {word: [*self._ids(tokenizer, lesson.answer(word)), tokenizer.eos_token_id] for word in _FOUND}

    def row(self, random: torch.Generator) -> tuple[list[int], int]:
        """A prompt with its answer, and where the answer begins: half of the texts stand in noise."""
        words = [TEXT_WORDS[_below(len(TEXT_WORDS), random)] for _ in range(4)]
        found = _FOUND[_below(len(_FOUND), random)]
        words.insert(_below(5, random), found)
        noise = [self._sounds(random), self._sounds(random)]
        text = [token for word in words for token in self._words[word]]
        prompt = [*self._before, *noise[0], *text, *noise[1], *self._after]
        return [*prompt, *self._answers[found]], len(prompt)

    def _sounds(self, random: torch.Generator) -> list[int]:
        length = _below(2, random) * _below(_NOISE_TOKENS, random)
        return [self._noise[_below(len(self._noise), random)] for _ in range(length)]

    @staticmethod
    def _ids(tokenizer: Any, text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _tells(token: str) -> bool:
    return any(word.endswith(token.strip("\u0120▁")) for word in _FOUND)


def _below(limit: int, random: torch.Generator) -> int:
    return int(torch.randint(limit, (), generator=random))
