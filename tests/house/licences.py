"""The licence of every locked distribution, from its own metadata. `python tests/house/licences.py` prints the table."""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)

BY_CLASSIFIER = {
    "Apache Software License": "Apache-2.0",
    "Artistic License": "Artistic-1.0-Perl",
    "BSD License": "BSD-3-Clause",
    "GNU General Public License (GPL)": "GPL-2.0-or-later",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
BY_FREE_TEXT = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD-3-Clause License": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "PSF": "PSF-2.0",
    "lGPLv3": "LGPL-3.0-or-later",  # SpiffWorkflow; its files say “or any later version”
}
SPDX = re.compile(r"[A-Za-z0-9.+-]+(?: (?:OR|AND) [A-Za-z0-9.+-]+)*")


def locked() -> dict[str, str]:
    """Every distribution of the lock with its version, whichever machine it is for."""
    return dict(_LOCKED.findall((ROOT / "requirements.lock").read_text(encoding="utf-8")))


def licence_of(name: str) -> str | None:
    """The distribution's licence as an SPDX expression; None where it is not installed on this machine.

    The expression counts before the free text, and that before the classifiers, of which several are alternatives.
    """
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return None
    if expression := said.get("License-Expression"):
        return expression
    alternatives = _classified(said)
    text = (said.get("License") or "").strip()
    if len(alternatives) > 1:
        return " OR ".join(alternatives)
    text = BY_FREE_TEXT.get(text, text)
    if SPDX.fullmatch(text):
        return text
    return alternatives[0] if alternatives else f"unclear: {text[:40]!r}"


def _classified(said: PackageMetadata) -> list[str]:
    names = [each.rpartition(" :: ")[2] for each in said.get_all("Classifier") or () if each.startswith("License ::")]
    known = [BY_CLASSIFIER.get(each, f"unclear: {each!r}") for each in names if each != "OSI Approved"]
    return sorted(set(known))


if __name__ == "__main__":
    for distribution in sorted(locked()):
        print(f"| {distribution} | {licence_of(distribution) or '(not installed here)'} |")  # noqa: T201  its purpose
