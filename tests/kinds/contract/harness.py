"""What the contract suite does with one kind's AWS, in memory or embedded: the same words for both, and for every kind.

A kind's `tests/kinds/<kind>/harness.py` gives `InMemory`, `Embedded`, and `seed`, which makes one of them anywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, ReadTimeoutError

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Action, Fact, Outcome, Region, Resource, Target
from orchestrator.demo.calls import Answer, Call
from orchestrator.demo.faults import Fault
from orchestrator.kinds.shared.entry import KindEntry
from orchestrator.kinds.shared.operations import Profile
from orchestrator.ports import Kind
from tests.support.builders import AT, SWEEP_ID
from tests.support.embedded import ROLE, OrganizationBuilder
from tests.support.fake_ec2 import RecordingGuard, RecordingPacing
from tests.support.local_aws import Fixed, closing_clients

ACCOUNT, REGION = AccountId("111111111111"), Region("eu-central-1")
RETRIES = Retries(attempts=4, sleep=lambda _: None)
Refusal = tuple[str, str]
"""AWS's code and its message, in which `{id}` stands for the resource."""
FAULT: Refusal = ("InternalError", "An internal error has occurred")


@dataclass(frozen=True, slots=True)
class Words:
    """What differs between kinds in the eyes of the suite, in AWS's words."""

    entry: KindEntry
    profile: Profile
    running: str
    odd_state: str
    """One that the kind does not know."""
    fell_back: str
    """Where a start that came to nothing leaves one."""
    throttled: str
    cannot_stop: Refusal
    cannot_mark: Refusal
    not_found: Refusal
    starting: str = "starting"
    """While it comes up."""
    stopped: str = "stopped"

    def verb(self, operation: str) -> str | None:
        """`stop`, `start`, `mark` or `unmark`."""
        profile = self.profile
        verbs = {profile.stop: "stop", profile.start: "start", profile.mark: "mark", profile.unmark: "unmark"}
        return verbs.get(operation)


class Harness(ABC):
    """One target that holds resources of one kind, and the kind that acts on it."""

    words: Words
    kind: Kind
    target: Target
    restores: dict[str, Mapping[str, Fact]]
    """What the intents of stops have of each, such as sizes."""
    log: list[str]
    """What the guard was asked and told, and every call that changes anything, in order."""
    ahead: timedelta = timedelta()
    """So far the process's clock is ahead of this AWS's."""

    @abstractmethod
    def now(self) -> datetime:
        """As this AWS has it."""

    def process_now(self) -> datetime:
        """As the process has it."""
        return self.now() + self.ahead

    @abstractmethod
    def binding(self) -> AbstractContextManager[None]:
        """Binds the running task to the account."""

    @abstractmethod
    def add(self, count: int = 1, tags: Mapping[str, str] | None = None) -> list[str]:
        """Running resources; their ids."""

    @abstractmethod
    def put(self, resource_id: str, word: str) -> None:
        """Into that state, in AWS's word."""

    @abstractmethod
    def remove(self, resource_id: str) -> None:
        """AWS forgets it."""

    @abstractmethod
    def word(self, resource_id: str) -> str:
        """Its state in AWS's word."""

    @abstractmethod
    def tags(self, resource_id: str) -> dict[str, str]: ...

    @abstractmethod
    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None: ...

    @abstractmethod
    def untag(self, resource_id: str, keys: Collection[str]) -> None:
        """Somebody else does, in whatever state it is."""

    @abstractmethod
    def someone(self, action: Action, ids: Sequence[str]) -> None:
        """Somebody else stops or starts them."""

    @abstractmethod
    def refuse(self, verb: str, resource_id: str, refusal: Refusal) -> None: ...

    @abstractmethod
    def throttle(self, verb: str, times: int) -> None: ...

    @abstractmethod
    def fault(self, verb: str, resource_id: str) -> None:
        """A server's fault at each call (or `look`) in which that one is, with no effect and no name."""

    @abstractmethod
    def lose_the_answer(self, verb: str) -> None:
        """Once: AWS does what was asked, and its answer does not arrive."""

    # --- what the suite does with it ------------------------------------------------------------------------------

    def look(self, *ids: str) -> Mapping[str, Resource]:
        with self.binding():
            return self.kind.look(self.target, ids)

    def read(self) -> dict[str, Resource]:
        with self.binding():
            return {resource.resource_id: resource for resource in self.kind.read(self.target)}

    def guard(self, refused: Sequence[str] = (), allows: Callable[[], bool] = lambda: True) -> RecordingGuard:
        return RecordingGuard(log=self.log, refused=frozenset(refused), allows=allows)

    def act(
        self,
        action: Action,
        ids: Sequence[str],
        guard: RecordingGuard | None = None,
        restore: Mapping[str, Fact] | None = None,
    ) -> dict[str, Outcome]:
        seen = self.look(*ids)
        if not action.starts:
            self.restores.update({one: resource.restore for one, resource in seen.items() if resource.restore})
        resources = {
            one: replace(resource, restore={**self.restores.get(one, {}), **(restore or {})})
            for one, resource in seen.items()
        }
        self.log.clear()
        with self.binding():
            actions = [(resources[one], action) for one in ids]
            outcomes = self.kind.act(self.target, actions, SWEEP_ID, guard or self.guard())
        assert len({outcome.resource.key for outcome in outcomes}) == len(outcomes), "one outcome each"
        return {outcome.resource.resource_id: outcome for outcome in outcomes}

    def see(self, starts: Sequence[Outcome], after: timedelta) -> dict[str, Outcome]:
        """As so long after they were asked for."""
        asked = [replace(one, requested_at=self.now() - after) for one in starts]
        with self.binding():
            outcomes = self.kind.see_starts(self.target, asked)
        assert [one.resource for one in outcomes] == [one.resource for one in starts], "one each, in the same order"
        return {outcome.resource.resource_id: outcome for outcome in outcomes}

    def recover(self, action: Action, resources: Sequence[Resource], at: datetime) -> dict[str, Outcome]:
        """As after a process that announced this at that time and died."""
        self.log.clear()
        with self.binding():
            intents = [(resource, action, at) for resource in resources]
            outcomes = self.kind.recover_intents(self.target, intents, SWEEP_ID)
        return {outcome.resource.resource_id: outcome for outcome in outcomes}


