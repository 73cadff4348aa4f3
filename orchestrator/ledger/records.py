"""What is remembered, as frozen records, and each record's item in the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.core.model import (
    AccountId,
    Action,
    ActivePolicy,
    Consent,
    ConsentHow,
    Fact,
    Mode,
    Outcome,
    OutcomeStatus,
    Region,
    Resource,
    ResourceKey,
    time_text,
)
from orchestrator.core.report.document import Row
from orchestrator.core.report.manifest import Link, sha256_of
from orchestrator.ledger.items import Item

FORMAT = 2
"""Of every item that is written. Those of the release before have no number: they are of format 1."""
ANOTHER_FORMAT = "the format of another release of this program"
SWEEPS = "SWEEPS"
POLICY = "POLICY#"
ACTIVE = "ACTIVE"
_NOT_ATTEMPTED_YET = frozenset(
    {
        OutcomeStatus.WOULD_STOP,
        OutcomeStatus.WOULD_START,
        OutcomeStatus.WOULD_TAG,
        OutcomeStatus.WOULD_UNTAG,
        OutcomeStatus.HELD,
    }
)


@dataclass(frozen=True, slots=True)
class SweepSummary:
    """The summary of one sweep, from its beginning on."""

    sweep_id: str
    status: str
    """`running`, `awaiting_approval`, or how it ended (model.SweepStatus)."""
    mode: str
    policy_name: str
    started_at: str
    finished_at: str = ""
    duration_seconds: float = 0.0
    source_sweep_id: str = ""
    """The sweep that is applied or undone."""
    plan_sha256: str = ""
    plan_announced_sha256: str = ""
    """As it was about to be written: a store may take it after its writer gave up waiting, and ended the sweep."""
    plan_parts_sha256: str = ""
    """Of the index of its plan's parts, where a state machine carries it out (sweep.plan_parts)."""
    policy: str = ""
    """The policy document itself, so that the sweep can be resumed; empty where only its hash is here."""
    policy_by_hash: str = ""
    """The SHA-256 of a document that is too large for an item: a file of the sweep has the text (sweep.policy_text)."""
    policy_source: str = ""
    """Where the policy was read, so that a resume can tell whether it was changed since."""
    asked_by: str = ""
    standing: bool = False
    """A schedule asked, so that no person has to confirm it."""
    consent: Mapping[str, str] | None = None
    """Who confirmed it (consent_from); None: it may not act."""
    consent_missing: str = ""
    """Why it only plans although a schedule asked it to act."""
    applied_by: str = ""
    """The sweep that carried out this one's plan, or undid this one."""
    continuations: int = 0
    totals: Mapping[str, int] | None = None
    report: str = ""
    error: str = ""
    warning: str = ""
    """What went wrong after its report was sealed, and cost nothing of it."""
    ended_at: str = ""
    """To the microsecond, by the clock of the process that ended it."""
    only: Mapping[str, Any] | None = None
    """What of the source sweep is undone; None: all of it."""
    narrowed: Mapping[str, Any] | None = None
    """To what a person narrowed it (Narrowing.as_item): it says nothing of the rest. None: to nothing."""
    notify_before: str = ""
    """Such as `30m`: a preview that decided for so long after it began, and warns owners. It is never applied."""
    execution: str = ""
    """The state machine's execution that carries it out, where one does."""
    halt: Mapping[str, str] | None = None
    """Cause and text of what ended the acting, where it is recorded before the report. It is not resumed."""
    interrupted_at: str = ""
    """When a person, or the system, told its process to end while it acted. It is not resumed."""
    format: int = FORMAT
    """1: by the release before. Whatever the item says, so that it may be no number at all."""

    @property
    def is_of_this_release(self) -> bool:
        """Whether it can be carried on: what a record of another release leaves out, or has besides, is not known."""
        return self.format == FORMAT

    @property
    def written_plan_sha256(self) -> str:
        """Of its plan's file, from before that was written: a process may have died before it could record the end of
        that.
        """
        return self.plan_sha256 or self.plan_announced_sha256

    @property
    def policy_sha256(self) -> str:
        """Of the policy's text."""
        return self.policy_by_hash or sha256_of(text_bytes(self.policy))

    def as_row(self) -> Row:
        """For programs; without the policy's text, and with every time in the one form."""
        row = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "policy"}
        consent = {
            name: _in_one_form(text) if name.endswith("_at") else text for name, text in (self.consent or {}).items()
        }
        return {**row, "ended_at": _in_one_form(self.ended_at), "consent": consent or None}


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One resource that was about to be stopped or started. `status` is `intent` while its outcome is unknown."""

    account_id: str
    region: str
    kind: str
    resource_id: str
    status: str
    arn: str = ""
    code: str = ""
    message: str = ""
    requested_at: str = ""
    verified_at: str = ""
    warnings: tuple[str, ...] = ()
    restore: Mapping[str, Fact] = field(default_factory=dict)
    """What a later start needs to know."""
    intent_id: str = ""
    generation: int = 0
    """The lease's, when it was written."""
    format: int = 1
    marked_after: bool = False
    """By 0.1.0, which marked what it had stopped only afterwards: that a mark is missing tells nothing."""
    action: str = ""
    """`start`; empty for a stop, and in rows of earlier releases."""

    @property
    def key(self) -> ResourceKey:
        """The identity of the resource."""
        return ResourceKey(AccountId(self.account_id), Region(self.region), self.kind, self.resource_id)

    @property
    def is_start(self) -> bool:
        """Whether it was to be started."""
        return self.action == Action.START or self.status in _STARTS


