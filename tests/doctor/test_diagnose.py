"""The doctor's round: what is asked of a hub that is no management account, and what one account's failure hides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from orchestrator.core.diagnosis.checks import Asked, Check, CheckStatus, Code, StackSet
from orchestrator.core.model import AccountId, AwsError, KindDescription, Region
from orchestrator.doctor.context import DoctorContext
from orchestrator.doctor.diagnose import diagnose
from orchestrator.kinds.ec2.description import EC2
from orchestrator.ports import RegionStatus, TargetUnreadableError
from tests.support.builders import an_account
from tests.support.fake_world import MANAGEMENT, ONE, TWO, FakeWorld, open_regions
from tests.support.policies import load

POLICY = "version: 1\nname: test\nrules: [{name: all, where: everything}]\n"


@dataclass
class FakeHub:
    account: str = ONE
    administrators: frozenset[str] | Exception = frozenset({ONE})
    asked_for: list[str] = field(default_factory=list)
    asked_as: list[bool] = field(default_factory=list)
    rolls_out_to_act: bool = True

    def identity(self) -> tuple[AccountId, str]:
        return AccountId(self.account), "arn"

    def trusted_services(self) -> frozenset[str]:
        return frozenset()

    def delegated_administrators(self, service: str) -> frozenset[str]:
        self.asked_for.append(service)
        if isinstance(self.administrators, Exception):
            raise self.administrators
        return self.administrators

    def stack_set(self, name: str, *, as_delegated: bool) -> StackSet:
        self.asked_as.append(as_delegated)
        return StackSet(name, is_to_act=self.rolls_out_to_act, error=AwsError("StackSetNotFoundException", ""))


def a_kind(name: str, *acting: str) -> KindDescription:
    """It reads by `x:Read` and `x:List`, and acts by these."""
    reading = frozenset({"x:Read", "x:List"})
    act = reading | frozenset(acting)
    return replace(
        EC2, name=name, arn_form="x:thing/{id}/*", read_permissions=reading, stop_permissions=act, start_permissions=act
    )


OF_EC2 = a_kind("ec2", "x:Stop", "x:Start")


@dataclass
class FakePermissions:
    description: KindDescription = OF_EC2
    samples: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    unreadable: frozenset[str] = frozenset()
    marked_in: list[list[Region]] = field(default_factory=list)
    breaks: bool = False

    def read(self, region: Region) -> tuple[Asked, str | None]:
        if self.breaks:
            raise ZeroDivisionError("a bug")
        if region in self.unreadable:
            return Asked("x:Read", AwsError("AccessDenied", "no")), None
        return Asked("x:Read"), self.samples.get(region)

    def ask(self, region: Region, resource_id: str | None) -> tuple[Asked, ...]:
        self.asked.append((region, resource_id))
        return (Asked("x:Stop"),)

    def ask_of_marked(self, regions: Sequence[Region]) -> tuple[tuple[Region, Asked], ...]:
        self.marked_in.append([*regions])
        return ((regions[-1], Asked("x:Start")),)


class ParametersAtTheirDefaults(FakePermissions):
    """Of a role whose StartScope is `marked`, and whose TagKeys is empty."""

    def ask_of_unmarked(self, regions: Sequence[Region]) -> tuple[Region, Asked]:
        return regions[0], Asked("x:Start", AwsError("UnauthorizedOperation", "not authorized to perform: x:Start"))

    def ask_of_tag_keys(self, region: Region, resource_id: str | None, keys: Sequence[str]) -> Asked:
        self.asked.append((region, f"{resource_id} {','.join(keys)}"))
        return Asked("x:Tag", AwsError("UnauthorizedOperation", "not authorized to perform: x:Tag"))


class WithoutDryRuns(FakePermissions):
    """But for reading nothing is asked for; `y:Scale` is on what is no resource of the kind."""

    def __init__(self, name: str = "x-kind") -> None:
        super().__init__(a_kind(name, "x:Start", "x:Tag", "y:Scale"))

    def ask(self, *_: object) -> tuple[Asked, ...]:
        return ()

    def ask_of_marked(self, *_: object) -> tuple[tuple[Region, Asked], ...]:
        return ()


@dataclass
class FakeSimulator:
    answers: dict[str, AwsError | None] = field(default_factory=dict)
    refusal: AwsError | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def simulate(
        self, account_id: AccountId, region: Region, arn_form: str, actions: Sequence[str]
    ) -> Mapping[str, AwsError | None]:
        self.asked.append((account_id, region, arn_form, *actions))
        if self.refusal is not None:
            raise TargetUnreadableError(self.refusal, "iam:SimulatePrincipalPolicy")
        return {one: self.answers.get(one) for one in actions}


class Heard:
    def phase(self, text: str) -> None: ...

    def accounts(self, done: int, total: int) -> None: ...


def checked(
    fake: FakeWorld,
    hub: FakeHub,
    kind: FakePermissions | None = None,
    policy: str = POLICY,
    out_of_time: Callable[[], bool] = lambda: False,
    simulator: FakeSimulator | None = None,
    more: Sequence[FakePermissions] = (),
    acts: bool = True,
) -> list[Check]:
    world: Any = fake.world()
    kinds = (kind or FakePermissions(), *more)
    practice = DoctorContext(
        hub,
        world.organization,
        world.accounts,
        kinds,
        (),
        "members",
        Heard(),
        simulator or FakeSimulator(),
        acts=acts,
        workers=2,
        partition_regions=world.partition_regions,
        out_of_time=out_of_time,
    )
    return list(diagnose(practice, load(policy)).checks)


def code(checks: list[Check], name: str) -> str:
    return next(one.code.value for one in checks if one.name == name)


def one_account() -> FakeWorld:
    return FakeWorld(accounts=(an_account(ONE),))


def test_a_hub_that_is_a_delegated_administrator_asks_as_one() -> None:
    hub = FakeHub()
    checks = checked(one_account(), hub)
    assert (code(checks, "delegated_administrator"), hub.asked_as) == ("ok", [True])
    assert hub.asked_for == ["member.org.stacksets.cloudformation.amazonaws.com"]


def test_a_hub_that_is_none_is_told() -> None:
    assert (
        code(checked(one_account(), FakeHub(administrators=frozenset())), "delegated_administrator") == "not_delegated"
    )
    denied = TargetUnreadableError(AwsError("AccessDeniedException", "no"), "organizations:ListDelegatedAdministrators")
    assert code(checked(one_account(), FakeHub(administrators=denied)), "delegated_administrator") == "not_checked"


def test_the_management_account_needs_no_delegation() -> None:
    hub = FakeHub(account=MANAGEMENT)
    assert not any(one.name == "delegated_administrator" for one in checked(one_account(), hub))
    assert hub.asked_as == [False]


def test_every_region_is_read_and_actions_are_asked_for_where_there_is_something_to_ask_about() -> None:
    kind = FakePermissions(samples={"eu-west-1": "r-1"})
    checks = checked(one_account(), FakeHub(), kind)
    assert [one.region for one in checks if one.name == "x:Read"] == ["eu-central-1", "eu-west-1"]
    assert kind.asked == [("eu-west-1", "r-1")]
    assert code(checks, "x:List") == "ok"  # by the policy simulator


def test_without_anything_to_ask_about_the_first_region_is_asked() -> None:
    kind = FakePermissions()
    checked(one_account(), FakeHub(), kind)
    assert kind.asked == [("eu-central-1", None)]


def test_what_needs_a_mark_is_asked_for_where_there_is_one() -> None:
    kind = FakePermissions()
    checks = checked(one_account(), FakeHub(), kind)
    assert [(one.name, one.region) for one in checks if one.name == "x:Start"] == [("x:Start", "eu-west-1")]
    assert kind.marked_in == [["eu-central-1", "eu-west-1"]]


@pytest.mark.parametrize(
    ("unreadable", "asked_in"),
    [({"eu-central-1"}, ["eu-west-1"]), ({"eu-central-1", "eu-west-1"}, ["eu-central-1"])],
)
def test_no_action_is_asked_for_in_a_region_that_cannot_be_read_as_long_as_there_is_another(
    unreadable: set[str], asked_in: list[str]
) -> None:
    """A policy that denies a region denies all of it; that is one cause, which the reading names."""
    kind = FakePermissions(unreadable=frozenset(unreadable))
    checked(one_account(), FakeHub(), kind)
    assert (kind.asked, kind.marked_in) == ([(asked_in[0], None)], [asked_in])


def test_a_bug_in_one_account_is_a_check_that_failed() -> None:
    checks = checked(one_account(), FakeHub(), FakePermissions(breaks=True))
    assert [(one.name, one.detail) for one in checks if one.account_id and one.status == "failed"] == [
        ("account", "ZeroDivisionError: a bug")
    ]


def test_accounts_whose_turn_did_not_come_in_time_are_named_and_nothing_of_them_is_asked() -> None:
    kind, turns = FakePermissions(), iter([False, True])
    fake = FakeWorld(accounts=(an_account(ONE), an_account(TWO)))
    checks = checked(fake, FakeHub(), kind, out_of_time=lambda: next(turns))
    not_asked = [one for one in checks if one.detail == "not asked: the time was up"]
    assert [(one.name, one.code.value) for one in not_asked] == [("account", "not_checked")]
    [summary] = [one for one in checks if one.name == "accounts"]
    assert summary.detail.startswith("the time was up: 1 of 2 accounts in scope were not asked")
    assert len(kind.asked) == 1


def test_an_account_of_which_no_region_is_in_scope_is_a_warning() -> None:
    kind = FakePermissions()
    checks = checked(one_account(), FakeHub(), kind, POLICY + "regions: {include: [us-east-1]}\n")
    assert {(one.name, one.status.value, one.region) for one in checks if one.account_id} == {
        ("role", "ok", ""),
        ("ec2:DescribeRegions", "ok", ""),
        ("region", "warning", ""),
        ("region", "warning", "us-east-1"),
    }
    assert not kind.asked


def test_a_region_that_only_others_list_is_named() -> None:
    fake = FakeWorld(accounts=(an_account(ONE), an_account(TWO)))
    fake.regions[TWO] = (RegionStatus(Region("eu-central-1"), enabled=True),)
    checks = checked(fake, FakeHub())
    disabled = [(one.account_id, one.region) for one in checks if one.code == "region_disabled"]
    assert disabled == [(TWO, "eu-west-1")]


def test_without_an_account_in_scope_the_tags_are_not_checked() -> None:
    checks = checked(FakeWorld(), FakeHub())
    assert code(checks, "account_tags") == "not_checked"


def test_a_name_that_is_not_there_is_told_with_what_is_near() -> None:
    checks = checked(one_account(), FakeHub(), policy=POLICY + "organization: {exclude: [/Gone]}\n")
    (one,) = [check for check in checks if check.name == "names_resolved"]
    assert (one.status.value, one.code.value) == ("failed", "unresolved_name")
    assert "organization.exclude[0] (line 4): '/Gone'" in one.detail
    assert code(checked(one_account(), FakeHub()), "names_resolved") == "ok"
    checks = checked(one_account(), FakeHub(), policy=POLICY + "regions: {include: [eu-central-1, eu-nowhere-1]}\n")
    assert [one.status.value for one in checks if one.name == "names_resolved"] == ["warning"]


def test_no_other_account_is_advised_in_place_of_one_that_is_not_there() -> None:
    checks = checked(one_account(), FakeHub(), policy=POLICY + f"organization: {{exclude_accounts: ['{TWO}']}}\n")
    (one,) = [check for check in checks if check.name == "names_resolved"]
    assert one.advice.startswith("put what you mean in its place")
    assert ONE not in one.advice + one.detail
    assert "nearest" not in one.detail


def test_regions_that_cannot_be_listed_say_nothing_of_names() -> None:
    fake = one_account()
    fake.hub_regions = TargetUnreadableError(AwsError("UnauthorizedOperation", "no"), "ec2:DescribeRegions")
    checks = checked(fake, FakeHub(), policy=POLICY + "regions: {exclude: [eu-new-1]}\n")
    assert [(one.status.value, one.code.value) for one in checks if one.name == "names_resolved"] == [
        ("failed", "unreadable")
    ]


STARTING = """
version: 1
name: nonprod
schedules: {office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}}
rules: [{name: office, where: everything, schedule: office, start: %s}]
"""


def test_a_rule_that_starts_everything_names_the_accounts_whose_role_starts_only_what_is_marked() -> None:
    checks = checked(one_account(), FakeHub(), ParametersAtTheirDefaults(), STARTING % "everything")
    [found] = [one for one in checks if one.name == "start_scope"]
    assert (found.account_id, found.status.value, found.code.value) == (ONE, "failed", "missing_permission")
    assert "StartScope=everything" in found.advice


@pytest.mark.parametrize("form", ["never", "what_was_stopped"])
def test_what_starts_only_what_is_marked_asks_for_no_start_scope(form: str) -> None:
    checks = checked(one_account(), FakeHub(), ParametersAtTheirDefaults(), STARTING % form)
    assert "start_scope" not in {one.name for one in checks}


TAGGING = """
version: 1
name: nonprod
rules:
  - {name: ownerless, where: {tag: {Owner: {absent: true}}}, action: tag, tags: {Owner-missing: reported}}
  - {name: stage, kinds: [ec2, rds], where: {region: eu-west-1}, action: tag, tags: {Stage: dev, Owner-missing: "yes"}}
  - {name: databases, kinds: [rds], where: everything, action: tag, tags: {Backup: daily}}
