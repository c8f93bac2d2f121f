"""Every sentence for people exists in Chinese, with the same places as in English."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from services.errors import GuantongError
from services.i18n import LOCALES, Message, language, ntranslate, translate, translator

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"services", "flows", "schedules"}
PLACES = re.compile(r"\{(\w+)[^{}]*\}|%\((\w+)\)s")

Text = str | tuple[str, ...]


def _error_classes(base: type[GuantongError] = GuantongError) -> Iterator[type[GuantongError]]:
    yield base
    for each in base.__subclasses__():
        yield from _error_classes(each)


KEYWORDS = {**DEFAULT_KEYWORDS, "translate": (2,), "ntranslate": (2, 3), "reasoned": (2,), "Message": None}


def _raised(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the sentences that our errors are raised with: unmarked, because the raise itself marks them."""
    names = {each.__name__ for each in _error_classes()}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            given = [*node.args, *(each.value for each in node.keywords if each.arg == "message")]
            inside = [value for argument in node.args for value in _messages_in(argument)]
            yield from ((each.lineno, each.value) for each in [*given, *inside] if _is_text(each))


def _messages_in(node: ast.AST) -> Iterator[ast.AST]:
    for each in ast.walk(node):
        if isinstance(each, ast.Dict):
            pairs = zip(each.keys, each.values, strict=True)
            yield from (value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "message")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _wanted(folder: str) -> bool:
    top = Path(folder).absolute().relative_to(ROOT).parts  # not resolved: .venv may be a link
    return not top or top[0] in FOLDERS


@cache
def extracted() -> dict[Text, str]:
    """Return every message of code and templates with the place where it stands first."""
    with (ROOT / "babel.cfg").open() as config:
        methods, options = parse_mapping_cfg(config)
    found: dict[Text, str] = {each.default: f"services/errors.py: {each.__name__}" for each in _error_classes()}
    walk = extract_from_dir(ROOT, methods, options, keywords=KEYWORDS, directory_filter=_wanted)
    for name, line, message, _comments, _context in walk:
        found.setdefault(message, f"{name}:{line}")
    for path in [path for folder in sorted(FOLDERS) for path in sorted((ROOT / folder).rglob("*.py"))]:
        for line, text in _raised(path):
            found.setdefault(text, f"{path.relative_to(ROOT)}:{line}")
    found.pop("", None)
    return found


@cache
def catalogued() -> dict[Text, list[tuple[str, Text]]]:
    """Return every message of the Chinese catalogues with its translations and the files where they stand."""
    found: dict[Text, list[tuple[str, Text]]] = {}
    for path in sorted((LOCALES / "zh").glob("*.po")):
        with path.open("rb") as source:
            catalogue = read_po(source, locale="zh", abort_invalid=True)
        for message in catalogue:
            if message.id and not message.fuzzy:
                found.setdefault(message.id, []).append((path.name, message.string))
    return found


def places(text: str) -> set[str]:
    return {first or second for first, second in PLACES.findall(text)}


def _is_chinese(translation: Text) -> bool:
    return all(translation if isinstance(translation, tuple) else (translation,)) and bool(translation)


def test_extraction_sees_code_errors_and_templates():
    """So that the test below cannot pass by looking at nothing."""
    assert "Please sign in." in extracted()
    assert "{label}: this must be filled in." in extracted()
    assert len(extracted()) > 100
    templates = [
        *(ROOT / "services").glob("**/templates/**/*.html"),
        *(ROOT / "services/mail_templates").glob("**/*.txt"),
    ]
    if any("_(" in path.read_text() or "{% trans" in path.read_text() for path in templates):
        assert any(place.partition(":")[0].endswith((".html", ".txt")) for place in extracted().values())


def test_every_message_is_in_chinese():
    known = {text: entries for text, entries in catalogued().items() if all(_is_chinese(text) for _, text in entries)}
    # A plural entry also serves who asks for its singular alone.
    singular = {text[0] for text in known if isinstance(text, tuple)}
    missing = {text: place for text, place in extracted().items() if text not in known and text not in singular}
    stubs = "\n".join(f'#: {place}\nmsgid {text!r}\nmsgstr ""\n' for text, place in missing.items())
    assert not missing, f"{len(missing)} messages are not in services/locales/zh/*.po:\n{stubs}"


def test_translations_have_the_same_places():
    wrong = []
    for text, entries in catalogued().items():
        wanted = places(text if isinstance(text, str) else text[1])
        for file, translation in entries:
            texts = (translation,) if isinstance(translation, str) else translation
            wrong += [(file, text, each) for each in texts if each and places(each) != wanted]
    assert wrong == []


def test_a_message_in_several_catalogues_is_translated_alike():
    differing = {text: entries for text, entries in catalogued().items() if len({each for _, each in entries}) > 1}
    assert differing == {}


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("zh", "zh"), ("zh-Hans-CN", "zh"), ("ZH_tw", "zh"), ("en", "en"), ("fr", "en"), (None, "zh"), ("", "zh")],
)
def test_every_locale_is_served_by_a_language(locale, expected):
    assert language(locale) == expected


def test_english_is_the_message_itself():
    assert translate("en", "Please sign in.") == "Please sign in."
    assert translator("en").ngettext("{n} row", "{n} rows", 2) == "{n} rows"
    assert ntranslate("en", "{n} row", "{n} rows", 1) == "1 row"


def test_values_follow_the_language_of_the_sentence():
    inner = Message("Please sign in.")
    outer = Message("{where}, row {n}", {"where": inner, "n": 2})
    assert outer == "Please sign in., row 2"
    assert outer.in_("zh") == "请先登录。，第2行"


def test_a_place_without_value_stays_visible():
    assert translate("en", "{label}: {words}", label="A") == "A: {words}"
