"""What a notice must say and must not say, told in sentences beside the field."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.template.base import Lexer, Token, TokenType

from pricing.models import NoticeStage, Occasion, PriceChange
from pricing.notices.texts import NAMES

TERMS = ("old_price", "new_price", "vat_words", "first_bill_date", "right_to_cancel")
REQUIRED: dict[str, tuple[str, ...]] = {
    Occasion.PUBLISHED: (*TERMS, "customer_message"),
    Occasion.BEFORE: (*TERMS, "customer_message"),
    Occasion.RECEIPT: TERMS,
    # Nothing changes any more: there is no date, and nothing to cancel for.
    Occasion.WITHDRAWN: ("old_price", "new_price", "vat_words"),
}
PROMOTION_WORDS = (
    "upgrade now", "upgrade today", "special offer", "limited offer", "limited time", "exclusive",
    "great news", "good news", "exciting", "excited", "congratulations", "best value", "discount", "free",
    "sign up", "buy now", "order now", "act now", "don't miss", "save up to", "win", "bonus", "reward",
    "even better", "more value", "click here",
)  # fmt: skip
MARKS = ("{{", "}}", "{%", "%}", "{#", "#}")


@dataclass(frozen=True)
class Complaint:
    """Why a template is refused. `field` is `subject` or `body`."""

    field: str
    words: str

    def __str__(self) -> str:
        return f"{self.field}: {self.words}"


def complaints_about(stage: NoticeStage) -> list[Complaint]:
    """Everything that speaks against the words of `stage`; empty when it may be used."""
    found = [*_syntax("subject", stage.subject), *_syntax("body", stage.body)]
    said = set(_names(stage.subject)) | set(_names(stage.body))
    for name in REQUIRED[stage.occasion]:
        if name not in said:
            words = f"{{{{ {name} }}}} is missing: every notice of this kind says {NAMES[name]}."
            found.append(Complaint("body", words))
    for field in ("subject", "body"):
        found += [Complaint(field, words) for words in promotions_in(getattr(stage, field))]
    if not stage.subject.strip() or "\n" in stage.subject.strip():
        found.append(Complaint("subject", "say in one line what it is about."))
    return found


def promotions_in(text: str) -> list[str]:
    """One sentence for each word of PROMOTION_WORDS that stands in `text`."""
    plain = " ".join(text.replace("’", "'").split())
    return [
        f"“{word}” promotes something. A notice of a price change informs and nothing else: leave it out."
        for word in PROMOTION_WORDS
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", plain, re.IGNORECASE)
    ]


def complaints_about_message(change: PriceChange) -> list[str]:
    """The same for the message of a price change, which every notice of it bears."""
    return [f"customer message: {words}" for words in promotions_in(change.customer_message)]


def _syntax(field: str, template: str) -> Iterator[Complaint]:
    known = ", ".join(NAMES)
    for token in _tokens(template):
        if token.token_type in (TokenType.BLOCK, TokenType.COMMENT):
            yield Complaint(
                field, f"{token.contents!r} is an instruction; only {{{{ names }}}} are understood."
            )
        elif token.token_type == TokenType.VAR and token.contents not in NAMES:
            yield Complaint(field, f"{{{{ {token.contents} }}}} is not understood. There are: {known}.")
        elif token.token_type == TokenType.TEXT and any(mark in token.contents for mark in MARKS):
            yield Complaint(field, "a bracket of a {{ name }} has no partner on its line.")


def _names(template: str) -> Iterable[str]:
    return [token.contents for token in _tokens(template) if token.token_type == TokenType.VAR]


def _tokens(template: str) -> list[Token]:
    return Lexer(template).tokenize()
