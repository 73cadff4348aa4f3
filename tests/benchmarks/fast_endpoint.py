"""A made-up AWS that answers at once: one organization of empty accounts. Runs as a process of its own.

`python -m tests.benchmarks.fast_endpoint ACCOUNTS REGIONS` prints its port; it ends when its stdin closes.
"""

from __future__ import annotations

import asyncio
import json
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
XML = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'


class FastAws:
    def __init__(self, accounts: int, regions: int) -> None:
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

    def answer(self, target: str, body: bytes) -> tuple[str, str]:
        if target:
            operation = target.rpartition(".")[2]
            return self._count(
                operation, "application/x-amz-json-1.1", self._organizations(operation, json.loads(body))
            )
        form = parse_qs(body.decode())
        operation = form.get("Action", ["Calls"])[0]
        if operation == "Calls":
            return "application/json", json.dumps(self.calls)
        return self._count(operation, "text/xml", self._query(operation, form))

    def _count(self, operation: str, kind: str, text: str) -> tuple[str, str]:
        self.calls[operation] = self.calls.get(operation, 0) + 1
        return kind, text

    def _query(self, operation: str, form: dict[str, list[str]]) -> str:
        if operation == "AssumeRole":
            return self._assumed(form["RoleArn"][0])
        if operation == "DescribeRegions":
            return self.regions
        return f"<DescribeInstancesResponse {XML}><reservationSet/></DescribeInstancesResponse>"

    def _assumed(self, role_arn: str) -> str:
        account = role_arn.split(":")[4]
        return (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"<AccessKeyId>ASIA{account}AAAA</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
            "<SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
            f"<AssumedRoleUser><Arn>{role_arn}</Arn><AssumedRoleId>A:b</AssumedRoleId></AssumedRoleUser>"
            "</AssumeRoleResult></AssumeRoleResponse>"
        )

    def _organizations(self, operation: str, asked: dict[str, str]) -> str:
        at_root = asked.get("ParentId") == ROOT["Id"]
        if operation == "ListAccountsForParent":
            start = int(asked.get("NextToken", "0"))
            page = [] if at_root else self.accounts[start : start + 20]
            more = not at_root and start + 20 < len(self.accounts)
            return json.dumps({"Accounts": page, **({"NextToken": str(start + 20)} if more else {})})
        answers: dict[str, dict[str, object]] = {
            "ListRoots": {"Roots": [ROOT]},
            "ListOrganizationalUnitsForParent": {"OrganizationalUnits": [OU] if at_root else []},
            "ListTagsForResource": {"Tags": []},
        }
        return json.dumps(answers[operation])


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

    def _take(self) -> tuple[str, bytes] | None:
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        headers = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
        length = int(headers.get(b"content-length", b"0"))
        if len(rest) < length:
            return None
        self.buffer = rest[length:]
        lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"x-amz-target:")]
        return (lines[0].split(b":", 1)[1].strip().decode() if lines else "", rest[:length])


async def serve(accounts: int, regions: int) -> None:
    aws = FastAws(accounts, regions)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(aws), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
