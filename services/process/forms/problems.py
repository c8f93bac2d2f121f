"""What is wrong with an entry, where, and what would be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.i18n import Message


@dataclass(frozen=True)
class Problem:
    """One mistake in a form. `path` names the entry (`budget.lines.2.amount`), `code` the kind of mistake."""

    path: str
    code: str
    message: Message

    def as_dict(self) -> dict[str, Any]:
        """Return it for problem JSON; `message` is English text until somebody asks it `.in_(locale)`."""
        return {"path": self.path, "field": self.path, "code": self.code, "message": self.message}
