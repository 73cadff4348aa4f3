"""What runs in the small organization, by kind: how it is made, how its owner starts it again, what AWS says of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

RUNNING, STOPPED = "running", "stopped"
Tags = Mapping[str, str]


class Kind(ABC):
    """Of one kind in one account and region; `client` is its service's. Names are unique in the organization."""

    name: ClassVar[str]
    service: ClassVar[str]

    def __init__(self, client: Any) -> None:
        self.client = client

    @abstractmethod
    def states(self) -> dict[str, str]:
        """Of each by its id: running with all its sizes, stopped, or whatever else it is."""

    @abstractmethod
    def tags(self, one: str) -> dict[str, str]: ...

    @abstractmethod
    def start(self, one: str) -> None: ...

    @abstractmethod
    def untag(self, one: str, keys: Iterable[str]) -> None: ...


class Instances(Kind):
    name, service = "ec2", "ec2"

    def make(self, tags: Tags, count: int) -> list[str]:
        """Their ids."""
        made = self.client.run_instances(
            ImageId="ami-12345678",
            InstanceType="t3.micro",
            MinCount=count,
            MaxCount=count,
            TagSpecifications=[{"ResourceType": "instance", "Tags": _pairs(tags)}],
        )
        return [one["InstanceId"] for one in made["Instances"]]

    def states(self) -> dict[str, str]:
        reservations = self.client.describe_instances()["Reservations"]
        return {one["InstanceId"]: one["State"]["Name"] for some in reservations for one in some["Instances"]}

    def tags(self, one: str) -> dict[str, str]:
        filters = [{"Name": "resource-id", "Values": [one]}]
        found = self.client.describe_tags(Filters=filters)["Tags"]
        return _mapping(tag for tag in found if tag["ResourceId"] == one)

    def start(self, one: str) -> None:
        self.client.start_instances(InstanceIds=[one])

    def untag(self, one: str, keys: Iterable[str]) -> None:
        self.client.delete_tags(Resources=[one], Tags=[{"Key": key} for key in keys])


class Databases(Kind):
    name, service = "rds", "rds"

    def make(self, name: str, tags: Tags) -> None:
        self.client.create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t3.micro",
            Engine="postgres",
            AllocatedStorage=20,
            MasterUsername="root",
            MasterUserPassword="not-a-secret",
            Tags=_pairs(tags),
        )

    def states(self) -> dict[str, str]:
        """Without the members of clusters."""
        found = self.client.describe_db_instances()["DBInstances"]
        alone = [one for one in found if not one.get("DBClusterIdentifier")]
        return {one["DBInstanceIdentifier"]: _state(one["DBInstanceStatus"]) for one in alone}

    def tags(self, one: str) -> dict[str, str]:
        [found] = self.client.describe_db_instances(DBInstanceIdentifier=one)["DBInstances"]
        return _mapping(found["TagList"])

    def start(self, one: str) -> None:
        self.client.start_db_instance(DBInstanceIdentifier=one)

    def untag(self, one: str, keys: Iterable[str]) -> None:
        [found] = self.client.describe_db_instances(DBInstanceIdentifier=one)["DBInstances"]
        self.client.remove_tags_from_resource(ResourceName=found["DBInstanceArn"], TagKeys=[*keys])


class Clusters(Kind):
    name, service = "rds_cluster", "rds"

    def make(self, name: str, engine: str, tags: Tags) -> None:
        """With one member, which has the cluster's tags."""
        self.client.create_db_cluster(
            DBClusterIdentifier=name,
            Engine=engine,
            MasterUsername="root",
            MasterUserPassword="not-a-secret",
            Tags=_pairs(tags),
        )
        self.client.create_db_instance(
            DBInstanceIdentifier=f"{name}-1",
            DBClusterIdentifier=name,
            DBInstanceClass="db.r5.large",
            Engine=engine,
            Tags=_pairs(tags),
        )

    def states(self) -> dict[str, str]:
        found = self.client.describe_db_clusters()["DBClusters"]
        return {one["DBClusterIdentifier"]: _state(one["Status"]) for one in found}

    def tags(self, one: str) -> dict[str, str]:
        [found] = self.client.describe_db_clusters(DBClusterIdentifier=one)["DBClusters"]
        return _mapping(found["TagList"])

    def start(self, one: str) -> None:
        self.client.start_db_cluster(DBClusterIdentifier=one)

    def untag(self, one: str, keys: Iterable[str]) -> None:
        [found] = self.client.describe_db_clusters(DBClusterIdentifier=one)["DBClusters"]
        self.client.remove_tags_from_resource(ResourceName=found["DBClusterArn"], TagKeys=[*keys])


