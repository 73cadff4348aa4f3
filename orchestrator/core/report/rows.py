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
AccountText = Annotated[str, Field(pattern=r"^\d{12}$")]
TimeText = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
Facts = dict[str, Fact]
_CARRIERS = ("resource", "account", "organizational_unit")
"""Of tags."""
_STRICT = ConfigDict(extra="forbid")


@with_config(_STRICT)
class ExemptionRow(TypedDict):
    source: Annotated[
        str, _one_of((*_CARRIERS, LINK)), Field(description="Whose tag it is; `link`: a link in a message gave it.")
    ]
    source_id: str
    tag: str
    value: str
    until: Annotated[str | None, Field(description="The last day that it counts; null: for good.")]
    reason: str | None
    malformed: bool
    nearest_key: NotRequired[
        Annotated[str | None, Field(description="Of a misspelt key, the one that was most likely meant; else null.")]
    ]


@with_config(_STRICT)
class CoverageRow(TypedDict):
    account_id: AccountText
    account_name: str
    ou_path: str
    region: Annotated[str, Field(description="`*` where the account's regions cannot be known.")]
    kind: Annotated[str, Field(description="`*` where it concerns every kind.")]
    status: Annotated[str, _one_of(TargetStatus)]
    detail: str
    exemption: ExemptionRow | None
    weight: NotRequired[
        Annotated[
            int | None,
            Field(description="Targets that it counts for in the coverage percentage; null: unknown, and that is 0."),
        ]
    ]


Dollars = Annotated[float, Field(description="US dollars, to a millionth.")]


@with_config(_STRICT)
class MoneyRow(TypedDict):
    """What the action on one resource saves (a stop) or costs (a start) until its next start or stop, as forecast."""

    source: Annotated[str, Field(description="Where the prices are from; empty where none is known.")]
    hours: Annotated[float | None, Field(ge=0, description="Null: not known, as nothing says when it starts again.")]
    until: TimeText | None
    hourly: Annotated[Dollars | None, Field(description="What one hour saves.")]
    gross: Annotated[Dollars | None, Field(description="What it would cost if it ran on for these hours.")]
    still_billed: Annotated[Dollars | None, Field(description="What volumes, addresses and storage cost meanwhile.")]
    net: Annotated[Dollars | None, Field(description="`gross` without `still_billed`.")]
    unknown: Annotated[str, Field(description="Why an amount is not known; empty where all are.")]


@with_config(_STRICT)
class SavingsRow(TypedDict):
    """Amounts added up; what is not known is counted apart, and never as 0."""

    resources: Annotated[Count, Field(description="Of which the amounts are known.")]
    unknown_resources: Count
    gross: Dollars
    still_billed: Dollars
    net: Dollars
    hourly: Dollars


@with_config(_STRICT)
class MeasuredRow(TypedDict):
    """What one earlier stop has saved by now, as this sweep sees it."""

    account_id: AccountText
    region: str
    kind: str
    resource_id: str
    stopped_by: Annotated[str, Field(description="The sweep that stopped it.")]
    stopped_at: TimeText
    until: Annotated[TimeText, Field(description="When it was started again; else when this sweep saw it stopped.")]
    running_again: bool
    early: Annotated[bool, Field(description="It was started before the forecast said.")]
    hours: Annotated[float, Field(ge=0)]
    gross: Dollars | None
    still_billed: Dollars | None
    net: Dollars | None
    forecast_net: Annotated[Dollars | None, Field(description="What the plan of that sweep said; null: not known.")]
    unknown: str


@with_config(_STRICT)
class MoneySummaryRow(TypedDict):
    """What the sweep is worth, and what it cost."""

    currency: str
    prices: Annotated[str, Field(description="Where the prices are from, such as the name of the operator's file.")]
    made_up: Annotated[bool, Field(description="They are an example's, and mean nothing.")]
    forecast: Annotated[SavingsRow, Field(description="Of the stops of the plan.")]
    starts: Annotated[SavingsRow, Field(description="What the starts of the plan cost, in the same terms.")]
    measured: Annotated[SavingsRow, Field(description="Of earlier stops, as this sweep sees them.")]
    restarted_early: Count
    unknown_reasons: Annotated[dict[str, Count], Field(description="Why amounts are not known, of how many.")]
    sweep_cost: Annotated[Dollars, Field(description="What the sweep itself cost: requests, writes, metrics.")]
    caveats: list[str]


