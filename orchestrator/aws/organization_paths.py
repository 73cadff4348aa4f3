"""Where accounts are, by the paths that AWS names with them: ids in, OUs with their names out.

An account's `Paths` are new in 2026 and not everywhere. botocore's model of AWS Organizations has their form:
`o-<id>/r-<id>(/ou-<id>-<id>)*(/<account id>)*/`, and
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html the meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from orchestrator.core.model import OrganizationalUnit, unit_path
from orchestrator.core.model.unreadable import shown

Units = tuple[OrganizationalUnit, ...]
"""Those above an account, outermost first."""
_UNIT = "ou-"


def unit_ids(account: Mapping[str, Any], organization_id: str, root_id: str) -> tuple[str, ...] | None:
    """The ids of the OUs above an account as AWS lists it, outermost first; None where no one path says so."""
    paths = {str(path).removesuffix("/") for path in account.get("Paths") or ()}
    if len(paths) != 1:
        return None
    found_organization, *rest = paths.pop().split("/")
    found_root, *ids = rest or [""]
    if ids and ids[-1] == account["Id"]:
        ids.pop()
    if (found_organization, found_root) != (organization_id, root_id) or not all(one.startswith(_UNIT) for one in ids):
        return None
    return tuple(ids)


def unit_below(raw: Any, above: Units) -> OrganizationalUnit:
    """An OU as AWS lists it below these."""
    return OrganizationalUnit(id=raw["Id"], path=unit_path(above[-1].path if above else "", shown(raw["Name"])))


class UnitsByPath:
    """The OUs of one organization by their ids; each list of those below another one is asked for once.

    That takes fewer calls than to describe each: 20 come in one page, and those that stand beside one another are
    mostly used together. `list_below` gives the OUs right below the root or an OU.
    """

    def __init__(self, root_id: str, list_below: Callable[[str], Iterable[Any]]) -> None:
        self._list_below = list_below
        self._root_id = root_id
        self._above: dict[str, Units] = {root_id: ()}
        """By the id of each that was found; itself is the last one."""
        self._listed: set[str] = set()
        self._missed: set[str] = set()
        """Those that were looked for, whether they were there or not."""

    def above(self, ids: tuple[str, ...]) -> Units | None:
        """The OUs of a path; None where there is no such path: it was changed since AWS named it.

        Raises AWS's refusals.
        """
        parent = self._root_id
        for number, unit_id in enumerate(ids, 1):
            if unit_id not in self._above and unit_id not in self._missed:
                self._list(parent)  # also one that was listed: the OU may be new
                self._missed.add(unit_id)
            if tuple(unit.id for unit in self._above.get(unit_id, ())) != ids[:number]:
                return None
            parent = unit_id
        return self._above[parent]

    def every(self) -> Units:
        """Each OU of the organization. Raises AWS's refusals."""
        while left := self._above.keys() - self._listed:
            for parent in sorted(left):
                self._list(parent)
        return self.found

    @property
    def found(self) -> Units:
        """Those that were needed by now, and those beside them."""
        return tuple(units[-1] for units in self._above.values() if units)

    def _list(self, parent: str) -> None:
        above = self._above[parent]
        for raw in self._list_below(parent):
            self._above.setdefault(raw["Id"], (*above, unit_below(raw, above)))
        self._listed.add(parent)
