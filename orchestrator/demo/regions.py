"""Regions that an account has to opt into, which moto does not know: the `account` service and closed doors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import boto3

from orchestrator.aws.partitions import ENABLED_BY_DEFAULT
from orchestrator.demo.calls import Answer, Call

_OF_THE_ACCOUNT_SERVICE = frozenset({"/enableRegion", "/disableRegion", "/getRegionOptStatus", "/listRegions"})
_FILTERS = frozenset({"endpoint", "opt-in-status", "region-name"})
_CLOSED = "AWS was not able to validate the provided access credentials"


class RegionOptIn:
    """The front's gate for regions: answers DescribeRegions and the `account` service, refuses in disabled regions."""

    def __init__(self) -> None:
        self._opted_in: dict[str, set[str]] = {}
        self._lock = threading.Lock()
        self._regions = sorted(boto3.Session().get_available_regions("ec2"))

    def clear(self) -> None:
        """Forgets which regions were opted into."""
        with self._lock:
            self._opted_in.clear()

    def is_enabled(self, account_id: str, region: str) -> bool:
        """Whether the account can use the region."""
        return region in ENABLED_BY_DEFAULT or region in self._opted_in.get(account_id, ())

    def __call__(self, call: Call) -> Answer | None:
        if call.service == "account" and call.action in _OF_THE_ACCOUNT_SERVICE:
            return self._account_service(call)
        if call.service == "sts" and call.action == "AssumeRole":
            return self._assume_role(call)
        if call.service != "ec2":
            return None
        if call.region in self._regions and not self.is_enabled(call.account_id, call.region):
            return call.refused("AuthFailure", _CLOSED, 401)
        return self._describe_regions(call) if call.action == "DescribeRegions" else None

    def _assume_role(self, call: Call) -> Answer | None:
        """A region gives credentials of those accounts alone that have it."""
        account_id = call.account_concerned
        if call.region not in self._regions or self.is_enabled(account_id, call.region):
            return None
        text = f"STS is not activated in this region for account: {account_id}"
        return call.refused("RegionDisabledException", text, 403)

    def _account_service(self, call: Call) -> Answer:
        asked = call.json
        account_id, region = asked.get("AccountId", call.account_id), asked.get("RegionName", "")
        if call.action == "/listRegions":
            return self._list_regions(account_id, asked.get("RegionOptStatusContains"))
        if region not in self._regions:
            return call.refused("ValidationException", f"{region} is no region")
        if call.action == "/getRegionOptStatus":
            return _json({"RegionName": region, "RegionOptStatus": self._status(account_id, region)})
        if region in ENABLED_BY_DEFAULT:
            return call.refused("ValidationException", f"{region} is enabled by default and stays so")
        with self._lock:
            opted_in = self._opted_in.setdefault(account_id, set())
            (opted_in.add if call.action == "/enableRegion" else opted_in.discard)(region)
        return _json({})

    def _list_regions(self, account_id: str, wanted: list[str] | None) -> Answer:
        """All in one page: there are fewer than the 50 that a page may have."""
        statuses = {region: self._status(account_id, region) for region in self._regions}
        rows = [
            {"RegionName": region, "RegionOptStatus": status}
            for region, status in statuses.items()
            if not wanted or status in wanted
        ]
        return _json({"Regions": rows})

    def _status(self, account_id: str, region: str) -> str:
        if region in ENABLED_BY_DEFAULT:
            return "ENABLED_BY_DEFAULT"
        return "ENABLED" if self.is_enabled(account_id, region) else "DISABLED"

    def _describe_regions(self, call: Call) -> Answer:
        named, filters = call.form_list("RegionName"), call.filters()
        unknown = [region for region in named if region not in self._regions]
        if unknown:
            return call.refused("InvalidParameterValue", f"Invalid region names: [{', '.join(unknown)}]")
        foreign = [name for name in filters if name not in _FILTERS]
        if foreign:
            return call.refused("InvalidParameterValue", f"The filter '{foreign[0]}' is invalid")
        everything = call.form.get("AllRegions", "").lower() == "true"
        rows = [
            self._described(call.account_id, region)
            for region in named or self._regions
            if named or everything or self.is_enabled(call.account_id, region)
        ]
        return _regions_answer(row for row in rows if all(_fits(row[name], values) for name, values in filters.items()))

    def _described(self, account_id: str, region: str) -> dict[str, str]:
        """By the names of DescribeRegions' filters."""
        status = self._opt_in_status(account_id, region)
        return {"region-name": region, "endpoint": f"ec2.{region}.amazonaws.com", "opt-in-status": status}

    def _opt_in_status(self, account_id: str, region: str) -> str:
        if region in ENABLED_BY_DEFAULT:
            return "opt-in-not-required"
        return "opted-in" if self.is_enabled(account_id, region) else "not-opted-in"


def _fits(value: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def _regions_answer(rows: Iterable[dict[str, str]]) -> Answer:
    items = "".join(
        f"<item><regionName>{row['region-name']}</regionName><regionEndpoint>{row['endpoint']}</regionEndpoint>"
        f"<optInStatus>{row['opt-in-status']}</optInStatus></item>"
        for row in rows
    )
    text = (
        '<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>regions</requestId><regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
    )
    return Answer(200, "text/xml", text)


def _json(document: dict[str, Any]) -> Answer:
    return Answer(200, "application/json", json.dumps(document))
