"""`guantong audit verify`: compute the audit chains anew and compare them with each other and with the signed anchors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any
from uuid import UUID

import typer

from services.commands.running import bureaus, in_transaction, print_json
from services.i18n import N_, translate
from services.settings import load_settings
from services.store.anchors import verify_anchors
from services.store.chain import Broken, verify_chain
from services.store.transaction import Tx

app = typer.Typer(no_args_is_help=True, help="The audit chain.")

BROKEN = 1
WORDS = {
    "edited": N_("an event was changed"),
    "removed": N_("an event before this one is missing"),
    "unlinked": N_("an event does not follow from the one before it"),
    "truncated": N_("the last events are missing"),
    "beyond-head": N_("there are events behind the end of the chain"),
    "head-changed": N_("the end of the chain names another event"),
    "headless": N_("events of a chain that nobody began"),
    "forged": N_("the anchor's signature is not this installation's"),
    "changed": N_("an anchored event is another one now, or gone"),
}
ANCHOR_REMOVED = N_("an anchor before this one is missing")


@dataclass(frozen=True)
class Finding:
    """What verifying a bureau found."""

    bureau: str
    events: int
    anchors: int
    broken: list[Broken]


@app.callback()
def group() -> None:
    """Keep `verify` a command of the group, though it is the only one."""


@app.command()
def verify(
    *,
    bureau: Annotated[str | None, typer.Option("--bureau", help="The bureau's code; left out, all of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find whatever was changed, removed, put in or cut off. Exit code 1 where something was."""

    async def work(tx: Tx) -> list[Finding]:
        return [await _verify(tx, each.id, each.code) for each in await bureaus(tx, bureau)]

    findings = in_transaction(work)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo("\n".join(lines(finding, load_settings().locale)))
    if any(finding.broken for finding in findings):
        raise typer.Exit(BROKEN)


async def _verify(tx: Tx, bureau_id: UUID, code: str) -> Finding:
    counted = await tx.rows(
        "SELECT (SELECT count(*) FROM audit_event WHERE bureau_id = $1) AS events,"
        " (SELECT count(*) FROM anchor WHERE bureau_id = $1) AS anchors",
        (bureau_id,),
    )
    broken = await verify_chain(tx, bureau_id)
    if counted[0]["anchors"]:
        broken += await verify_anchors(tx, bureau_id, keys=_keys())
    return Finding(code, counted[0]["events"], counted[0]["anchors"], broken)


def _keys() -> list[Any]:
    from services.adapters.keys import load_keys

    return [load_keys(load_settings().key_folder).anchor.public_key()]


def lines(finding: Finding, locale: str) -> list[str]:
    """Return a finding in words for `locale`."""
    if not finding.broken:
        words = N_("The audit chain of {bureau} is whole: {events} events, {anchors} anchors.")
        counts = {"events": finding.events, "anchors": finding.anchors}
        return [translate(locale, words, bureau=finding.bureau, **counts)]
    words = N_("The audit chain of {bureau} is broken in {n} places:")
    first = translate(locale, words, bureau=finding.bureau, n=len(finding.broken))
    return [first, *(_line(broken, locale) for broken in finding.broken)]


def _line(broken: Broken, locale: str) -> str:
    is_gap_in_anchors = broken.stream == "anchor" and broken.problem == "removed"
    words = ANCHOR_REMOVED if is_gap_in_anchors else WORDS[broken.problem]
    return f"  {broken.stream} {broken.stream_id} #{broken.seq}: {translate(locale, words)}"
