"""Who opted out by a link is kept: by the plan, and by the look right before each batch where it was given since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from orchestrator.core.model import ApprovedPlan, ConsentHow, Mode
from orchestrator.core.report.document import Row
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Item, Items
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.opt_outs import OPT_OUTS, GivenOptOut, give_opt_out
from orchestrator.sweep.run import run_sweep
from tests.support.builders import AT, SWEEP_ID, a_policy, a_resource
from tests.support.fake_world import EVERYTHING, ONE, REGIONS, FakeWorld, a_world, outcomes, reasons
from tests.support.item_tables import MemoryItems

LINKS = EVERYTHING + '\nopt_out: {max_days: 14, links: {url: "https://keep.example/keep", key: alias/links}}'


TOMORROW = AT.date() + timedelta(days=1)


def keep(items: Items, resource_id: str, until: date = TOMORROW) -> None:
    arn = a_resource(resource_id, ONE, REGIONS[0]).arn
    give_opt_out(items, GivenOptOut(arn, until, "release night", "20261123T180000Z-000001", "", "", "", ""))


class AskedItems(MemoryItems):
    """Counts what is read of opt-outs, and refuses it where told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.refuse: Callable[[str], bool] = lambda _: False

    def _ask(self, pk: str) -> None:
        if pk.startswith("OPTOUT"):
            self.asked.append(pk)
            if self.refuse(pk):
                raise LedgerError("no answer")

    def query_index(self, pk: str, prefix: str = "", before: str = "") -> list[Item]:
        self._ask(pk)
        return super().query_index(pk, prefix, before)

    def query(self, pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None) -> list[Item]:
        self._ask(pk)
        return super().query(pk, prefix, newest_first=newest_first, limit=limit)


@pytest.fixture
def items() -> AskedItems:
    return AskedItems()


@pytest.fixture
def fake(items: AskedItems) -> FakeWorld:
    fake = a_world(ONE)
    fake.ledger = Ledger(items, lambda: AT)
    return fake


def enforced(fake: FakeWorld, policy: str = LINKS, mode: Mode = Mode.ENFORCE) -> Row:
    run_sweep(fake.world(), a_policy(policy), SWEEP_ID, mode)
    return fake.written()


def while_the_prompt_is_open(fake: FakeWorld, change: Callable[[], object]) -> None:
    def confirm(_: ApprovedPlan) -> ConsentHow | None:
        change()
        return ConsentHow.YES

    fake.confirm = confirm


def test_what_was_kept_by_a_link_is_not_stopped_and_is_in_the_report(fake: FakeWorld, items: AskedItems) -> None:
    keep(items, "i-0")
    report = enforced(fake)
    assert fake.stopped == ["i-1"]
    assert "A link in a message opted i-0 out until the end of 2026-11-24" in reasons(report)["i-0"]
    [row] = report["opt_outs"]
    assert (row["carrier"], row["carrier_id"], row["tag"], row["reason"]) == (
        "resource",
        "i-0",
        "link",
        "release night",
    )


def test_one_that_was_given_between_plan_and_stop_is_kept(fake: FakeWorld, items: AskedItems) -> None:
    while_the_prompt_is_open(fake, lambda: keep(items, "i-0"))
    report = enforced(fake)
    assert (fake.stopped, outcomes(report)) == (["i-1"], {"i-1": "stopped"})
    assert reasons(report)["i-0"] == (
        "Changed since the plan: a link in a message opted i-0 out until the end of 2026-11-24 (reason: release night)."
    )


def test_one_that_is_over_spares_nothing(fake: FakeWorld, items: AskedItems) -> None:
    keep(items, "i-0", AT.date() - timedelta(days=1))
    enforced(fake)
    assert sorted(fake.stopped) == ["i-0", "i-1"]


def test_where_the_plan_cannot_ask_nothing_is_stopped(fake: FakeWorld, items: AskedItems) -> None:
    items.refuse = lambda pk: pk == OPT_OUTS
    report = enforced(fake)
    assert (fake.stopped, outcomes(report)) == ([], {})
    assert {row["reason_code"] for row in report["decisions"]} == {"unreadable_ledger"}


def test_where_the_look_before_a_batch_cannot_ask_its_resources_are_kept(fake: FakeWorld, items: AskedItems) -> None:
    items.refuse = lambda pk: pk != OPT_OUTS
    report = enforced(fake)
    assert (fake.stopped, outcomes(report)) == ([], {})
    assert {row["reason_code"] for row in report["decisions"]} == {"not_seen_again"}
    assert "the ledger cannot be read: no answer" in reasons(report)["i-0"]


def test_a_policy_without_links_reads_nothing_of_them(fake: FakeWorld, items: AskedItems) -> None:
    keep(items, "i-0")
    items.asked.clear()
    enforced(fake, EVERYTHING)
    assert items.asked == []


def test_with_links_a_plan_reads_once_and_a_batch_what_it_acts_on(fake: FakeWorld, items: AskedItems) -> None:
    enforced(fake)
    arns = [a_resource(f"i-{number}", ONE, REGIONS[number]).arn for number in range(2)]
    assert sorted(items.asked) == sorted([OPT_OUTS, *(f"OPTOUT#{arn}" for arn in arns)])


def test_a_plan_alone_asks_only_once(fake: FakeWorld, items: AskedItems) -> None:
    enforced(fake, mode=Mode.PLAN)
    assert items.asked == [OPT_OUTS]
