"""`doctor` says beforehand where sweeps would be held for another active policy that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.diagnosis.checks import CheckStatus
from orchestrator.core.model import ActivePolicy
from orchestrator.core.report.manifest import sha256_of
from orchestrator.doctor.hub_checks import other_policies_check
from orchestrator.errors import SettingsError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.builders import AT

TEXT, SOURCE = "version: 1\nname: team-b\n", "s3://hub/policies/team-b.yaml"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(SqliteItems(tmp_path), lambda: AT)
    for name, text in (("team-a", "version: 1\nname: team-a\n"), ("team-b", TEXT)):
        made.activate_policy(name, ActivePolicy(sha256_of(text.encode()), "ann", "2026-11-23T18:00:00Z", SOURCE))
    return made


def test_one_that_is_there_as_it_was_activated_is_right_and_the_own_one_is_not_looked_at(ledger: Ledger) -> None:
    assert other_policies_check(ledger, "team-a", {SOURCE: TEXT}.__getitem__)().status is CheckStatus.OK


def test_another_text_and_one_that_cannot_be_read_fail_since_sweeps_are_held(ledger: Ledger) -> None:
    def refuse(source: str) -> str:
        raise SettingsError(f"the policy {source} cannot be read: NoSuchKey")

    for read, says in ((lambda _: "version: 1\n", "has another text"), (refuse, "NoSuchKey")):
        check = other_policies_check(ledger, "team-a", read)()
        assert (check.status, says in check.detail) == (CheckStatus.FAILED, True)
        assert "every sweep by this policy is held" in check.advice


def test_where_an_earlier_sweep_has_the_active_text_it_is_a_warning(ledger: Ledger) -> None:
    began = SweepSummary("20261123T190000Z-7f3a9c", "complete", "plan", "team-b", "2026-11-23T19:00:00Z", policy=TEXT)
    ledger.begin(began)
    assert other_policies_check(ledger, "team-a", lambda _: "version: 1\n")().status is CheckStatus.WARNING
