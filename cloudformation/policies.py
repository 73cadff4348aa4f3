"""The policies of a deployed hub: what is new, changed or gone, and how one set takes the place of another.

A schedule acts by the text that is active, and by no other: by any other it only plans. So whatever is changed of a
policy and of its schedules comes into force together, though AWS knows no such step. Before the stack is changed, what
is gone is retired, and what has another text becomes active by that, which nothing has in place yet; texts that nothing
reads yet are put. After it, the other texts are put. Ended anywhere between, schedules only plan by what is not
complete, and the same command again completes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import yaml
from botocore.exceptions import ClientError

from cloudformation.policy_files import KEYS, Policies, key_of
from cloudformation.stacks import DeployError, Stack
from orchestrator.app import now
from orchestrator.core.model import ActivePolicy, time_text
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ledger.ledger import Ledger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOCATION = "PolicyLocation"
"""The stack's output: where its one policy lies, or, of a folder's, what all of their places begin with, and `*`."""


class Change(StrEnum):
    """What this deployment does with a policy."""

    NEW = "new"
    CHANGED = "changed"
    MOVED = "same text, its place is noted"
    SAME = "unchanged"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class _Known:
    """What AWS has of one policy."""

    policy: OrgPolicy
    bucket: str
    key: str
    text: bytes | None
    active: ActivePolicy | None
    listed: bool

    @property
    def source(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_in_place(self) -> bool:
        return self.text == self.policy.text.encode()

    @property
    def is_active(self) -> bool:
        same = self.active is not None and self.active.policy_sha256 == self.policy.sha256
        return same and self.listed and self.active is not None and self.active.source == self.source

    @property
    def has_another_active(self) -> bool:
        return self.active is not None and self.active.policy_sha256 != self.policy.sha256

    @property
    def is_read_there(self) -> bool:
        """Whether schedules read that place now. An earlier release did not say where a policy is that it activated."""
        return self.text is not None and self.active is not None and self.active.source in ("", self.source)

    @property
    def change(self) -> Change:
        if self.active is None:
            return Change.NEW
        if self.has_another_active or (self.is_read_there and not self.is_in_place):
            return Change.CHANGED
        return Change.SAME if self.is_active and self.is_in_place else Change.MOVED


class HubPolicies:
    """Of one stack; nothing is kept between calls, AWS is asked each time. `say` tells what was done."""

    def __init__(
        self,
        session: Any,
        stack: Stack,
        policies: Policies,
        policy_key: str | None,
        ledger: Callable[[], Ledger | None],
        say: Callable[[str], None],
    ) -> None:
        self._s3: S3Client = session.client("s3")
        self._sts = session.client("sts")
        self._stack, self._policies, self._policy_key = stack, policies, policy_key
        self._ledger, self._say = ledger, say

    def changes(self) -> Mapping[str, Change]:
        """By each policy's name, those of the files first, in their order."""
        if self._location() is None or self._ledger() is None:
            return {one.name: Change.NEW for one in self._policies.documents}
        return {one.policy.name: one.change for one in self._known()} | dict.fromkeys(self._gone(), Change.GONE)

    @contextmanager
    def replaced(self, *, with_stack: bool) -> Iterator[None]:
        """The policies of the files take the place of the others, around a change of the stack where there is one."""
        names = ", ".join(name for name, one in self.changes().items() if one not in (Change.SAME, Change.GONE))
        if self._location() is not None and self._ledger() is not None:
            self._prepare(with_stack=with_stack)
        try:
            yield
        except BaseException:
            if names:
                self._say(
                    f"Policies {names} are not complete: schedules only plan by them until this command succeeds."
                )
            raise
        self._complete()

    def _prepare(self, *, with_stack: bool) -> None:
        """Nothing acts by what is gone, nor, where the stack changes, by an old text at new times or in a new mode."""
        for name in self._gone():
            self._needed_ledger().retire_policy(name)
            self._say(f"retired policy {name}: no schedule acts by it any more")
        for one in self._known() if with_stack else ():
            if not one.is_read_there:
                self._put(one)
            if one.has_another_active:
                self._activate(one)

    def _complete(self) -> None:
        for one in self._known():
            self._put(one)
            self._activate(one)

    def _put(self, one: _Known) -> None:
        if not one.is_in_place:
            self._s3.put_object(Bucket=one.bucket, Key=one.key, Body=one.policy.text.encode())
            self._say(f"put the policy at {one.source}")

    def _activate(self, one: _Known) -> None:
        """What lets schedules act by this text; the hub's own role is denied writing it."""
        if one.is_active:
            return
        by = self._sts.get_caller_identity()["Arn"]
        active = ActivePolicy(one.policy.sha256, by, time_text(now()) or "", one.source)
        self._needed_ledger().activate_policy(one.policy.name, active)
        self._say(f"activated policy {one.policy.name}, SHA-256 {one.policy.sha256}")

    def _known(self) -> list[_Known]:
        location, ledger = self._location(), self._needed_ledger()
        if location is None:
            raise DeployError(f"{self._stack.name} has no output {LOCATION}: the policies are not in place")
        bucket, single = location
        listed = ledger.active_policies()
        found = []
        for policy in self._policies.documents:
            key = key_of(policy.name) if self._policies.in_folder else self._policy_key or single
            active = listed.get(policy.name) or ledger.active_policy(policy.name)
            found.append(_Known(policy, bucket, key, self._text(bucket, key), active, policy.name in listed))
        return found

    def _gone(self) -> list[str]:
        """The names of active policies that no file has any more."""
        ledger = self._needed_ledger()
        names = {*ledger.active_policies(), *self._unlisted(ledger)}
        return sorted(names - self._policies.names)

    def _unlisted(self, ledger: Ledger) -> Iterator[str]:
        """The one policy that an earlier release activated, by the name in its text: it kept no list of them."""
        location = self._location()
        text = self._text(*location) if location and not location[1].endswith("*") else None
        with suppress(yaml.YAMLError, UnicodeDecodeError):
            document = yaml.safe_load((text or b"").decode())
            name = document.get("name") if isinstance(document, dict) else None
            if isinstance(name, str) and ledger.active_policy(name) is not None:
                yield name

    def _location(self) -> tuple[str, str] | None:
        """Bucket and key; of the policies of a folder the key ends in `*`."""
        bucket, _, key = self._stack.outputs().get(LOCATION, "").removeprefix("s3://").partition("/")
        return (bucket, key) if bucket and key else None

    def _needed_ledger(self) -> Ledger:
        ledger = self._ledger()
        if ledger is None:
            raise DeployError(f"{self._stack.name} has no output TableName: the policies are not activated")
        return ledger

    def _text(self, bucket: str, key: str) -> bytes | None:
        try:
            return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as refused:
            if refused.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise


def first_plans(outputs: Mapping[str, str], ledger: Ledger | None) -> list[dict[str, str]]:
    """The events by which a deployed hub plans once: by its one policy, or by each of its active ones."""
    plan = {"mode": "plan"}
    if not outputs.get(LOCATION, "").endswith(f"/{KEYS}*"):
        return [plan]
    active = ledger.active_policies() if ledger else {}
    return [{**plan, "policy": one.source} for one in active.values() if one.source]
