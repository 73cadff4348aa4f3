"""`verify` by the command line, over a local folder and over the hub's bucket and table: what it finds and what not.

Everything is done to store and ledger as somebody who may write to both would do it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.report.control_characters import without_controls
from orchestrator.demo.organization import BUCKET, TABLE
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.sweeps import DEV_RULE

STORE = Path(".stop-orchestrator")
pytestmark = pytest.mark.full
"""Each example by itself, on plain values: tests/sweep/test_verify.py."""


class Folder:
    """A local store, and the ledger beside it."""

    anchor = "file:anchor"

    def stored(self) -> list[str]:
        return sorted(path.relative_to(STORE).as_posix() for path in STORE.glob("sweeps/**/*") if path.is_file())

    def get(self, key: str) -> bytes:
        return (STORE / key).read_bytes()

    def put(self, key: str, content: bytes) -> None:
        (STORE / key).parent.mkdir(parents=True, exist_ok=True)
        (STORE / key).write_bytes(content)

    def delete(self, key: str) -> None:
        path = STORE / key
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()

    def add_what_no_sweep_accounts_for(self, sweep_id: str) -> list[tuple[str, str]]:
        """Also what a sweep makes, of sweeps that were."""
        for folder in ("sweeps/dt=2026-01-01", folder_of(ADDED), f"{folder_of(sweep_id)}/deep/er", "sweeps/dt=x/y"):
            (STORE / folder).mkdir(parents=True)
        (STORE / "sweeps/link").symlink_to("/etc")
        (STORE / folder_of(sweep_id) / "linked.json").symlink_to("report.json")
        for name in ("\x1b[2J\x9b31m\u202e", ".evil.part"):
            (STORE / "sweeps" / name).touch()
        folders = ["sweeps/dt=2026-01-01/", f"{folder_of(ADDED)}/", "sweeps/dt=x/y/"]
        strays = [*folders, "sweeps/link", "sweeps/\x1b[2J\x9b31m\u202e", "sweeps/.evil.part"]
        return [*(("", key) for key in strays), (sweep_id, "deep/er/"), (sweep_id, "linked.json")]

    def remove_what_was_added(self) -> None:
        for path in sorted((STORE / "sweeps").rglob("*"), reverse=True):
            if path.is_symlink():
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()

    def items(self) -> list[dict[str, Any]]:
        with sqlite3.connect(STORE / "ledger.sqlite") as connection:
            return [json.loads(body) for (body,) in connection.execute("SELECT body FROM items")]

    def put_item(self, item: dict[str, Any]) -> None:
        with sqlite3.connect(STORE / "ledger.sqlite") as connection:
            connection.execute(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?)", (item["PK"], item["SK"], json.dumps(item))
            )

    def delete_item(self, pk: str, sk: str) -> None:
        with sqlite3.connect(STORE / "ledger.sqlite") as connection:
            connection.execute("DELETE FROM items WHERE pk = ? AND sk = ?", (pk, sk))


class HubStores:
    """The embedded S3 and DynamoDB, by a client of somebody else."""

    anchor = "/stop-orchestrator/anchor"

    def __init__(self, organization: OrganizationBuilder) -> None:
        self._s3 = organization.client("s3")
        self._table = organization.client("dynamodb")

    def stored(self) -> list[str]:
        return [one["Key"] for one in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def get(self, key: str) -> bytes:
        content: bytes = self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def put(self, key: str, content: bytes) -> None:
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self._s3.delete_object(Bucket=BUCKET, Key=key)

    def add_what_no_sweep_accounts_for(self, sweep_id: str) -> list[tuple[str, str]]:
        strays = ["sweeps/", "sweeps/dt=2026-01-01/", f"{folder_of(sweep_id)}/", f"{folder_of(ADDED)}/.writable"]
        strays += ["sweeps//", "sweeps/dt=x/y", "sweeps/\x1b[2J\u202e", "sweeps/.hidden"]
        mine = ["/report.json", "work/", ".abc_1234.part"]
        for key in (*strays, *(f"{folder_of(sweep_id)}/{name}" for name in mine)):
            self.put(key, b"")
        return [*(("", key) for key in strays), *((sweep_id, name) for name in mine)]

    def remove_what_was_added(self) -> None:
        """Objects: they are listed."""

    def items(self) -> list[dict[str, Any]]:
        found = self._table.scan(TableName=TABLE)["Items"]
        return [{name: next(iter(value.values())) for name, value in one.items()} for one in found]

    def put_item(self, item: dict[str, Any]) -> None:
        texts = {name: {"S": value} for name, value in item.items() if isinstance(value, str)}
        self._table.put_item(TableName=TABLE, Item=texts)

    def delete_item(self, pk: str, sk: str) -> None:
        self._table.delete_item(TableName=TABLE, Key={"PK": {"S": pk}, "SK": {"S": sk}})


@dataclass
class Evidence:
    """Three sweeps, and what somebody does to them."""

    at: Folder | HubStores
    ids: list[str]
    run: Run

    def lose_files(self, *sweep_ids: str) -> None:
        for key in self.at.stored():
            if any(f"/sweep={one}/" in key for one in sweep_ids):
                self.at.delete(key)

    def lose_rows(self, *sweep_ids: str) -> None:
        for one in sweep_ids:
            self.at.delete_item("SWEEPS", one)
            self.at.delete_item("CHAIN", one)

    def cut_newest(self) -> None:
        """The newest sweep goes from store and ledger, and the ledger's head is put back."""
        newest = self.ids[-1]
        [link] = [one for one in self.at.items() if (one["PK"], one["SK"]) == ("CHAIN", newest)]
        before = {"sweep_id": link["previous_sweep_id"], "sha256": link["previous_sha256"]}
        self.lose_files(newest)
        self.lose_rows(newest)
        self.at.put_item({"PK": "CHAIN", "SK": "HEAD", **before})

    def verified(self) -> Ran:
        """As JSON; the table says the same, with the same exit code."""
        ran, table = self.run("verify", "--all", "--format", "json"), self.run("verify", "--all")
        assert ran.exit_code == table.exit_code == (0 if ran.report["verified"] else 1)
        for row in ran.report["broken"]:
            assert f"{row['sweep_id']} {without_controls(row['file'])}".strip() in table.stdout
        assert not set(map(chr, (*range(10), *range(11, 32), 127, 0x9B, 0x202E))) & {*table.stdout}
        assert ("every file is as it was sealed" in table.stdout) is not bool(ran.report["broken"])
        for note in ran.report["notes"]:
            assert note in table.stdout
        return ran

    def named(self) -> list[tuple[str, str]]:
        return [(row["sweep_id"], row["file"]) for row in self.verified().report["broken"]]


