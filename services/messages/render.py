"""From facts to a mail's subject, text and HTML, by the templates in `mail_templates/`, in the person's language.

A kind's templates fill three blocks: what happened, what to do, why one is told. A digest takes the same blocks of
each of its items, so nothing is worded twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape
from jinja2.nodes import EvalContext
from jinja2.utils import pass_eval_context
from markupsafe import Markup, escape

from services.i18n import BABEL_LOCALES, language, translator
from services.messages.kinds import NEEDS_OPEN_TASK
from services.messages.words import Said, one_line

TEMPLATES = Path(__file__).parents[1] / "mail_templates"
BLOCKS = ("said", "list", "todo", "why")


@dataclass(frozen=True)
class Rendered:
    """A mail's words."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Entry:
    """An item of a digest: the line that would be its own mail's subject, and the blocks of its own mail's body."""

    it: Said
    line: str
    said: str
    list: str
    todo: str
    why: str
    shows_due: bool
    shows_reasons: bool


def render(said: Sequence[Said], locale: str) -> Rendered:
    """Return the mail that says all of `said` (at least one), in the order given.

    Raises:
        UndefinedError: a notification lacks something that its template says.
    """
    environment = _environment(language(locale))
    subjects = [_subject(environment, it) for it in said]
    if len(said) == 1:
        it, name = said[0], said[0].kind
        values: dict[str, Any] = {"it": it, "shows_due": it.kind in NEEDS_OPEN_TASK}
        text, html = (environment.get_template(f"{name}/body.{form}").render(values) for form in ("txt", "html"))
        return Rendered(subjects[0], _tidy(text), html)
    lines = list(zip(said, subjects, strict=True))
    subject = environment.get_template("digest/subject.txt").render(n=len(said), first=subjects[0])
    return Rendered(one_line(subject), _tidy(_digest(environment, lines, "txt")), _digest(environment, lines, "html"))


def _subject(environment: Environment, it: Said) -> str:
    return one_line(environment.get_template(f"{it.kind}/subject.txt").render(it=it))


def _digest(environment: Environment, lines: Sequence[tuple[Said, str]], form: str) -> str:
    entries = _entries(environment, lines, form)
    reasons = list(dict.fromkeys(entry.why for entry in entries))
    return environment.get_template(f"digest/body.{form}").render(entries=entries, reasons_to_tell=reasons)


def _entries(environment: Environment, lines: Sequence[tuple[Said, str]], form: str) -> list[Entry]:
    explained: set[str] = set()
    entries = []
    for it, line in lines:
        template = environment.get_template(f"{it.kind}/body.{form}")
        # A day that two items share is explained once.
        entries.append(_entry(template, it, line, explains=it.link not in explained))
        explained.add(it.link)
    return entries


def _entry(template: Template, it: Said, line: str, *, explains: bool) -> Entry:
    shown = it.kind in NEEDS_OPEN_TASK
    context = template.new_context({"it": it, "shows_due": shown})
    mark = Markup if template.name and template.name.endswith(".html") else str
    blocks = {name: mark("".join(template.blocks[name](context))) if name in template.blocks else "" for name in BLOCKS}
    reasons = explains and shown and it.due is not None and bool(it.due.reasons)
    return Entry(it=it, line=line, shows_due=shown, shows_reasons=reasons, **blocks)


def _tidy(text: str) -> str:
    """Return the text without trailing blanks and without more than one empty line at once."""
    lines = [line.rstrip() if line != "-- " else line for line in text.strip().split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


@cache
def _environment(locale: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    catalogue = translator(locale)

    @pass_eval_context
    def gettext(context: EvalContext, message: str, **values: Any) -> str:
        return _fill(catalogue.gettext(message), values, html=bool(context.autoescape))

    @pass_eval_context
    def ngettext(context: EvalContext, singular: str, plural: str, n: int, **values: Any) -> str:
        return _fill(catalogue.ngettext(singular, plural, n), {"n": n, **values}, html=bool(context.autoescape))

    environment.globals.update(_=gettext, ngettext=ngettext, lang=BABEL_LOCALES[locale].replace("_", "-"))
    return environment


def _fill(text: str, values: Mapping[str, Any], *, html: bool) -> str:
    """Fill the `{places}`; in HTML the sentence and what is filled in are escaped."""
    return escape(text).format_map(values) if html else text.format_map(values)
