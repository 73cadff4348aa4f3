"""The bucket that CloudFormation and Lambda fetch the zip, the hub's template and the member role's from.

A key names its content by its SHA-256: what is there already is what would be uploaded, and an upgrade is a new key.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from cloudformation.regions import dns_suffix
from cloudformation.stacks import DeployError
from orchestrator.aws.pages import CONTINUATION_TOKEN, each_page

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Artifact:
    """What is to be uploaded, and under which key."""

    key: str
    content: bytes

    @classmethod
    def of(cls, folder: str, name: str, content: bytes) -> Artifact:
        """`name` is like `member-role.yaml`; the digest comes before its extension."""
        stem, _, extension = name.rpartition(".")
        return cls(f"{folder}/{stem}-{hashlib.sha256(content).hexdigest()}.{extension}", content)


def default_bucket(account_id: str, region: str) -> str:
    """The name of the one that is made where the file names none."""
    return f"stop-orchestrator-artifacts-{account_id}-{region}"


class ArtifactBucket:
    """One that this command makes and deletes itself, or an `existing` one, which is left as it is.

    The owner is asked for with every call, for the name can be guessed.
    """

    def __init__(self, session: boto3.Session, account_id: str, existing: str | None) -> None:
        self._client: S3Client = session.client("s3")
        self._region = session.region_name
        self._owner: dict[str, Any] = {"ExpectedBucketOwner": account_id}
        self._partition = session.get_partition_for_region(self._region)
        self._made = False
        self._uploaded: list[dict[str, Any]] = []
        self.ours = existing is None
        self.name = existing or default_bucket(account_id, self._region)

    def url(self, key: str) -> str:
        """The address by which CloudFormation fetches the object."""
        return f"https://{self.name}.s3.{self._region}.{dns_suffix(self._region)}/{key}"

    def upload(self, artifact: Artifact) -> bool:
        """Whether it was not there yet."""
        self._make()
        if self._has("head_object", Key=artifact.key):
            return False
        put = self._client.put_object(Bucket=self.name, Key=artifact.key, Body=artifact.content, **self._owner)
        version = put.get("VersionId")
        self._uploaded.append({"Key": artifact.key, **({"VersionId": version} if version else {})})
        return True

    def take_back(self) -> bool:
        """Deletes what this object uploaded, and the bucket where it made it and nothing else is in it.

        Whether there was anything.
        """
        left_traces = self._made or bool(self._uploaded)
        while self._uploaded:
            # With its version, or a bucket that keeps versions would keep this one.
            self._client.delete_object(Bucket=self.name, **self._uploaded.pop(), **self._owner)
        if self._made and not self._client.list_objects_v2(Bucket=self.name, MaxKeys=1, **self._owner)["KeyCount"]:
            self._client.delete_bucket(Bucket=self.name, **self._owner)
        self._made = False
        return left_traces

    def delete(self) -> bool:
        """With all that is in it; whether there was one of ours."""
        if not self.ours or not self._has("head_bucket"):
            return False
        ask = partial(self._client.list_objects_v2, Bucket=self.name, **self._owner)
        for page in each_page("s3:ListObjectsV2", ask, CONTINUATION_TOKEN):
            keys: Any = [{"Key": found["Key"]} for found in page.get("Contents", ())]
            if keys:
                self._client.delete_objects(Bucket=self.name, Delete={"Objects": keys, "Quiet": True}, **self._owner)
        self._client.delete_bucket(Bucket=self.name, **self._owner)
        return True

    def _make(self) -> None:
        if self._has("head_bucket"):
            return
        if not self.ours:
            raise DeployError(f"there is no bucket {self.name}; leave ArtifactBucket out to have one made")
        where: Any = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        self._client.create_bucket(Bucket=self.name, **({} if self._region == "us-east-1" else where))
        self._made = True
        self._client.put_public_access_block(
            Bucket=self.name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
            **self._owner,
        )
        if self._speaks_tls():
            self._client.put_bucket_policy(Bucket=self.name, Policy=json.dumps(self._tls_only()), **self._owner)

    def _speaks_tls(self) -> bool:
        """AWS always; an emulator may not, and the rule would lock this command out of its own bucket."""
        return self._client.meta.endpoint_url.startswith("https://")

    def _tls_only(self) -> dict[str, Any]:
        arn = f"arn:{self._partition}:s3:::{self.name}"
        statement = {
            "Sid": "RefuseWhatIsNotEncryptedInTransit",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return {"Version": "2012-10-17", "Statement": [statement]}

    def _has(self, operation: str, **arguments: str) -> bool:
        try:
            getattr(self._client, operation)(Bucket=self.name, **arguments, **self._owner)
        except ClientError as refused:
            status = refused.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404:  # noqa: PLR2004 - HEAD has no error code in its answer
                return False
            if operation == "head_bucket" and status == 403:  # noqa: PLR2004 - the same
                raise DeployError(
                    f"the bucket {self.name} is not this account's, or these credentials may not use it; "
                    "name another one as ArtifactBucket"
                ) from refused
            raise
        return True