@pytest.fixture(params=["a local folder", "the hub's bucket and table"])
def evidence(
    request: pytest.FixtureRequest,
    organization: OrganizationBuilder,
    healthy: str,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> Evidence:
    at: Folder | HubStores = Folder()
    if request.param != "a local folder":
        for name, value in organization.hub().items():
            monkeypatch.setenv(name, value)
        at = HubStores(organization)
    monkeypatch.setenv("STOP_ORCHESTRATOR_ANCHOR", at.anchor)
    source = policy(DEV_RULE, "eu-central-1")
    ids = [str(run("plan", "--policy", source, "--format", "json").report["sweep_id"]) for _ in range(3)]
    chain = {one["SK"]: one for one in at.items() if one["PK"] == "CHAIN"}
    order = [str(chain["HEAD"]["sweep_id"])]
    while chain[order[0]].get("previous_sweep_id"):
        order.insert(0, str(chain[order[0]]["previous_sweep_id"]))
    assert sorted(order) == sorted(ids)
    return Evidence(at, order, run)


def folder_of(sweep_id: str) -> str:
    return f"sweeps/dt={sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}/sweep={sweep_id}"


ADDED, FORGED = "20200101T000000Z-000000", "20200101T000000Z-abcdef"
Do = Callable[[Evidence], list[tuple[str, str]]]
"""Does something to the evidence; what has to be named by it."""


def add_a_file(evidence: Evidence) -> list[tuple[str, str]]:
    evidence.at.put(f"{folder_of(evidence.ids[1])}/notes.txt", b"added")
    return [(evidence.ids[1], "notes.txt")]


def add_what_no_sweep_accounts_for(evidence: Evidence) -> list[tuple[str, str]]:
    return evidence.at.add_what_no_sweep_accounts_for(evidence.ids[1])


def add_a_folder(evidence: Evidence) -> list[tuple[str, str]]:
    evidence.at.put(f"{folder_of(ADDED)}/report.json", b"{}")
    return [(ADDED, "*")]


def copy_a_folder(evidence: Evidence) -> list[tuple[str, str]]:
    """A whole sweep under another date: every hash in it is right."""
    mine = folder_of(evidence.ids[1])
    elsewhere = f"sweeps/dt=2020-01-01/sweep={evidence.ids[1]}"
    copied = [key.replace(mine, elsewhere) for key in evidence.at.stored() if key.startswith(mine)]
    for key in copied:
        evidence.at.put(key, evidence.at.get(key.replace(elsewhere, mine)))
    return [("", key) for key in sorted(copied)]


def forge_a_folder(evidence: Evidence) -> list[tuple[str, str]]:
    """With a manifest that fits its files and names the newest one, and with a record in the ledger."""
    [head] = [one for one in evidence.at.items() if (one["PK"], one["SK"]) == ("CHAIN", "HEAD")]
    previous = {"sweep_id": head["sweep_id"], "sha256": head["sha256"]}
    manifest = json.dumps({"sweep_id": FORGED, "files": {}, "previous": previous})
    evidence.at.put(f"{folder_of(FORGED)}/manifest.json", manifest.encode())
    fields = dict.fromkeys(("status", "mode", "policy_name", "started_at", "finished_at"), "2020-01-01T00:00:00Z")
    evidence.at.put_item({"PK": "SWEEPS", "SK": FORGED, **fields})
    return [(FORGED, "manifest.json")]


def change_a_file(evidence: Evidence) -> list[tuple[str, str]]:
    key = f"{folder_of(evidence.ids[2])}/coverage.csv"
    evidence.at.put(key, evidence.at.get(key) + b" ")
    return [(evidence.ids[2], "coverage.csv")]


def remove_a_file(evidence: Evidence) -> list[tuple[str, str]]:
    evidence.at.delete(f"{folder_of(evidence.ids[0])}/decisions.csv")
    return [(evidence.ids[0], "decisions.csv")]


def remove_a_folder(evidence: Evidence) -> list[tuple[str, str]]:
    evidence.lose_files(evidence.ids[1])
    return [(evidence.ids[1], "manifest.json")]


def cut_the_head(evidence: Evidence) -> list[tuple[str, str]]:
    evidence.cut_newest()
    return [(evidence.ids[-1], "manifest.json")]


AT_ONCE: tuple[Do, ...] = (copy_a_folder, add_a_file, add_a_folder, forge_a_folder, change_a_file, remove_a_file)


def test_it_names_whatever_was_done_to_evidence_and_passes_over_what_retention_removed(evidence: Evidence) -> None:
    before, items = {key: evidence.at.get(key) for key in evidence.at.stored()}, evidence.at.items()

    def restore() -> None:
        for key in evidence.at.stored():
            if key not in before:
                evidence.at.delete(key)
        for key, content in before.items():
            evidence.at.put(key, content)
        evidence.at.remove_what_was_added()
        evidence.at.delete_item("SWEEPS", FORGED)
        for item in items:
            if item["PK"] in ("SWEEPS", "CHAIN"):
                evidence.at.put_item(item)

    for changes in (AT_ONCE, (add_what_no_sweep_accounts_for,), (remove_a_folder,), (cut_the_head,)):
        wanted = [named for do in changes for named in do(evidence)]
        assert sorted(evidence.named()) == sorted(wanted)
        restore()
    oldest, begins, newest = evidence.ids
    whole = {"verified": True, "broken": [], "notes": []}
    assert evidence.verified().report == {**whole, "sweeps": 3, "begins": oldest, "expired": 0}
    evidence.lose_files(oldest)
    assert evidence.verified().report == {**whole, "sweeps": 2, "begins": begins, "expired": 1}
    text = f"The chain begins at {begins}: of 1 sweep before it no file is left, as retention leaves it"
    assert text in evidence.run("verify", "--all").stdout
    evidence.lose_rows(oldest, begins)
    assert evidence.verified().report == {**whole, "sweeps": 2, "begins": begins, "expired": 1}
    assert [evidence.run("verify", one).exit_code for one in (oldest, begins, newest)] == [2, 0, 0]