class Groups(Kind):
    name, service = "asg", "autoscaling"
    SIZES: ClassVar = {"MinSize": 1, "MaxSize": 4, "DesiredCapacity": 2}

    def make(self, name: str, tags: Tags) -> None:
        self.client.create_launch_configuration(
            LaunchConfigurationName=name, ImageId="ami-12345678", InstanceType="t3.micro"
        )
        pairs = [{**one, **_of_group(name), "PropagateAtLaunch": False} for one in _pairs(tags)]
        self.client.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName=name,
            AvailabilityZones=[f"{self.client.meta.region_name}a"],
            Tags=pairs,
            **self.SIZES,
        )

    def states(self) -> dict[str, str]:
        return {one["AutoScalingGroupName"]: self._state(one) for one in self._all()}

    def _state(self, group: Any) -> str:
        sizes, instances = [group[size] for size in self.SIZES], len(group["Instances"])
        if (sizes, instances) == ([*self.SIZES.values()], self.SIZES["DesiredCapacity"]):
            return RUNNING
        return STOPPED if (sizes, instances) == ([0, 0, 0], 0) else f"of sizes {sizes} with {instances} instances"

    def _all(self) -> list[Any]:
        return list(self.client.describe_auto_scaling_groups()["AutoScalingGroups"])

    def tags(self, one: str) -> dict[str, str]:
        [found] = [group for group in self._all() if group["AutoScalingGroupName"] == one]
        return _mapping(found["Tags"])

    def start(self, one: str) -> None:
        self.client.update_auto_scaling_group(AutoScalingGroupName=one, **self.SIZES)

    def untag(self, one: str, keys: Iterable[str]) -> None:
        self.client.delete_tags(Tags=[{"Key": key, **_of_group(one)} for key in keys])


class Services(Kind):
    """Of one cluster; an id is `cluster/service`."""

    name, service = "ecs_service", "ecs"
    CLUSTER: ClassVar = "dev"
    COUNT: ClassVar = 3

    def make(self, name: str, tags: Tags, strategy: str = "REPLICA") -> str:
        """Its id."""
        self.client.create_cluster(clusterName=self.CLUSTER)
        containers = [{"name": "main", "image": "nginx", "memory": 64}]
        self.client.register_task_definition(family=name, containerDefinitions=containers)
        self.client.create_service(
            cluster=self.CLUSTER,
            serviceName=name,
            taskDefinition=name,
            schedulingStrategy=strategy,
            tags=[{"key": key, "value": value} for key, value in tags.items()],
            **({"desiredCount": self.COUNT} if strategy == "REPLICA" else {}),
        )
        return f"{self.CLUSTER}/{name}"

    def states(self) -> dict[str, str]:
        clusters = self.client.list_clusters()["clusterArns"]
        names = self.client.list_services(cluster=self.CLUSTER)["serviceArns"] if clusters else []
        return {f"{self.CLUSTER}/{one['serviceName']}": self._state(one) for one in self._described(names)}

    def _state(self, one: Any) -> str:
        counts = one["desiredCount"], one["runningCount"]
        wanted = self.COUNT if one["schedulingStrategy"] == "REPLICA" else 1
        return {(wanted, wanted): RUNNING, (0, 0): STOPPED}.get(counts, f"of {counts[0]} with {counts[1]} tasks")

    def _described(self, names: list[str]) -> list[Any]:
        if not names:
            return []
        return list(self.client.describe_services(cluster=self.CLUSTER, services=names, include=["TAGS"])["services"])

    def tags(self, one: str) -> dict[str, str]:
        [found] = self._described([one.rpartition("/")[2]])
        return {tag["key"]: tag["value"] for tag in found["tags"]}

    def start(self, one: str) -> None:
        self.client.update_service(cluster=self.CLUSTER, service=one.rpartition("/")[2], desiredCount=self.COUNT)

    def untag(self, one: str, keys: Iterable[str]) -> None:
        [found] = self._described([one.rpartition("/")[2]])
        self.client.untag_resource(resourceArn=found["serviceArn"], tagKeys=[*keys])


KINDS: Mapping[str, type[Kind]] = {one.name: one for one in (Instances, Databases, Clusters, Groups, Services)}


def _of_group(name: str) -> dict[str, str]:
    return {"ResourceId": name, "ResourceType": "auto-scaling-group"}


def _state(status: str) -> str:
    return RUNNING if status == "available" else status


def _pairs(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _mapping(pairs: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in pairs}
