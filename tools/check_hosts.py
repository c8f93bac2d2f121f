"""Refuses committed files that name a package index or its host: an installation chooses its own.

The patterns are written so that this file does not match them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FORBIDDEN = re.compile(
    rb"p[y]pi\.[a-z]|python[h]osted|npm[j]s\.|-[-](?:extra-)?index[-]url[= ]|https?://[^\s\"']+/[s]imple(?:[/\s\"']|$)"
)


def main() -> int:
    """Print each place as file:line; return 1 when there is one."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout  # noqa: S607  git of the PATH
    wrong = 0
    for path in (Path(name.decode()) for name in listed.split(b"\0") if name):
        if not path.is_file():
            continue
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if FORBIDDEN.search(line):
                print(f"{path}:{number}: names a package index or its host")
                wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
