"""The `guantong` command: puts the groups of `services.commands` together and turns our errors into one sentence."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence

import typer

from services import commands
from services.errors import GuantongError, SetupError
from services.i18n import translate, translator

TOP_LEVEL = "installation"
SETUP_FAILED, REFUSED = 2, 1


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """Return the command: each module of `services.commands` with an `app` is a group of its name.

    The module `installation` is not a group: its commands (`up`, `backup`, …) stand at the top. Only what the arguments
    name is imported, so that one group's imports delay no other; without a name (`--help`) all are.
    """
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    for module in _wanted([found.name for found in pkgutil.iter_modules(commands.__path__)], arguments):
        group = getattr(importlib.import_module(f"{commands.__name__}.{module}"), "app", None)
        if isinstance(group, typer.Typer):
            app.add_typer(group, name=None if module == TOP_LEVEL else _group(module))
    return app


def _group(module: str) -> str:
    return module.replace("_", "-")


def _wanted(modules: list[str], arguments: Sequence[str]) -> list[str]:
    named = next(iter(arguments), "-")
    if named.startswith("-"):
        return modules
    return [module for module in modules if _group(module) == named] or [TOP_LEVEL]


def main() -> None:
    """Run the command; an expected error is one sentence on stderr and an exit code that is not 0."""
    try:
        build(sys.argv[1:])(prog_name="guantong")
    except GuantongError as error:
        print(_told(error), file=sys.stderr)
        sys.exit(SETUP_FAILED if isinstance(error, SetupError) else REFUSED)


def _told(error: GuantongError) -> str:
    """Return the sentence in the installation's language, read without the settings: they may be what is wrong."""
    locale = os.environ.get("GUANTONG_LOCALE")
    known = translator(locale).gettext
    # What a setting must be stands in its field, below the languages, so it is translated here.
    expected = {"expected": known(error.details["expected"])} if error.details.get("expected") else {}
    return translate(locale, error.template, **error.details | expected)
