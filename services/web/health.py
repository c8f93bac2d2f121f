"""Whether the process lives, and whether it can work: for supervisors and load balancers, in no language."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from services.errors import SetupError
from services.store import migrate

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """Say that the process answers; it looks at nothing else."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """Say whether the database answers and has the schema of this release."""
    try:
        await migrate.require_head(request.app.state.store.engine)
    except SetupError as error:
        return JSONResponse({"status": "unavailable", "reason": error.code}, status_code=503)
    except (SQLAlchemyError, OSError, TimeoutError):
        return JSONResponse({"status": "unavailable", "reason": "database"}, status_code=503)
    return JSONResponse({"status": "ok"})