@with_config(_STRICT)
class DecisionRow(TypedDict):
    account_id: AccountText
    account_name: NotRequired[str]
    ou_path: NotRequired[str]
    owner: NotRequired[Annotated[str, Field(description="By the tag that names one, on it or on its account.")]]
    type: NotRequired[Annotated[str, Field(description="AWS's type of it, such as `m7g.large`; empty: not known.")]]
    region: str
    kind: str
    resource_id: str
    arn: str
    name: str
    verdict: Annotated[str, _one_of(Verdict)]
    action: Annotated[str | None, _one_of([*Action, None])]
    rule: str | None
    reason_code: Annotated[str, _one_of(ReasonCode)]
    reason: str
    exemption: ExemptionRow | None
    tags: dict[str, str]
    facts: Facts
    losses: NotRequired[
        Annotated[
            list[str],
            Field(description="What a stop of it loses for good; with a `?` what it may lose, where that is unknown."),
        ]
    ]
    tag_changes: NotRequired[
        Annotated[dict[str, str], Field(description="The tags that are to be written or deleted, by the verdict.")]
    ]
    money: NotRequired[Annotated[MoneyRow, Field(description="Of a stop or start, where prices were asked for.")]]


@with_config(_STRICT)
class OutcomeRow(TypedDict):
    account_id: AccountText
    region: str
    kind: str
    resource_id: str
    arn: str
    status: Annotated[str, _one_of(OutcomeStatus)]
    code: str
    message: str
    requested_at: TimeText | None
    verified_at: TimeText | None
    warnings: list[str]
    restore: Annotated[Facts, Field(description="What an undo needs to know.")]


@with_config(_STRICT)
class ViolationRow(TypedDict):
    account_id: AccountText
    region: str
    kind: str
    resource_id: str
    violation: str
    detail: str
    carrier: NotRequired[
        Annotated[
            str | None,
            _one_of([*_CARRIERS, None]),
            Field(description="What `resource_id` is the id of; of an OU it is the path. Null: not known."),
        ]
    ]
    account_name: NotRequired[str]
    owner: NotRequired[Annotated[str, Field(description="By the tag that names one; empty: there is none.")]]


@with_config(_STRICT)
class ComplianceCountRow(TypedDict):
    """How many violations of a name there are of one kind, in one account, of one owner."""

    violation: str
    kind: str
    account_id: AccountText
    account_name: str
    owner: str
    count: Count


@with_config(_STRICT)
class OptOutRow(TypedDict):
    """One tag that spares, with its carrier; or what was given by a link in a message, whose tag is `link`. What is in
    an account that is opted out is not read.
    """

    carrier: Annotated[str, _one_of(_CARRIERS)]
    carrier_id: Annotated[str, Field(description="Of an OU it is the path.")]
    account_id: Annotated[AccountText | None, Field(description="Null for an OU.")]
    account_name: str
    ou_path: str
    region: str
    kind: str
    owner: Annotated[str, Field(description="By the tag that names one; empty: there is none.")]
    tag: str
    value: str
    until: Annotated[str | None, Field(description="The last day that it counts; null: for good.")]
    reason: str | None
    status: Annotated[str, _one_of(OptOutStatus)]
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

    accounts: NotRequired[list[str]]
    organizational_units: NotRequired[list[str]]
    regions: NotRequired[list[str]]
    rules: NotRequired[list[str]]
    resources: NotRequired[list[str]]


@with_config(_STRICT)
class GuardrailRow(TypedDict):
    name: str
    limit: float
    actual: float
    passed: bool
    account_id: Annotated[AccountText | None, Field(description="Set for a limit per account.")]
    detail: Annotated[str, Field(description="What the numbers do not say; reports of earlier releases have none.")]


@with_config(_STRICT)
class UnresolvedNameRow(TypedDict):
    """What the policy names and the organization did not have when it was listed."""

    path: Annotated[str, Field(description="Its place in the policy document.")]
    line: Annotated[int, Field(ge=1)]
    word: Annotated[
        str, Field(description="What it was to name: `account`, `account_name`, `organizational_unit` or `region`.")
    ]
    name: str
    effect: Annotated[str, _one_of(NameEffect)]
    detail: str
    nearest: Annotated[str, Field(description="The real name that is nearest; empty where there is none.")]


@with_config(_STRICT)
class OtherPolicyRow(TypedDict):
    """Another active policy of the hub: what it owns too was kept."""

    name: str
    policy_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="That of its active version.")]
    unresolved_names: Annotated[
        list[UnresolvedNameRow], Field(description="Those of it by which it may own something that is not known.")
    ]
    unread: Annotated[str, Field(description="Why it is not known what it owns, which held the sweep; empty else.")]


@with_config(_STRICT)
class UnseenTagKeyRow(TypedDict):
    """A key that `tag` conditions of rules ask for and no resource has that was read."""

    key: str
    rules: list[str]
    nearest: Annotated[str, Field(description="The key of a resource that is nearest; empty where there is none.")]


@with_config(_STRICT)
class InsideScheduleRow(TypedDict):
    """What is kept because its schedule says that it should run now."""

    schedule: Annotated[str, Field(description="Its name, or the windows and time zone that a tag has.")]
    rule: str
    running_until: Annotated[TimeText | None, Field(description="Null: for as far ahead as was looked.")]
    until_text: Annotated[str, Field(description="The same in the schedule's time zone; empty where it is null.")]
    resources: Count


