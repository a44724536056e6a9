"""The words of a notice: a template with plain `{{ names }}`, what it must and must not say, and how it is filled in."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

from django.conf import settings
from django.template import Context, Engine
from django.template.base import Lexer, Token, TokenType
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from catalogue.models import VatRate
from circletel.core.amounts import NBSP, rand, signed_rand
from pricing.models import NoticeStage, NoticeText, Occasion, PriceChange, Subscription

# What a template may say, and what each name stands for.
NAMES: dict[str, str] = {
    "customer_name": "the customer's name as Zoho has it, or “customer”",
    "package_name": "the package",
    "subscription_number": "the number of the subscription",
    "old_price": "what this customer pays now, a month, VAT included",
    "new_price": "what this customer will pay, a month, VAT included",
    "difference": "new price less old price, with its sign",
    "vat_words": "that VAT is included, and at which rate",
    "first_bill_date": "the day of this customer's first bill at the new price",
    "total_words": "what that bill comes to, all of it; where it is not known, that the rest of it stays as it is",
    "effective_date": "the day from which the new price holds for customers of this package",
    "right_to_cancel": "the sentence of the setting PRICE_NOTICE_RIGHT_TO_CANCEL",
    "customer_message": "the price change's message to customers; may be empty",
}
# What a template has to say.
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
_GAPS = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


@dataclass(frozen=True)
class Text:
    """One message in plain text. `hash` is the proof of its words."""

    subject: str
    body: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(f"{self.subject}\n\n{self.body}".encode()).hexdigest()

    @property
    def html(self) -> SafeString:
        """The same words in paragraphs; nothing in them is read as markup."""
        paragraphs = (escape(part).replace("\n", "<br>\n") for part in self.body.strip().split("\n\n"))
        inner = SafeString("\n".join(f"<p>{part}</p>" for part in paragraphs))
        return format_html(
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{}</title></head>\n'
            '<body style="font-family: sans-serif; max-width: 40em; line-height: 1.5">\n{}\n</body></html>\n',
            self.subject,
            inner,
        )

    def row(self) -> NoticeText:
        return NoticeText(text_hash=self.hash, subject=self.subject, body=self.body)


@dataclass(frozen=True)
class Told:
    """What one customer is told of one change."""

    change: PriceChange
    """With its package."""
    subscription: Subscription
    old_price: Decimal
    new_price: Decimal
    first_bill_on: date
    first_bill_total: Decimal | None = None
    """What that bill comes to, with everything that is on it; None where it is not known."""


def text_for(told: Told, *, subject: str, body: str, vat_rate: Decimal) -> Text:
    """The template filled in. Expects one that the linter passed; names it does not know become nothing."""
    values = values_for(told, vat_rate)
    filled = _GAPS.sub("\n\n", _filled(body.replace("\r\n", "\n"), values)).strip() + "\n"
    return Text(subject=" ".join(_filled(subject, values).split()), body=filled)


def values_for(told: Told, vat_rate: Decimal) -> dict[str, str]:
    change = told.change
    return {
        "customer_name": _one_line(told.subscription.customer_name) or "customer",
        "package_name": _one_line(change.package.name),
        "subscription_number": _one_line(told.subscription.number or told.subscription.subscription_id),
        "old_price": rand(told.old_price),
        "new_price": rand(told.new_price),
        "difference": signed_rand(told.new_price - told.old_price),
        "vat_words": f"including VAT at {_percent(vat_rate)}",
        "first_bill_date": _day(told.first_bill_on),
        "total_words": _total(told.first_bill_total),
        "effective_date": _day(change.effective_date or told.first_bill_on),
        "right_to_cancel": settings.PRICE_NOTICE_RIGHT_TO_CANCEL,
        "customer_message": change.customer_message.strip(),
    }


class VatRates:
    """The rate of a day, each day looked up once."""

    def __init__(self) -> None:
        self._known: dict[date, Decimal] = {}

    def on(self, day: date) -> Decimal:
        """Raises NoVatRate."""
        if day not in self._known:
            self._known[day] = VatRate.objects.in_force_on(day).rate
        return self._known[day]


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _engine().from_string(template).render(Context(dict(values), autoescape=False))


@cache
def _engine() -> Engine:
    """No tags and filters but Django's own, no loaders: nothing outside the text can be read."""
    return Engine(autoescape=False, loaders=[("django.template.loaders.locmem.Loader", {})])


def _total(total: Decimal | None) -> str:
    if total is None:
        return "Everything else on that bill stays as it is."
    return f"The total of that bill will be {rand(total)}, VAT included."


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _day(day: date) -> str:
    return f"{day:%-d %B %Y}"


def _percent(rate: Decimal) -> str:
    """0.1550 as `15,5 %`."""
    return f"{(rate * 100).normalize():f}{NBSP}%".replace(".", ",")


# --- the linter


def complaints_about(stage: NoticeStage) -> list[str]:
    """Everything that speaks against the words of `stage`, each with the name of its field before it."""
    templates = {"subject": stage.subject, "body": stage.body}
    found = [f"{field}: {words}" for field, template in templates.items() for words in _syntax(template)]
    said = {*_names(stage.subject), *_names(stage.body)}
    found += [
        f"body: {{{{ {name} }}}} is missing: every notice of this kind says {NAMES[name]}."
        for name in REQUIRED[stage.occasion]
        if name not in said
    ]
    found += [f"{field}: {words}" for field, text in templates.items() for words in promotions_in(text)]
    if not stage.subject.strip() or "\n" in stage.subject.strip():
        found.append("subject: say in one line what it is about.")
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


def _syntax(template: str) -> Iterator[str]:
    for token in _tokens(template):
        if token.token_type in (TokenType.BLOCK, TokenType.COMMENT):
            yield f"{token.contents!r} is an instruction; only {{{{ names }}}} are understood."
        elif token.token_type == TokenType.VAR and token.contents not in NAMES:
            yield f"{{{{ {token.contents} }}}} is not understood. There are: {', '.join(NAMES)}."
        elif token.token_type == TokenType.TEXT and any(mark in token.contents for mark in MARKS):
            yield "a bracket of a {{ name }} has no partner on its line."


def _names(template: str) -> list[str]:
    return [token.contents for token in _tokens(template) if token.token_type == TokenType.VAR]


def _tokens(template: str) -> list[Token]:
    return Lexer(template).tokenize()
