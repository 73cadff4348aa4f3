"""A campaign of random interleavings against the three promises: never act without consent, never on what was true
before, never lose what happened.

Each seed makes a small organization and a few processes in it, one after the other or one inside another, each of which
may be killed, suspended, halted, lied to or overtaken at any point. What fails names its seed, and tells what happened.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.model import ConsentHow, Mode, Target, strength
from orchestrator.core.model.marks import MARKS
from orchestrator.core.report.plan_file import plan_from
from orchestrator.errors import StopOrchestratorError
from orchestrator.ledger.records import SweepSummary, consent_from
from orchestrator.ports import Runtime
from orchestrator.sweep import coordination
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import AT, an_account
from tests.support.consent import activate
from tests.support.fake_world import ONE, REGIONS, THREE, TWO, FakeWorld
from tests.support.interleavings import Instance, Process, Shared, Touch, elsewhere, load_once
from tests.support.memory_store import Died
from tests.support.suites import only_in_full

TEXT = """version: 1
name: nonprod
schedules: {office: {timezone: UTC, running: ['daily 08:00-18:00']}}
waves: [{accounts: 1}]
rules: [{name: dev, where: {tag: {Environment: dev}}, schedule: office}]
"""
OTHER_TEXT = TEXT.replace("name: dev", "name: developers")
OPT_OUT, PROTECTED, ENVIRONMENT = "stop-orchestrator:opt-out", "stop-orchestrator:protected", "Environment"
SPARED = ({OPT_OUT: "true"}, {OPT_OUT: "2027-01-31"}, {PROTECTED: ""}, {ENVIRONMENT: "prod"})
MAX_TAG_AGE = timedelta(minutes=5)
A_BLOCK, FAST, ALL = 10, 50, 500


def spared(tags: Any) -> bool:
    """Whether these tags spare an instance; said once more, apart from the product's own code."""
    return OPT_OUT in tags or PROTECTED in tags or tags.get(ENVIRONMENT) != "dev"


