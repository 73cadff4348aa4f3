"""The made-up AWS is worth measuring against only where it answers as AWS does: what a ledger and its meter rest on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.aws.clients import Clients
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.aws.organizations import OrganizationReader
from orchestrator.aws.s3_report_store import S3ReportStore
from orchestrator.core.model import AccountId
from orchestrator.errors import ReportStoreError
from orchestrator.ledger.items import Absent, Equals, Items, Put
from tests.benchmarks.endpoint.dynamodb import DynamoAnswers
from tests.benchmarks.endpoint.http import Connection
from tests.benchmarks.endpoint.server import Asked, Aws, make_aws
from tests.benchmarks.endpoint.shape import Shape
from tests.ledger.test_items_contract import *  # noqa: F403 - one contract for this table too
from tests.support.builders import AT

pytestmark = pytest.mark.full
SWEEP = "20261123T190000Z-7f3a9c"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Aws, int]]:
    """A small one in a thread, and its port."""
    aws, loop = make_aws(Asked(accounts=10)), asyncio.new_event_loop()
    connections: list[Connection] = []

    def connect() -> Connection:
        connections.append(Connection(aws.answer, 0.0))
        return connections[-1]

    server = loop.run_until_complete(loop.create_server(connect, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield aws, server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    for one in connections:
        assert one.transport is not None
        one.transport.abort()
    server.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert aws.failures == []


@pytest.fixture
def clients(served: tuple[Aws, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{served[1]}")
    clients = Clients()
    yield clients
    for made in clients._made.values():
        made.close()


@pytest.fixture
def meter(served: tuple[Aws, int]) -> DynamoAnswers:
    """Of an empty table."""
    served[0].dynamodb = DynamoAnswers()
    return served[0].dynamodb


@pytest.fixture
def table(clients: Clients, meter: DynamoAnswers) -> Items:
    del meter
    return DynamoItems(clients.dynamodb(), "sweeps")


def item(sk: str, **values: Any) -> dict[str, Any]:
    return {"PK": "SWEEP#x", "SK": sk, **values}


def test_a_write_takes_a_unit_for_each_begun_kilobyte(table: Items, meter: DynamoAnswers) -> None:
    table.put(item("a"))
    assert meter.units["write"] == 1
    table.put(item("b", text="x" * 1024))
    assert meter.units["write"] == 3
    table.put(item("b"))  # the larger of before and after
    assert meter.units["write"] == 5


def test_a_refused_condition_takes_units_too(table: Items, meter: DynamoAnswers) -> None:
    assert not table.update(("SWEEP#x", "a"), {"status": "s"})
    table.put(item("a"))
    assert not table.put(item("a"), Absent())
    assert meter.units["write"] == 3


def test_a_transaction_takes_double(table: Items, meter: DynamoAnswers) -> None:
    table.write_all([Put(item("a"), Absent(), (item("b"),))])
    assert meter.units["write"] == 4


def test_the_index_takes_a_unit_for_each_change_of_an_item_in_it(table: Items, meter: DynamoAnswers) -> None:
    indexed = {"GSI1PK": "RESOURCE#x", "GSI1SK": "s"}
    table.put(item("a", **indexed))
    assert meter.units["write"] == 2
    table.update(("SWEEP#x", "a"), {"status": "s"})
    assert meter.units["write"] == 4
    table.update(("SWEEP#x", "a"), {"status": "s"})  # which changes nothing
    assert meter.units["write"] == 5
    table.update(("SWEEP#x", "a"), {"GSI1SK": "t"})  # out of one place of the index and into another
    assert meter.units["write"] == 8
    assert [one["SK"] for one in table.query_index("RESOURCE#x", "t")] == ["a"]
    assert table.query_index("RESOURCE#x", "s") == []


def test_a_read_takes_a_unit_for_four_kilobytes_and_half_of_it_from_the_index(
    table: Items, meter: DynamoAnswers
) -> None:
    table.put(item("a", GSI1PK="R", GSI1SK="s", text="x" * 5000))
    table.get(("SWEEP#x", "a"))
    assert meter.units["read half"] == 4
    table.query_index("R")
    assert meter.units["read half"] == 6


def test_of_a_transaction_with_one_refusal_the_rest_is_written_by_the_next(table: Items) -> None:
    table.put(item("a", status="s"))
    refused = table.write_all([Put(item("a"), Equals("status", "other")), Put(item("b"), Absent())])
    assert refused == {0}
    assert table.get(("SWEEP#x", "b")) == item("b")
    assert table.get(("SWEEP#x", "a")) == item("a", status="s")


def test_the_organization_is_read_whole(clients: Clients) -> None:
    reader = OrganizationReader(clients, lambda: AT)
    organization = reader.read()
    assert [one.id for one in organization.accounts] == [*Shape(10).account_ids, "999999999999"]
    assert organization.management_account_id == AccountId("999999999999")
    assert organization.accounts[0].organizational_units[-1].path == "/Workloads/Dev"
    assert reader.read_own_tags(organization.accounts[0]).tags["Owner"] == "team@example.com"


def test_a_file_is_written_once(clients: Clients) -> None:
    store = S3ReportStore(clients.s3(), "reports")
    store.check(SWEEP)
    store.put(SWEEP, "report.json", b"{}")
    store.put(SWEEP, "report.json", b"{}")
    with pytest.raises(ReportStoreError, match="PreconditionFailed"):
        store.put(SWEEP, "report.json", b"{other}")
    assert store.read(SWEEP, "report.json") == b"{}"
    assert store.find(SWEEP, "plan.json") is None
    assert [*store.list_files(SWEEP)] == [f"sweeps/dt=2026-11-23/sweep={SWEEP}/report.json"]


def test_the_organization_has_the_shape_that_the_tables_tell() -> None:
    shape = Shape(1000)
    filled = [*shape.filled()]
    assert (shape.targets, len(filled), shape.running, shape.stops) == (17_000, 1_600, 27_200, 2_000)
