"""A local store with some sweeps in it, made by the real flow on a world in memory; its names and tags are hostile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NoReturn

from orchestrator.app import load_policy_text, stored_kinds
from orchestrator.console.site import Site
from orchestrator.core.model import Account, Mode, Target
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from orchestrator.ledger.lease import Leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.read_only import ReadOnlyItems
from orchestrator.local.folder_index_store import LocalIndexStore
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.local.sqlite_items import SqliteItems
from orchestrator.ports import Stores, World
from orchestrator.sweep.run import run_sweep
from tests.support.builders import AT, REGION, a_policy, a_resource, an_account
from tests.support.fake_world import FakeWorld, unreadable

HOSTILE = "<img src=x onerror=alert(1)>"
TURNED = "abc\u202edcba"
POLICY = """
rules:
  - {name: dev, where: {tag: {Environment: dev}}}
required_tags: [CostCenter]
opt_out: {max_days: 90}
"""
ACCOUNT, DENIED = "111111111111", "000000000042"
STOPPED, SPARED = "i-00000000000000001", "i-00000000000000002"


def sweep_id(number: int, begins: datetime = AT) -> str:
    return f"{begins + timedelta(days=number):%Y%m%dT%H%M%SZ}-{number:06x}"


def stored_world(directory: Path, at: datetime = AT) -> World:
    """One account with an instance that is stopped, one that is spared and one without a rule; one that is denied."""
    named: Account = replace(an_account(ACCOUNT, "/Workloads/Dev"), name=HOSTILE)
    denied = replace(an_account(DENIED, "/Labs"), name="=HYPERLINK(1)")
    fake = FakeWorld(accounts=(named, denied), at=at)
    until = f"{at + timedelta(days=5):%Y-%m-%d}"
    target = Target(named.id, REGION)
    tags = {"Environment": "dev", "Name": HOSTILE, "Owner": TURNED}
    fake.resources[target] = (
        a_resource(STOPPED, tags=tags),
        a_resource(SPARED, tags={**tags, OPT_OUT_TAG: until, f"{OPT_OUT_TAG}-reason": HOSTILE}),
        a_resource("i-00000000000000003", tags={"Environment": "=cmd|'/c calc'!A1"}),
    )
    fake.binds[denied.id] = unreadable("AccessDenied", HOSTILE, "sts:AssumeRole")
    ledger = Ledger(SqliteItems(directory), lambda: at)
    store, index = LocalReportStore(directory), LocalIndexStore(directory)
    return replace(fake.world(), store=store, ledger=ledger, index=index)


def store_sweeps(directory: Path, count: int = 1, mode: Mode = Mode.ENFORCE) -> list[str]:
    """So many, a day apart, each by the whole flow; their ids, the oldest first."""
    ids = [sweep_id(number) for number in range(count)]
    for number, one in enumerate(ids):
        world = stored_world(directory, AT + timedelta(days=number))
        document, _ = run_sweep(world, a_policy(POLICY), one, mode)
        assert document["status"] == "incomplete"
    return ids


def site_of(directory: Path) -> Site:
    """The console's pages over that store; it fails where it would write."""
    ledger = Ledger(ReadOnlyItems(SqliteItems(directory)), lambda: AT)
    store = LocalReportStore(directory)
    stores = Stores(store, ledger, Leases(ledger, lambda: AT), _never, partial(load_policy_text, stored=True), _never)
    return Site(stores, LocalIndexStore(directory), stored_kinds())


def _never(*_: object) -> NoReturn:
    raise AssertionError("the console only reads")
