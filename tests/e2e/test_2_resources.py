"""CREATE_COMPLETE proves nothing: each resource of the stacks is there, is what the template says, and goes again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.deployment import EXTERNAL_ID, FUNCTION, HUB_STACK, MEMBER_STACK, Deployment, Report
from tests.e2e.expectations import Swept
from tests.e2e.server import HUB, REGION
from tests.support.cloudformation import ACCOUNT, resolved, template
from tests.support.cloudformation import REGION as ANY_REGION

Client = Callable[..., Any]
Properties = dict[str, Any]


def test_every_resource_of_the_templates_is_in_its_stack(deployment: Deployment, scaled_out: dict[str, Swept]) -> None:
    resources = template("hub")["Resources"]
    declared = {name: one["Type"] for name, one in resources.items()}
    # The kill switch left the stack with the second update after the upgrade; opt-outs by link are off.
    off = {name for name, one in resources.items() if one.get("Condition") == "HasOptOutLinks"}
    left_out = {"KillSwitch", *off}
    assert off
    made = {name: kind for name, (kind, _) in deployment.resources().items()}
    assert made == {name: kind for name, kind in declared.items() if name not in left_out}
    for account in deployment.organization.enrolled:
        assert list(deployment.resources(account, MEMBER_STACK)) == list(template("member-role")["Resources"])


def test_every_resource_is_there_and_is_what_the_template_says(
    deployment: Deployment, scaled_out: dict[str, Swept]
) -> None:
    [stack] = deployment.emulator.client("cloudformation").describe_stacks(StackName=HUB_STACK)["Stacks"]
    values = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    management = {"ManagementAccountId": values["ManagementAccountId"]}  # which the command filled in
    declared = resolved("hub", **{**deployment.parameters, **management, "ScaleOut": "enabled"})["Resources"]
    for name, (kind, physical) in deployment.resources().items():
        CHECKS[kind](deployment.emulator.client, physical, declared[name].get("Properties", {}))


def test_what_ministack_drops_in_silence_is_known(deployment: Deployment, scaled_out: dict[str, Swept]) -> None:
    """The templates say it (tests/templates holds them to it); a ministack that learned it fails here."""
    client = deployment.emulator.client
    bucket, table = deployment.output("ReportBucketName"), deployment.output("TableName")
    [rule] = client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)
    expiry = client("dynamodb").describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] == "DISABLED"
    backups = client("dynamodb").describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    assert "DeadLetterConfig" not in client("lambda").get_function_configuration(FunctionName=FUNCTION)


def test_the_member_role_lets_in_the_hub_alone(deployment: Deployment) -> None:
    for account in deployment.organization.enrolled:
        iam = deployment.emulator.client("iam", account)
        role = iam.get_role(RoleName="stop-orchestrator-member")["Role"]
        [come_in, _name_itself] = role["AssumeRolePolicyDocument"]["Statement"]
        assert come_in["Principal"] == {"AWS": f"arn:aws:iam::{HUB}:root"}
        assert come_in["Condition"]["StringEquals"] == {
            "aws:PrincipalOrgID": deployment.organization.id,
            "sts:ExternalId": EXTERNAL_ID,
        }
        for someone, external in ((HUB, EXTERNAL_ID), (deployment.organization.outside, EXTERNAL_ID), (HUB, "guessed")):
            sts = deployment.emulator.client("sts", someone)
            with pytest.raises(ClientError, match=r"not authorized to perform: sts:AssumeRole"):
                sts.assume_role(RoleArn=role["Arn"], RoleSessionName="someone", ExternalId=external)


def test_the_lambda_logs_to_its_own_group(deployment: Deployment, scaled_out: dict[str, Swept]) -> None:
    logs = deployment.emulator.client("logs")
    for group in ("/aws/lambda/stop-orchestrator", "/aws/lambda/stop-orchestrator-step"):
        events = logs.filter_log_events(logGroupName=group)["events"]
        assert any("Sweep ended" in one["message"] for one in events)
        assert [one["message"] for one in events if '"level":"ERROR"' in one["message"]] == []


def test_removing_the_stacks_leaves_the_evidence_and_nothing_else(
    deployment: Deployment, alone: dict[str, Swept], met: dict[str, Report], scaled_out: dict[str, Swept]
) -> None:
    client = deployment.emulator.client
    bucket, table = deployment.output("ReportBucketName"), deployment.output("TableName")
    deployment.remove()

    found = client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    keys = [one["Key"] for one in found]
    for one in (*alone.values(), *scaled_out.values()):
        assert any(f"sweep={one.report['sweep_id']}/report.json" in key for key in keys)
    assert client("s3").get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert "RefuseInsecureTransport" in client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    summaries = {"TableName": table, "KeyConditionExpression": "PK = :pk"}
    values = {":pk": {"S": "SWEEPS"}}
    assert client("dynamodb").query(**summaries, ExpressionAttributeValues=values)["Count"] == 4 + len(met)

    switch = deployment.parameters.get("KillSwitchName", "/stop-orchestrator/kill-switch")
    assert left_in(client) == {"buckets": [bucket], "tables": [table], "parameters": [switch]}
    for account in deployment.organization.enrolled:
        assert client("iam", account).list_roles()["Roles"] == []


def left_in(client: Client) -> dict[str, list[str]]:
    """Everything that the hub's account still has, of the kinds that the template makes."""
    logs, states, iam = client("logs"), client("stepfunctions"), client("iam")
    found = {
        "buckets": [one["Name"] for one in client("s3").list_buckets()["Buckets"]],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "functions": [one["FunctionName"] for one in client("lambda").list_functions()["Functions"]],
        "roles": [one["RoleName"] for one in iam.list_roles()["Roles"]],
        "schedules": [one["Name"] for one in client("scheduler").list_schedules()["Schedules"]],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "topics": [one["TopicArn"] for one in client("sns").list_topics()["Topics"]],
        "alarms": [one["AlarmName"] for one in client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "dashboards": [one["DashboardName"] for one in client("cloudwatch").list_dashboards()["DashboardEntries"]],
        "log groups": [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]],
        "parameters": [one["Name"] for one in client("ssm").describe_parameters()["Parameters"]],
        "rules": [one["Name"] for one in client("events").list_rules()["Rules"]],
        "state machines": [one["name"] for one in states.list_state_machines()["stateMachines"]],
    }
    return {kind: sorted(names) for kind, names in found.items() if names}


