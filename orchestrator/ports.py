"""What the sweep needs from the world, as protocols; `aws` and the tests provide them, `app` wires them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from orchestrator.core.model import (
    Account,
    AccountId,
    Action,
    ApprovedPlan,
    AwsError,
    Organization,
    Outcome,
    Region,
    Resource,
    SweepReport,
    Target,
)


class TargetUnreadableError(Exception):
    """Raised by a port when AWS refuses one account or target; the sweep turns it into coverage."""

    def __init__(self, error: AwsError, operation: str = "") -> None:
        self.error = error
        self.operation = operation
        super().__init__(f"{operation}: {error}" if operation else str(error))


@dataclass(frozen=True, slots=True)
class RegionStatus:
    """One region as an account sees it; `detail` is AWS's word for why it is not enabled."""

    region: Region
    enabled: bool
    detail: str = ""


class OrganizationPort(Protocol):
    def read(self) -> Organization:
        """Every account with its OU path and state, without tags. Raises OrganizationError when it cannot be listed."""
        ...

    def read_tags(self, accounts: Sequence[Account]) -> tuple[Account, ...]:
        """The same accounts with their own and their OUs' tags; what cannot be read is in `tags_error`."""
        ...


class AccountsPort(Protocol):
    """Access to member accounts."""

    def bind(self, account_id: AccountId) -> AbstractContextManager[None]:
        """Binds the running task to one account: every member call inside it carries that account's credentials.

        Raises TargetUnreadableError when the member role cannot be assumed.
        """
        ...

    def regions(self) -> tuple[RegionStatus, ...]:
        """The regions of the bound account. Raises TargetUnreadableError."""
        ...

    def hub_regions(self) -> tuple[RegionStatus, ...]:
        """The regions of the hub account itself. Raises TargetUnreadableError."""
        ...


class Kind(Protocol):
    """One kind of resource. Both methods run inside `AccountsPort.bind`, in a thread of their own."""

    @property
    def name(self) -> str: ...

    @property
    def read_permissions(self) -> frozenset[str]: ...

    @property
    def act_permissions(self) -> frozenset[str]: ...

    def read(self, target: Target) -> tuple[Resource, ...]:
        """Every running (or pending) resource of the target. Raises TargetUnreadableError: all or nothing."""
        ...

    def stop(self, target: Target, stops: Sequence[tuple[Resource, Action]], sweep_id: str) -> tuple[Outcome, ...]:
        """Stops the resources of one target and says what was seen to come of each; exactly one outcome for each."""
        ...


class ReportStore(Protocol):
    def check(self, sweep_id: str) -> None:
        """Proves, before anything is stopped, that a report can be written. Raises ReportStoreError."""
        ...

    def write(self, report: SweepReport) -> str:
        """Writes every form of the report and says where its JSON is. Raises ReportStoreError."""
        ...

    def read(self, sweep_id: str, name: str) -> bytes:
        """One file of a finished sweep, such as `report.json`. Raises ReportStoreError."""
        ...


class Progress(Protocol):
    """Hears how far a sweep is. Called from the coordinating thread only."""

    def phase(self, text: str) -> None: ...

    def targets(self, done: int, total: int) -> None: ...

    def stops(self, done: int, total: int) -> None: ...


class NoProgress:
    def phase(self, text: str) -> None: ...

    def targets(self, done: int, total: int) -> None: ...

    def stops(self, done: int, total: int) -> None: ...


def always_confirm(_: ApprovedPlan) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside of the process that one sweep touches."""

    organization: OrganizationPort
    accounts: AccountsPort
    kinds: Mapping[str, Kind]
    store: ReportStore
    now: Callable[[], datetime]
    calls: Callable[[], Mapping[str, int]]
    """API calls made so far, by `service:Operation`."""
    out_of_time: Callable[[], bool] = lambda: False
    """True from the moment on that no new work may be handed out."""
    confirm: Callable[[ApprovedPlan], bool] = always_confirm
    """Asked once, in enforce mode, after the guardrails and before the first stop."""
    progress: Progress = field(default_factory=NoProgress)
    workers: int = 64