@dataclass(frozen=True, slots=True)
class SweepAction:
    """An action with the sweep that it is of."""

    sweep_id: str
    action: ActionRecord


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """What a sweep stopped and nothing was seen to start since. It does not expire."""

    account_id: str
    region: str
    kind: str
    resource_id: str
    sweep_id: str
    """The sweep that stopped it."""
    asked_at: str
    arn: str
    policy_name: str
    restore: Mapping[str, Fact] = field(default_factory=dict)
    """What a start needs to know."""
    start_asked_at: str = ""
    """When an undo asked for its start last; it was not seen to come up since. Empty: none did."""
    start_failed_at: str = ""
    """When the start of an undo was last seen to have come to nothing. Empty: none was."""
    started_at: str = ""
    """By AWS, when what the sweep stopped had been started. Empty: AWS does not say."""
    forecast: Mapping[str, str] | None = None
    """What the stop was to save (model.money.Forecast). None: no prices were asked for."""
    measured_at: str = ""
    """When a sweep found it started again, and said what the stop had saved. Empty: none did."""

    @property
    def key(self) -> ResourceKey:
        """The identity of the resource."""
        return ResourceKey.from_row({name: getattr(self, name) for name in _KEY})

    @property
    def started_before(self) -> datetime | None:
        """When it had been started, where AWS says so."""
        return datetime.fromisoformat(self.started_at) if self.started_at else None

    def as_row(self) -> Row:
        """For programs."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def as_action(self) -> ActionRecord:
        """In place of its action, whose row has expired with the outcome in it: that is unknown by now."""
        row = {name: getattr(self, name) for name in (*_KEY, "arn", "restore")}
        return ActionRecord(**row, status=OutcomeStatus.UNKNOWN.value, requested_at=self.asked_at)


_STARTS = frozenset({OutcomeStatus.STARTED, OutcomeStatus.STARTING, OutcomeStatus.ALREADY_RUNNING})
_KEY = ("account_id", "region", "kind", "resource_id")


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """Who sweeps by one policy. `nonce` changes with every renewal, so a holder that lives can be told by any clock."""

    sweep_id: str
    nonce: str
    held_until: str
    """ISO 8601; empty when it was given back."""
    started_at: str
    purpose: str = ""
    """What its sweep is for, as sweep.coordination says it: by this a second trigger is told from another request."""
    holder: str = ""
    """The process, where it can be told from every other one (local/processes.py)."""
    generation: int = 0
    """The fencing token: one more each time that another process, or another sweep, takes it."""
    final: bool = False
    """Held by the last step of an execution: no other step of it takes it any more."""
    lasts: float = 0.0
    """In seconds, for its holder; 0 in those of a release before, which did not say."""
    halt: Mapping[str, str] | None = None
    """As of SweepSummary: here too, so that one read before each batch tells both."""

    @property
    def mode(self) -> str:
        """That of its sweep, with which the purpose begins; empty in those of a release before, which said none."""
        return self.purpose.partition(" ")[0]

    @property
    def yields(self) -> bool:
        """Whether its sweep only plans, so that it ends for one that acts."""
        return self.mode in (Mode.PLAN, Mode.APPROVE)


def text_bytes(text: str) -> bytes:
    """Those of which a policy's hash is made."""
    return text.encode("utf-8", "surrogatepass")


