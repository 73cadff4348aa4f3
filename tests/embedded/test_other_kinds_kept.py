"""What no sweep may stop whatever the policy says, one of each form, and each with a reason of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto.autoscaling.models import autoscaling_backends
from moto.ecs.models import ecs_backends
from moto.rds.models import rds_backends
from moto.redshift.models import redshift_backends

from tests.kinds.rds_cluster.harness import add_member
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.other_kinds import EVERY_KIND, Key, Watched, seed
from tests.support.sweeps import DEV, FRANKFURT, IRELAND
from tests.support.time import set_time

ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    set_time(monkeypatch, sleep=lambda _: None)


class Kept:
    """Makes what is kept in one account; gives back each with words of its reason."""

    def __init__(self, organization: OrganizationBuilder, account: str) -> None:
        self.organization, self.account = organization, account

    def seed(self, kind: str, tags: dict[str, str] | None = None, **fields: Any) -> Key:
        return seed(self.organization, self.account, FRANKFURT, kind, tags or DEV, **fields)

    def client(self, service: str) -> Any:
        return self.organization.client(service, FRANKFURT)

    def all(self) -> Iterator[tuple[Key, str]]:
        yield from self.databases()
        yield from self.clusters()
        yield from self.groups()
        yield from self.services()
        yield from self.nodegroups()
        yield from self.warehouses()

    def databases(self) -> Iterator[tuple[Key, str]]:
        source = self.seed("rds")
        with self.organization.acting_in(self.account):
            self.client("rds").create_db_instance_read_replica(
                DBInstanceIdentifier="replica",
                SourceDBInstanceIdentifier=source[3],
                Tags=[{"Key": key, "Value": value} for key, value in DEV.items()],
            )
        yield source, "It has read replicas (replica)"
        yield (*source[:3], "replica"), f"It is a read replica of {source[3]}"
        yield self.seed("rds", Engine="sqlserver-se", MultiAZ=True), "sqlserver-se in several zones"
        yield self.seed("rds", Engine="custom-oracle-ee", EngineVersion="19.0", Port=1521), "cannot stop RDS Custom"
        cluster = self.seed("rds_cluster", {"Environment": "production"})
        member = add_member(self.organization, self.account, FRANKFURT, cluster[3], "aurora-postgresql")
        self._tag_database(member)
        yield (*cluster[:2], "rds", member), f"It belongs to the DB cluster {cluster[3]}"

    def _tag_database(self, name: str) -> None:
        backend = rds_backends[self.account][FRANKFURT]
        backend.databases[name].add_tags([{"Key": key, "Value": value} for key, value in DEV.items()])

    def clusters(self) -> Iterator[tuple[Key, str]]:
        in_memory = rds_backends[self.account][FRANKFURT].clusters
        for engine in ("mysql", "postgres"):
            yield (
                self.seed("rds_cluster", Engine=engine, DBClusterInstanceClass="db.m6gd.large"),
                f"It is a Multi-AZ DB cluster of {engine}",
            )
        yield self.seed("rds_cluster", EngineMode="serverless", Engine="aurora-mysql"), "It is Aurora Serverless v1"
        for words, fields in {
            "It belongs to the global database world": {"global_cluster_identifier": "world"},
            "It is a replica of arn:x": {"replication_source_identifier": "arn:x"},
            "It has read replicas (arn:y)": {"read_replica_identifiers": ["arn:y"]},
            "It is an Aurora cluster of the form limitless": {"cluster_scalability_type": "limitless"},
            "It is inaccessible-encryption-credentials, not running": {"status": "inaccessible-encryption-credentials"},
        }.items():
            key = self.seed("rds_cluster")
            for name, value in fields.items():
                setattr(in_memory[key[3]], name, value)
            yield key, words

    def groups(self) -> Iterator[tuple[Key, str]]:
        for tag, words in {
            "eks:cluster-name": "an EKS cluster (tag eks:cluster-name)",
            "AmazonECSManaged": "an ECS cluster (tag AmazonECSManaged)",
            "elasticbeanstalk:environment-name": "an Elastic Beanstalk environment",
            "AWSBatchServiceTag": "an AWS Batch compute environment",
        }.items():
            yield self.seed("asg", {**DEV, tag: "x"}), words
        operated = self.seed("asg")
        vars(self.group(operated))["operator"] = {"Principal": "eks.amazonaws.com", "Managed": True}
        yield operated, "Its operator is eks.amazonaws.com"
        deleting = self.seed("asg")
        vars(self.group(deleting))["status"] = "Delete in progress"
        yield deleting, ""  # gone
        for process in ("Terminate", "Launch"):
            suspended = self.seed("asg")
            with self.organization.acting_in(self.account):
                asked = {"AutoScalingGroupName": suspended[3], "ScalingProcesses": [process]}
                self.client("autoscaling").suspend_processes(**asked)
            yield suspended, f"Its process {process} is suspended"
        yield self.seed("asg", NewInstancesProtectedFromScaleIn=True), "2 of its instances are protected from scale-in"
        standby = self.seed("asg")
        with self.organization.acting_in(self.account):
            self.client("autoscaling").enter_standby(
                AutoScalingGroupName=standby[3],
                InstanceIds=[self.group(standby).instance_states[0].instance.id],
                ShouldDecrementDesiredCapacity=True,
            )
        yield standby, "1 of its instances is on standby"
        pooled = self.seed("asg")
        with self.organization.acting_in(self.account):
            self.client("autoscaling").put_warm_pool(AutoScalingGroupName=pooled[3])
        yield pooled, "It has a warm pool, which keeps instances of its own"

    def group(self, key: Key) -> Any:
        return autoscaling_backends[self.account][FRANKFURT].autoscaling_groups[key[3]]

    def services(self) -> Iterator[tuple[Key, str]]:
        yield self.seed("ecs_service", flags=None, schedulingStrategy="DAEMON"), "It is a daemon"
        for words, fields in {
            "It is DRAINING, not running": {"status": "DRAINING"},
            "Its deployment is IN_PROGRESS": {"deployments": [{"status": "PRIMARY", "rolloutState": "IN_PROGRESS"}]},
            "It has 2 deployments": {
                "deployments": [{"status": "PRIMARY", "rolloutState": "COMPLETED"}, {"status": "ACTIVE"}]
            },
            "It is an Express service": {"resource_management_type": "ECS"},
        }.items():
            key = self.seed("ecs_service", flags=None)
            service = ecs_backends[self.account][FRANKFURT].services[key[3].replace("/", ":")]
            vars(service).update(fields)
            yield key, words
        short = seed(self.organization, self.account, IRELAND, "ecs_service", DEV, flags=None)
        with self.organization.acting_in(self.account):
            ecs = self.organization.client("ecs", IRELAND)
            ecs.put_account_setting(name="serviceLongArnFormat", value="disabled")
        yield short, "Its ARN has the short form"

    def nodegroups(self) -> Iterator[tuple[Key, str]]:
        yield self.seed("eks_nodegroup", {**DEV, "k8s.io/cluster-autoscaler/enabled": "true"}), "Cluster Autoscaler"

    def warehouses(self) -> Iterator[tuple[Key, str]]:
        in_memory = redshift_backends[self.account][FRANKFURT].clusters
        yield self.seed("redshift_cluster", NodeType="dc2.large"), "no-backup tables"
        for words, fields in {
            "Its automated snapshots are turned off": {"automated_snapshot_retention_period": 0},
            "hardware security module": {"hsm_status": {"Status": "active"}},
            "in two availability zones": {"multi_az": "enabled"},
        }.items():
            key = self.seed("redshift_cluster")
            vars(in_memory[key[3]]).update(fields)
            yield key, words


def test_everything_that_cannot_or_must_not_be_stopped_is_kept_for_a_reason_of_its_own(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    account = organization.account("dev")
    kept = dict(Kept(organization, account).all())
    before = Watched(organization, [account]).everything()
    swept = run(*ENFORCE, policy(EVERY_KIND))
    decisions = {
        (row["account_id"], row["region"], row["kind"], row["resource_id"]): row for row in swept.report["decisions"]
    }
    told = {key: decisions.get(key, {"reason": ""})["reason"] for key in kept}
    assert [(key, words, told[key]) for key, words in kept.items() if words not in told[key]] == []
    without_ids = [reason.replace(key[3], "") for key, reason in told.items()]
    assert sorted(set(without_ids)) == sorted(without_ids)
    assert swept.report["outcomes"] == []
    assert Watched(organization, [account]).everything() == before
