"""The chain of manifests proves what was touched since the sweeps were sealed, and names it."""

from __future__ import annotations

import pytest

from orchestrator.core.report.manifest import MANIFEST, SIGNATURE, Broken, Link, manifest_bytes, sha256_of
from orchestrator.ledger.ledger import CHAIN, HEAD
from orchestrator.ledger.records import SWEEPS
from orchestrator.sweep.verify import ALL_FILES, Verified, verify
from tests.support.chain import A, B, C, DiedError, Hub


def test_what_nobody_touched_holds(three: Hub) -> None:
    assert three.verify() == []
    assert three.verify(A, B, C) == []


def test_it_is_counted_whose_files_were_held_against_their_manifests(three: Hub) -> None:
    three.begin("20261126T190000Z-dddddd")
    assert verify(three.files, three.ledger, None, None).sweeps == 3
    assert verify(three.files, three.ledger, [A], None).sweeps == 1


def test_a_ledger_without_sweeps_has_none_that_was_verified(hub: Hub) -> None:
    assert verify(hub.files, hub.ledger, None, None) == Verified(0, ())


def test_files_of_a_sweep_that_the_ledger_does_not_know_are_named(three: Hub) -> None:
    three.files.files["20261122T190000Z-ffffff", "report.json"] = b"forged"
    assert three.named() == [("20261122T190000Z-ffffff", ALL_FILES)]


def test_a_sweep_whose_record_expired_is_known_by_the_chain(three: Hub) -> None:
    del three.table.items[SWEEPS, A], three.table.items[CHAIN, A]
    assert three.verify() == []


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
