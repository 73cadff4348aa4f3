"""How large an organization is, as far as what a sweep of it costs hangs on it."""

from __future__ import annotations

from dataclasses import dataclass

REGIONS_BY_DEFAULT = 17
"""So many regions of the partition `aws` are enabled in an account that enabled or disabled none."""
RESOURCES_A_TARGET = 1.6
"""Running ones, where nobody says how many there are: as in the organization that the benchmark makes up."""


@dataclass(frozen=True, slots=True)
class Size:
    """What is in a policy's scope; `stops` are what a sweep would stop."""

    accounts: int
    regions: int
    resources: int
    stops: int

    @property
    def targets(self) -> int:
        """Each account in each region."""
        return self.accounts * self.regions