class Campaign:
    """One seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.log: list[str] = []
        self.plans: list[str] = []
        accounts = (ONE, TWO, THREE)[: self.rng.choice((2, 3))]
        self.shared = Shared(FakeWorld(accounts=tuple(map(an_account, accounts)), workers=1), TEXT)
        self._make_instances(accounts)
        self._ids = 0
        activate(self.shared.ledger, load_once(TEXT))

    def _make_instances(self, accounts: tuple[str, ...]) -> None:
        for account_id in accounts:
            for region in REGIONS:
                for _ in range(self.rng.choice((1, 2))):
                    tags = {ENVIRONMENT: "dev"}
                    if self.rng.random() < 0.25:
                        tags |= self.rng.choice(SPARED)
                    one = f"i-{len(self.shared.instances)}"
                    target = Target(an_account(account_id).id, region)  # type: ignore[arg-type]  # a region's name
                    self.shared.instances[one] = Instance(one, target, tags, AT - timedelta(days=3))

    # --- steps

    def run(self) -> None:
        for _ in range(self.rng.randint(4, 8)):
            self._between_steps()
            step = self.rng.choice(STEPS)
            process = Process(self.shared, self._interference())
            self.carry_out(step, process)
            self.check()
        self._end_well()

    def new_id(self) -> str:
        self._ids += 1
        return f"{self.shared.fake.at:%Y%m%dT%H%M%SZ}-{self._ids:06x}"

    def sweeps(self) -> tuple[SweepSummary, ...]:
        return self.shared.ledger.sweeps()

    def carry_out(self, step: Step, process: Process) -> None:
        self._note(f"process {len(self.shared.processes)}: {step.__name__}")
        try:
            result: object = step(self, process)
        except Died:
            process.died = True
            result = f"died after {process.life.events[-1:]}"
        except StopOrchestratorError as failure:
            result = f"{type(failure).__name__}: {failure}"
        self._note(f"  -> {_shown(result)}")

    def _note(self, text: str) -> None:
        self.log.append(f"{self.shared.fake.at:%d %H:%M:%S} {text}")

    def _between_steps(self) -> None:
        self.shared.pass_by(self.rng.choice((1, 60, 600, 600, 7 * 3600, 25 * 3600)))
        if self.rng.random() < 0.8:
            self.shared.switch = "go"
            self.shared.lag = self.shared.lost_answers = self.shared.refused_unmarks = 0
            self.shared.full.clear()
            self.shared.blind.clear()

    # --- interference

    def _interference(self) -> dict[int, Callable[[Process], None]]:
        """At some of a process's points."""
        count = self.rng.choice((0, 1, 2, 2, 3, 4))
        return {self.rng.randint(1, 25): self._noted(self.rng.choice(INTERFERENCE)) for _ in range(count)}

    def _noted(self, happens: Happens) -> Callable[[Process], None]:
        def noted(process: Process) -> None:
            self._note(f"  {happens.__name__} at {process.event}")
            happens(self, process)

        return noted

    # --- the end

    def _end_well(self) -> None:
        """Nothing interferes: what is unfinished ends, and every sweep is undone."""
        shared = self.shared
        shared.switch, shared.lag, shared.lost_answers, shared.refused_unmarks = "go", 0, 0, 0
        shared.blind.clear()
        shared.full.clear()
        for one in shared.instances.values():
            one.lag = 0
            one.described(self.shared.fake.at)
        shared.pass_by(60)
        for begun in reversed(self.sweeps()):
            if begun.status == "running":
                process = Process(shared)
                runtime, today = Runtime(confirm=process.asks(None)), load_once(shared.text)
                self._must(lambda: coordination.resume(process.stores(), begun.sweep_id, runtime, today))  # noqa: B023 - now
        assert "running" not in {one.status for one in self.sweeps()}, self.sweeps()
        self.check()
        self._holds_down_what_it_stopped()
        for begun in self.sweeps():
            if begun.mode in (Mode.ENFORCE, Mode.APPLY):
                process = Process(shared)
                self._undo_of(process, begun.sweep_id, ConsentHow.YES)
        self.check()
        down = [one for one in shared.instances.values() if not one.is_up and self.held_by_us(one)]
        left = [one.instance_id for one in down if not self._lost_its_proof(one)]
        assert left == [], f"no undo reaches {left}"

    def _lost_its_proof(self, one: Instance) -> bool:
        """Its mark was removed, and of its stop the ledger did not come to know that AWS had accepted it."""
        rows = {row.resource_id: row.status for row in self.shared.ledger.actions(self.held_by_us(one))}
        return one.instance_id in self.shared.unmarked and rows[one.instance_id] not in ("stopped", "stopping")

    def _must(self, work: Callable[[], object]) -> None:
        self._note(f"at the end -> {_shown(work())}")

    def _undo_of(self, process: Process, sweep_id: str, answer: ConsentHow | None) -> object:
        runtime = Runtime(confirm=process.asks(answer))
        try:
            result: object = coordination.undo(process.stores(), sweep_id, self.new_id(), UndoFilter(), runtime)
        except StopOrchestratorError as failure:
            result = failure
        self._note(f"undo {sweep_id} -> {_shown(result)}")
        return result

    def held_by_us(self, one: Instance) -> str:
        """The sweep whose stop was the last that changed its state."""
        touches = [touch for touch in self.shared.touches if touch.instance_id == one.instance_id and touch.effective]
        return touches[-1].by if touches and touches[-1].verb == "stop" else ""

    def _holds_down_what_it_stopped(self) -> None:
        held = {one.resource_id: one.sweep_id for one in self.shared.ledger.held_since_before("9")}
        for one in self.shared.instances.values():
            if not one.is_up and (by := self.held_by_us(one)) and not self._lost_its_proof(one):
                assert held.get(one.instance_id) == by, f"{one.instance_id} is held down by {by}: {held}"

    # --- the promises

    def check(self) -> None:
        for touch in self.shared.touches:
            if touch.by:
                self._has_consent(touch)
                self._was_not_spared(touch)
        for begun in self.sweeps():
            if begun.status != "running":
                self._agrees(begun)

    def _has_consent(self, touch: Touch) -> None:
        begun = self.shared.ledger.sweep(touch.by)
        assert begun is not None, touch
        consent = consent_from(begun.consent)
        assert Mode(begun.mode).acts, touch
        assert (begun.mode == Mode.UNDO) is (touch.verb == "start"), touch
        assert consent is not None, f"without consent: {touch}"
        stored = plan_from(self.shared.files[touch.by, "plan.json"], begun.plan_sha256)
        assert touch.instance_id in {one.resource.resource_id for one in stored.plan.actions}, touch
        refusal = consent.refusal(stored.plan.sha256, begun.policy_sha256, touch.at)
        assert refusal == "", f"{refusal}: {touch}"

    def _was_not_spared(self, touch: Touch) -> None:
        if touch.verb == "start":
            return
        assert touch.looked is not None, f"without a look: {touch}"
        assert touch.at - touch.looked.at <= MAX_TAG_AGE, f"too long after its look: {touch}"
        assert not spared(touch.looked.tags), f"it was spared: {touch}"
        assert not 8 <= touch.looked.at.hour < 18, f"it should run then: {touch}"
        assert not self._account_was_spared(touch), f"its account was opted out: {touch}"

    def _account_was_spared(self, touch: Touch) -> bool:
        """For so long that the tags which the process went by can be no older."""
        account_id = self.shared.instances[touch.instance_id].target.account_id
        since = touch.at - 2 * MAX_TAG_AGE  # old by that when they were looked at, and the look as old by now
        tags = [(at, tags) for at, one, tags in self.shared.account_tags if one == account_id and at <= touch.at]
        before = [one for at, one in tags if at < since][-1:]
        return bool(before) and all([*before, *(one for at, one in tags if at >= since)])

    def _agrees(self, begun: SweepSummary) -> None:
        """Its report, its rows in the ledger and what EC2 did."""
        sweep_id = begun.sweep_id
        report = json.loads(self.shared.files[sweep_id, "report.json"])
        assert report["status"] == begun.status or begun.applied_by, begun
        rows = {row["resource_id"]: row for row in report["outcomes"]}
        assert len(rows) == len(report["outcomes"])
        records = {one.resource_id: one for one in self.shared.ledger.actions(sweep_id)}
        assert not [one for one in records.values() if one.status == "intent"], f"{sweep_id} ended with intents"
        asked = {one for one, row in rows.items() if row["status"] not in ("would_stop", "would_start", "held")}
        kept = {row["resource_id"] for row in report["decisions"] if row["verdict"] == "keep"}
        untouched = {one for one, record in records.items() if one in kept and record.status == "not_attempted"}
        both = set(records) - untouched
        assert both == asked, f"{sweep_id}: ledger {sorted(records)}, report {sorted(asked)}, untouched {untouched}"
        for one, record in records.items():
            if one in untouched:
                continue
            row = rows[one]
            known = strength(row["status"], verified=bool(row["verified_at"]))
            better = strength(record.status, verified=bool(record.verified_at)) > known
            assert record.status == row["status"] or better, f"{sweep_id} {one}: {record.status}, {row['status']}"
            self._is_true(begun, one, record.status)
        mine = {touch.instance_id for touch in self.shared.touches if touch.by == sweep_id and touch.effective}
        assert mine <= set(records), f"{sweep_id} forgot {mine - set(records)}"

    def _is_true(self, begun: SweepSummary, instance_id: str, status: str) -> None:
        verb = "start" if begun.mode == Mode.UNDO else "stop"
        touches = [one for one in self.shared.touches if one.instance_id == instance_id and one.effective]
        mine = [number for number, one in enumerate(touches) if one.by == begun.sweep_id]
        others = [
            one for number, one in enumerate(touches) if one.by != begun.sweep_id and number > max(mine, default=-1)
        ]
        text = f"{begun.sweep_id} {instance_id} is {status}: {touches}"
        if status in ("stopped", "started"):
            # A person's own stop right after an intent cannot be told from the sweep's: EC2 names no caller.
            by_person = [one for one in touches if one.by == "" and one.verb == verb]
            assert mine or by_person, text
        if status in ("not_attempted", "failed", "already_stopped", "already_running"):
            lost_its_mark = status == "already_stopped" and instance_id in self.shared.unmarked
            assert not mine or others or lost_its_mark, text