# --- in memory --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Row:
    """One resource of an AWS in memory."""

    word: str
    tags: dict[str, str] = field(default_factory=dict)
    stopped_at: datetime | None = None
    started_at: datetime | None = None


@dataclass(slots=True)
class _Trouble:
    verb: str
    resource_id: str | None
    failure: Exception
    times: int | None = None
    carried_out: bool = False


class MemoryAws(Harness):
    """A fake AWS of one target. A kind's client tells `called` of each call before it has an effect."""

    prefix = "resource"

    def __init__(self) -> None:
        self.target = Target(ACCOUNT, REGION)
        self.log, self.restores = [], {}
        self.rows: dict[str, Row] = {}
        self.copies: dict[str, Row] = {}
        """What each answer says once more of some of them."""
        self._troubles: list[_Trouble] = []

    def told(self, resource_id: str) -> list[Row]:
        """What an answer says of it; nothing of one that is not there."""
        return [some[resource_id] for some in (self.rows, self.copies) if resource_id in some]

    def make(self, clients: object) -> Kind:
        return self.words.entry.make(clients, RETRIES, self.process_now, RecordingPacing())  # type: ignore[arg-type]  # fakes

    def now(self) -> datetime:
        return AT

    def binding(self) -> AbstractContextManager[None]:
        return bound_to(Fixed(ACCOUNT))

    def add(self, count: int = 1, tags: Mapping[str, str] | None = None) -> list[str]:
        first = len(self.rows) + 1
        ids = [f"{self.prefix}-{number:08x}" for number in range(first, first + count)]
        self.rows.update((one, Row(self.words.running, dict(tags or {}))) for one in ids)
        return ids

    def put(self, resource_id: str, word: str) -> None:
        self.rows[resource_id].word = word

    def remove(self, resource_id: str) -> None:
        del self.rows[resource_id]

    def word(self, resource_id: str) -> str:
        return self.rows[resource_id].word

    def tags(self, resource_id: str) -> dict[str, str]:
        return self.rows[resource_id].tags

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        self.rows[resource_id].tags.update(tags)

    def untag(self, resource_id: str, keys: Collection[str]) -> None:
        for key in keys:
            self.rows[resource_id].tags.pop(key, None)

    def someone(self, action: Action, ids: Sequence[str]) -> None:
        for one in ids:
            row = self.rows[one]
            row.word = self.words.running if action.starts else self.words.stopped
            row.started_at, row.stopped_at = (AT, None) if action.starts else (row.started_at, AT)

    def refuse(self, verb: str, resource_id: str, refusal: Refusal) -> None:
        code, message = refusal
        self._troubles.append(_Trouble(verb, resource_id, refused(code, message.format(id=resource_id))))

    def throttle(self, verb: str, times: int) -> None:
        self._troubles.append(_Trouble(verb, None, refused(self.words.throttled, "Rate exceeded", 503), times))

    def fault(self, verb: str, resource_id: str) -> None:
        self._troubles.append(_Trouble(verb, resource_id, refused(*FAULT, 500)))

    def looked(self, ids: Collection[str]) -> None:
        """A kind's client tells it of each look by ids."""
        for trouble in self._troubles:
            if trouble.verb == "look" and trouble.resource_id in ids:
                raise trouble.failure

    def lose_the_answer(self, verb: str) -> None:
        lost = ReadTimeoutError(endpoint_url="http://127.0.0.1")
        self._troubles.append(_Trouble(verb, None, lost, 1, carried_out=True))

    def called(self, operation: str, ids: Sequence[str], effect: Callable[[], object], verb: str | None = None) -> None:
        """Logs it, and carries it out unless something is to go wrong; `verb` where one operation has two."""
        verb = verb or self.words.verb(operation)
        assert verb is not None
        self.log.append(verb)
        code, message = self.words.not_found
        for one in set(ids) - self.rows.keys():
            raise refused(code, message.format(id=one))
        trouble = next((one for one in self._troubles if self._fits(one, verb, ids)), None)
        if trouble is None:
            effect()
            return
        trouble.times = None if trouble.times is None else trouble.times - 1
        if trouble.carried_out:
            effect()
        raise trouble.failure

    def _fits(self, trouble: _Trouble, verb: str, ids: Sequence[str]) -> bool:
        return (
            trouble.verb == verb and trouble.times != 0 and (trouble.resource_id is None or trouble.resource_id in ids)
        )