@with_config(_STRICT)
class Totals(TypedDict):
    """Targets are accounts x regions: one counts under each status that a kind has in it.

    `targets` are those whose region is known; under its status an account whose regions are not known counts once.
    """

    accounts: Count
    targets: Count
    scanned: Count
    denied: Count
    region_disabled: Count
    suspended: Count
    excluded: Count
    opted_out: Count
    failed_targets: Count
    not_attempted_targets: Count
    resources: Count
    planned: Count
    planned_stops: Count
    planned_starts: Count
    kept: Count
    exempt: Count
    stopped: Count
    started: Annotated[Count, Field(description="Seen running.")]
    starting: NotRequired[Annotated[Count, Field(description="AWS accepted the start, and it was not seen running.")]]
    already_stopped: Count
    would_stop: Count
    already_running: Count
    would_start: Count
    held: Count
    not_attempted: Count
    unknown: Count
    failed: Count
    violations: Count
    planned_tags: NotRequired[Annotated[Count, Field(description="Of these five, none is there where it is 0.")]]
    tagged: NotRequired[Count]
    untagged: NotRequired[Count]
    would_tag: NotRequired[Count]
    would_untag: NotRequired[Count]


@with_config(_STRICT)
class ConsentRow(TypedDict):
    """Who said that the plan may be acted on, how, and until when."""

    by: str
    how: Annotated[str, _one_of(ConsentHow)]
    plan_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    policy_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    given_at: TimeText
    expires_at: TimeText


@with_config(_STRICT)
class MetricsRow(TypedDict):
    """What was asked of CloudWatch, because rules depend on it."""

    requested: Annotated[Count, Field(description="Metrics that AWS charges for.")]
    price_usd: Annotated[float, Field(ge=0, description="At $0.01 for 1,000 metrics, as in most regions.")]


@with_config(_STRICT)
class ReportDocument(TypedDict):
    """Everything that one sweep saw, decided and did."""

    schema_version: Annotated[int, Field(description="Missing in reports of format 1.")]
    sweep_id: Annotated[str, Field(pattern=r"^\d{8}T\d{6}Z-[0-9a-f]{6}$")]
    policy_name: str
    policy_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    mode: Annotated[str, _one_of(Mode)]
    status: Annotated[str, _one_of(one for one in SweepStatus if one is not SweepStatus.MISSED)]  # that has no report
    started_at: TimeText
    finished_at: TimeText
    organization_id: str
    source_sweep_id: Annotated[str | None, Field(description="The sweep that was applied or undone.")]
    totals: Totals
    coverage: list[CoverageRow]
    decisions: list[DecisionRow]
    outcomes: list[OutcomeRow]
    compliance: list[ViolationRow]
    guardrails: list[GuardrailRow]
    unresolved_names: list[UnresolvedNameRow]
    other_policies: NotRequired[
        Annotated[list[OtherPolicyRow], Field(description="The other active policies that were taken into account.")]
    ]
    idle_rules: NotRequired[
        Annotated[list[str], Field(description="The rules that own nothing of what was read; of an undo none.")]
    ]
    unseen_tag_keys: NotRequired[list[UnseenTagKeyRow]]
    schedules: NotRequired[list[InsideScheduleRow]]
    kill_switches: Annotated[list[str], Field(description="Those that could have halted it; empty: there was none.")]
    calls: Annotated[dict[str, Count], Field(description="Requests by service:Operation.")]
    metrics: NotRequired[Annotated[MetricsRow, Field(description="Missing where no rule depends on CloudWatch.")]]
    duration_seconds: Annotated[float, Field(ge=0)]
    error: Annotated[str, Field(description="What ended the sweep, for status `failed` and `abandoned`, or halted it.")]
    asked_by: Annotated[str, Field(description="Who asked for the sweep: the caller's ARN, and the local user.")]
    owners: NotRequired[Annotated[list[str], Field(description="Whom to ask about it, by the policy.")]]
    consent: ConsentRow | None
    consent_missing: Annotated[
        str, Field(description="Why it only planned although a schedule asked it to act; empty otherwise.")
    ]
    compliance_counts: NotRequired[
        Annotated[list[ComplianceCountRow], Field(description="By kind, account and owner; most first.")]
    ]
    opt_outs: NotRequired[Annotated[list[OptOutRow], Field(description="The register of all of them in scope.")]]
    money: NotRequired[Annotated[MoneySummaryRow, Field(description="Missing where no prices were asked for.")]]
    measured: NotRequired[
        Annotated[list[MeasuredRow], Field(description="Of earlier stops, where prices were asked for.")]
    ]
    narrowed: NotRequired[Annotated[NarrowedRow | None, Field(description="Null: to nothing.")]]
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
