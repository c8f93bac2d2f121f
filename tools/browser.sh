#!/bin/sh
# Sees that the browser tests find a Chromium and Chinese fonts; installs Debian's where it may.
set -eu

has_browser() {
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1
}

has_fonts() {
    ! command -v fc-list >/dev/null 2>&1 || [ -n "$(fc-list :lang=zh family | head -n 1)" ]
}

if has_browser && has_fonts; then
    exit 0
fi

if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" -eq 0 ]; then
        as_root=""
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo"
    else
        echo "The browser tests need Chromium and Chinese fonts: sudo apt-get install chromium fonts-noto-cjk" >&2
        exit 1
    fi
    echo "Installing Chromium and Chinese fonts for the browser tests …"
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qq -y --no-install-recommends chromium fonts-noto-cjk >/dev/null
    exit 0
fi

if ! has_browser; then
    echo "The browser tests need Chromium or Chrome on the PATH, as chromium, chromium-browser or google-chrome." >&2
    exit 1
fi
