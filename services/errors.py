"""Everything that can go wrong and be said to a person: one base class, one subclass per thing.

Raised where it is found; turned into problem JSON or a page in one place of the web layer. `code` is stable and in
English, `message` is what a person reads (a gettext id with named places), `status` the HTTP status.
"""

from __future__ import annotations

from typing import Any, ClassVar


class GuantongError(Exception):
    """Base of all expected errors.

    Args:
        message: the sentence for a person, with `{name}` places filled from `details`.
        details: values for those places and for the `details` member of the problem JSON; never personal data of others.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    default: ClassVar[str] = "Something went wrong."

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.template = message or self.default
        self.details = details
        super().__init__(self.template.format_map(_Missing(details)))

    @property
    def message(self) -> str:
        """The sentence with its places filled."""
        return str(self)


class _Missing(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


class NotFoundError(GuantongError):
    """The thing does not exist, or the reader may not know that it does."""

    code, status, default = "not-found", 404, "There is nothing here, or nothing that you may see."


class NotSignedInError(GuantongError):
    code, status, default = "not-signed-in", 401, "Please sign in."


class ForbiddenError(GuantongError):
    """The reader may see the thing but not do this with it."""

    code, status, default = "forbidden", 403, "You may not do this."


class OwnSubmissionError(ForbiddenError):
    """Nobody decides on their own submission."""

    code, default = "own-submission", "You submitted this yourself, so somebody else must decide on it."


class SameSignerError(ForbiddenError):
    """会签 asks several offices; one person's opinion stands for one of them only."""

    code = "same-signer"
    default = "You have signed this for another office already; somebody else must sign for this one."


class ConflictError(GuantongError):
    """The state has moved on since the caller looked."""

    code, status, default = "conflict", 409, "This has changed since you opened it. Reload and look again."


class AlreadyDecidedError(ConflictError):
    """Another act closed the task first. `details`: by, at, outcome."""

    code, default = "already-decided", "This task was already closed: {outcome} by {by}."


class IllegalTransitionError(ConflictError):
    """The act does not fit the state. `details`: state, act; the message names both."""

    code, default = "illegal-transition", "A case in “{state}” cannot take “{act}”."


class KeyReusedError(ConflictError):
    """An idempotency key came again with another command."""

    code, status, default = "idempotency-key-reused", 422, "This idempotency key was used for another command."


class InvalidInputError(GuantongError):
    """Input that a person can correct. `problems`: list of {field, message, …}."""

    code, status, default = "invalid-input", 422, "Some entries need correcting."

    def __init__(
        self, problems: list[dict[str, Any]] | None = None, message: str | None = None, **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.problems = problems or []


class ClosedError(ConflictError):
    """The hard close has passed and there is no late exception."""

    code, default = "closed", "This closed on {closed}. Only a late exception by {who} opens it again."


class TooLargeError(InvalidInputError):
    code, status, default = "too-large", 413, "The file has {size}; at most {limit} is accepted."


class PackError(InvalidInputError):
    """A programme pack does not load. `problems`: list of {file, line, message}."""

    code, default = "invalid-pack", "The programme pack has mistakes."


class LockedOutError(GuantongError):
    code, status, default = (
        "locked-out",
        429,
        "Too many wrong passwords. Try again after {until}, or ask your unit's administrator.",
    )


class WrongCredentialsError(GuantongError):
    code, status, default = "wrong-credentials", 401, "The sign-in name or the password is wrong."


class SetupError(GuantongError):
    """The installation cannot start as it is configured: one clear sentence, exit code 2."""

    code, status, default = "setup", 500, "The installation is not set up."


class SeasonDateError(InvalidInputError):
    """A season's key or one of its dates is none. `details`: key, text."""

    code, default = (
        "season-date",
        "“{text}” is not a date of a season “{key}”. A season is named by its year, for example 2027.",
    )


class SupersededError(ConflictError):
    """The run that carries a season is no longer the one that does: a newer generation, or the season is over."""

    code, default = "season-superseded", "The season {season} is carried by generation {current}, not by {generation}."


class OrchestratorDownError(GuantongError):
    """Whoever carries flow runs does not answer. Nothing is lost: the next look tries again."""

    code, status, default = "orchestrator-down", 503, "Prefect does not answer: {words}"


class NotResumableError(ConflictError):
    """A suspended run cannot go on (its deployment is gone); a new one has to."""

    code, default = "not-resumable", "The run {run} cannot be resumed: {words}"


class OrchestratorRefusedError(ConflictError):
    """Whoever carries flow runs answers, but does not take this one."""

    code, default = "orchestrator-refused", "Prefect refuses: {words}"
