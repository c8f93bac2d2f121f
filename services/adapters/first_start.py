"""What a first start must be told: the bureau and its administrator. Asked for before anything is started."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace

from services.adapters.data_folder import DataFolder
from services.errors import SetupError
from services.i18n import N_, translate
from services.settings import Settings

CODE = re.compile(r"[a-z][a-z0-9-]{1,59}")
LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")


@dataclass(frozen=True)
class FirstStart:
    """The answers that a first start needs; an empty one is asked for at the terminal."""

    bureau_name: str = ""
    bureau_code: str = ""
    admin_name: str = ""
    admin_login: str = ""

    def refuse_unanswerable(self, settings: Settings) -> None:
        """Refuse a first start whose answers are neither given nor can be asked for, before anything is started.

        Raises:
            SetupError: nobody sits at a terminal and an answer is missing, or a given one is not accepted.
        """
        self.refuse_wrong()
        complete = all((self.bureau_name, self.bureau_code, self.admin_name, self.admin_login))
        if DataFolder(settings.home).marker() is None and not complete and not sys.stdin.isatty():
            raise FirstStartError

    def refuse_wrong(self) -> None:
        """Refuse answers that cannot be a code or a sign-in name.

        Raises:
            SetupError: one is not accepted; the sentence shows what would be.
        """
        if self.bureau_code and not CODE.fullmatch(self.bureau_code):
            raise SetupError(
                "“{code}” is no code: small letters, digits and hyphens, like qingdao.", code=self.bureau_code
            )
        if self.admin_login and not LOGIN.fullmatch(self.admin_login):
            raise SetupError(
                "“{login}” is no sign-in name: small letters, digits, dots and hyphens.", login=self.admin_login
            )

    def asked(self, locale: str) -> FirstStart:
        """Return the answers, the missing ones asked for at the terminal.

        Raises:
            SetupError: nobody sits there.
        """
        if all((self.bureau_name, self.bureau_code, self.admin_name, self.admin_login)):
            return self
        if not sys.stdin.isatty():
            raise FirstStartError
        questions = {
            "bureau_name": N_("The bureau's name"),
            "bureau_code": N_("A short code for it, in small Latin letters (like qingdao)"),
            "admin_name": N_("The administrator's name"),
            "admin_login": N_("The administrator's sign-in name, in small Latin letters"),
        }
        missing = {key: _ask(translate(locale, text)) for key, text in questions.items() if not getattr(self, key)}
        whole = replace(self, **missing)
        whole.refuse_wrong()
        return whole


class FirstStartError(SetupError):
    """Nobody can be asked what a first start must know."""

    code = "first-start"
    default = (
        "The first start needs the bureau and its administrator: run “guantong up” at a terminal, or give "
        "--bureau-name, --bureau-code, --admin-name and --admin-login."
    )


def _ask(question: str) -> str:
    answer = ""
    while not answer:
        answer = input(f"{question}: ").strip()
    return answer