def refused(code: str, message: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "AnyOperation")


# --- embedded ---------------------------------------------------------------------------------------------------------


@dataclass
class _Assumed:
    frozen: ReadOnlyCredentials

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self.frozen

    def renew(self, expired: ReadOnlyCredentials) -> None:
        raise AssertionError(f"{expired.access_key} does not expire")


class EmbeddedAws(Harness):
    """An account of an organization in the embedded AWS, entered by the member role."""

    def __init__(self, organization: OrganizationBuilder, clients: Clients) -> None:
        self.organization = organization
        self.clients = clients
        self.account = organization.account("member")
        self.target = Target(AccountId(self.account), REGION)
        self.log, self.restores = [], {}
        self._not_told: set[str] = set()
        self.kind = self.words.entry.make(clients, RETRIES, self.process_now, Pacing({}, sleep=lambda _: None))

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - moto has the machine's clock

    def binding(self) -> AbstractContextManager[None]:
        role = f"arn:aws:iam::{self.account}:role/{ROLE}"
        keys = self.organization.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return bound_to(
            _Assumed(
                ReadOnlyCredentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], self.account)
            )
        )

    def refuse(self, verb: str, resource_id: str, refusal: Refusal) -> None:
        code, message = refusal
        named = f"*{resource_id}"  # tags may be asked for by ARN
        self._fault(verb, Fault(code, message.format(id=resource_id), instance=named))

    def throttle(self, verb: str, times: int) -> None:
        self._fault(verb, Fault(self.words.throttled, "Rate exceeded", 503, times=times))

    def fault(self, verb: str, resource_id: str) -> None:
        if verb == "look":
            self._not_told.add(resource_id)
        else:
            self._fault(verb, Fault(*FAULT, 500, instance=f"*{resource_id}"))

    def lose_the_answer(self, verb: str) -> None:
        self._fault(verb, Fault(hangs_up=True, carried_out=True, times=1))

    def seed_everything(self) -> None:
        """Whatever else has to be there for the kind to make every one of its calls."""

    def listen(self, call: Call) -> Answer | None:
        """A gate of the front."""
        verb = self.verb_of(call) if call.access_key.startswith("ASIA") else None
        self.log += [verb] if verb else []
        return call.refused(*FAULT, 500) if self._not_told & self.looked_for(call) else None

    def verb_of(self, call: Call) -> str | None:
        """As `Words.verb`; a kind that stops and starts by one operation tells them apart."""
        return self.words.verb(call.action)

    def looked_for(self, call: Call) -> set[str]:
        """The ids that a look names."""
        return {value for name, value in call.form.items() if name.startswith("Filter")}

    def _fault(self, verb: str, fault: Fault) -> None:
        profile = self.words.profile
        fault.operation = f"{profile.service}:{getattr(profile, verb)}"
        self.organization.front.faults.add(fault)


@contextmanager
def embedded(organization: OrganizationBuilder, harness: type[EmbeddedAws]) -> Iterator[EmbeddedAws]:
    with closing_clients() as clients:
        aws = harness(organization, clients)
        gates = organization.front._gates
        organization.front._gates = (aws.listen, *gates)
        try:
            yield aws
        finally:
            organization.front._gates = gates
