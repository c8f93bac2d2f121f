"""`guantong process export`: a process as BPMN 2.0, as a drawing, or in words."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from services.errors import NotFoundError, PackError
from services.process.definitions import ProcessDefinition
from services.process.packs import Pack
from services.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="Processes: export.")

MISTAKES = 1


@app.callback()
def group() -> None:
    """Keep `export` a command of the group, although it is the only one."""


@app.command()
def export(
    programme: Annotated[str, typer.Argument(help="A programme's code, or the path of a pack.")],
    process: Annotated[str, typer.Argument(help="The process's code.")],
    *,
    bpmn: Annotated[bool, typer.Option("--bpmn", help="Print BPMN 2.0 with its diagram (the default).")] = False,
    svg: Annotated[bool, typer.Option("--svg", help="Print a drawing as SVG.")] = False,
    words: Annotated[bool, typer.Option("--words", help="Print it in sentences.")] = False,
    bureau: Annotated[str | None, typer.Option(help="The bureau's code, where several have the programme.")] = None,
) -> None:
    """Print a process of a pack's folder, or of the version in force, on standard output."""
    if bpmn + svg + words > 1:
        raise typer.BadParameter("one of --bpmn, --svg, --words")
    settings = load_settings()
    pack = _pack(settings, programme, bureau)
    definition = next((each for each in pack.processes if each.process == process), None)
    if definition is None:
        known = ", ".join(each.process for each in pack.processes) or "–"
        raise NotFoundError("There is no process “{process}”; known are {known}", process=process, known=known)
    write = _as_words if words else _as_svg if svg else _as_bpmn
    print(write(pack, definition, settings.locale), end="")


def _as_bpmn(pack: Pack, definition: ProcessDefinition, locale: str) -> str:
    from services.process.bpmn import bpmn

    return bpmn(pack, definition, locale=locale)


def _as_svg(pack: Pack, definition: ProcessDefinition, locale: str) -> str:
    from services.process.drawing import draw
    from services.process.naming import actor_title

    return draw(definition, locale, names=lambda actor: actor_title(pack, actor).in_(locale)) + "\n"


def _as_words(pack: Pack, definition: ProcessDefinition, locale: str) -> str:
    from services.programmes.telling import process_lines

    return "\n".join(process_lines(pack, definition, locale=locale)).lstrip("\n") + "\n"


def _pack(settings: Settings, programme: str, bureau: str | None) -> Pack:
    """Return the pack at a path, or the one in force of the programme with this code."""
    if "/" in programme or Path(programme).exists():
        return _of_folder(Path(programme), settings.locale)
    from services.programmes.in_force import pack_in_force

    return _in_store(settings, lambda tx: pack_in_force(tx, programme, bureau=bureau))


def _of_folder(path: Path, locale: str) -> Pack:
    """Return the pack, or print its mistakes and end."""
    from services.adapters.packs import read_pack

    try:
        return read_pack(path)
    except PackError as error:
        for problem in error.problems:
            print(f"{problem['file']}:{problem['line']}: {problem['message'].in_(locale)}", file=sys.stderr)
        raise typer.Exit(MISTAKES) from None


def _in_store(settings: Settings, read: Callable[[Any], Any]) -> Any:
    from services.adapters.database import database
    from services.store.transaction import Store

    async def run(url: str) -> Any:
        store = Store(url, pooled=False)
        try:
            async with store.transaction() as tx:
                return await read(tx)
        finally:
            await store.close()

    with database(settings) as running:
        return asyncio.run(run(running.required_database_url()))
