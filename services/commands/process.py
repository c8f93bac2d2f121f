"""`guantong process`: a process as BPMN 2.0, as a drawing, or in words; running cases moved to another version."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from services.errors import NotFoundError, PackError
from services.i18n import N_, translate
from services.process.definitions import ProcessDefinition
from services.process.packs import Pack
from services.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="Processes: export, migrate.")

MISTAKES = 1


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


@app.command()
def migrate(  # noqa: PLR0913 - the options of a command
    programme: Annotated[str, typer.Argument(help="The programme's code.")],
    process: Annotated[str, typer.Argument(help="The process's code.")],
    *,
    to: Annotated[
        str | None, typer.Option(help="Beginning of the version's digest; left out: the version in force.")
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="Move each case back to the version that it came from.")] = False,
    rename: Annotated[
        list[str] | None, typer.Option(help="OLD=NEW: what a stage is called in the other version.")
    ] = None,
    case: Annotated[list[str] | None, typer.Option(help="Only this case (its id); may stand several times.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each case.")] = False,
    bureau: Annotated[str | None, typer.Option(help="The bureau's code, where several have the programme.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Move the running cases of a process to another version of its pack, each by itself."""
    settings = load_settings()
    renames = dict(_pair(each) for each in rename or ())
    only = [_case_id(each) for each in case] if case else None

    async def run(tx: Any) -> Any:
        from services.programmes.in_force import bureau_of
        from services.workflow.migrating import Migration, find_version, migrate_cases

        bureau_id = await bureau_of(tx, programme, bureau=bureau)
        target = None if back else await find_version(tx, bureau_id, programme, to)
        wanted = Migration(bureau_id, programme, process, target, renames, only=only)
        return await migrate_cases(tx, wanted, dry_run=dry_run)

    moves = _in_store(settings, run)
    _print_moves(moves, settings.locale, as_json=as_json, dry_run=dry_run)
    if any(not move.moves for move in moves):
        raise typer.Exit(MISTAKES)


def _pair(text: str) -> tuple[str, str]:
    old, sign, new = text.partition("=")
    if not (old and sign and new):
        raise typer.BadParameter(f"{text}: write OLD=NEW, for example --rename guidance=review")
    return old, new


def _case_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no id of a case") from None


def _print_moves(moves: list[Any], locale: str, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        items = [
            {
                "case": str(move.case_id), "group": move.group, "stage": move.stage, "moves": move.moves,
                "from_version": str(move.from_version), "to_version": str(move.to_version),
                "obstacles": [why.in_(locale) for why in move.obstacles],
            }
            for move in moves
        ]  # fmt: skip
        print(json.dumps({"dry_run": dry_run, "cases": items}, ensure_ascii=False, indent=1))
        return
    for move in moves:
        done = N_("would move") if dry_run else N_("moved")
        said = translate(locale, done) if move.moves else translate(locale, N_("stays: "))
        print(f"{move.group} {move.stage}: {said}" + "; ".join(why.in_(locale) for why in move.obstacles))
    if not moves:
        print(translate(locale, N_("No running case stands under another version.")))


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

    pack: Pack = _in_store(settings, lambda tx: pack_in_force(tx, programme, bureau=bureau))
    return pack


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
