"""Doctor asks whether a plan can read who opted out by a link, and whether links can be signed."""

from __future__ import annotations

import pytest

from orchestrator import app
from orchestrator.core.diagnosis.checks import Check, CheckStatus, Code
from orchestrator.doctor.hub_checks import opt_out_links_check
from orchestrator.errors import LedgerError, StopOrchestratorError
from orchestrator.settings import Settings
from tests.support.builders import a_policy

LINKS = 'opt_out: {max_days: 14, links: {url: "https://keep.example/keep", key: alias/links}}'


def works() -> None:
    """Nothing is wrong."""


def no_table() -> None:
    raise LedgerError("the table cannot be read")


def no_key() -> None:
    raise StopOrchestratorError("the key alias/links cannot sign opt-out links: NotFoundException")


def test_where_both_can_be_asked_all_is_well() -> None:
    assert opt_out_links_check(works, works)().status is CheckStatus.OK


def test_a_table_that_cannot_be_read_fails_as_every_sweep_would_keep_everything() -> None:
    found = opt_out_links_check(no_table, no_key)()
    assert (found.status, found.code, found.detail) == (
        CheckStatus.FAILED,
        Code.UNREADABLE,
        "the table cannot be read",
    )
    assert "a sweep by this policy stops and starts nothing" in found.advice


def test_a_key_that_cannot_sign_is_a_warning_as_sweeps_work_without_links() -> None:
    found = opt_out_links_check(works, no_key)()
    assert (found.status, "messages have no links" in found.advice) == (CheckStatus.WARNING, True)


@pytest.mark.parametrize(("policy", "asked"), [("", 0), (LINKS, 1)])
def test_it_is_asked_for_policies_with_links_alone(
    policy: str, asked: int, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    made: list[object] = []

    def check(*given: object) -> object:
        made.append(given)
        return lambda: Check

    monkeypatch.setattr("orchestrator.doctor.hub_checks.opt_out_links_check", check)
    settings = Settings.from_env({}, store=tmp_path)
    list(app._services(settings, app.make_clients(settings), a_policy(policy)))
    assert len(made) == asked
