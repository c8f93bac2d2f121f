#!/bin/sh
# Makes .venv from requirements.lock, or brings it up to date. Needs a Python from 3.11 to 3.13 and nothing else.
set -eu
cd "$(dirname "$0")/.."

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

stop() {
    printf '%s\n' "$@" >&2
    exit 1
}

if [ -e .venv ] && ! fits .venv/bin/python; then
    echo "The Python of .venv is gone or does not fit: making .venv anew."
    rm -rf .venv
fi

if [ ! -e .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    fitting=""
    chosen=""
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        fits "$name" || continue
        fitting="${fitting:-$name}"
        if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            chosen="$name"
            break
        fi
    done
    [ -n "$fitting" ] || stop \
        "Guantong needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or say where it is: make setup PYTHON=/path/to/python3.12" \
        "贯通需要 Python 3.11、3.12 或 3.13，未找到。请安装，或指明位置：make setup PYTHON=/path/to/python3.12"
    [ -n "$chosen" ] || stop \
        "$fitting cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" \
        "$fitting 无法创建虚拟环境。Debian、Ubuntu 上请运行：apt-get install python3-venv"
    "$chosen" -m venv --clear .venv
fi

echo "Installing what requirements.lock lists (the first time takes a minute or two) …"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