Step = Callable[[Campaign, Process], object]
Happens = Callable[[Campaign, Process], None]


def plan(campaign: Campaign, process: Process) -> object:
    mode = campaign.rng.choice((Mode.PLAN, Mode.APPROVE))
    campaign.plans.append(campaign.new_id())
    policy = load_once(campaign.shared.text)
    return coordination.sweep(process.stores(), policy, campaign.plans[-1], mode, Runtime())


def enforce(campaign: Campaign, process: Process) -> object:
    answer = campaign.rng.choice((ConsentHow.TYPED, ConsentHow.TYPED, ConsentHow.YES, None))
    runtime = Runtime(confirm=process.asks(answer))
    policy = load_once(campaign.shared.text)
    return coordination.sweep(process.stores(), policy, campaign.new_id(), Mode.ENFORCE, runtime)


def schedule(campaign: Campaign, process: Process) -> object:
    runtime = Runtime(confirm=process.asks(ConsentHow.STANDING), standing=True, triggered_at=process.now())
    policy = load_once(campaign.shared.text)
    return coordination.sweep(process.stores(), policy, campaign.new_id(), Mode.ENFORCE, runtime)


def apply(campaign: Campaign, process: Process) -> object:
    if not campaign.plans:
        return plan(campaign, process)
    runtime = Runtime(confirm=process.asks(ConsentHow.APPLY), policy_of_today=lambda _: load_once(campaign.shared.text))
    return coordination.apply(process.stores(), campaign.plans[-1], campaign.new_id(), runtime)


