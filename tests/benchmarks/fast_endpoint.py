"""A made-up AWS that answers at once: one organization, with so many instances in each target. A process of its own.

`python -m tests.benchmarks.fast_endpoint ACCOUNTS REGIONS INSTANCES` prints its port; it ends when its stdin closes.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from urllib.parse import parse_qs

MANAGEMENT = "999999999999"
ROOT = {"Id": "r-root", "Arn": f"arn:aws:organizations::{MANAGEMENT}:root/o-benchmark00/r-root", "Name": "Root"}
OU = {"Id": "ou-root-aaaaaaaa", "Arn": "arn:aws:organizations::x:ou/o-benchmark00/ou-root-aaaaaaaa", "Name": "Dev"}
REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1"),
    *("ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2"),
)
SCOPE = re.compile(r"Credential=(\w+)/\d+/([\w-]+)/")
XML = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'


class FastAws:
    def __init__(self, accounts: int, regions: int, instances: int) -> None:
        self.ids = [f"i-{number:017x}" for number in range(instances)]
        self.stopped: set[tuple[str, str]] = set()
        """By who asked where (account and region), and id."""
        self.accounts = [
            {"Id": f"{number:012d}", "Name": f"account-{number}", "Status": "ACTIVE", "State": "ACTIVE"}
            for number in range(1, accounts + 1)
        ]
        items = "".join(
            f"<item><regionName>{name}</regionName><optInStatus>opt-in-not-required</optInStatus></item>"
            for name in REGIONS[:regions]
        )
        self.regions = f"<DescribeRegionsResponse {XML}><regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
        self.calls: dict[str, int] = {}

    def answer(self, target: str, scope: str, body: bytes) -> tuple[str, str]:
        """`scope`: the key and the region of the signature."""
        if target:
            operation = target.rpartition(".")[2]
            return self._count(
                operation, "application/x-amz-json-1.1", self._organizations(operation, json.loads(body))
            )
        form = parse_qs(body.decode())
        operation = form.get("Action", ["Calls"])[0]
        if operation == "Calls":
            return "application/json", json.dumps(self.calls)
        return self._count(operation, "text/xml", self._query(operation, form, scope))

    def _count(self, operation: str, kind: str, text: str) -> tuple[str, str]:
        self.calls[operation] = self.calls.get(operation, 0) + 1
        return kind, text

    def _query(self, operation: str, form: dict[str, list[str]], scope: str) -> str:
        if operation == "AssumeRole":
            return self._assumed(form["RoleArn"][0])
        if operation == "DescribeRegions":
            return self.regions
        if operation == "CreateTags":
            return (
                f"<CreateTagsResponse {XML}><requestId>a-request</requestId><return>true</return></CreateTagsResponse>"
            )
        if operation == "DescribeInstanceTypes":
            item = "<instanceType>t3.micro</instanceType><instanceStorageSupported>false</instanceStorageSupported>"
            text = f"<instanceTypeSet><item>{item}</item></instanceTypeSet>"
            return f"<DescribeInstanceTypesResponse {XML}>{text}</DescribeInstanceTypesResponse>"
        if operation == "StopInstances":
            return self._stop(_numbered(form, "InstanceId"), scope)
        return self._described(form, scope)

    def _described(self, form: dict[str, list[str]], scope: str) -> str:
        """By id as they are; a list of what runs begins anew, since a bare loop comes back as another account."""
        ids = self.ids
        if form["Filter.1.Name"] == ["instance-id"]:
            ids = _numbered(form, "Filter.1.Value")
        else:
            self.stopped.difference_update((scope, one) for one in ids)
        items = "".join(_instance(one, "stopped" if (scope, one) in self.stopped else "running") for one in ids)
        owner = scope[len("ASIA") :][:12]  # the account, as _assumed puts it into the key
        reservations = f"<item><ownerId>{owner}</ownerId><instancesSet>{items}</instancesSet></item>" if items else ""
        text = f"<reservationSet>{reservations}</reservationSet>"
        return f"<DescribeInstancesResponse {XML}>{text}</DescribeInstancesResponse>"

    def _stop(self, ids: list[str], scope: str) -> str:
        self.stopped.update((scope, one) for one in ids)
        items = "".join(
            f"<item><instanceId>{one}</instanceId><currentState><code>64</code><name>stopping</name></currentState>"
            "<previousState><code>16</code><name>running</name></previousState></item>"
            for one in ids
        )
        return f"<StopInstancesResponse {XML}><instancesSet>{items}</instancesSet></StopInstancesResponse>"

    def _assumed(self, role_arn: str) -> str:
        """Another key each time: sweeps at the same time see only what they stopped themselves."""
        account, number = role_arn.split(":")[4], self.calls.get("AssumeRole", 0)
        return (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"<AccessKeyId>ASIA{account}{number:06}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
            "<SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
            f"<AssumedRoleUser><Arn>{role_arn}</Arn><AssumedRoleId>A:b</AssumedRoleId></AssumedRoleUser>"
            "</AssumeRoleResult></AssumeRoleResponse>"
        )

    def _organizations(self, operation: str, asked: dict[str, str]) -> str:
        at_root = asked.get("ParentId") == ROOT["Id"]
        if operation == "ListAccountsForParent":
            return json.dumps(self._page_of([] if at_root else self.accounts, asked))
        answers: dict[str, dict[str, object]] = {
            "ListAccounts": self._page_of(self.accounts, asked),
            "ListRoots": {"Roots": [ROOT]},
            "ListOrganizationalUnitsForParent": {"OrganizationalUnits": [OU] if at_root else []},
            "ListTagsForResource": {"Tags": []},
        }
        return json.dumps(answers[operation])

    def _page_of(self, accounts: list[dict[str, str]], asked: dict[str, str]) -> dict[str, object]:
        start = int(asked.get("NextToken", "0"))
        more = {"NextToken": str(start + 20)} if start + 20 < len(accounts) else {}
        return {"Accounts": accounts[start : start + 20], **more}


def _numbered(form: dict[str, list[str]], name: str) -> list[str]:
    return [form[f"{name}.{number}"][0] for number in range(1, 51) if f"{name}.{number}" in form]


def _instance(instance_id: str, state: str) -> str:
    return (
        f"<item><instanceId>{instance_id}</instanceId><instanceState><name>{state}</name></instanceState>"
        "<instanceType>t3.micro</instanceType><rootDeviceType>ebs</rootDeviceType>"
        "<launchTime>2026-11-01T08:00:00Z</launchTime>"
        "<tagSet><item><key>Environment</key><value>dev</value></item></tagSet></item>"
    )


class Connection(asyncio.Protocol):
    def __init__(self, aws: FastAws) -> None:
        self.aws = aws
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (request := self._take()) is not None:
            kind, text = self.aws.answer(*request)
            body = text.encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
            self.transport.write(head.encode() + body)

    def _take(self) -> tuple[str, str, bytes] | None:
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        lines = (line.split(b":", 1) for line in head.split(b"\r\n")[1:])
        headers = {name.lower(): value for name, value in lines}
        length = int(headers.get(b"content-length", b"0"))
        if len(rest) < length:
            return None
        self.buffer = rest[length:]
        target = headers.get(b"x-amz-target", b"").strip().decode()
        signed = SCOPE.search(headers.get(b"authorization", b"").decode())
        return target, "/".join(signed.groups()) if signed else "", rest[:length]


async def serve(accounts: int, regions: int, instances: int) -> None:
    aws = FastAws(accounts, regions, instances)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(aws), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
