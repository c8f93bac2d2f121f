"""Waiting inside a Prefect flow run. Apart from the orchestrator, so that the clock need not load Prefect."""

from __future__ import annotations

from prefect.flow_runs import asuspend_flow_run


class PrefectWaiter:
    """Suspends the flow run in which it is called: the process ends, and the run begins again when it is resumed."""

    async def suspend(self, *, key: str) -> None:
        """Suspend under `key`, without a timeout; Prefect lets a key that was used pass at once."""
        await asuspend_flow_run(key=key)
