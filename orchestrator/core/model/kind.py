"""What the rest of the project knows of a kind: plain values, so that a new kind changes no other code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from orchestrator.core.model.order import DEFAULT_ORDER


class Rate(NamedTuple):
    """A token bucket as AWS publishes it: its size, and how many tokens come back in a second."""

    size: float
    per_second: float


class OperationRates(NamedTuple):
    """What AWS counts of one operation per account and region: requests, and resources where it counts them too."""

    requests: Rate
    resources: Rate | None = None


class FactWord(NamedTuple):
    """A condition of the policy that holds a fact of this kind against globs, such as `instance_type`."""

    word: str
    fact: str
    """Its name among `Resource.facts` or `details`; a resource without it makes the condition unknown."""
    description: str
    """For the JSON Schema and the reference."""
    values: tuple[str, ...] = ()
    """Those that there are, as far as AWS names them: another text is a mistake unless it is a glob."""
    begins: str = ""
    """What each value begins with, such as `ami-`."""
    several: bool = False
    """The fact has several values with `, ` between them, or none: then it is known to match nothing."""
    examples: tuple[str, ...] = ()
    """For the JSON Schema."""


class LossWord(NamedTuple):
    """What a stop loses for good, of some of a kind's resources."""

    word: str
    what: str
    """For people, after `its` or `their`: `public IPv4 address`."""
    must_be_accepted: bool
    """Such a resource is kept unless its rule has the word in its `accept`."""
    of_each: bool = False
    """Each stop of the kind loses it: a rule that does not accept it stops none of the kind."""


class CloudCustodianNames(NamedTuple):
    """Cloud Custodian's words for a kind, by which its policies are imported."""

    state_key: str
    """Its key of the state, such as `State.Name`."""
    running: str
    """The state in which it stops one, in AWS's word."""
    words: Mapping[str, str]
    """By its keys, our words for the same facts."""
    spans: Mapping[str, str]
    """By its keys of times, our conditions on how long ago they are."""
    resource: str = ""
    """Its name of the kind; empty: the same."""
    stopped: str = "stopped"
    """The state in which it starts one, in AWS's word."""
    actions: Mapping[str, str] = {}
    """What it calls a stop and a start, where it is another word: `stop` and `start` by these."""
    lost: str = ""
    """What a stop loses that a rule has to accept, which an import does for nobody."""


class StopEvidence(NamedTuple):
    """What tells of a kind's resources that they are down by a sweep's stop, and what a start of them takes."""

    noted_within: timedelta = timedelta()
    """How long after asking for a stop AWS may date it."""
    is_dated: bool = True
    """AWS says when it was stopped. Where it does not, the sweep's mark and the ledger have to agree."""
    start_needs: frozenset[str] = frozenset()
    """The names in `Resource.restore` without which it is not started, such as sizes."""
    restarted_after: timedelta | None = None
    """So long after its stop AWS starts one again by itself."""
    started_units: str = ""
    """The name in `Resource.restore` of how many units a start brings up; empty: one."""


class RuleUse(NamedTuple):
    """What has a use in a rule about a kind."""

    actions: frozenset[str] = frozenset()
    """Those that a stop of it can be; whatever else a rule asks for falls back to a plain stop."""
    lost_by_each: tuple[LossWord, ...] = ()
    """What a rule has to accept before it stops any of it."""


class StopEffects(NamedTuple):
    """What a kind's stops lose, and what starts its resources again beside people and sweeps; for people."""

    title: str
    """Of the kind, in the plural."""
    losses: Mapping[str, str]
    """By the words of losses, what that is, after `its` or `their`."""
    always_lost: str
    """What each stop loses beside these, likewise."""
    started_again: tuple[str, ...]
    """Sentences with a place `{it}` for `it` or `them`, and `{It}` for `It` or `They`."""


