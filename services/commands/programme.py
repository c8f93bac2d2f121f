"""`guantong programme new|check|show|load`: a programme pack, from its folder."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from models.programme import ProgrammeVersion
from services.adapters.packs import read_pack
from services.errors import PackError
from services.i18n import Message, translate
from services.process.pack_overlay import Decision
from services.process.packs import Pack
from services.programmes.load import bureau_of, load_pack_for, propose_pack
from services.programmes.planning import LoadPlan, LostStageError, Orders, UndecidedError, plan_load
from services.programmes.reporting import plan_json, plan_lines, report_json, report_lines
from services.programmes.telling import pack_lines
from services.settings import Settings, load_settings
from services.store.transaction import Store, Tx

app = typer.Typer(no_args_is_help=True, help="Programme packs: new, check, show, load.")

MISTAKES = 1
Found = TypeVar("Found")

PackPath = Annotated[Path, typer.Argument(metavar="PATH", help="The pack's folder, or its programme.yaml.")]
Places = Annotated[
    list[str] | None,
    typer.Option(metavar="PLACE", help="A place where the bureau's own value conflicts; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def new(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder that is not there yet.")],
    *,
    code: Annotated[str, typer.Option(help="The programme's code, for example reading-week.")],
    title_zh: Annotated[str, typer.Option(help="Its title in Chinese.")],
    title_en: Annotated[str, typer.Option(help="Its title in English.")],
    as_json: AsJson = False,
) -> None:
    """Write a pack to begin with: it passes its check, and its comments say what may be changed."""
    from services.adapters.new_pack_folder import write_new_pack

    made = [str(each) for each in write_new_pack(path, code=code, title_zh=title_zh, title_en=title_en)]
    written = translate(
        _locale(), "{path}: a programme to begin with. Next: guantong programme check {path}", path=path
    )
    _say({"ok": True, "files": made}, [*made, written], as_json=as_json)


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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also where running cases stand in a stage that it lacks.")
    ] = False,
    propose: Annotated[bool, typer.Option("--propose", help="Store it only; its administrator decides.")] = False,
    keep_ours: Places = None,
    take_theirs: Places = None,
    as_json: AsJson = False,
) -> None:
    """Store a pack and say how it differs: new seasons begin under it, running cases keep theirs."""
    pack = _read(path, as_json=as_json)
    decisions: dict[str, Decision] = dict.fromkeys(take_theirs or (), "theirs")
    decisions |= dict.fromkeys(keep_ours or (), "ours")
    orders = Orders(sure=yes, decisions=decisions)
    settings = load_settings()
    if propose:
        version = _in_store(settings, lambda tx: _propose(tx, bureau, pack))
        _say({"ok": True, "proposed": version.digest}, _proposed(pack, version.digest), as_json=as_json)
    elif dry_run:
        plan = _in_store(settings, lambda tx: _plan(tx, bureau, pack, orders))
        _say({"ok": True, "dry_run": True, **plan_json(plan)}, _dry_lines(plan), as_json=as_json)
    else:
        _load(settings, bureau, pack, orders=orders, as_json=as_json)


def _load(settings: Settings, bureau: str, pack: Pack, *, orders: Orders, as_json: bool) -> None:
    """Load the pack, or print what stands in the way and end."""
    try:
        report = _in_store(settings, lambda tx: load_pack_for(tx, bureau, pack, orders=orders))
    except (UndecidedError, LostStageError) as error:
        told = translate(_locale(), error.template, **error.details)
        lines = [*plan_lines(error.plan, locale=_locale()), "", told, *_ways_on(error)]
        if as_json:
            _print_json({"ok": False, "code": error.code, "detail": told, **plan_json(error.plan)})
        else:
            print("\n".join(lines), file=sys.stderr)
        raise typer.Exit(MISTAKES) from None
    _say({"ok": True, **report_json(report)}, report_lines(report, locale=_locale()), as_json=as_json)


def _ways_on(error: UndecidedError | LostStageError) -> Iterator[str]:
    if isinstance(error, LostStageError):
        yield translate(_locale(), "Nothing was changed. If it is meant: --yes")
        return
    for each in error.plan.reapplied.open:
        keep = f"--keep-ours {each.change.place} | " if each.may_keep else ""
        yield f"  {keep}--take-theirs {each.change.place}"
    yield translate(_locale(), "Nothing was changed.")


def _dry_lines(plan: LoadPlan) -> list[str]:
    values = {"programme": plan.pack.programme, "digest": plan.pack.digest()[:12]}
    known = Message("{programme}: version {digest} is in force already; nothing would change", values)
    would = Message("{programme}: version {digest} would be loaded; nothing was changed", values)
    return [(would if plan.is_new else known).in_(_locale()), *plan_lines(plan, locale=_locale())]


def _proposed(pack: Pack, digest: str) -> list[str]:
    values = {"programme": pack.programme, "digest": digest[:12]}
    words = Message("{programme}: version {digest} is stored and waits for the administrator's decision", values)
    return [words.in_(_locale())]


async def _plan(tx: Tx, bureau: str, pack: Pack, orders: Orders) -> LoadPlan:
    return await plan_load(tx, await bureau_of(tx, bureau), pack, orders.decisions)


async def _propose(tx: Tx, bureau: str, pack: Pack) -> ProgrammeVersion:
    return await propose_pack(tx, await bureau_of(tx, bureau), pack)


def _in_store(settings: Settings, act: Callable[[Tx], Coroutine[Any, Any, Found]]) -> Found:
    from services.adapters.database import database

    async def run(url: str) -> Found:
        store = Store(url, clock=_clock(settings), pooled=False)
        try:
            async with store.transaction() as tx:
                return await act(tx)
        finally:
            await store.close()

    with database(settings) as running:
        return asyncio.run(run(running.required_database_url()))


def _say(found: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    if as_json:
        _print_json(found)
    else:
        print("\n".join(lines))


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
