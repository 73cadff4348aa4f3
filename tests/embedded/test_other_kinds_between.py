"""What changes between the plan and its stops, of every kind: whatever is not as it was planned is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from moto.eks.models import eks_backends

from tests.kinds.asg.harness import group_of
from tests.kinds.ecs_service.harness import service_of
from tests.kinds.rds_cluster.harness import add_member
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.other_kinds import EVERY_KIND, KINDS, Facts, Key, Watched, assert_down, seed
from tests.support.sweeps import FRANKFURT
from tests.support.time import set_time

ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")
OPT_OUT = {"stop-orchestrator:opt-out": "true"}
PROTECTED = {"stop-orchestrator:protected": "legal"}


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    set_time(monkeypatch, sleep=lambda _: None)


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("dev")


def rows(ran: Ran, of: str = "decisions") -> dict[str, Any]:
    return {row["resource_id"]: row for row in ran.report[of]}


def tag(organization: OrganizationBuilder, key: Key, tags: dict[str, str]) -> None:
    """As somebody in that account does."""
    account, region, kind, name = key
    pairs = [{"Key": one, "Value": value} for one, value in tags.items()]
    arn = f"arn:aws:{{}}:{region}:{account}:{{}}"

    def client(service: str) -> Any:
        return organization.client(service, region)

    with organization.acting_in(account):
        if kind == "ec2":
            client("ec2").create_tags(Resources=[name], Tags=pairs)
        elif kind in ("rds", "rds_cluster"):
            of = {"rds": "db", "rds_cluster": "cluster"}[kind]
            client("rds").add_tags_to_resource(ResourceName=arn.format("rds", f"{of}:{name}"), Tags=pairs)
        elif kind == "asg":
            of_group: Any = {"ResourceId": name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
            client("autoscaling").create_or_update_tags(Tags=[{**of_group, **one} for one in pairs])
        elif kind == "ecs_service":
            lower: Any = [{"key": one, "value": value} for one, value in tags.items()]
            client("ecs").tag_resource(resourceArn=arn.format("ecs", f"service/{name}"), tags=lower)
        elif kind == "eks_nodegroup":
            cluster, _, group = name.partition("/")
            client("eks").tag_resource(
                resourceArn=eks_backends[account][region].clusters[cluster].nodegroups[group].arn, tags=tags
            )
        elif kind == "sagemaker_notebook":
            client("sagemaker").add_tags(ResourceArn=arn.format("sagemaker", f"notebook-instance/{name}"), Tags=pairs)
        else:
            client("redshift").create_tags(ResourceName=arn.format("redshift", f"cluster:{name}"), Tags=pairs)


@pytest.mark.full
def test_what_opted_out_between_the_plan_and_its_apply_is_kept_and_the_rest_is_stopped(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    spared = [seed(organization, account, FRANKFURT, kind) for kind in KINDS]
    others = {seed(organization, account, FRANKFURT, kind) for kind in KINDS}
    planned = run("plan", "--policy", policy(EVERY_KIND, FRANKFURT), "--format", "json")
    assert {row["verdict"] for row in rows(planned).values() if row["reason_code"] != "stops_with_owner"} >= {"stop"}
    watched = Watched(organization, [account])
    before = watched.everything()
    for number, key in enumerate(spared):
        tag(organization, key, PROTECTED if number % 2 else OPT_OUT)
    applied = run("apply", planned.report["sweep_id"], "--yes", "--format", "json")
    after = watched.everything()
    assert rows(applied, "outcomes").keys() == {key[3] for key in others}
    assert_down(after, others)
    for key in spared:
        assert rows(applied)[key[3]]["reason_code"] == "changed"
        assert without_tags(after[key]) == without_tags(before[key])


def without_tags(facts: Facts) -> Facts:
    return {name: value for name, value in facts.items() if name != "tags"}


def test_sizes_that_changed_and_a_roll_out_that_began_after_the_plan_keep_them(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    scaled, counted, rolling, nodes = (
        seed(organization, account, FRANKFURT, kind) for kind in ("asg", "ecs_service", "ecs_service", "eks_nodegroup")
    )
    planned = run("plan", "--policy", policy(EVERY_KIND, FRANKFURT), "--format", "json")
    with organization.acting_in(account):
        autoscaling: Any = organization.client("autoscaling", FRANKFURT)
        autoscaling.update_auto_scaling_group(AutoScalingGroupName=scaled[3], DesiredCapacity=1)
        cluster, _, name = counted[3].partition("/")
        organization.client("ecs", FRANKFURT).update_service(cluster=cluster, service=name, desiredCount=1)
        cluster, _, name = nodes[3].partition("/")
        sizes: Any = {"minSize": 1, "desiredSize": 2}
        organization.client("eks", FRANKFURT).update_nodegroup_config(
            clusterName=cluster, nodegroupName=name, scalingConfig=sizes
        )
    service_of(account, rolling[3], FRANKFURT).deployments.insert(
        0, {"status": "PRIMARY", "rolloutState": "IN_PROGRESS"}
    )
    before = Watched(organization, [account]).everything()
    applied = run("apply", planned.report["sweep_id"], "--yes", "--format", "json")
    assert applied.report["outcomes"] == []
    assert Watched(organization, [account]).everything() == before
    told = rows(applied)
    assert "its desired_capacity was 2 and is 1" in told[scaled[3]]["reason"]
    assert "its desired_count was 2 and is 1" in told[counted[3]]["reason"]
    assert "a roll-out runs" in told[rolling[3]]["reason"]
    assert "its desired_size was 3 and is 2" in told[nodes[3]]["reason"]


@pytest.mark.full  # tests/sweep/test_members.py has it of a made-up kind
def test_a_group_of_fifty_instances_is_fifty_against_a_limit_of_forty_nine(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    sizes: Any = {"MinSize": 0, "MaxSize": 50, "DesiredCapacity": 50}
    group = seed(organization, account, FRANKFURT, "asg", **sizes)
    before = Watched(organization, [account]).everything()
    ran = run(*ENFORCE, policy(EVERY_KIND + "guardrails: {max_stops: 49}\n", FRANKFURT))
    assert ran.exit_code == 4
    [row] = [one for one in ran.report["guardrails"] if not one["passed"]]
    assert (row["name"], row["limit"], row["actual"]) == ("max_stops", 49, 50)
    assert Watched(organization, [account]).everything() == before
    assert run(*ENFORCE, policy(EVERY_KIND + "guardrails: {max_stops: 50}\n", FRANKFURT)).exit_code == 0
    assert_down(Watched(organization, [account]).everything(), {group})


Spare = Callable[[dict[str, str]], None]


@pytest.fixture
def cluster(organization: OrganizationBuilder, account: str) -> tuple[Key, Spare]:
    """A DB cluster, and what tags its member."""
    key = seed(organization, account, FRANKFURT, "rds_cluster")
    member = add_member(organization, account, FRANKFURT, key[3], "aurora-postgresql")
    return key, lambda tags: tag(organization, (account, FRANKFURT, "rds", member), tags)


@pytest.fixture
def group(organization: OrganizationBuilder, account: str) -> tuple[Key, Spare]:
    """An Auto Scaling group, and what tags one of its instances."""
    key = seed(organization, account, FRANKFURT, "asg", inherited=True)
    member = group_of(account, FRANKFURT, key[3]).instance_states[1].instance.id
    return key, lambda tags: tag(organization, (account, FRANKFURT, "ec2", member), tags)


@pytest.fixture
def nodes(organization: OrganizationBuilder, account: str) -> tuple[Key, Spare]:
    """A node group, and what tags one of its nodes."""
    key = seed(organization, account, FRANKFURT, "eks_nodegroup")
    cluster, _, name = key[3].partition("/")
    of_eks = {"eks:cluster-name": cluster, "eks:nodegroup-name": name, f"kubernetes.io/cluster/{cluster}": "owned"}
    [member] = organization.instances(account, FRANKFURT, 1, of_eks)
    return key, lambda tags: tag(organization, (account, FRANKFURT, "ec2", member), tags)


@pytest.mark.parametrize(
    ("owner", "tags", "late"),
    [
        ("cluster", PROTECTED, True),
        ("nodes", OPT_OUT, False),
        *(
            pytest.param(owner, tags, late, marks=pytest.mark.full)
            for owner in ("cluster", "group", "nodes")
            for tags in (OPT_OUT, PROTECTED, {"stop-orchestrator:opt_out": ""})
            for late in (False, True)
        ),
    ],
)
def test_a_member_that_is_spared_keeps_what_would_take_it_along(
    request: pytest.FixtureRequest,
    organization: OrganizationBuilder,
    account: str,
    run: Run,
    policy: Policy,
    owner: str,
    tags: dict[str, str],
    late: bool,
) -> None:
    key, spare = request.getfixturevalue(owner)
    before = Watched(organization, [account]).everything()
    if not late:
        spare(tags)
    planned = run("plan", "--policy", policy(EVERY_KIND, FRANKFURT), "--format", "json")
    assert rows(planned)[key[3]]["verdict"] == ("stop" if late else "keep")
    if late:
        spare(tags)
    applied = run("apply", planned.report["sweep_id"], "--yes", "--format", "json")
    assert applied.report["outcomes"] == []
    assert without_tags(Watched(organization, [account]).everything()[key]) == without_tags(before[key])
    assert "is opted out" in rows(applied)[key[3]]["reason"]
