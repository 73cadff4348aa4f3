"""The calls that stop, start, describe and mark services, and what AWS's codes mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from orchestrator.aws.failures import error_of
from orchestrator.core.model import Action, Resource, ResourceState, Tags, Target
from orchestrator.kinds.ecs_service.describe import DIMENSION, NAMESPACE, flags_by_id, services_by_id
from orchestrator.kinds.ecs_service.rules import (
    DESIRED_COUNT,
    FLAGS,
    flags_to_restore,
    has_suspended_scaling,
    resource_of,
    scalable_id,
    service_id,
)
from orchestrator.kinds.shared.operations import (
    Call,
    ErrorTable,
    Profile,
    answer_with,
    plain_stop_instead,
    require_answer,
)
from orchestrator.kinds.shared.paced import Paced

_CONCURRENT = "ConcurrentUpdateException"
PROFILE = Profile(
    service="ecs",
    stop="UpdateService",
    start="UpdateService",
    mark="TagResource",
    unmark="UntagResource",
    batch_size=10,
    resources_a_call=1,
    errors=ErrorTable(
        # Of what scales it, which somebody else is just changing.
        wrong_state=frozenset({_CONCURRENT}),
        wrong_state_passes=True,
    ),
    noun="service",
    destroyed="deleted",
)
_DOWN = frozenset({ResourceState.STOPPING, ResourceState.STOPPED})
_UP = frozenset({ResourceState.STARTING, ResourceState.RUNNING})
_WOULD_START = "somebody else set its count to 0 meanwhile, and with its scaling AWS would start it"
SUSPEND = "application-autoscaling:RegisterScalableTarget"


class EcsOperations:
    """shared.operations.Operations and GivesBack for one target's services; used by one thread.

    Registering a scalable target moves the count into its sizes, even where none are given
    (https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html): what is at 0
    would be started. So its scaling is suspended before the count is 0, and given back only to what runs.
    """

    profile = PROFILE

    def __init__(self, ecs: Any, scaling: Any, paced: Paced, partition: str) -> None:
        """`scaling`: a client of Application Auto Scaling."""
        self._ecs = ecs
        self._scaling = scaling
        self._paced = paced
        self._target: Target = paced.target
        self._partition = partition
        self._taken: set[str] = set()

    def possible_action(self, _resource: Resource, action: Action) -> tuple[Action, str]:
        return plain_stop_instead(action)

    def change(self, resources: Sequence[Resource], action: Action) -> Mapping[str, ResourceState]:
        """The count and nothing else: whoever deploys the service by another controller is refused other parameters.

        ECS does not say which count it had before.
        """
        [resource] = resources
        cluster, _, name = resource.resource_id.partition("/")
        desired = int(resource.restore[DESIRED_COUNT] or 0) if action.starts else 0
        asked = {"cluster": cluster, "service": name, "desiredCount": desired}
        answer_with("service", lambda: self._ecs.update_service(**asked))
        return {resource.resource_id: ResourceState.UNKNOWN}

    def takes(self, resource: Resource) -> bool:
        """Whether it has a scalable target that was not suspended as a whole when it was planned."""
        flags = flags_to_restore(resource)
        return bool(flags) and not all(flags.values())

    def take(self, resource: Resource) -> None:
        """Suspends all its scaling: at a count of 0 a scale-out would lift it to its smallest size at once."""
        if self.takes(resource) and resource.resource_id not in self._taken:
            self._paced.once(SUSPEND, lambda: self._register(resource, dict.fromkeys(FLAGS, True)))
            self._taken.add(resource.resource_id)

    def give_back(self, resource: Resource, fresh: Resource) -> None:
        if fresh.state in _DOWN and resource.resource_id in self._taken:
            raise ClientError({"Error": {"Code": "NotRunning", "Message": _WOULD_START}}, "RegisterScalableTarget")
        if fresh.state not in _UP or not self.takes(resource) or not has_suspended_scaling(fresh):
            return
        retries = self._paced.retries
        for tries in count(1):
            try:
                self._paced.call(SUSPEND, lambda: self._register(resource, flags_to_restore(resource)))
            except ClientError as failure:
                is_over = tries >= retries.attempts or retries.out_of_time()
                if error_of(failure).code != _CONCURRENT or is_over:
                    raise
                retries.wait(tries)
            else:
                return

    def describe(self, resource_ids: Sequence[str], call: Call) -> Iterable[Resource]:
        raw = list(services_by_id(self._ecs, self._target.account_id, resource_ids, call))
        up = [service_id(one) for one in raw if one.get("desiredCount")]
        flags = flags_by_id(self._scaling, up, call) if up else {}
        return [resource_of(one, self._target, self._partition, flags.get(service_id(one))) for one in raw]

    def mark(self, resources: Sequence[Resource], tags: Tags) -> None:
        [resource] = resources
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        require_answer(lambda: self._ecs.tag_resource(resourceArn=resource.arn, tags=pairs))

    def unmark(self, resources: Sequence[Resource], keys: Sequence[str]) -> None:
        [resource] = resources
        require_answer(lambda: self._ecs.untag_resource(resourceArn=resource.arn, tagKeys=[*keys]))

    def untag(self, resources: Sequence[Resource], tags: Tags) -> None:
        """ECS takes keys alone; that the values are as they were the look right before has told."""
        self.unmark(resources, [*tags])

    def _register(self, resource: Resource, flags: Mapping[str, bool]) -> None:
        """Without sizes: what is not given stays as it is."""
        asked = {
            "ServiceNamespace": NAMESPACE,
            "ResourceId": scalable_id(resource.resource_id),
            "ScalableDimension": DIMENSION,
            "SuspendedState": {FLAGS[name]: value for name, value in flags.items()},
        }
        require_answer(lambda: self._scaling.register_scalable_target(**asked))