def undo(campaign: Campaign, process: Process) -> object:
    done = [one.sweep_id for one in campaign.sweeps()]
    if not done:
        return enforce(campaign, process)
    answer = campaign.rng.choice((ConsentHow.TYPED, ConsentHow.YES, None))
    runtime = Runtime(confirm=process.asks(answer), policy_of_today=lambda _: load_once(campaign.shared.text))
    return coordination.undo(process.stores(), campaign.rng.choice(done), campaign.new_id(), UndoFilter(), runtime)


def resume(campaign: Campaign, process: Process) -> object:
    dead = [one.sweep_id for one in campaign.sweeps() if one.status == "running"]
    if not dead:
        return enforce(campaign, process)
    runtime = Runtime(confirm=process.asks(ConsentHow.YES))
    current = load_once(campaign.shared.text)
    return coordination.resume(process.stores(), campaign.rng.choice(dead), runtime, current)


STEPS = (plan, enforce, enforce, schedule, apply, undo, resume)


def is_killed(_: Campaign, process: Process) -> None:
    process.die()


def is_killed_after_this(_: Campaign, process: Process) -> None:
    process.die_after_this()


def is_interrupted(_: Campaign, process: Process) -> None:
    process.interrupted = True


def is_suspended(campaign: Campaign, process: Process) -> None:
    """Its monotonic clock stands still. Not at a call to AWS, which no fence can call back once it is on its way."""
    if process.event.startswith(("stop", "start")):
        process.later(lambda later: is_suspended(campaign, later))
        return
    campaign.shared.pass_by(campaign.rng.choice((10, 30, 600, 7 * 3600, 25 * 3600)))


def is_overtaken(campaign: Campaign, process: Process) -> None:
    """Another process works while this one is suspended."""
    if process.event.startswith(("stop", "start")):
        process.later(lambda later: is_overtaken(campaign, later))
        return
    campaign.shared.pass_by(campaign.rng.choice((1, 30, 600)))
    elsewhere(lambda: campaign.carry_out(campaign.rng.choice(STEPS), Process(campaign.shared)))


def the_switch_is_pulled(campaign: Campaign, process: Process) -> None:
    campaign.shared.switch = campaign.rng.choice(("stop", None))
    campaign.shared.pass_by(campaign.rng.choice((0, 70)))
    process.sleep(6)


def an_answer_is_lost(campaign: Campaign, _: Process) -> None:
    campaign.shared.lost_answers = campaign.rng.choice((1, 9))


def a_region_is_blind(campaign: Campaign, _: Process) -> None:
    one = campaign.rng.choice(list(campaign.shared.instances.values()))
    campaign.shared.blind[one.target] = campaign.rng.choice((1, 3, 20))


def an_answer_is_lost_and_the_region_is_blind(campaign: Campaign, process: Process) -> None:
    an_answer_is_lost(campaign, process)
    a_region_is_blind(campaign, process)


def ec2_lags(campaign: Campaign, _: Process) -> None:
    campaign.shared.lag = campaign.rng.choice((1, 2))


def the_ledger_loses_an_answer(_: Campaign, process: Process) -> None:
    process.lose_an_answer_of_the_ledger()


