"""The report's rows as types: what report.json holds, and what its JSON Schema is made from.

There is no other field, and each is required but for those that the release before did not write. Statuses and codes
are text there, by the values of the model's enums.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, WithJsonSchema, with_config
from typing_extensions import TypedDict

from orchestrator.core.model import (
    Action,
    ConsentHow,
    Fact,
    Mode,
    NameEffect,
    OptOutStatus,
    OutcomeStatus,
    ReasonCode,
    SweepStatus,
    TargetStatus,
    Verdict,
)
from orchestrator.core.policy.opt_outs import LINK


def _one_of(values: Iterable[StrEnum | str | None]) -> Any:
    return WithJsonSchema({"enum": [value.value if isinstance(value, StrEnum) else value for value in values]})


Count = Annotated[int, Field(ge=0)]
AccountText = Annotated[str, Field(pattern=r"^\d{12}$", description="The account's id: 12 digits.")]
AccountName = Annotated[str, Field(description="The account's name, as AWS Organizations has it.")]
OuPath = Annotated[str, Field(description="The path of the OU that the account is in; `/` is the root.")]
RegionText = Annotated[str, Field(description="AWS's name of the region.")]
KindText = Annotated[str, Field(description="The kind of resource, such as `ec2`.")]
ResourceIdText = Annotated[str, Field(description="The id by which its kind knows it, such as `i-0abc`.")]
ArnText = Annotated[str, Field(description="Amazon Resource Name; it names the resource everywhere.")]
RuleText = Annotated[str, Field(description="The name of the rule, as the policy has it.")]
TimeText = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
Facts = dict[str, Fact]
_CARRIERS = ("resource", "account", "organizational_unit")
"""Of tags."""
_STRICT = ConfigDict(extra="forbid")


@with_config(_STRICT)
class ExemptionRow(TypedDict):
    """What spares a resource, an account or an OU: a tag, with its carrier, or what was given by a link."""

    source: Annotated[
        str,
        _one_of((*_CARRIERS, LINK)),
        Field(description="What carries the tag; `link`: it was given by a link in a message."),
    ]
    source_id: Annotated[str, Field(description="The id of that; of an OU its path.")]
    tag: Annotated[str, Field(description="The key of the tag, as it is written there; `link`: there is none.")]
    value: Annotated[str, Field(description="Its value, as it is written there.")]
    until: Annotated[str | None, Field(description="The last day that it counts; null: for good.")]
    reason: Annotated[
        str | None, Field(description="What the tag `stop-orchestrator:opt-out-reason` beside it says; null: nothing.")
    ]
    malformed: Annotated[bool, Field(description="The value is neither `true` nor a date: it spares for good.")]
    nearest_key: NotRequired[
        Annotated[str | None, Field(description="Of a misspelt key, the one that was most likely meant; else null.")]
    ]


@with_config(_STRICT)
class CoverageRow(TypedDict):
    """How far one account, region and kind was read."""

    account_id: AccountText
    account_name: AccountName
    ou_path: OuPath
    region: Annotated[str, Field(description="`*` where the account's regions cannot be known.")]
    kind: Annotated[str, Field(description="`*` where it concerns every kind.")]
    status: Annotated[
        str,
        _one_of(TargetStatus),
        Field(description="How far it was read. Only `scanned` means that its resources were seen."),
    ]
    detail: Annotated[str, Field(description="AWS's code and words where it was refused; else why, or empty.")]
    exemption: Annotated[ExemptionRow | None, Field(description="By what it is opted out; else null.")]
    weight: NotRequired[
        Annotated[
            int | None,
            Field(description="Targets that it counts for in the coverage percentage; null: unknown, and that is 0."),
        ]
    ]


Dollars = Annotated[float, Field(description="US dollars, to a millionth.")]


@with_config(_STRICT)
class MoneyRow(TypedDict):
    """What the action on one resource saves (a stop) or costs (a start) until its next start or stop, as forecast.

    `net` is known where its compute has a price, though its volumes may have none: then the two others are null.
    """

    source: Annotated[str, Field(description="Where the prices are from; empty where none is known.")]
    hours: Annotated[float | None, Field(ge=0, description="Null: not known, as nothing says when it starts again.")]
    until: Annotated[
        TimeText | None,
        Field(description="The end of these hours: its next start, or stop, by its schedule; null: there is none."),
    ]
    hourly: Annotated[Dollars | None, Field(description="What one hour saves.")]
    gross: Annotated[Dollars | None, Field(description="What it would cost if it ran on for these hours.")]
    still_billed: Annotated[Dollars | None, Field(description="What volumes, addresses and storage cost meanwhile.")]
    net: Annotated[Dollars | None, Field(description="`gross` without `still_billed`.")]
    unknown: Annotated[str, Field(description="Why an amount is not known; empty where all are.")]


@with_config(_STRICT)
class SavingsRow(TypedDict):
    """Amounts added up, each where it is known; what is not known is counted apart, and never as 0."""

    resources: Annotated[Count, Field(description="Of which `net` is known.")]
    unknown_resources: Annotated[Count, Field(description="Of which `net` is not known.")]
    gross: Dollars
    still_billed: Dollars
    net: Dollars
    hourly: Dollars


@with_config(_STRICT)
class MeasuredRow(TypedDict):
    """What one earlier stop has saved by now, as this sweep sees it."""

    account_id: AccountText
    region: RegionText
    kind: KindText
    resource_id: ResourceIdText
    stopped_by: Annotated[str, Field(description="The sweep that stopped it.")]
    stopped_at: Annotated[TimeText, Field(description="When it was stopped.")]
    until: Annotated[TimeText, Field(description="When it was started again; else when this sweep saw it stopped.")]
    running_again: Annotated[bool, Field(description="It was started since, by whomever.")]
    early: Annotated[bool, Field(description="It was started before the forecast said.")]
    hours: Annotated[float, Field(ge=0), Field(description="How long it was down.")]
    gross: Annotated[Dollars | None, Field(description="What it would have cost in these hours.")]
    still_billed: Annotated[Dollars | None, Field(description="What volumes, addresses and storage cost meanwhile.")]
    net: Annotated[Dollars | None, Field(description="`gross` without `still_billed`.")]
    forecast_net: Annotated[Dollars | None, Field(description="What the plan of that sweep said; null: not known.")]
    unknown: Annotated[str, Field(description="Why an amount is not known; empty where all are.")]


@with_config(_STRICT)
class MoneySummaryRow(TypedDict):
    """What the sweep is worth, and what it cost."""

    currency: Annotated[str, Field(description="Of every amount.")]
    prices: Annotated[str, Field(description="Where the prices are from, such as the name of the operator's file.")]
    made_up: Annotated[bool, Field(description="They are an example's, and mean nothing.")]
    forecast: Annotated[SavingsRow, Field(description="Of the stops of the plan.")]
    starts: Annotated[SavingsRow, Field(description="What the starts of the plan cost, in the same terms.")]
    measured: Annotated[SavingsRow, Field(description="Of earlier stops, as this sweep sees them.")]
    restarted_early: Annotated[
        Count, Field(description="Rows of `measured` that were started before the forecast said.")
    ]
    unknown_reasons: Annotated[dict[str, Count], Field(description="Why amounts are not known, of how many.")]
    sweep_cost: Annotated[Dollars, Field(description="What the sweep itself cost: requests, writes, metrics.")]
    caveats: Annotated[list[str], Field(description="What the amounts do not say, in sentences.")]


@with_config(_STRICT)
class DecisionRow(TypedDict):
    """What is done with one resource, and why. decisions.csv and decisions.jsonl.gz have a row and a line for each."""

    account_id: AccountText
    account_name: NotRequired[AccountName]
    ou_path: NotRequired[OuPath]
    owner: NotRequired[Annotated[str, Field(description="By the tag that names one, on it or on its account.")]]
    type: NotRequired[Annotated[str, Field(description="AWS's type of it, such as `m7g.large`; empty: not known.")]]
    region: RegionText
    kind: KindText
    resource_id: ResourceIdText
    arn: ArnText
    name: Annotated[str, Field(description="The tag `Name`, or what its kind shows for it; may be empty.")]
    verdict: Annotated[str, _one_of(Verdict), Field(description="What is done with it.")]
    action: Annotated[
        str | None, _one_of([*Action, None]), Field(description="How it is stopped or started; null where it is kept.")
    ]
    rule: Annotated[str | None, Field(description="The rule that owns it; null: none does.")]
    reason_code: Annotated[str, _one_of(ReasonCode), Field(description="Why, for programs.")]
    reason: Annotated[str, Field(description="Why, in a sentence for people.")]
    exemption: Annotated[ExemptionRow | None, Field(description="The tag that spares it; null: none does.")]
    tags: Annotated[dict[str, str], Field(description="The tags of the resource itself, by key.")]
    facts: Annotated[Facts, Field(description="What AWS said of it that the decision looked at; null: not known.")]
    losses: NotRequired[
        Annotated[
            list[str],
            Field(description="What a stop of it loses for good; with a `?` what it may lose, where that is unknown."),
        ]
    ]
    units: NotRequired[
        Annotated[
            int,
            Field(
                description="The instances that a group runs, or that its start brings up, which guardrails count; "
                "absent: it counts as one, as an ECS service does however many tasks it runs."
            ),
        ]
    ]
    tag_changes: NotRequired[
        Annotated[dict[str, str], Field(description="The tags that are to be written or deleted, by the verdict.")]
    ]
    money: NotRequired[Annotated[MoneyRow, Field(description="Of a stop or start, where prices were asked for.")]]


@with_config(_STRICT)
class OutcomeRow(TypedDict):
    """What came of one action. It is asked for before, and looked at afterwards."""

    account_id: AccountText
    region: RegionText
    kind: KindText
    resource_id: ResourceIdText
    arn: ArnText
    status: Annotated[str, _one_of(OutcomeStatus), Field(description="What was seen to come of the action.")]
    code: Annotated[str, Field(description="AWS's error code where it refused; else empty.")]
    message: Annotated[str, Field(description="AWS's own words, or why it was not attempted; else empty.")]
    requested_at: Annotated[TimeText | None, Field(description="When AWS was asked; null: it was not.")]
    verified_at: Annotated[TimeText | None, Field(description="When it was seen to have happened; null: it was not.")]
    warnings: Annotated[list[str], Field(description="What went wrong beside it, and cost nothing of it.")]
    restore: Annotated[Facts, Field(description="What an undo needs to know.")]


@with_config(_STRICT)
class DecisionLine(DecisionRow):
    """One line of decisions.jsonl.gz: the decision as report.json has it, what came of it, and its sweep."""

    outcome: Annotated[
        str | None,
        _one_of([*OutcomeStatus, None]),
        Field(description="What was seen to come of the action; null: there is none, as it is kept."),
    ]
    code: Annotated[str | None, Field(description="AWS's error code where it refused; empty where it did not.")]
    message: Annotated[
        str | None, Field(description="AWS's own words, or why it was not attempted; then, after `; `, the warnings.")
    ]
    requested_at: Annotated[TimeText | None, Field(description="When AWS was asked; null: it was not.")]
    verified_at: Annotated[TimeText | None, Field(description="When it was seen to have happened; null: it was not.")]
    sweep_id: Annotated[str, Field(description="The sweep; ids sort by time.")]
    policy_name: Annotated[str, Field(description="The policy that decided it.")]
    mode: Annotated[
        str, _one_of(Mode), Field(description="What the sweep was for; `plan` and `approve` act on nothing.")
    ]
    schema_version: Annotated[int, Field(description="That of report.json.")]


@with_config(_STRICT)
class ViolationRow(TypedDict):
    """What is missing or wrong in tags, or an opt-out that someone should look at."""

    account_id: AccountText
    region: RegionText
    kind: KindText
    resource_id: Annotated[str, Field(description="The id of what has the tag, or lacks it.")]
    violation: Annotated[str, Field(description="What it violates, for programs.")]
    detail: Annotated[str, Field(description="The same in words for people.")]
    carrier: NotRequired[
        Annotated[
            str | None,
            _one_of([*_CARRIERS, None]),
            Field(description="What `resource_id` is the id of; of an OU it is the path. Null: not known."),
        ]
    ]
    account_name: NotRequired[AccountName]
    owner: NotRequired[Annotated[str, Field(description="By the tag that names one; empty: there is none.")]]


@with_config(_STRICT)
class ComplianceCountRow(TypedDict):
    """How many violations of a name there are of one kind, in one account, of one owner."""

    violation: Annotated[str, Field(description="As in `compliance`.")]
    kind: KindText
    account_id: AccountText
    account_name: AccountName
    owner: Annotated[str, Field(description="By the tag that names one; empty: there is none.")]
    count: Annotated[Count, Field(description="How many there are of it.")]


@with_config(_STRICT)
class OptOutRow(TypedDict):
    """One tag that spares, with its carrier; or what was given by a link in a message, whose tag is `link`. What is in
    an account that is opted out is not read.
    """

    carrier: Annotated[str, _one_of(_CARRIERS), Field(description="What carries the tag.")]
    carrier_id: Annotated[str, Field(description="Of an OU it is the path.")]
    account_id: Annotated[AccountText | None, Field(description="Null for an OU.")]
    account_name: AccountName
    ou_path: OuPath
    region: Annotated[str, Field(description="Where the resource is; `*` for an account or OU.")]
    kind: Annotated[str, Field(description="The kind of the resource; `*` for an account or OU.")]
    owner: Annotated[str, Field(description="By the tag that names one; empty: there is none.")]
    tag: Annotated[str, Field(description="The key of the tag, as it is written there.")]
    value: Annotated[str, Field(description="Its value, as it is written there.")]
    until: Annotated[str | None, Field(description="The last day that it counts; null: for good.")]
    reason: Annotated[
        str | None, Field(description="What the tag `stop-orchestrator:opt-out-reason` beside it says; null: nothing.")
    ]
    status: Annotated[str, _one_of(OptOutStatus), Field(description="Whether it counts, and whether as it was meant.")]
    days_left: Annotated[int | None, Field(ge=0, description="After today; null: it has no end.")]
    expiring: Annotated[bool, Field(description="It ends within 14 days.")]
    spared_accounts: Annotated[Count, Field(description="Accounts in scope that it opts out as a whole.")]
    spared_resources: Annotated[
        int | None,
        Field(
            ge=0,
            description="Running resources that this sweep would stop but for it. Where several tags spare one, it "
            "counts for the most protective. Null: not known, as of an account or OU, which was not read.",
        ),
    ]
    spared_hours_per_week: Annotated[
        float | None,
        Field(
            ge=0,
            description="Hours in the seven days from the sweep on in which its rule would have it stopped. Null: not "
            "known.",
        ),
    ]
    violations: Annotated[list[str], Field(description="What is reported of it under compliance.")]


@with_config(_STRICT)
class NarrowedRow(TypedDict):
    """To what a person narrowed the sweep: it says nothing of the rest of the organization."""

    accounts: NotRequired[Annotated[list[str], Field(description="Ids of accounts.")]]
    organizational_units: NotRequired[Annotated[list[str], Field(description="Paths or ids of OUs.")]]
    regions: NotRequired[Annotated[list[str], Field(description="Names of regions.")]]
    rules: NotRequired[Annotated[list[str], Field(description="Names of rules.")]]
    resources: NotRequired[Annotated[list[str], Field(description="Ids or ARNs of resources.")]]


@with_config(_STRICT)
class GuardrailRow(TypedDict):
    """One limit that the whole plan has to pass before anything is acted on."""

    name: Annotated[
        str,
        Field(description="As the policy has it, such as `max_stops`; a limit per account begins with `per_account.`."),
    ]
    limit: Annotated[float, Field(description="What the policy allows.")]
    actual: Annotated[float, Field(description="What the whole plan comes to.")]
    passed: Annotated[bool, Field(description="False holds the sweep: nothing is acted on.")]
    account_id: Annotated[AccountText | None, Field(description="Set for a limit per account.")]
    detail: Annotated[str, Field(description="What the numbers do not say; reports of earlier releases have none.")]


@with_config(_STRICT)
class UnresolvedNameRow(TypedDict):
    """What the policy names and the organization did not have when it was listed."""

    path: Annotated[str, Field(description="Its place in the policy document.")]
    line: Annotated[int, Field(ge=1), Field(description="Its line in the policy document.")]
    word: Annotated[
        str, Field(description="What it was to name: `account`, `account_name`, `organizational_unit` or `region`.")
    ]
    name: Annotated[str, Field(description="As the policy has it.")]
    effect: Annotated[
        str,
        _one_of(NameEffect),
        Field(description="What follows: it holds the sweep, makes a condition unknown, or is only told."),
    ]
    detail: Annotated[str, Field(description="What is wrong with it, in words for people.")]
    nearest: Annotated[str, Field(description="The real name that is nearest; empty where there is none.")]


@with_config(_STRICT)
class OtherPolicyRow(TypedDict):
    """Another active policy of the hub: what it owns too was kept."""

    name: Annotated[str, Field(description="The policy's name.")]
    policy_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="That of its active version.")]
    unresolved_names: Annotated[
        list[UnresolvedNameRow], Field(description="Those of it by which it may own something that is not known.")
    ]
    unread: Annotated[str, Field(description="Why it is not known what it owns, which held the sweep; empty else.")]


@with_config(_STRICT)
class UnseenTagKeyRow(TypedDict):
    """A key that `tag` conditions of rules ask for and no resource has that was read."""

    key: Annotated[str, Field(description="As the rules have it.")]
    rules: Annotated[list[str], Field(description="Names of the rules that ask for it.")]
    nearest: Annotated[str, Field(description="The key of a resource that is nearest; empty where there is none.")]


@with_config(_STRICT)
class InsideScheduleRow(TypedDict):
    """What is kept because its schedule says that it should run now."""

    schedule: Annotated[str, Field(description="Its name, or the windows and time zone that a tag has.")]
    rule: RuleText
    running_until: Annotated[TimeText | None, Field(description="Null: for as far ahead as was looked.")]
    until_text: Annotated[str, Field(description="The same in the schedule's time zone; empty where it is null.")]
    resources: Annotated[Count, Field(description="How many are kept by it.")]


@with_config(_STRICT)
class Totals(TypedDict):
    """Targets are accounts x regions: one counts under each status that a kind has in it.

    `targets` are those whose region is known; under its status an account whose regions are not known counts once.
    """

    accounts: Annotated[Count, Field(description="Accounts in scope, read or not.")]
    targets: Annotated[Count, Field(description="Accounts x regions in scope whose region is known.")]
    scanned: Annotated[Count, Field(description="Targets in which a kind was read.")]
    denied: Annotated[Count, Field(description="Targets in which a kind could not be read: AWS refused.")]
    region_disabled: Annotated[Count, Field(description="Targets whose region the account has not enabled.")]
    suspended: Annotated[Count, Field(description="Targets of accounts that AWS has suspended.")]
    excluded: Annotated[Count, Field(description="Targets that the policy leaves out.")]
    opted_out: Annotated[Count, Field(description="Targets that an opt-out on the account or an OU spares.")]
    not_offered: NotRequired[
        Annotated[Count, Field(description="Targets in a region that does not have the service of a kind.")]
    ]
    failed_targets: Annotated[Count, Field(description="Targets in which reading failed for another reason.")]
    not_attempted_targets: Annotated[Count, Field(description="Targets whose turn did not come.")]
    resources: Annotated[Count, Field(description="Resources that were read and decided.")]
    planned: Annotated[Count, Field(description="Of these, what is acted on: stops, starts and changes of tags.")]
    planned_stops: Annotated[Count, Field(description="Stops of the plan.")]
    planned_starts: Annotated[Count, Field(description="Starts of the plan.")]
    stop_units: NotRequired[
        Annotated[
            Count,
            Field(
                description="What the stops of the plan count in guardrails: of a group each instance that it "
                "runs, and one of anything else. Neither of these two is there where it is the number of stops, or "
                "starts."
            ),
        ]
    ]
    start_units: NotRequired[Annotated[Count, Field(description="The same of the starts.")]]
    kept: Annotated[Count, Field(description="Resources that are left as they are.")]
    exempt: Annotated[Count, Field(description="Resources with an opt-out that counts.")]
    stopped: Annotated[
        Count, Field(description="AWS accepted the stop; `verified_at` of the outcome says whether it was seen down.")
    ]
    started: Annotated[Count, Field(description="Seen running.")]
    starting: NotRequired[Annotated[Count, Field(description="AWS accepted the start, and it was not seen running.")]]
    already_stopped: Annotated[Count, Field(description="Found stopped when it was their turn.")]
    would_stop: Annotated[Count, Field(description="A plan's stops: nothing was asked for.")]
    already_running: Annotated[Count, Field(description="Found running when it was their turn.")]
    would_start: Annotated[Count, Field(description="A plan's starts: nothing was asked for.")]
    held: Annotated[Count, Field(description="Not acted on, as a guardrail holds the sweep.")]
    not_attempted: Annotated[Count, Field(description="Not acted on, as acting ended before.")]
    unknown: Annotated[Count, Field(description="Asked for, or maybe, and it could not be looked at.")]
    failed: Annotated[Count, Field(description="AWS refused it, or it did not come about.")]
    violations: Annotated[Count, Field(description="Rows of `compliance`.")]
    planned_tags: NotRequired[Annotated[Count, Field(description="Of these five, none is there where it is 0.")]]
    tagged: NotRequired[Annotated[Count, Field(description="Tags were written.")]]
    untagged: NotRequired[Annotated[Count, Field(description="Tags were deleted.")]]
    would_tag: NotRequired[Annotated[Count, Field(description="A plan's tags.")]]
    would_untag: NotRequired[Annotated[Count, Field(description="A plan's deletions of tags.")]]


@with_config(_STRICT)
class ConsentRow(TypedDict):
    """Who said that the plan may be acted on, how, and until when."""

    by: Annotated[str, Field(description="Who gave it: the caller's ARN, and the local user.")]
    how: Annotated[str, _one_of(ConsentHow), Field(description="By which way.")]
    plan_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="The hash of the plan that it is for.")]
    policy_sha256: Annotated[
        str, Field(pattern="^[0-9a-f]{64}$", description="The hash of the policy that made the plan.")
    ]
    given_at: Annotated[TimeText, Field(description="When it was given.")]
    expires_at: Annotated[TimeText, Field(description="Until when it may be acted on.")]


@with_config(_STRICT)
class MetricsRow(TypedDict):
    """What was asked of CloudWatch, because rules depend on it."""

    requested: Annotated[Count, Field(description="Metrics that AWS charges for.")]
    price_usd: Annotated[float, Field(ge=0, description="At $0.01 for 1,000 metrics, as in most regions.")]


@with_config(_STRICT)
class ReportDocument(TypedDict):
    """Everything that one sweep saw, decided and did."""

    schema_version: Annotated[int, Field(description="The format of the report; missing in those of format 1.")]
    sweep_id: Annotated[
        str,
        Field(
            pattern=r"^\d{8}T\d{6}Z-[0-9a-f]{6}$", description="When it began, and six random digits; ids sort by time."
        ),
    ]
    policy_name: Annotated[str, Field(description="The policy's name.")]
    policy_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="The SHA-256 of the policy's text.")]
    mode: Annotated[str, _one_of(Mode), Field(description="What it was for.")]
    status: Annotated[  # a missed sweep has no report
        str,
        _one_of(one for one in SweepStatus if one is not SweepStatus.MISSED),
        Field(description="How it ended."),
    ]
    started_at: Annotated[TimeText, Field(description="When it began.")]
    finished_at: Annotated[TimeText, Field(description="When it ended.")]
    organization_id: Annotated[str, Field(description="AWS's id of the organization.")]
    source_sweep_id: Annotated[str | None, Field(description="The sweep that was applied or undone.")]
    totals: Annotated[Totals, Field(description="Counts of everything below.")]
    coverage: Annotated[
        list[CoverageRow], Field(description="What of the organization was read, by account, region and kind.")
    ]
    decisions: Annotated[
        list[DecisionRow], Field(description="Every resource that was read, with what is done with it and why.")
    ]
    outcomes: Annotated[list[OutcomeRow], Field(description="What came of each action.")]
    compliance: Annotated[
        list[ViolationRow], Field(description="Missing and wrong tags, and opt-outs that someone should look at.")
    ]
    guardrails: Annotated[list[GuardrailRow], Field(description="The limits that the whole plan has to pass.")]
    unresolved_names: Annotated[list[UnresolvedNameRow], Field(description="Names in the policy that match nothing.")]
    other_policies: NotRequired[
        Annotated[list[OtherPolicyRow], Field(description="The other active policies that were taken into account.")]
    ]
    idle_rules: NotRequired[
        Annotated[list[str], Field(description="The rules that own nothing of what was read; of an undo none.")]
    ]
    unseen_tag_keys: NotRequired[
        Annotated[list[UnseenTagKeyRow], Field(description="Keys of tags that rules ask for and nothing has.")]
    ]
    schedules: NotRequired[
        Annotated[list[InsideScheduleRow], Field(description="What is kept because it is in its running time.")]
    ]
    kill_switches: Annotated[list[str], Field(description="Those that could have halted it; empty: there was none.")]
    calls: Annotated[dict[str, Count], Field(description="Requests by service:Operation.")]
    metrics: NotRequired[
        Annotated[MetricsRow, Field(description="What was asked of CloudWatch; missing where no rule depends on it.")]
    ]
    duration_seconds: Annotated[float, Field(ge=0), Field(description="From begin to end.")]
    error: Annotated[str, Field(description="What ended the sweep, for status `failed` and `abandoned`, or halted it.")]
    asked_by: Annotated[str, Field(description="Who asked for the sweep: the caller's ARN, and the local user.")]
    owners: NotRequired[Annotated[list[str], Field(description="Whom to ask about it, by the policy.")]]
    consent: Annotated[
        ConsentRow | None, Field(description="Who agreed to the plan; null: nobody did, and nothing was acted on.")
    ]
    consent_missing: Annotated[
        str, Field(description="Why it only planned although a schedule asked it to act; empty otherwise.")
    ]
    compliance_counts: NotRequired[
        Annotated[list[ComplianceCountRow], Field(description="Violations by kind, account and owner; most first.")]
    ]
    opt_outs: NotRequired[Annotated[list[OptOutRow], Field(description="The register of all of them in scope.")]]
    money: NotRequired[
        Annotated[
            MoneySummaryRow,
            Field(description="What it is worth and what it cost; missing where no prices were asked for."),
        ]
    ]
    measured: NotRequired[
        Annotated[
            list[MeasuredRow], Field(description="What earlier stops have saved by now, where prices were asked for.")
        ]
    ]
    narrowed: NotRequired[
        Annotated[NarrowedRow | None, Field(description="To what a person narrowed it; null: to nothing.")]
    ]
    stop_effects: NotRequired[
        Annotated[
            list[str],
            Field(
                description="What the stops of the plan lose, and what starts again by itself: a line for each kind. "
                "Absent where they lose nothing and stay."
            ),
        ]
    ]
    plan_expires_at: NotRequired[
        Annotated[TimeText, Field(description="Until when `apply` carries it out; missing where it is not to apply.")]
    ]
    account_contacts: NotRequired[
        Annotated[
            dict[str, str],
            Field(description="By account, its tag that names who is told of it (`owner_contacts.account_tag`)."),
        ]
    ]
    as_of: NotRequired[
        Annotated[
            TimeText,
            Field(description="Of a what-if (`plan --at`): the moment that it decided for. It is never acted on."),
        ]
    ]
    as_of_local: NotRequired[
        Annotated[
            list[str], Field(description="That moment by the clocks of the policy and its schedules, but for UTC.")
        ]
    ]