# --- one check for each type: a new type in the template fails until it has one ---------------------------------------


def _bucket(client: Client, name: str, said: Properties) -> None:
    s3 = client("s3")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert blocked == said["PublicAccessBlockConfiguration"]
    owners = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert owners == said["OwnershipControls"]


def _bucket_policy(client: Client, name: str, said: Properties) -> None:
    policy = json.loads(client("s3").get_bucket_policy(Bucket=name.removesuffix("-policy"))["Policy"])
    assert _sids(policy) == _sids(said["PolicyDocument"])


def _table(client: Client, name: str, said: Properties) -> None:
    table = client("dynamodb").describe_table(TableName=name)["Table"]
    assert table["KeySchema"] == said["KeySchema"]
    [index] = table["GlobalSecondaryIndexes"]
    [wanted] = said["GlobalSecondaryIndexes"]
    assert {key: index[key] for key in wanted} == wanted
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is said["DeletionProtectionEnabled"] is True


def _role(client: Client, name: str, said: Properties) -> None:
    iam = client("iam")
    role = iam.get_role(RoleName=name)["Role"]
    assert _sids(role["AssumeRolePolicyDocument"]) == _sids(said["AssumeRolePolicyDocument"])
    for policy in said["Policies"]:
        inline = iam.get_role_policy(RoleName=name, PolicyName=policy["PolicyName"])["PolicyDocument"]
        assert _sids(inline) == _sids(policy["PolicyDocument"])
    assert len(iam.list_role_policies(RoleName=name)["PolicyNames"]) == len(said["Policies"])


def _function(client: Client, name: str, said: Properties) -> None:
    found = client("lambda").get_function_configuration(FunctionName=name)
    for key in ("Handler", "Runtime", "Architectures", "MemorySize", "Timeout"):
        assert found[key] == said[key], key
    assert found["Role"].startswith(f"arn:aws:iam::{HUB}:role/")
    assert found["Environment"]["Variables"].keys() == said["Environment"]["Variables"].keys()
    assert found["LoggingConfig"]["LogGroup"] == said["LoggingConfig"]["LogGroup"]
    assert found["TracingConfig"] == said["TracingConfig"]


def _invocations(client: Client, name: str, said: Properties) -> None:
    function, _, qualifier = name.partition(":")
    found = client("lambda").get_function_event_invoke_config(FunctionName=function, Qualifier=qualifier)
    for key in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds"):
        assert found[key] == said[key]


