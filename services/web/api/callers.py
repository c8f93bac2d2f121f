"""Who calls: a bearer token's person, within its scopes, and the call's transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request

from services.adapters.files import FileStore
from services.errors import ForbiddenError, NotSignedInError
from services.i18n import N_
from services.people.access import Reader
from services.people.tokens import Grant, token_for
from services.settings import Settings
from services.store.transaction import Store, Tx

Scope = Literal["read", "write", "admin", "metrics"]


class MissingScopeError(ForbiddenError):
    """The token may not be used for this; another token of the same person may."""

    code, default = "missing-scope", N_("This needs a token with the scope “{scope}”.")


class TokenError(NotSignedInError):
    code, default = "not-signed-in", N_("This needs a valid token: “Authorization: Bearer gt_…”.")


@dataclass(frozen=True, slots=True)
class Caller:
    """A call with its transaction. The transaction commits before the response is sent."""

    request: Request
    tx: Tx
    grant: Grant

    @property
    def reader(self) -> Reader:
        """Who the token acts as."""
        return self.grant.reader

    @property
    def settings(self) -> Settings:
        """The installation's settings."""
        return self.request.app.state.settings  # type: ignore[no-any-return]

    @property
    def files(self) -> FileStore:
        """The installation's files."""
        return self.request.app.state.files  # type: ignore[no-any-return]


def store_of(request: Request) -> Store:
    """Return the application's store."""
    return request.app.state.store  # type: ignore[no-any-return]


async def grant_of(tx: Tx, request: Request, scope: Scope) -> Grant:
    """Return what the request's token allows, in one statement.

    Raises:
        TokenError: there is no token, or it is no longer valid.
        MissingScopeError: the token lacks the scope.
    """
    kind, _, raw = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not raw:
        raise TokenError
    try:
        grant = await token_for(tx, raw.strip())
    except NotSignedInError as error:
        raise TokenError from error
    if scope not in grant.scopes:
        raise MissingScopeError(scope=scope)
    return grant


async def reader_of(tx: Tx, request: Request, scope: Scope) -> Reader:
    """Return the person of the request's token; raises as `grant_of`."""
    return (await grant_of(tx, request, scope)).reader


def with_scope(scope: Scope) -> Callable[[Request], AsyncIterator[Caller]]:
    """Return the dependency that opens the call's transaction for a token with `scope`."""

    async def caller(request: Request) -> AsyncIterator[Caller]:
        async with store_of(request).transaction() as tx:
            yield Caller(request, tx, await grant_of(tx, request, scope))

    return caller


Reading = Annotated[Caller, Depends(with_scope("read"), scope="function")]
Writing = Annotated[Caller, Depends(with_scope("write"), scope="function")]
Administering = Annotated[Caller, Depends(with_scope("admin"), scope="function")]
