"""What a sweep saw of its targets, packed by account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import AccountId, Coverage, TargetStatus
from orchestrator.core.report.document import report_document
from orchestrator.ledger.coverage import coverage_items, targets_from
from orchestrator.ledger.items import Items
from orchestrator.ledger.ledger import Ledger
from tests.support.builders import ACCOUNT, AT, SWEEP_ID, a_coverage, a_report
from tests.support.write_units import size_of

REGIONS = [f"ap-southeast-{number}" for number in range(1, 18)]
MANY_KINDS = ("ec2", "rds", "rds_cluster", "asg", "ecs_service", "eks_nodegroup", "sagemaker_notebook", "redshift")
EXPIRES = {"format": 2, "expires_at": int(AT.timestamp())}


def packed(*rows: Coverage) -> list[dict[str, object]]:
    return list(coverage_items(report_document(a_report(coverage=rows))))


def test_an_account_with_seventeen_regions_costs_one_write_unit() -> None:
    rows = [a_coverage(region=region, kind=kind) for region in REGIONS for kind in MANY_KINDS]
    [item] = packed(*rows)
    assert item["SK"] == f"TARGET#{ACCOUNT}"
    assert size_of({**item, **EXPIRES}) <= 1024


@given(
    st.lists(
        st.builds(
            a_coverage,
            st.sampled_from(TargetStatus),
            region=st.sampled_from(REGIONS[:3]),
            account_id=st.sampled_from([ACCOUNT, AccountId("2" * 12)]),
            kind=st.sampled_from(["ec2", "rds"]),
            detail=st.sampled_from(["", "no"]),
        ),
        unique_by=lambda row: (row.account_id, row.region, row.kind),
    )
)
def test_what_is_unpacked_is_the_worst_of_each_target_and_each_kinds_own(rows: list[Coverage]) -> None:
    found = {(one.account_id, one.region): one for one in targets_from(packed(*rows))}
    assert found.keys() == {(row.account_id, row.region) for row in rows}
    for row in rows:
        target = found[row.account_id, row.region]
        assert target.kinds[row.kind] == row.status
        assert (target.status, target.detail) in {
            (one.status, one.detail) for one in rows if (one.account_id, one.region) == (row.account_id, row.region)
        }
        assert row.status == TargetStatus.SCANNED or target.status != TargetStatus.SCANNED


@pytest.mark.parametrize("region", ["eu-central-1", "*"])
def test_what_the_release_before_wrote_of_each_target_is_read(table: Items, region: str) -> None:
    item = {"account_id": ACCOUNT, "region": region, "status": "denied", "detail": "no", "kinds": {"ec2": "denied"}}
    table.put({"PK": f"SWEEP#{SWEEP_ID}", "SK": f"TARGET#{ACCOUNT}#{region}", **item})
    [found] = Ledger(table, lambda: AT).coverage_of(SWEEP_ID, ACCOUNT)
    assert found.as_row() == item
