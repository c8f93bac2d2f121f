"""`guantong programme check|show|load`: a programme pack, from its folder."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from services.adapters.packs import read_pack
from services.errors import PackError
from services.i18n import translate
from services.process.packs import Pack
from services.programmes.load import LoadReport, load_pack_for
from services.programmes.telling import pack_lines, report_lines
from services.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="Programme packs: check, show, load.")

MISTAKES = 1

PackPath = Annotated[Path, typer.Argument(metavar="PATH", help="The pack's folder, or its programme.yaml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(path: PackPath, *, as_json: AsJson = False) -> None:
    """Check a pack: every mistake with its file and line. Exit code 1 if there is one."""
    pack = _read(path, as_json=as_json)
    if as_json:
        _print_json({"ok": True, "programme": pack.programme, "digest": pack.digest(), "problems": []})
    else:
        print(
            translate(
                _locale(), "{programme}: no mistakes (SHA-256 {digest})", programme=pack.programme, digest=pack.digest()
            )
        )


@app.command()
def show(path: PackPath, *, as_json: AsJson = False) -> None:
    """Show a pack in words, or resolved as JSON."""
    pack = _read(path, as_json=as_json)
    if as_json:
        _print_json({"ok": True, "digest": pack.digest(), "pack": pack.resolved()})
    else:
        print("\n".join(pack_lines(pack, locale=_locale())))


@app.command()
def load(
    path: PackPath,
    *,
    bureau: Annotated[str, typer.Option(help="The bureau's code.")],
    as_json: AsJson = False,
) -> None:
    """Store a pack: new seasons begin under it, running ones keep theirs."""
    pack = _read(path, as_json=as_json)
    report = _load(load_settings(), bureau, pack)
    if as_json:
        _print_json({"ok": True, **dataclasses.asdict(report)})
    else:
        print("\n".join(report_lines(report, locale=_locale())))


def _load(settings: Settings, bureau: str, pack: Pack) -> LoadReport:
    from services.adapters.database import database
    from services.store.transaction import Store

    async def run(url: str) -> LoadReport:
        store = Store(url, clock=_clock(settings), pooled=False)
        try:
            async with store.transaction() as tx:
                return await load_pack_for(tx, bureau, pack)
        finally:
            await store.close()

    with database(settings) as running:
        return asyncio.run(run(running.required_database_url()))


def _clock(settings: Settings) -> Any:
    from services.store.clock import StoreClock, SystemClock

    return StoreClock() if settings.clock == "store" else SystemClock()


def _read(path: Path, *, as_json: bool) -> Pack:
    """Return the pack, or print its mistakes and end."""
    try:
        return read_pack(path)
    except PackError as error:
        if as_json:
            _print_json({"ok": False, "problems": error.problems})
        else:
            for problem in error.problems:
                print(f"{problem['file']}:{problem['line']}: {problem['message'].in_(_locale())}", file=sys.stderr)
            print(translate(_locale(), "{n} mistakes", n=len(error.problems)), file=sys.stderr)
        raise typer.Exit(MISTAKES) from None


def _locale() -> str:
    return load_settings().locale


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))