def record_from(record: type[Any], item: Item, **more: Any) -> Any:
    """The item's attributes that the record has; those that an older version did not write keep their defaults."""
    return record(**{**{name: item[name] for name in record.__dataclass_fields__ if name in item}, **more})


def action_from(item: Item) -> ActionRecord:
    """An action's row. Those of 0.1.0 are told by what they leave out: what a start needs to know."""
    warnings = tuple(item.get("warnings", ()))
    found: ActionRecord = record_from(ActionRecord, item, warnings=warnings, marked_after="restore" not in item)
    return found


def _in_one_form(text: str) -> str:
    """A time as reports write it. What is none, in an item that another program wrote, stays as it is."""
    try:
        return time_text(datetime.fromisoformat(text)) or ""
    except ValueError:
        return text


def link_from(item: Item) -> Link:
    """The link in an item that the ledger wrote."""
    return Link(item["SK"], str(item.get("sha256", "")), item.get("previous_sweep_id"), item.get("previous_sha256"))


def active_policy_item(policy_name: str, active: ActivePolicy) -> Item:
    """Without an expiry; only who deploys writes it."""
    values = {name: getattr(active, name) for name in ActivePolicy.__dataclass_fields__}
    return {"PK": f"{POLICY}{policy_name}", "SK": ACTIVE, **values}


def consent_item(consent: Consent) -> dict[str, str]:
    """The consent as it is kept in the sweep's summary."""
    return {
        "by": consent.by,
        "how": consent.how.value,
        "plan_sha256": consent.plan_sha256,
        "policy_sha256": consent.policy_sha256,
        "given_at": time_text(consent.given_at) or "",
        "expires_at": time_text(consent.expires_at) or "",
    }


def consent_from(item: Mapping[str, str] | None) -> Consent | None:
    """What `consent_item` kept; None where there is none, or it cannot be read: then nothing is acted on."""
    try:
        found = dict(item or {})
        return Consent(
            by=found["by"],
            how=ConsentHow(found["how"]),
            plan_sha256=found["plan_sha256"],
            policy_sha256=found["policy_sha256"],
            given_at=datetime.fromisoformat(found["given_at"]),
            expires_at=datetime.fromisoformat(found["expires_at"]),
        )
    except (KeyError, ValueError, TypeError):
        return None


def sweep_item(record: SweepSummary) -> Item:
    """The summary's item."""
    values = {name: getattr(record, name) for name in SweepSummary.__dataclass_fields__ if name != "sweep_id"}
    return {"PK": SWEEPS, "SK": record.sweep_id, **values}


def action_items(document: Row) -> Iterator[Item]:
    """Only what was to be attempted is an action; what would be stopped, or was held, is in the report."""
    for row in document["outcomes"]:
        if row["status"] not in _NOT_ATTEMPTED_YET:
            times = {name: row[name] or "" for name in ("requested_at", "verified_at")}
            yield {**_action_item(document["sweep_id"], row), **times}


def as_start(item: Item) -> Item:
    """The item of an action that is a start; that of a stop says nothing."""
    return {**item, "action": Action.START.value}


def outcome_item(sweep_id: str, outcome: Outcome) -> Item:
    """The item of an action whose outcome is known."""
    return {
        **resource_item(sweep_id, outcome.resource),
        "status": outcome.status.value,
        "code": outcome.code,
        "message": outcome.message,
        "requested_at": time_text(outcome.requested_at) or "",
        "verified_at": time_text(outcome.verified_at) or "",
        "warnings": list(outcome.warnings),
    }


def resource_item(sweep_id: str, resource: Resource) -> Item:
    """The item of an action on a resource, with what a later start needs to know."""
    return _action_item(sweep_id, {**resource.key.as_row(), "arn": resource.arn, "restore": dict(resource.restore)})


def _action_item(sweep_id: str, row: Row) -> Item:
    """With its keys in the table."""
    return {
        "PK": f"SWEEP#{sweep_id}",
        "SK": f"ACTION#{row['account_id']}#{row['region']}#{row['kind']}#{row['resource_id']}",
        "GSI1PK": f"RESOURCE#{row['arn']}",
        "GSI1SK": sweep_id,
        **row,
    }
