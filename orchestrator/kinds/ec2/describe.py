"""DescribeInstances: the one call that a sweep makes for every target, and the looks at some of its instances.

The list of what runs goes by the light path, where that is on and does what botocore would; a look, by which something
is acted on, always goes through botocore's own client. Both name the fields as botocore does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import wrong_account
from orchestrator.aws.light_path import LightPath
from orchestrator.aws.pages import NEXT_TOKEN, Tokens, each_page
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Target
from orchestrator.kinds.ec2.answer import OPERATION, Instances, read_instances
from orchestrator.kinds.shared.operations import Call, answer_with, in_portions

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

PAGE_SIZE = 1000
IDS_A_FILTER = 200
_SERVICE = "ec2"
_STATES = ("pending", "running", "stopping")
_STATES_WITH_STOPPED = (*_STATES, "stopped")


def _form(states: Sequence[str]) -> dict[str, str]:
    return {
        "Action": OPERATION,
        "Version": "2016-11-15",
        "MaxResults": str(PAGE_SIZE),
        "Filter.1.Name": "instance-state-name",
        **{f"Filter.1.Value.{number}": state for number, state in enumerate(states, 1)},
    }


_FIRST_PAGES: Mapping[tuple[str, ...], bytes] = {
    states: urlencode(_form(states)).encode() for states in (_STATES, _STATES_WITH_STOPPED)
}
_BY_FORM = Tokens(NEXT_TOKEN.asked, "next_token")
_Once = Callable[[Callable[[], Any]], Any]
"""Makes a call, once or more often."""


def running_instances(
    clients: Clients, retries: Retries, target: Target, *, with_stopped: bool = False
) -> Iterator[Mapping[str, Any]]:
    """The target's instances that are pending, running or stopping, or stopped where asked for, as botocore names their
    fields; its account is bound.

    Maybe only the fields that decisions need. Raises botocore's exceptions, also for an answer about another account.
    """
    states = _STATES_WITH_STOPPED if with_stopped else _STATES
    light = clients.light_path
    if light is not None and light.serves(_SERVICE, target.region, OPERATION):
        return _by_light_path(light, retries, target, states)
    only: Any = {"Name": "instance-state-name", "Values": [*states]}
    return _by_botocore(clients.ec2(target.region), target.account_id, only, retries.call)


def instances_by_id(clients: Clients, target: Target, ids: Sequence[str], call: Call) -> Iterator[Mapping[str, Any]]:
    """Those of the target's instances that AWS knows, in whatever state, each call made through `call`.

    By filter: an unknown id would be an error. Raises as `running_instances`.
    """
    for some in in_portions(ids, IDS_A_FILTER):
        these: Any = {"Name": "instance-id", "Values": [*some]}
        client = clients.ec2(target.region)
        yield from _by_botocore(client, target.account_id, these, partial(call, OPERATION))


def _by_light_path(
    light: LightPath, retries: Retries, target: Target, states: tuple[str, ...]
) -> Iterator[Mapping[str, Any]]:
    read = partial(read_instances, target.account_id)

    def ask(**more: str) -> Instances:
        form = urlencode({**_form(states), **more}).encode() if more else _FIRST_PAGES[states]
        return retries.call(partial(light.ask, _SERVICE, target.region, OPERATION, form, read))

    for page in each_page(OPERATION, ask, _BY_FORM, getattr):
        yield from page.instances


def _by_botocore(client: EC2Client, account_id: AccountId, only: Any, call: _Once) -> Iterator[Mapping[str, Any]]:
    def ask(**more: Any) -> Any:
        described = partial(client.describe_instances, Filters=[only], MaxResults=PAGE_SIZE, **more)
        return call(partial(answer_with, "Reservations", described))

    for page in each_page(OPERATION, ask):
        for reservation in page["Reservations"]:
            if reservation.get("OwnerId") != account_id:
                raise wrong_account(OPERATION, account_id, reservation.get("OwnerId"))
            yield from reservation.get("Instances", ())
