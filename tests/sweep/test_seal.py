"""A sweep is sealed once, whatever dies in between."""

from __future__ import annotations

import json
from itertools import count

import pytest

from orchestrator.core.model import Mode
from orchestrator.core.report.document import report_document
from orchestrator.core.report.files import report_files
from orchestrator.core.report.manifest import MANIFEST, SEALED, SIGNATURE, sha256_of
from orchestrator.core.report.plan_file import PLAN_FILE
from orchestrator.errors import LedgerError, ReportStoreError
from orchestrator.ledger.ledger import CHAIN
from orchestrator.sweep.run import run_sweep
from orchestrator.sweep.seal import seal, write_and_seal
from tests.support.builders import SWEEP_ID, a_policy, a_report
from tests.support.chain import FILES, A, B, C, DiedError, Hub, seals
from tests.support.fake_world import EVERYTHING, ONE, a_world
from tests.support.local_aws import in_threads


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
    assert {one.sweep_id for one in hub.verify()} == {B}  # for want of the key alone: it is signed
    assert hub.verify(B, check=lambda *_: True) == []
    assert hub.files.files[B, SIGNATURE] == b"signature 0"
    in_chain = [A, B, *([C] if followed else [])]
    assert {link.sweep_id for link in hub.ledger.links()} == set(in_chain)
    before = hub.manifest(B)["previous"]["sweep_id"]
    assert before == (C if followed and step == 1 else A)  # after the first step it was in the chain already


def test_sealing_again_changes_nothing(three: Hub) -> None:
    files, items = dict(three.files.files), dict(three.table.items)
    seal(three.files, three.ledger, B, seals({"other.json": b""}), None)
    assert (three.files.files, three.table.items) == (files, items)


def test_a_sweep_whose_files_became_others_is_not_sealed(hub: Hub) -> None:
    hub.seal(A)
    del hub.files.files[A, MANIFEST]
    with pytest.raises(ReportStoreError, match=f"the files of {A} are not those that it was sealed with"):
        seal(hub.files, hub.ledger, A, seals({"report.json": b"other"}), None)
    assert (A, MANIFEST) not in hub.files.files


def test_a_process_reads_no_file_again_that_it_wrote_itself() -> None:
    fake = a_world(ONE)
    read: list[str] = []
    find = fake.files.find

    def heard(sweep_id: str, name: str) -> bytes | None:
        read.append(name)
        return find(sweep_id, name)

    fake.files.find = heard  # type: ignore[method-assign]  # find_chunks asks it too
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.PLAN)
    assert PLAN_FILE not in read
    assert "report.json" not in read
    sealed = json.loads(fake.files.read(SWEEP_ID, MANIFEST))["files"]
    contents = {name: fake.files.read(SWEEP_ID, name) for name in SEALED}
    assert sealed == {name: {"sha256": sha256_of(one), "bytes": len(one)} for name, one in contents.items()}


def test_what_another_process_wrote_is_sealed_as_it_is_stored() -> None:
    fake = a_world(ONE)
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.PLAN)
    document = fake.written()
    manifest = fake.files.files.pop((SWEEP_ID, MANIFEST))
    write_and_seal(fake.world(), document)
    assert fake.files.read(SWEEP_ID, MANIFEST) == manifest


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
