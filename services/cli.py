"""The `guantong` command: puts the groups of `services.commands` together and turns our errors into one sentence."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from services import commands
from services.errors import GuantongError, SetupError

TOP_LEVEL = "installation"
SETUP_FAILED, REFUSED = 2, 1


def build() -> typer.Typer:
    """Return the whole command: each module of `services.commands` with an `app` is a group of its name.

    The module `installation` is not a group: its commands (`up`, `backup`, …) stand at the top.
    """
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    for found in pkgutil.iter_modules(commands.__path__):
        group = getattr(importlib.import_module(f"{commands.__name__}.{found.name}"), "app", None)
        if isinstance(group, typer.Typer):
            app.add_typer(group, name=None if found.name == TOP_LEVEL else found.name.replace("_", "-"))
    return app


def main() -> None:
    """Run the command; an expected error is one sentence on stderr and an exit code that is not 0."""
    try:
        build()(prog_name="guantong")
    except GuantongError as error:
        print(error.message, file=sys.stderr)
        sys.exit(SETUP_FAILED if isinstance(error, SetupError) else REFUSED)
