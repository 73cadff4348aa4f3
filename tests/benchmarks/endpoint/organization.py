"""Organizations and the Resource Groups Tagging API, as a management account is answered.

One root, two units with two each below, accounts in the four in turn. Each account and unit has three tags; the root
has the canary by which a listing of tags proves to be whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.endpoint.shape import MANAGEMENT, ORGANIZATION, Shape

Answer = dict[str, Any]
_ROOT = "r-root"
_ARN = f"arn:aws:organizations::{MANAGEMENT}"
_UNITS: Mapping[str, tuple[str, str]] = {
    "ou-root-workload": ("Workloads", _ROOT),
    "ou-root-sandboxs": ("Sandboxes", _ROOT),
    "ou-root-wdevelop": ("Dev", "ou-root-workload"),
    "ou-root-wproduct": ("Prod", "ou-root-workload"),
    "ou-root-sfirst00": ("First", "ou-root-sandboxs"),
    "ou-root-ssecond0": ("Second", "ou-root-sandboxs"),
}
_LEAVES = tuple(unit for unit, (_, parent) in _UNITS.items() if parent != _ROOT)
_PAGE = 20
_TAGS_PAGE = 100
CANARY = "stop-orchestrator:canary"


class OrganizationsAnswers:
    """What does not exist is refused by AWS's code."""

    def __init__(self, shape: Shape) -> None:
        ids = [*shape.account_ids, MANAGEMENT]
        self._parent = {one: _LEAVES[number % len(_LEAVES)] for number, one in enumerate(ids)}
        self._accounts = [self._account(one) for one in ids]
        self._by_parent = {
            parent: [one for one in self._accounts if self._parent[one["Id"]] == parent] for parent in (_ROOT, *_UNITS)
        }
        units = [*_UNITS]
        root = {"ResourceARN": f"{_ARN}:root/{ORGANIZATION}/{_ROOT}", "Tags": [_tag(CANARY, ORGANIZATION)]}
        self._tagged = [
            root,
            *({"ResourceARN": f"{_ARN}:ou/{ORGANIZATION}/{one}", "Tags": _tags(one)} for one in units),
            *({"ResourceARN": one["Arn"], "Tags": _tags(one["Id"])} for one in self._accounts),
        ]

    def organizations(  # noqa: PLR0911 - one for each operation
        self, operation: str, asked: Mapping[str, Any]
    ) -> tuple[int, Answer]:
        """Status and answer."""
        parent, resource = asked.get("ParentId"), asked.get("ResourceId", "")
        if operation == "ListAccounts":
            return _page(self._accounts, asked, "Accounts", _PAGE)
        if operation == "ListAccountsForParent" and parent in self._by_parent:
            return _page(self._by_parent[parent], asked, "Accounts", _PAGE)
        if operation == "ListOrganizationalUnitsForParent" and parent in self._by_parent:
            below = [_unit(one) for one, (_, above) in _UNITS.items() if above == parent]
            return _page(below, asked, "OrganizationalUnits", _PAGE)
        if operation == "DescribeOrganizationalUnit" and asked.get("OrganizationalUnitId") in _UNITS:
            return 200, {"OrganizationalUnit": _unit(asked["OrganizationalUnitId"])}
        if operation == "ListParents" and asked.get("ChildId") in self._parent:
            parent_id = self._parent[asked["ChildId"]]
            return 200, {"Parents": [{"Id": parent_id, "Type": "ORGANIZATIONAL_UNIT"}]}
        if operation == "ListTagsForResource" and resource == _ROOT:
            return 200, {"Tags": [_tag(CANARY, ORGANIZATION)]}
        if operation == "ListTagsForResource" and (resource in self._parent or resource in _UNITS):
            return 200, {"Tags": _tags(resource)}
        if operation == "ListRoots":
            arn = f"{_ARN}:root/{ORGANIZATION}/{_ROOT}"
            return 200, {"Roots": [{"Id": _ROOT, "Arn": arn, "Name": "Root", "PolicyTypes": []}]}
        if operation == "DescribeOrganization":
            arn = f"{_ARN}:organization/{ORGANIZATION}"
            return 200, {"Organization": {"Id": ORGANIZATION, "Arn": arn, "MasterAccountId": MANAGEMENT}}
        return 400, {"__type": "InvalidInputException", "message": f"the benchmark has no {operation} of {asked}"}

    def tagging(self, operation: str, asked: Mapping[str, Any]) -> tuple[int, Answer]:
        """GetResources: all of the organization's, whatever the filters, which name its own types."""
        if operation != "GetResources":
            return 400, {"__type": "InvalidParameterException", "message": f"the benchmark has no {operation}"}
        start = int(asked.get("PaginationToken") or 0)
        end = start + int(asked.get("ResourcesPerPage") or _TAGS_PAGE)
        token = str(end) if end < len(self._tagged) else ""
        return 200, {"ResourceTagMappingList": self._tagged[start:end], "PaginationToken": token}

    def _account(self, account_id: str) -> Answer:
        leaf = self._parent[account_id]
        return {
            "Id": account_id,
            "Arn": f"{_ARN}:account/{ORGANIZATION}/{account_id}",
            "Email": f"aws+{account_id}@example.com",
            "Name": f"account-{account_id[-5:]}",
            "Status": "ACTIVE",
            "State": "ACTIVE",
            "Paths": [f"{_path(leaf)}{account_id}/"],
            "JoinedMethod": "CREATED",
            "JoinedTimestamp": 1_700_000_000.0,
        }


def _path(unit_id: str) -> str:
    """As the service's model has it: from the organization down, with a slash at the end."""
    if unit_id == _ROOT:
        return f"{ORGANIZATION}/{_ROOT}/"
    return f"{_path(_UNITS[unit_id][1])}{unit_id}/"


def _unit(unit_id: str) -> Answer:
    arn = f"{_ARN}:ou/{ORGANIZATION}/{unit_id}"
    return {"Id": unit_id, "Arn": arn, "Name": _UNITS[unit_id][0], "Path": _path(unit_id)}


def _tags(resource_id: str) -> list[Answer]:
    return [_tag("CostCenter", f"cc-{resource_id[-3:]}"), _tag("Owner", "team@example.com"), _tag("Stage", "nonprod")]


def _tag(key: str, value: str) -> Answer:
    return {"Key": key, "Value": value}


def _page(items: list[Answer], asked: Mapping[str, Any], key: str, most: int) -> tuple[int, Answer]:
    start = int(asked.get("NextToken") or 0)
    end = start + min(int(asked.get("MaxResults") or most), most)
    return 200, {key: items[start:end], **({"NextToken": str(end)} if end < len(items) else {})}
