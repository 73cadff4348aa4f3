"""What both Lambdas share: their settings, clients and stores, made once for each invocation."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from aws_lambda_powertools.utilities.typing import LambdaContext

from orchestrator import app
from orchestrator.aws.clients import Clients
from orchestrator.core.model import ConsentHow, Mode, Question
from orchestrator.errors import EventError
from orchestrator.ports import Stores
from orchestrator.settings import PREFIX, Settings, without_external_id

RESERVED_MILLISECONDS = 30_000
"""Kept back for the running calls to end and for the report; no new work is handed out in it."""
WAITING_RESERVED_MILLISECONDS = 300_000
"""Kept back by an invocation that waits for another sweep's lease: with less, what it begins then would end before a
thousand accounts are listed, and could not be handed over.
"""
UNSET_MODE = Mode.PLAN
"""What no STOP_ORCHESTRATOR_MODE means in a Lambda: no person is there who could have meant another one."""
_NEEDED = ("policy", "report_bucket", "table")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What one invocation works with."""

    settings: Settings
    clients: Clients
    stores: Stores

    def allowed_mode(self, asked: Mode | None) -> Mode:
        """The mode that is asked for, else the one that is set. Raises SettingsError for one beyond what is set."""
        mode = asked or self.settings.mode or UNSET_MODE
        self.stores.refuse_mode(mode)
        return mode

    def waiting_until(self, out_of_time: Callable[[], bool]) -> Wiring:
        """The same, which waits no longer for a lease than it has time to use it: it raises BusyError then.

        Lambda would end it in the middle of waiting, and the event would be lost, or delivered as after any failure.
        """
        return replace(self, stores=replace(self.stores, leases=replace(self.stores.leases, out_of_time=out_of_time)))

    def require_policy(self) -> None:
        """Raises EventError where a new sweep has none: several are allowed, none of which is the default one."""
        if not self.settings.policy:
            allowed = ", ".join(self.settings.allowed_policies)
            raise EventError(f"policy: this function sweeps by several policies; name one of them: {allowed}")


def wire(policy: str | None = None, **overrides: object) -> Wiring:
    """From the environment; an override that is not None wins. `policy`: the one that an event names.

    Raises SettingsError, and EventError for a policy that the settings do not allow.
    """
    has_policy = policy is not None or bool(os.environ.get(f"{PREFIX}POLICIES"))
    needed = [name for name in _NEEDED if name != "policy" or not has_policy]
    settings = Settings.from_env(os.environ, needed, **overrides)
    if policy is not None:
        settings = _with_policy(settings, policy)
    clients = app.make_clients(settings)
    return Wiring(settings, clients, app.make_stores(settings, clients, unset_mode=UNSET_MODE))


def caller(context: LambdaContext, execution: str = "") -> str:
    """Who asks, as far as a Lambda knows: its own ARN, and the execution of a state machine."""
    return f"{execution} ({context.invoked_function_arn})" if execution else context.invoked_function_arn


def standing_consent(_: Question) -> ConsentHow:
    """No person is there: a schedule acts by the active version of its policy, or not at all."""
    return ConsentHow.STANDING


def _with_policy(settings: Settings, policy: str) -> Settings:
    if not settings.allows_policy(policy):
        allowed = ", ".join(settings.allowed_policies) or "none"
        named = without_external_id(os.environ, policy)
        raise EventError(
            f"policy: {named!r} is not one that an event may name. Allowed (STOP_ORCHESTRATOR_POLICIES, else "
            f"STOP_ORCHESTRATOR_POLICY; never a local path): {allowed}"
        )
    return settings.model_copy(update={"policy": policy})


def time_is_up(context: LambdaContext, reserved: int = RESERVED_MILLISECONDS) -> Callable[[], bool]:
    """True as soon as only the reserve is left of the invocation's time."""
    return lambda: context.get_remaining_time_in_millis() < reserved


def no_time_to_wait(context: LambdaContext) -> Callable[[], bool]:
    """True as soon as there is no more time than a sweep needs that begins now."""
    return time_is_up(context, WAITING_RESERVED_MILLISECONDS)
