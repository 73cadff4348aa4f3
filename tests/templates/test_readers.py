"""Reports that other accounts read: the bucket's policy and the key's, decided as IAM decides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cloudformation import ORGANIZATION, READERS, policy_documents, resolved, template

ROLE, ROOT = READERS.split(",")


def policy_of(name: str, resource: str, **parameters: str) -> dict[str, dict[str, Any]]:
    """The statements by their names."""
    [(_, document)] = policy_documents(resolved(name, **parameters)["Resources"][resource])
    return {one["Sid"]: one for one in document["Statement"]}


def test_nobody_else_reads_the_reports_unless_named() -> None:
    assert set(policy_of("hub", "ReportBucketPolicy")) == {"RefuseInsecureTransport"}
    assert "LetReadersDecrypt" not in policy_of("key", "Key")


def test_readers_get_the_reports_of_the_bucket_and_nothing_beside_them() -> None:
    statements = policy_of("hub", "ReportBucketPolicy", ReportReaderArns=READERS)
    read, listing = statements["LetReadersRead"], statements["LetReadersList"]
    assert (read["Action"], listing["Action"]) == ("s3:GetObject", "s3:ListBucket")
    assert read["Resource"] == ["arn:aws:s3:::reportbucket/sweeps/*", "arn:aws:s3:::reportbucket/index/*"]
    assert listing["Condition"]["StringLike"] == {"s3:prefix": ["sweeps/", "sweeps/*", "index/", "index/*"]}
    for one in (read, listing):
        assert one["Principal"] == {"AWS": [ROLE, ROOT]}
        assert one["Condition"]["StringEquals"] == {"aws:PrincipalOrgID": ORGANIZATION}


def test_the_key_lets_the_same_readers_decrypt_by_way_of_s3_alone() -> None:
    decrypt = policy_of("key", "Key", ReportReaderArns=READERS)["LetReadersDecrypt"]
    assert (decrypt["Action"], decrypt["Principal"]) == ("kms:Decrypt", {"AWS": [ROLE, ROOT]})
    assert decrypt["Condition"]["StringEquals"] == {
        "aws:PrincipalOrgID": ORGANIZATION,
        "kms:ViaService": "s3.eu-central-1.amazonaws.com",
    }


def test_both_templates_take_the_same_readers() -> None:
    """One line of deploy.env does for both."""
    hub, key = (template(name)["Parameters"]["ReportReaderArns"] for name in ("hub", "key"))
    assert {**hub, "Description": ""} == {**key, "Description": ""}


@pytest.mark.parametrize(
    ("principal", "sid"),
    [("logs.eu-central-1.amazonaws.com", "LetLogsEncrypt"), ("cloudwatch.amazonaws.com", "LetAlarmsEncrypt")],
)
def test_the_key_serves_what_the_hub_encrypts_with_it_beside_its_own_role(principal: str, sid: str) -> None:
    assert policy_of("key", "Key")[sid]["Principal"] == {"Service": principal}


def test_readers_without_a_key_of_your_own_are_refused_by_cloudformation() -> None:
    rule = template("hub")["Rules"]["ReadersNeedKey"]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ReportReaderArns"}, ""]}]}
    [assertion] = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "KmsKeyArn"}, ""]}]}


def test_what_each_sweep_overwrites_of_the_index_is_deleted_the_next_day() -> None:
    rules = resolved("hub")["Resources"]["ReportBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    [rule] = [one for one in rules if one.get("Prefix") == "index/"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_the_hub_reads_and_writes_its_index_and_deletes_nothing_of_it() -> None:
    documents = policy_documents(resolved("hub")["Resources"]["HubRole"])
    [index] = [one for _, document in documents for one in document["Statement"] if one["Sid"] == "ReadAndWriteIndex"]
    assert sorted(index["Action"]) == ["s3:GetObject", "s3:PutObject"]
    assert index["Resource"] == "arn:aws:s3:::reportbucket/index/*"
