"""The chain of manifests: sealed once whatever dies in between, and proof of everything that was touched since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest

from orchestrator.core.report.document import report_document
from orchestrator.core.report.files import report_files
from orchestrator.core.report.manifest import MANIFEST, SEALED, SIGNATURE, Broken, Link, manifest_bytes, sha256_of
from orchestrator.errors import LedgerError, ReportStoreError
from orchestrator.ledger.ledger import CHAIN, HEAD, Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.sweep.seal import seal
from orchestrator.sweep.verify import verify
from tests.support.builders import AT, a_report
from tests.support.item_tables import MemoryFiles, MemoryItems
from tests.support.local_aws import in_threads

A, B, C = "20261123T190000Z-aaaaaa", "20261124T190000Z-bbbbbb", "20261125T190000Z-cccccc"
FILES = {"report.json": b"{}", "plan.json": b"[]"}


class DiedError(Exception):
    pass


class Hub:
    """A store and a ledger, and sweeps that end in them."""

    def __init__(self) -> None:
        self.files = MemoryFiles()
        self.table = MemoryItems()
        self.ledger = Ledger(self.table, lambda: AT)

    def begin(self, sweep_id: str) -> None:
        self.ledger.begin(SweepSummary(sweep_id, "running", "enforce", "nonprod", "2026-11-23T19:00:00Z"))

    def seal(self, sweep_id: str, files: Mapping[str, bytes] = FILES, sign: Any = None) -> None:
        for name, content in files.items():
            self.files.put(sweep_id, name, content)
        seal(self.files, self.ledger, sweep_id, files, sign)

    def sweep(self, sweep_id: str, sign: Any = None) -> None:
        self.begin(sweep_id)
        self.seal(sweep_id, {name: content + sweep_id.encode() for name, content in FILES.items()}, sign)
        self.finish(sweep_id)

    def finish(self, sweep_id: str) -> None:
        self.ledger.finish(report_document(a_report(sweep_id=sweep_id)), "somewhere")

    def manifest(self, sweep_id: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.files.files[sweep_id, MANIFEST])
        return document

    def forge(self, sweep_id: str, **fields: Any) -> None:
        text = json.dumps({**self.manifest(sweep_id), **fields}, separators=(",", ":"))
        self.files.files[sweep_id, MANIFEST] = text.encode()

    def verify(self, *sweep_ids: str, check: Any = None) -> list[Broken]:
        return verify(self.files, self.ledger, list(sweep_ids) or None, check)

    def named(self, *sweep_ids: str) -> list[tuple[str, str]]:
        return [(one.sweep_id, one.file) for one in self.verify(*sweep_ids)]


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def three(hub: Hub) -> Hub:
    for sweep_id in (A, B, C):
        hub.sweep(sweep_id)
    return hub


# --- sealing


def test_a_manifest_has_the_hash_and_size_of_each_file_and_names_the_one_before(hub: Hub) -> None:
    hub.seal(A)
    hub.seal(B)
    files = {name: {"sha256": sha256_of(content), "bytes": len(content)} for name, content in FILES.items()}
    assert hub.manifest(A) == {"sweep_id": A, "files": files, "previous": None}
    before = {"sweep_id": A, "sha256": sha256_of(hub.files.files[A, MANIFEST])}
    assert hub.manifest(B) == {"sweep_id": B, "files": files, "previous": before}
    assert hub.ledger.chain_head() == (B, sha256_of(hub.files.files[B, MANIFEST]))


def test_the_manifest_is_written_last_after_its_signature(hub: Hub) -> None:
    written: list[str] = []
    hub.files.after = written.append
    hub.seal(A, sign=lambda manifest: b"signed " + manifest)
    assert written == ["file report.json", "file plan.json", f"file {SIGNATURE}", f"file {MANIFEST}"]
    assert hub.files.files[A, SIGNATURE] == b"signed " + hub.files.files[A, MANIFEST]


def test_without_a_key_there_is_no_signature(hub: Hub) -> None:
    hub.seal(A)
    assert (A, SIGNATURE) not in hub.files.files


def test_every_file_of_a_report_is_one_that_verifying_asks_for() -> None:
    assert set(report_files(report_document(a_report()))) < set(SEALED)


@pytest.mark.parametrize("followed", [False, True], ids=["alone", "with another sweep in between"])
@pytest.mark.parametrize("step", range(1, 5))
def test_a_sweep_that_dies_while_it_is_sealed_is_sealed_the_next_time(hub: Hub, step: int, followed: bool) -> None:
    hub.sweep(A)
    steps = count(1)
    signatures = count()

    def sign(_: bytes) -> bytes:
        return f"signature {next(signatures)}".encode()  # no two are the same

    def die(what: str) -> None:
        if what not in ("file report.json", "file plan.json") and next(steps) == step:
            raise DiedError

    hub.begin(B)
    hub.table.after = hub.files.after = die
    with pytest.raises(DiedError):
        hub.seal(B, sign=sign)
    assert hub.files.files.get((B, MANIFEST)) is None or step == 4
    hub.table.after = hub.files.after = lambda _: None
    if followed:
        hub.sweep(C)
    hub.seal(B, sign=sign)
    hub.finish(B)
    assert hub.verify() == []
    assert hub.files.files[B, SIGNATURE] == b"signature 0"
    in_chain = [A, B, *([C] if followed else [])]
    assert {link.sweep_id for link in hub.ledger.links()} == set(in_chain)
    before = hub.manifest(B)["previous"]["sweep_id"]
    assert before == (C if followed and step == 1 else A)  # after the first step it was in the chain already


def test_sealing_again_changes_nothing(three: Hub) -> None:
    files, items = dict(three.files.files), dict(three.table.items)
    seal(three.files, three.ledger, B, {"other.json": b""}, None)
    assert (three.files.files, three.table.items) == (files, items)


def test_a_sweep_whose_files_became_others_is_not_sealed(hub: Hub) -> None:
    hub.seal(A)
    del hub.files.files[A, MANIFEST]
    with pytest.raises(ReportStoreError, match=f"the files of {A} are not those that it was sealed with"):
        seal(hub.files, hub.ledger, A, {"report.json": b"other"}, None)
    assert (A, MANIFEST) not in hub.files.files


def test_a_ledger_that_is_away_seals_nothing(hub: Hub) -> None:
    def away(_: str) -> None:
        raise LedgerError("away")

    hub.table.before = away
    with pytest.raises(LedgerError):
        hub.seal(A)
    assert (A, MANIFEST) not in hub.files.files


def test_a_sweep_that_is_overtaken_while_it_is_sealed_comes_after_the_faster_one(hub: Hub) -> None:
    def overtake(what: str) -> None:
        if what == f"put {CHAIN}":
            hub.table.before = lambda _: None
            hub.seal(B)

    hub.table.before = overtake
    hub.seal(A)
    assert hub.manifest(A)["previous"]["sweep_id"] == B
    assert hub.manifest(B)["previous"] is None


def test_sweeps_that_are_sealed_at_once_are_one_chain(hub: Hub) -> None:
    ids = [f"202611{day:02}T190000Z-aaaaaa" for day in range(10, 20)]
    in_threads(len(ids), lambda number: hub.sweep(ids[number]))
    assert hub.verify() == []
    previous = {link.previous_sweep_id for link in hub.ledger.links()}
    assert len(previous) == len(ids)


# --- verifying


def test_what_nobody_touched_holds(three: Hub) -> None:
    assert three.verify() == []
    assert three.verify(A, B, C) == []


def test_a_ledger_without_sweeps_holds(hub: Hub) -> None:
    assert hub.verify() == []


@pytest.mark.parametrize("sweep_id", [A, B, C])
def test_a_file_that_was_altered_is_named(three: Hub, sweep_id: str) -> None:
    three.files.files[sweep_id, "report.json"] += b" "
    broken = [Broken(sweep_id, "report.json", "was altered: its SHA-256 is not the one in the manifest")]
    assert three.verify() == broken
    assert three.verify(sweep_id) == broken


@pytest.mark.parametrize("sweep_id", [A, B, C])
def test_a_file_that_was_removed_is_named(three: Hub, sweep_id: str) -> None:
    del three.files.files[sweep_id, "plan.json"]
    assert three.verify() == three.verify(sweep_id) == [Broken(sweep_id, "plan.json", "is missing")]


@pytest.mark.parametrize("sweep_id", [A, B, C])
def test_a_file_that_was_added_is_named(three: Hub, sweep_id: str) -> None:
    three.files.files[sweep_id, "decisions.csv"] = b"forged"
    broken = [Broken(sweep_id, "decisions.csv", "was added: the manifest does not seal it")]
    assert three.verify() == three.verify(sweep_id) == broken


@pytest.mark.parametrize("sweep_id", [A, B, C])
def test_a_manifest_that_was_removed_is_named_and_nothing_else(three: Hub, sweep_id: str) -> None:
    del three.files.files[sweep_id, MANIFEST]
    assert three.named() == three.named(sweep_id) == [(sweep_id, MANIFEST)]


@pytest.mark.parametrize("sweep_id", [A, B, C])
def test_a_file_and_its_manifest_that_were_altered_together_are_named(three: Hub, sweep_id: str) -> None:
    three.files.files[sweep_id, "report.json"] = b"forged"
    files = {**three.manifest(sweep_id)["files"], "report.json": {"sha256": sha256_of(b"forged"), "bytes": 6}}
    three.forge(sweep_id, files=files)
    assert three.named() == three.named(sweep_id) == [(sweep_id, MANIFEST)]


def test_a_manifest_that_leaves_out_the_one_before_is_named_and_the_walk_goes_on(three: Hub) -> None:
    three.forge(C, previous=three.manifest(B)["previous"])
    three.files.files[A, "report.json"] = b"forged"
    assert three.named() == [(C, MANIFEST), (A, "report.json")]


def test_the_first_broken_link_from_the_newest_back_comes_first(three: Hub) -> None:
    three.forge(A, previous={"sweep_id": C, "sha256": "0"})
    del three.files.files[B, MANIFEST]
    three.files.files[C, "report.json"] = b"forged"
    assert three.named() == [(C, "report.json"), (B, MANIFEST), (A, MANIFEST)]


def test_a_sweep_that_was_added_is_named_as_in_no_chain(three: Hub) -> None:
    forged = "20261124T200000Z-ffffff"
    three.files.files[forged, "report.json"] = b"{}"
    three.files.files[forged, MANIFEST] = manifest_bytes(forged, {"report.json": b"{}"}, None)
    assert three.verify(forged) == [Broken(forged, MANIFEST, "was added: the chain does not lead to it")]
    three.begin(forged)
    three.finish(forged)
    assert three.verify() == [Broken(forged, MANIFEST, "was added: the chain does not lead to it")]


def test_a_link_without_a_sweep_is_named(three: Hub) -> None:
    three.ledger.put_link(Link("20261124T200000Z-ffffff", "0", None, None))
    assert three.named() == [("20261124T200000Z-ffffff", MANIFEST)]


def test_a_sweep_whose_every_trace_in_the_store_was_removed_is_named(three: Hub) -> None:
    for key in [key for key in three.files.files if key[0] == B]:
        del three.files.files[key]
    assert three.named() == [(B, MANIFEST)]


def test_a_chain_that_was_set_back_leads_not_to_what_came_later(three: Hub) -> None:
    three.table.items[CHAIN, HEAD].update(sweep_id=A, sha256=sha256_of(three.files.files[A, MANIFEST]))
    assert three.named() == [(C, MANIFEST), (B, MANIFEST)]


def test_a_chain_without_its_head_holds_nothing(three: Hub) -> None:
    del three.table.items[CHAIN, HEAD]
    assert three.named() == [(C, MANIFEST), (B, MANIFEST), (A, MANIFEST)]


def test_a_chain_that_breaks_where_the_ledger_knows_no_more_still_checks_the_rest(three: Hub) -> None:
    del three.table.items[CHAIN, B]
    del three.files.files[B, MANIFEST]
    assert three.named() == [(B, MANIFEST)]
    three.forge(A, files={})
    assert (A, MANIFEST) in three.named()


def test_manifests_that_lead_round_in_a_circle_are_named(three: Hub) -> None:
    three.table.items[CHAIN, A].update(previous_sweep_id=C, previous_sha256="0")
    three.forge(A, previous={"sweep_id": C, "sha256": "0"})
    assert three.named()[0] == (A, MANIFEST)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"sweep_id": 1, "files": {}, "previous": null}',
        b'{"files": {}}',
        b'{"sweep_id": "x", "files": [], "previous": null}',
        b'{"sweep_id": "x", "files": {"a": {}}, "previous": null}',
        b'{"sweep_id": "x", "files": {}, "previous": {"sweep_id": "y"}}',
        b'{"sweep_id": "another sweep", "files": {}, "previous": null}',
    ],
)
def test_what_is_no_manifest_of_the_sweep_is_named_and_is_no_crash(three: Hub, manifest: bytes) -> None:
    three.files.files[B, MANIFEST] = manifest
    assert three.verify() == [Broken(B, MANIFEST, "was altered: it is no manifest of this sweep")]


def test_a_sweep_that_is_being_sealed_is_not_broken(three: Hub) -> None:
    running = "20261126T190000Z-dddddd"
    three.begin(running)
    assert three.verify() == []

    def die(what: str) -> None:
        if what == f"put {CHAIN}" and three.ledger.chain_head() != (C, sha256_of(three.files.files[C, MANIFEST])):
            raise DiedError

    three.table.after = die
    with pytest.raises(DiedError):
        three.seal(running)
    head = three.ledger.chain_head()
    assert head is not None
    assert head[0] == running
    assert three.verify() == []


def test_a_sweep_that_did_not_finish_is_named_when_it_is_asked_for(three: Hub) -> None:
    three.begin("20261126T190000Z-dddddd")
    (broken,) = three.verify("20261126T190000Z-dddddd")
    assert broken.problem == "is missing: the sweep did not finish, or it was removed"


# --- signatures


def signature(manifest: bytes) -> bytes:
    return b"signed " + manifest


def fits(manifest: bytes, signed: bytes) -> bool:
    return signed == signature(manifest)


def test_signatures_that_fit_hold(hub: Hub) -> None:
    hub.sweep(A, signature)
    assert hub.verify(check=fits) == hub.verify(A, check=fits) == []


def test_a_signature_that_is_missing_is_named_where_there_should_be_one(three: Hub) -> None:
    assert [(one.sweep_id, one.file, one.problem) for one in three.verify(check=fits)] == [
        (sweep_id, SIGNATURE, "is missing") for sweep_id in (C, B, A)
    ]


def test_a_signature_that_does_not_fit_is_named(hub: Hub) -> None:
    hub.sweep(A, signature)
    hub.files.files[A, SIGNATURE] = b"forged"
    assert hub.verify(check=fits) == [Broken(A, SIGNATURE, "does not fit the manifest")]
    assert hub.verify() == []