def the_ledger_fails(_: Campaign, process: Process) -> None:
    process.fail_a_write_of_the_ledger()


def somebody_tags(campaign: Campaign, _: Process) -> None:
    one = campaign.rng.choice(list(campaign.shared.instances.values()))
    one.tags.update(campaign.rng.choice(SPARED))


def somebody_untags(campaign: Campaign, _: Process) -> None:
    one = campaign.rng.choice(list(campaign.shared.instances.values()))
    for key in (OPT_OUT, PROTECTED):
        one.tags.pop(key, None)
    one.tags[ENVIRONMENT] = "dev"


def somebody_tags_an_account(campaign: Campaign, _: Process) -> None:
    account = campaign.rng.choice(campaign.shared.fake.accounts)
    campaign.shared.tag_account(account.id, campaign.rng.choice(({OPT_OUT: "true"}, {PROTECTED: "yes"}, {})))


def somebody_stops_one(campaign: Campaign, _: Process) -> None:
    campaign.shared.touch(campaign.rng.choice(list(campaign.shared.instances.values())), "stop")


def somebody_starts_one(campaign: Campaign, _: Process) -> None:
    campaign.shared.touch(campaign.rng.choice(list(campaign.shared.instances.values())), "start")


def somebody_removes_our_marks(campaign: Campaign, _: Process) -> None:
    """Of whatever is down."""
    down = [one for one in campaign.shared.instances.values() if not one.is_up]
    for one in down[: campaign.rng.choice((1, 9))]:
        campaign.shared.unmarked.add(one.instance_id)
        for key in MARKS:
            one.tags.pop(key, None)


def one_has_no_room_for_a_tag(campaign: Campaign, _: Process) -> None:
    campaign.shared.full.add(campaign.rng.choice(list(campaign.shared.instances)))


def marks_cannot_be_taken_back(campaign: Campaign, _: Process) -> None:
    campaign.shared.refused_unmarks = campaign.rng.choice((1, 9))


def the_policy_is_changed(campaign: Campaign, _: Process) -> None:
    campaign.shared.text = OTHER_TEXT if campaign.shared.text == TEXT else TEXT


def the_policy_is_deployed(campaign: Campaign, process: Process) -> None:
    the_policy_is_changed(campaign, process)
    activate(campaign.shared.ledger, load_once(campaign.shared.text))


INTERFERENCE: tuple[Happens, ...] = (
    is_killed,
    is_killed,
    is_killed_after_this,
    is_killed_after_this,
    is_interrupted,
    is_suspended,
    is_overtaken,
    is_overtaken,
    the_switch_is_pulled,
    an_answer_is_lost,
    a_region_is_blind,
    an_answer_is_lost_and_the_region_is_blind,
    ec2_lags,
    the_ledger_loses_an_answer,
    the_ledger_fails,
    somebody_tags,
    somebody_untags,
    somebody_tags_an_account,
    somebody_stops_one,
    somebody_starts_one,
    somebody_removes_our_marks,
    one_has_no_room_for_a_tag,
    marks_cannot_be_taken_back,
    the_policy_is_changed,
    the_policy_is_deployed,
)


def _shown(result: object) -> str:
    if isinstance(result, coordination.Ended):
        counts = {row["resource_id"]: row["status"] for row in result.document["outcomes"]}
        words = [str(result.document[name]) for name in ("sweep_id", "mode", "status", "error")]
        return f"{' '.join(words)} {counts}"
    return str(result)


def holds(seed: int) -> Campaign:
    random.seed(seed)  # waits and jitter of the product
    campaign = Campaign(seed)
    try:
        campaign.run()
    except Exception as failure:
        told = "\n".join(campaign.log)
        raise AssertionError(f"seed {seed}: {type(failure).__name__}: {failure}\n{told}") from failure
    return campaign


BLOCKS = range(0, ALL, A_BLOCK)


@pytest.mark.parametrize(
    "first", [*BLOCKS[: FAST // A_BLOCK], *only_in_full(*BLOCKS[FAST // A_BLOCK :])], ids=lambda first: f"seeds-{first}"
)
def test_whatever_interleaves_the_three_promises_hold(first: int) -> None:
    for seed in range(first, first + A_BLOCK):
        holds(seed)
