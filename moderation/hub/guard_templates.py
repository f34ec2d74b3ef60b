"""A guard's chat template with a client's text in it, so that no text can end the template or speak for the guard.

The template is filled once, with a placeholder. Only what the template itself wrote is read for control tokens. What
surrounds the placeholder is encoded, with the text in its place, by a tokenizer that knows none: `<|im_end|>` in a
prompt is ten signs like any others. A text that repeats the template's own marks is not shown at all: as plain text,
too, it could pass for the template's.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer

from moderation.checkers import CheckerError
from moderation.hub.guard_formats import GuardError

# Private-use letters, which no prompt may have.
_PLACEHOLDER = "\ue000\ue001\ue000"
_MARK = re.compile(r"<[^<>\s][^<>\n]{0,80}>|\[/?[A-Z_]{2,}\]")
_SPACE = re.compile(r"\s+")


class GuardTemplates:
    """Fills a tokenizer's own chat template."""

    def __init__(self, name: str, tokenizer: Any) -> None:
        """Make a second tokenizer that knows no control tokens.

        Raises:
            CheckerError: the tokenizer has no chat template, or is not of the fast kind.
        """
        self.name = name
        self._tokenizer = tokenizer
        if not tokenizer.chat_template or not getattr(tokenizer, "is_fast", False):
            raise CheckerError(f"{name}: a fast tokenizer with a chat template is needed")
        state = json.loads(tokenizer.backend_tokenizer.to_str())
        vocabulary = state["model"]["vocab"]
        # Runs of spaces and line ends are text, even where a tokenizer (Gemma's) keeps them beside its control tokens.
        text_tokens = [
            token
            for token in state["added_tokens"]
            if not token["special"] and not token["content"].strip(" \n\t▁") and token["content"] in vocabulary
        ]
        control = [token for token in state["added_tokens"] if token not in text_tokens]
        state |= {"added_tokens": text_tokens, "post_processor": None, "truncation": None, "padding": None}
        self.plain = Tokenizer.from_str(json.dumps(state))
        self.forbidden = {int(token["id"]) for token in control}
        if tokenizer.unk_token_id is not None:
            self.forbidden.add(int(tokenizer.unk_token_id))
        longest_first = sorted((token["content"] for token in control), key=len, reverse=True)
        self.control = (
            re.compile("|".join(re.escape(each) for each in longest_first)) if control else re.compile(r"(?!)")
        )

    def filled(self, variables: Mapping[str, object], *, lead: str = "") -> "GuardTemplate":
        """The template for one question; `lead` is written after it, as the beginning of the answer.

        Raises:
            CheckerError: the template does not show the text exactly once.
        """
        # Llama Guard 3 8B takes texts, its smaller and later siblings take lists of parts.
        for content in (_PLACEHOLDER, [{"type": "text", "text": _PLACEHOLDER}]):
            shown = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True, **variables
            )
            if shown.count(_PLACEHOLDER) == 1:
                return GuardTemplate(self, *f"{shown}{lead}".split(_PLACEHOLDER))
        raise CheckerError(f"{self.name}: its chat template does not show the text exactly once")

    def encoded(self, written: str) -> list[int]:
        """The tokens of what a template wrote, control tokens read as such."""
        return list(self._tokenizer(written, add_special_tokens=False)["input_ids"])


class GuardTemplate:
    """A filled template: what stands before a text and what stands after it."""

    def __init__(self, templates: GuardTemplates, before: str, after: str) -> None:
        self._templates = templates
        self.written = f"{before}{after}"
        last = max((found.end() for found in templates.control.finditer(before)), default=0)
        first = min((found.start() for found in templates.control.finditer(after)), default=len(after))
        self._head, self._tail = templates.encoded(before[:last]), templates.encoded(after[first:])
        self._left, self._right = before[last:], after[:first]
        self._marks = {_folded(mark) for mark in _MARK.findall(self.written)}

    def ids(self, text: str) -> list[int]:
        """The tokens of the whole, the text in its place and none of it a control token.

        Raises:
            GuardError: it repeats one of the template's marks, or has something that the model cannot read.
        """
        folded = _folded(text)
        if any(mark in folded for mark in self._marks):
            raise GuardError("the text imitates the template of the guard")
        middle = self._templates.plain.encode(f"{self._left}{text}{self._right}", add_special_tokens=False).ids
        if not self._templates.forbidden.isdisjoint(middle):
            raise GuardError("the text has something in it that the model cannot read as text")
        return [*self._head, *middle, *self._tail]


def _folded(text: str) -> str:
    return _SPACE.sub("", text).casefold()
