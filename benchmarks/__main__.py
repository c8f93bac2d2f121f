"""`make bench`: run every benchmark, print a table, write benchmarks/results/latest.json. Names as arguments run only those."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.database import server
from benchmarks.measure import Figure

NAMES = ("decision", "case", "queue", "history", "sweep", "mail", "start")
RESULTS = Path(__file__).parent / "results" / "latest.json"
LIBRARIES = ("fastapi", "sqlmodel", "sqlalchemy", "asyncpg", "uvicorn", "aiosmtplib", "prefect")


async def machine(url: str) -> dict[str, Any]:
    """Return what the figures depend on."""
    connection = await asyncpg.connect(url)
    try:
        postgres = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "postgresql": postgres,
        "versions": {name: version(name) for name in LIBRARIES},
    }


def show(figures: list[Figure]) -> None:
    """Print the figures as a table."""
    head = ("figure", "ours", "ceiling", "ratio", "unit", "target")
    rows = [head]
    for each in figures:
        data = each.to_json()
        spread = [
            f"{data[name]:g} ({data[name + '_spread'][0]:g}-{data[name + '_spread'][1]:g})"
            for name in ("ours", "ceiling")
        ]
        rows.append((each.name, *spread, f"{data['ratio']:.3f}", each.unit, each.target))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, choices=NAMES)
    parser.add_argument("--no-write", action="store_true", help="print the table only")
    chosen = parser.parse_args()
    with server() as url:
        figures: list[Figure] = []
        for name in chosen.names:
            run = getattr(importlib.import_module(f"benchmarks.{name}"), name)
            figures += asyncio.run(run(url))
            show(figures[-1:])
        about = asyncio.run(machine(url))
    show(figures)
    if not chosen.no_write:
        kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        # A busy machine lowers both rates; how busy it was belongs to the figures.
        said = {"date": about["date"], "load_average": round(os.getloadavg()[2], 1)}
        kept |= {"machine": about} | {each.name: {**each.to_json(), **said} for each in figures}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