"""


def test_rules_that_write_tags_name_the_accounts_whose_role_does_not_write_their_keys() -> None:
    kind = ParametersAtTheirDefaults()
    checks = checked(one_account(), FakeHub(), kind, TAGGING)
    [found] = [one for one in checks if one.name == "tag_keys"]
    assert (found.account_id, found.status.value, found.code.value) == (ONE, "failed", "missing_permission")
    assert "roll the member role out with TagKeys=Owner-missing,Stage" in found.advice
    assert "None Owner-missing,Stage" in [asked for _, asked in kind.asked]


def test_without_such_a_rule_no_tag_keys_are_asked_about() -> None:
    checks = checked(one_account(), FakeHub(), ParametersAtTheirDefaults(), STARTING % "never")
    assert "tag_keys" not in {one.name for one in checks}


# --- kinds without dry runs -------------------------------------------------------------------------------------------

DENIED = AwsError("AccessDenied", "not authorized to perform: x:Start because no identity-based policy allows it")


def _row(checks: list[Check], name: str) -> Check:
    [found] = [one for one in checks if one.name == name]
    return found


def test_what_has_no_dry_run_is_asked_of_the_policy_simulator_in_one_call() -> None:
    simulator = FakeSimulator({"x:Start": DENIED})
    checks = checked(one_account(), FakeHub(), WithoutDryRuns(), simulator=simulator)
    assert [one[2:] for one in simulator.asked] == [("x:thing/{id}/*", "x:List", "x:Start", "x:Tag")]
    assert [code(checks, one) for one in ("x:List", "x:Tag")] == ["ok", "ok"]
    start = _row(checks, "x:Start")
    assert (start.status, start.code, start.detail) == (CheckStatus.FAILED, Code.MISSING_PERMISSION, str(DENIED))
    assert "update the StackSet" in start.advice


def test_an_action_on_something_else_than_its_resources_is_not_asked_about() -> None:
    left = _row(checked(one_account(), FakeHub(), WithoutDryRuns()), "x-kind (no dry runs)")
    assert left.status is CheckStatus.NOT_CHECKED
    assert left.detail.startswith("AWS has no dry run for y:Scale; ")


def test_where_the_simulator_may_not_be_asked_each_kind_is_one_line_that_says_what_to_do_and_it_is_asked_once() -> None:
    simulator = FakeSimulator(refusal=DENIED)
    other = WithoutDryRuns("y-kind")
    checks = checked(one_account(), FakeHub(), WithoutDryRuns(), simulator=simulator, more=[other])
    assert len(simulator.asked) == 1
    lines = [one for one in checks if one.name.endswith("(no dry runs)")]
    assert [one.name for one in lines] == ["x-kind (no dry runs)", "y-kind (no dry runs)"]
    for one in lines:
        assert one.status is CheckStatus.NOT_CHECKED
        assert "x:List, x:Start, x:Tag, y:Scale" in one.detail
        assert one.advice == "roll the member role out with PolicySimulation=on"
    assert not [one for one in checks if one.name in ("x:List", "x:Start", "x:Tag")]


def test_a_simulator_that_fails_otherwise_is_quoted() -> None:
    simulator = FakeSimulator(refusal=AwsError("ServiceFailure", "try later"))
    left = _row(checked(one_account(), FakeHub(), WithoutDryRuns(), simulator=simulator), "x-kind (no dry runs)")
    assert "ServiceFailure: try later" in left.detail


def test_a_hub_that_only_plans_needs_what_reads_and_nothing_of_what_acts() -> None:
    simulator = FakeSimulator({"x:Start": DENIED, "x:List": DENIED})
    checks = checked(one_account(), FakeHub(rolls_out_to_act=False), WithoutDryRuns(), simulator=simulator, acts=False)
    assert _row(checks, "x:Start").status is CheckStatus.OK
    assert _row(checks, "x:List").status is CheckStatus.FAILED


def test_a_kind_that_the_role_may_not_read_leads_to_the_role_s_parameter() -> None:
    checks = checked(
        one_account(),
        FakeHub(),
        FakePermissions(a_kind("asg"), unreadable=frozenset(one.region for one in open_regions())),
    )
    refused = [one for one in checks if one.name == "x:Read" and one.code is Code.MISSING_PERMISSION]
    assert refused
    assert all("roll the member role out with asg in Kinds" in one.advice for one in refused)
