"""What ministack does otherwise than AWS, for the kinds beside EC2: a ministack that learned it fails here.

Each is why the end-to-end sweeps show less than AWS would; tests/kinds/contract/ and the gates of the embedded AWS
(orchestrator/demo/gates/) show the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from tests.e2e.conftest import WITHOUT
from tests.e2e.resources import RUNNING, Clusters, Databases, Groups, Instances, Services
from tests.e2e.server import Emulator, running

pytestmark = pytest.mark.skipif(bool(WITHOUT), reason="it deploys nothing")
DEV = {"Environment": "dev"}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(tmp_path_factory.mktemp("known") / "server") as one:
        yield one


LACKING: dict[str, tuple[str, Callable[[Any], Any]]] = {
    # tests/e2e/scaling.py stands in: services are swept without scaling that would have to be suspended.
    "application-autoscaling": (
        "application-autoscaling",
        lambda client: client.describe_scalable_targets(ServiceNamespace="ecs"),
    ),
    # No group whose Terminate or Launch is suspended can be made, which is kept.
    "processes of groups": (
        "autoscaling",
        lambda client: client.suspend_processes(AutoScalingGroupName="dev", ScalingProcesses=["Launch"]),
    ),
    # The kinds that the end-to-end organization is without.
    "sizes of node groups": (
        "eks",
        lambda client: client.update_nodegroup_config(
            clusterName="dev", nodegroupName="dev", scalingConfig={"minSize": 0, "desiredSize": 0}
        ),
    ),
    "notebooks": ("sagemaker", lambda client: client.list_notebook_instances()),
    "warehouses": ("redshift", lambda client: client.describe_clusters()),
}


@pytest.mark.parametrize("what", LACKING)
def test_ministack_lacks(emulator: Emulator, what: str) -> None:
    service, ask = LACKING[what]
    unknown = r"Unknown AutoScaling action|No route for|Unsupported service|\(400\)"
    with pytest.raises((ClientError, ResponseParserError), match=unknown):
        ask(emulator.client(service))


def test_an_instance_does_not_tell_when_it_was_stopped(emulator: Emulator) -> None:
    """By which AWS shows that nobody touched it since: here neither an undo nor a rule's start brings one back."""
    client = emulator.client("ec2")
    [one] = Instances(client).make(DEV, 1)
    client.stop_instances(InstanceIds=[one])
    [reservation] = client.describe_instances(InstanceIds=[one])["Reservations"]
    assert " GMT)" not in reservation["Instances"][0].get("StateTransitionReason", "")


def test_a_database_stops_and_starts_at_once_and_a_second_stop_is_no_error(emulator: Emulator) -> None:
    """On AWS it is stopping for minutes, and a second call is refused as InvalidDBInstanceState."""
    client = emulator.client("rds")
    databases = Databases(client)
    databases.make("dev", DEV)
    for _ in range(2):
        assert client.stop_db_instance(DBInstanceIdentifier="dev")["DBInstance"]["DBInstanceStatus"] == "stopped"
    [stopped] = client.describe_db_instances()["DBInstances"]
    assert "AutomaticRestartTime" not in stopped  # which tells when it was stopped: no undo and no start here either
    databases.start("dev")
    assert databases.states() == {"dev": RUNNING}


def test_a_cluster_stops_at_once(emulator: Emulator) -> None:
    """On AWS it is stopping for minutes."""
    client = emulator.client("rds")
    Clusters(client).make("dev-cluster", "aurora-mysql", DEV)
    assert client.stop_db_cluster(DBClusterIdentifier="dev-cluster")["DBCluster"]["Status"] == "stopped"


def test_a_group_has_instances_that_ec2_does_not_have_and_takes_any_sizes(emulator: Emulator) -> None:
    """On AWS its instances end after their lifecycle hooks; a minimum above the desired capacity is refused."""
    client = emulator.client("autoscaling")
    Groups(client).make("dev-group", DEV)
    [group] = client.describe_auto_scaling_groups()["AutoScalingGroups"]
    known = {
        one["InstanceId"]
        for some in emulator.client("ec2").describe_instances()["Reservations"]
        for one in some["Instances"]
    }
    assert {one["InstanceId"] for one in group["Instances"]}.isdisjoint(known)
    client.update_auto_scaling_group(AutoScalingGroupName="dev-group", MinSize=3, DesiredCapacity=1)


def test_a_daemon_takes_a_count(emulator: Emulator) -> None:
    """Which AWS refuses."""
    client = emulator.client("ecs")
    one = Services(client).make("agent", DEV, "DAEMON")
    assert (
        client.update_service(cluster=Services.CLUSTER, service="agent", desiredCount=0)["service"]["desiredCount"] == 0
    )
    assert one in Services(client).states()
