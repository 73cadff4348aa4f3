"""What a report has under compliance as OCSF findings, for Security Lake and SIEMs: https://schema.ocsf.io

A report's document in, one Compliance Finding (class 2003) for each violation out, with the profile `cloud`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from orchestrator.core.model import ALL_KINDS, ALL_REGIONS
from orchestrator.core.report.decision_lines import place_of
from orchestrator.core.report.lazy_rows import made_rows

Row = Mapping[str, Any]
OCSF_VERSION = "1.5.0"
_PRODUCT = "Stop Orchestrator"
_CREATE, _FINDINGS, _COMPLIANCE_FINDING = 1, 2, 2003
_AWS_ACCOUNT = 10
_LOW, _NEW, _FAIL = 2, 1, 3
_CARRIERS = {"account": "AWS account", "organizational_unit": "AWS organizational unit"}


def ocsf_lines(document: Row) -> Iterator[bytes]:
    """JSON lines, in ASCII."""
    for finding in ocsf_findings(document):
        yield json.dumps(finding, separators=(",", ":")).encode() + b"\n"


def ocsf_findings(document: Row) -> Iterator[dict[str, Any]]:
    """In the order of the report. The same violation has the same `finding_info.uid` in every sweep."""
    rows = [*made_rows(document["compliance"])]
    wanted = set(map(place_of, rows))
    known = {place: row for row in made_rows(document["decisions"]) if (place := place_of(row)) in wanted}
    for row in rows:
        yield _finding(document, row, known.get(place_of(row), {}))


def _finding(document: Row, row: Row, decision: Row) -> dict[str, Any]:
    time = int(datetime.fromisoformat(document["finished_at"]).timestamp() * 1000)
    title = str(row["violation"]).replace("_", " ").capitalize()
    return {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_uid": _FINDINGS,
        "category_name": "Findings",
        "class_uid": _COMPLIANCE_FINDING,
        "class_name": "Compliance Finding",
        "type_uid": _COMPLIANCE_FINDING * 100 + _CREATE,
        "type_name": "Compliance Finding: Create",
        "time": time,
        "severity_id": _LOW,
        "severity": "Low",
        "status_id": _NEW,
        "status": "New",
        "message": row["detail"],
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": _PRODUCT, "vendor_name": _PRODUCT},
            "profiles": ["cloud"],
            "correlation_uid": document["sweep_id"],
        },
        "finding_info": {
            "uid": _uid(row),
            "title": title,
            "desc": row["detail"],
            "types": [row["violation"]],
            "created_time": time,
        },
        "compliance": {
            "control": row["violation"],
            "standards": [f"Policy {document['policy_name']}"],
            "requirements": [row["violation"]],
            "status_id": _FAIL,
            "status": "Fail",
            "status_detail": row["detail"],
        },
        "cloud": _cloud(document, row),
        "resources": [_resource(row, decision)],
    }


def _uid(row: Row) -> str:
    """By what it is of, so that who reads several sweeps sees that it is the same."""
    names = [
        str(row.get(name) or "") for name in ("account_id", "region", "kind", "resource_id", "violation", "detail")
    ]
    return sha256(json.dumps(names).encode()).hexdigest()[:32]


def _cloud(document: Row, row: Row) -> dict[str, Any]:
    account = {"uid": row["account_id"], "type": "AWS Account", "type_id": _AWS_ACCOUNT}
    named = {"name": row["account_name"]} if row.get("account_name") else {}
    region = {} if row["region"] == ALL_REGIONS else {"region": row["region"]}
    organization = {"org": {"uid": document["organization_id"]}} if document["organization_id"] else {}
    return {"provider": "AWS", "account": {**account, **named}, **region, **organization}


def _resource(row: Row, decision: Row) -> dict[str, Any]:
    kind = row.get("kind", ALL_KINDS)
    what = _CARRIERS.get(str(row.get("carrier")), kind if kind != ALL_KINDS else "AWS account")
    found: dict[str, Any] = {"uid": decision.get("arn") or row["resource_id"], "type": what}
    if decision.get("name"):
        found["name"] = decision["name"]
    if decision.get("tags"):
        found["labels"] = [f"{key}={value}" for key, value in decision["tags"].items()]
    if row.get("owner"):
        found["owner"] = {"name": row["owner"]}
    if row["region"] != ALL_REGIONS:
        found["region"] = row["region"]
    return found
