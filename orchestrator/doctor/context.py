"""Everything outside of the process that doctor asks, as protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from orchestrator.core.diagnosis.checks import Asked, Check, StackSet
from orchestrator.core.model import AccountId, AwsError, Listed, Region
from orchestrator.core.model.kind import KindDescription
from orchestrator.ports import AccountsPort, OrganizationPort


class HubPort(Protocol):
    """What is asked about the hub itself. Each raises TargetUnreadableError where AWS refuses."""

    def identity(self) -> tuple[AccountId, str]:
        """The account and the ARN that this process acts as."""
        ...

    def trusted_services(self) -> frozenset[str]:
        """The services that have trusted access to the organization."""
        ...

    def delegated_administrators(self, service: str) -> frozenset[str]:
        """Their account ids."""
        ...

    def stack_set(self, name: str, *, as_delegated: bool) -> StackSet:
        """With its instances; AWS's refusal is in its `error`."""
        ...


class PermissionsPort(Protocol):
    """What one kind asks of the bound account, without changing anything in it."""

    @property
    def description(self) -> KindDescription:
        """The kind. Of what it declares, the policy simulator is asked about what is not asked for here."""
        ...

    def read(self, region: Region) -> tuple[Asked, str | None]:
        """Whether the region can be read, and the id of a resource to ask about, where there is one."""
        ...

    def ask(self, region: Region, resource_id: str | None) -> tuple[Asked, ...]:
        """Every other action of the kind that can be asked for, whatever tags the resource has."""
        ...

    def ask_of_marked(self, regions: Sequence[Region]) -> tuple[tuple[Region, Asked], ...]:
        """Every action that the member role allows of what carries a mark alone, in the region that has such a one."""
        ...


class SimulatorPort(Protocol):
    """IAM's policy simulator in the bound account."""

    def simulate(
        self, account_id: AccountId, region: Region, arn_form: str, actions: Sequence[str]
    ) -> Mapping[str, AwsError | None]:
        """For each of these actions on a marked resource of that form the refusal, or None where it is allowed.

        Raises TargetUnreadableError where the simulator cannot be asked.
        """
        ...


@runtime_checkable
class RoleParametersPort(Protocol):
    """Of a kind: whether the member role was rolled out with the parameters that a policy needs; or that it cannot be
    asked.
    """

    def ask_of_unmarked(self, regions: Sequence[Region]) -> tuple[Region, Asked]:
        """Whether the role starts what no sweep stopped (StartScope), in the region that has such a one."""
        ...

    def ask_of_tag_keys(self, region: Region, resource_id: str | None, keys: Sequence[str]) -> Asked:
        """Whether it writes tags with all of these keys (TagKeys)."""
        ...


class Progress(Protocol):
    """Hears how far doctor is. Called from the coordinating thread only."""

    def phase(self, text: str) -> None: ...

    def accounts(self, done: int, total: int) -> None: ...


@dataclass(frozen=True, slots=True)
class DoctorContext:
    """Everything outside of the process that is asked."""

    hub: HubPort
    organization: OrganizationPort
    accounts: AccountsPort
    kinds: tuple[PermissionsPort, ...]
    services: tuple[Callable[[], Check], ...]
    """One for each of the hub's bucket, table, kill switch and topic."""
    stack_set: str
    progress: Progress
    simulator: SimulatorPort
    acts: bool = True
    """Whether this hub may stop anything."""
    workers: int = 128
    partition_regions: frozenset[Region] = frozenset()
    """Every region that is known without asking AWS, of whatever partition."""
    out_of_time: Callable[[], bool] = lambda: False
    """No more accounts are asked once it is true; those under way are."""
    earlier_listings: Callable[[str], Listed] = lambda _organization_id: Listed()
    """What sweeps by that policy listed before. Raises LedgerError."""
