"""`guantong key`: the installation's key, from and to its folder."""

from __future__ import annotations

import sys

import typer

from services.adapters.keys import FILE, from_words, load_keys, store_keys
from services.i18n import N_, translate
from services.settings import load_settings

app = typer.Typer(help="The key that closes identity numbers and signs the audit anchor.")


@app.command()
def restore() -> None:
    """Bring the key back from its recovery sheet: type it, or give it on standard input."""
    settings = load_settings()
    prompt = translate(settings.locale, N_("The key on the recovery sheet"))
    words = typer.prompt(prompt, hide_input=True) if sys.stdin.isatty() else sys.stdin.read()
    keys = from_words(words)
    store_keys(settings.key_folder, keys)
    print(
        translate(
            settings.locale,
            N_("Written to {file}; fingerprint {fingerprint}."),
            file=settings.key_folder / FILE,
            fingerprint=keys.fingerprint,
        )
    )


@app.command()
def fingerprint() -> None:
    """Show which key is there, without showing it."""
    print(load_keys(load_settings().key_folder).fingerprint)