def _log_group(client: Client, name: str, said: Properties) -> None:
    groups = client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    [group] = [one for one in groups if one["logGroupName"] == name]
    assert group["retentionInDays"] == said["RetentionInDays"]


def _schedule(client: Client, name: str, said: Properties) -> None:
    found = client("scheduler").get_schedule(Name=name)
    target, wanted = found["Target"], said["Target"]
    assert found["State"] == said["State"]
    assert found["FlexibleTimeWindow"] == said["FlexibleTimeWindow"]
    assert target["Arn"] == wanted["Arn"].replace(ACCOUNT, HUB).replace(ANY_REGION, REGION)
    assert target["RetryPolicy"] == wanted["RetryPolicy"]
    assert ("DeadLetterConfig" in target) is ("DeadLetterConfig" in wanted)
    assert json.loads(target.get("Input") or "{}").keys() == json.loads(wanted.get("Input") or "{}").keys()


def _queue(client: Client, url: str, said: Properties) -> None:
    found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert int(found["MessageRetentionPeriod"]) == said["MessageRetentionPeriod"]
    assert found["ApproximateNumberOfMessages"] == "0"


def _queue_policy(client: Client, name: str, said: Properties) -> None:
    del name
    [url] = client("sqs").list_queues()["QueueUrls"]
    found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    assert _sids(json.loads(found["Policy"])) == _sids(said["PolicyDocument"])


def _subscription(client: Client, arn: str, said: Properties) -> None:
    del arn  # of an address that did not confirm it yet, AWS tells none
    [found] = client("sns").list_subscriptions()["Subscriptions"]
    assert (found["Protocol"], found["Endpoint"]) == (said["Protocol"], said["Endpoint"])


def _topic(client: Client, arn: str, said: Properties) -> None:
    assert client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == said["DisplayName"]


def _topic_policy(client: Client, name: str, said: Properties) -> None:
    del name
    [topic] = client("sns").list_topics()["Topics"]
    found = client("sns").get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
    assert _sids(json.loads(found["Policy"])) == _sids(said["PolicyDocument"])


def _alarm(client: Client, name: str, said: Properties) -> None:
    [found] = client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    [topic] = client("sns").list_topics()["Topics"]
    assert found["AlarmActions"] == [topic["TopicArn"]]
    for key in ("ComparisonOperator", "Threshold", "EvaluationPeriods", "TreatMissingData", "MetricName", "Namespace"):
        assert key not in said or found[key] == said[key], key
    # "no sweep" rests as long as the schedules do
    assert found["ActionsEnabled"] == said.get("ActionsEnabled", True)


def _dashboard(client: Client, name: str, said: Properties) -> None:
    found = json.loads(client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])
    assert len(found["widgets"]) == len(json.loads(said["DashboardBody"])["widgets"])


def _state_machine(client: Client, arn: str, said: Properties) -> None:
    found = client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    assert (found["status"], found["type"]) == ("ACTIVE", "STANDARD")
    definition, wanted = json.loads(found["definition"]), json.loads(said["DefinitionString"])
    assert definition["States"].keys() == wanted["States"].keys()
    assert "${" not in found["definition"]


def _rule(client: Client, name: str, said: Properties) -> None:
    events = client("events")
    wanted_pattern = json.loads(json.dumps(said["EventPattern"]).replace(ACCOUNT, HUB))
    assert json.loads(events.describe_rule(Name=name)["EventPattern"]) == wanted_pattern
    [target], [wanted] = events.list_targets_by_rule(Rule=name)["Targets"], said["Targets"]
    assert target["Arn"] == f"arn:aws:lambda:{REGION}:{HUB}:function:stop-orchestrator-step"
    assert target["InputTransformer"] == wanted["InputTransformer"]


def _permission(client: Client, name: str, said: Properties) -> None:
    del name
    policy = json.loads(client("lambda").get_policy(FunctionName="stop-orchestrator-step")["Policy"])
    [statement] = policy["Statement"]
    assert (statement["Action"], statement["Principal"]) == (said["Action"], {"Service": said["Principal"]})


def _sids(document: Mapping[str, Any]) -> list[str]:
    return [one["Sid"] for one in document["Statement"]]


CHECKS: Mapping[str, Callable[[Client, str, Properties], None]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::DynamoDB::Table": _table,
    "AWS::Events::Rule": _rule,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::EventInvokeConfig": _invocations,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::Permission": _permission,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::StepFunctions::StateMachine": _state_machine,
}