class MemberOf(NamedTuple):
    """That a fact of a kind names the resource of another one that it belongs to, and stops and starts with."""

    fact: str
    kind: str
    """The owner's."""
    title: str
    """What the owner is, for people: `Auto Scaling group`."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KindDescription:
    """One kind, declared once: it feeds the policy's schema, clients, pacing, doctor, packaging and the proof of
    permissions.
    """

    name: str
    """In policies, reports and the ledger."""
    title: str
    """For people, in the plural: `EC2 instances`."""
    actions: tuple[str, ...]
    """What a rule can ask for; whatever else it asks for falls back to a plain stop."""
    read_permissions: frozenset[str]
    stop_permissions: frozenset[str]
    """Everything that marking, stopping and looking take."""
    start_permissions: frozenset[str]
    """Everything that starting, looking and deleting marks take."""
    operations: Mapping[str, frozenset[str]]
    """What clients may be asked for, by botocore's name of the service."""
    rates: Mapping[str, OperationRates]
    """By `service:Operation`, as far as AWS publishes them."""
    price_key: str
    """The service's code in AWS's price list."""
    price_items: Mapping[str, tuple[str, ...]]
    """What of one has a price (`core.model.price.ITEMS`), and which facts an operator's price of it has to name."""
    type_fact: str
    """Its name among `Resource.facts`: AWS's type, by which most of its price goes."""
    stop_noted_within: timedelta
    """How long after asking for a stop AWS may date it: a stop noted later was not requested by the sweep."""
    listings: frozenset[str] = field(default_factory=frozenset)
    """Of the operations, as `service:Operation`, those that only list, and are asked of whole targets: they may go by
    the light path.
    """
    answers: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    """Of the shapes in answers, by botocore's names of service and shape, the members that are read: the others are not
    parsed. A shape that is not named is read whole.
    """
    listing: str = ""
    """As `service:Operation`, the one call that a target takes in which there is none."""
    tells_stop: bool = True
    """AWS says of each of its resources when it was stopped last."""
    start_needs: frozenset[str] = frozenset()
    """What a start takes of `Resource.restore`, such as sizes; the kind fills it in for what runs and nothing else.

    It is in the intent before the stop. What it says differs between plan and stop: kept. A start without it: none.
    """
    started_again_by: str = ""
    """What may start one again before a sweep does, after `may be started again by`; the reason of a stop tells it."""
    restarted_after: timedelta | None = None
    """So long after its stop AWS starts one again by itself."""
    member_of: Mapping[str, str] = field(default_factory=dict)
    """By the name of a fact, the kind whose resource it names by its id: in the same target, that owns this one."""
    started_units: str = ""
    """The name in `Resource.restore` of how many units (`Resource.units`) a start brings up; empty: one."""
    order: int = DEFAULT_ORDER
    """Among an account's stops, the smaller number is first, and among its starts last: what uses others is at 10,
    databases and Redshift clusters at 30.
    """
    tells_start: bool = False
    """AWS says of each of its resources when it was started last."""
    words: tuple[FactWord, ...] = ()
    times: frozenset[str] = field(default_factory=frozenset)
    """Which times AWS tells of one: `created_at`, `started_at`; of these conditions ask how long ago they are."""
    losses: tuple[LossWord, ...] = ()
    always_lost: str = ""
    """What each stop of one loses beside `losses`, after `its` or `their`: told once of a plan, as no resource of tens
    of thousands has it by itself.
    """
    start_delegations: frozenset[str] = field(default_factory=frozenset)
    """What AWS itself does in the name of the session that starts one, where the account has a use for it."""
    arn_form: str = ""
    """Service and resource in its ARNs, such as `ec2:instance/{id}`; `*` is what the id does not tell, and has neither
    `:` nor `/`.
    """
    cloud_custodian: CloudCustodianNames | None = None
    """None where its policies about this kind are not imported."""
    id_form: str = ""
    """A regular expression of its ids, where no other kind has such; empty: an id does not tell."""
    metrics: frozenset[str] = field(default_factory=frozenset)
    """What CloudWatch measures of one, of the words of `core.model.measured`: a rule about it may ask for `idle`."""
    checks: frozenset[str] = field(default_factory=frozenset)
    """The permissions that doctor can ask AWS about without changing anything; it says of the others that it cannot."""

    @property
    def evidence(self) -> StopEvidence:
        """What decisions about what is down go by."""
        return StopEvidence(
            self.stop_noted_within, self.tells_stop, self.start_needs, self.restarted_after, self.started_units
        )

    @property
    def rule_use(self) -> RuleUse:
        """What warnings about a policy go by."""
        of_each = tuple(one for one in self.losses if one.must_be_accepted and one.of_each)
        return RuleUse(frozenset(self.actions), of_each)

    @property
    def effects(self) -> StopEffects:
        """What people are told of its stops."""
        after, by = self.restarted_after, self.started_again_by
        again = [f"AWS starts {{it}} again by itself {after.days} days after a stop."] if after else []
        again += [f"{{It}} may be started again by {by}."] if by else []
        return StopEffects(self.title, {one.word: one.what for one in self.losses}, self.always_lost, tuple(again))

    @property
    def to_accept(self) -> tuple[str, ...]:
        """The words that a rule about it may have in its `accept`."""
        return tuple(one.word for one in self.losses if one.must_be_accepted)

    @property
    def act_permissions(self) -> frozenset[str]:
        """Everything that acting takes, in both directions."""
        return self.stop_permissions | self.start_permissions

    @property
    def permissions(self) -> frozenset[str]:
        """All that the member role has to allow for it."""
        return self.read_permissions | self.act_permissions
