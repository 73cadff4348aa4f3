"""The chain of manifests proves what was touched since the sweeps were sealed, and names it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.report.files import policy_file, sweep_folder
from orchestrator.core.report.manifest import (
    MANIFEST,
    SIGNATURE,
    Broken,
    Link,
    anchor_text,
    manifest_bytes,
    sha256_of,
)
from orchestrator.core.report.stored_files import Entry
from orchestrator.errors import AnchorError, LedgerError, StopOrchestratorError
from orchestrator.ledger.ledger import CHAIN, HEAD
from orchestrator.ledger.records import SWEEPS, SweepSummary
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.sweep.verify import ALL_FILES, Verified, verify
from tests.support.chain import FILES, A, B, C, DiedError, Hub, MemoryAnchor, seals

D = "20261126T190000Z-dddddd"
WORK = "work"


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


LATE = (
    f"{B} has a plan.json that its manifest does not seal: it was still being written when the sweep ended; it is as "
    "the ledger recorded it before"
)


@pytest.fixture
def late(hub: Hub) -> Hub:
    """The second of three sweeps ended while its plan was being written, of which the ledger has the hash."""
    for sweep_id in (A, B, C):
        hub.begin(sweep_id)
        hub.ledger.amend(sweep_id, plan_announced_sha256=sha256_of(b"[]"))
        hub.seal(sweep_id, {"report.json": b"{}"} if sweep_id == B else FILES)
        hub.finish(sweep_id)
    return hub


def test_a_plan_that_arrives_after_its_sweep_was_sealed_is_noted_and_not_broken(late: Hub) -> None:
    assert (late.verify(), late.verified().notes) == ([], ())
    late.files.files[B, "plan.json"] = b"[]"
    assert (late.verify(), late.verified().notes) == ([], (LATE,))
    assert (late.verify(B), late.verified(B).notes) == ([], (LATE,))


def test_a_forged_plan_is_named_also_where_one_may_still_arrive(late: Hub) -> None:
    late.files.files[B, "plan.json"] = b"[1]"
    broken = [Broken(B, "plan.json", "was added: the manifest does not seal it")]
    assert late.verify() == late.verify(B) == broken
    assert late.verified().notes == late.verified(B).notes == ()


def test_a_plan_that_was_sealed_is_held_against_its_manifest_whatever_was_announced(late: Hub) -> None:
    late.ledger.amend(A, plan_announced_sha256=sha256_of(b"[1]"))
    late.files.files[A, "plan.json"] = b"[1]"
    broken = [Broken(A, "plan.json", "was altered: its SHA-256 is not the one in the manifest")]
    assert late.verify() == late.verify(A) == broken


def test_the_file_of_a_policy_that_arrives_after_its_sweep_was_sealed_is_noted(hub: Hub) -> None:
    policy = b"version: 1"
    name = policy_file(sha256_of(policy))
    hub.ledger.begin(
        SweepSummary(A, "running", "enforce", "nonprod", "2026-11-23T19:00:00Z", policy_by_hash=sha256_of(policy))
    )
    hub.seal(A)
    hub.finish(A)
    hub.files.files[A, name] = policy
    assert hub.verify() == []
    assert name in hub.verified().notes[0]
    hub.files.files[A, name] = b"version: 2"
    assert {one.file for one in hub.verify()} == {name}


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
    three.files.files[forged, MANIFEST] = manifest_bytes(forged, seals({"report.json": b"{}"}), None)
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


@pytest.mark.parametrize("fields", [{"sha256": None}, {"sweep_id": None}, {"sweep_id": "../x"}, {"sweep_id": 1}])
def test_a_head_that_names_no_sweep_is_an_error_that_says_so(three: Hub, fields: dict[str, object]) -> None:
    three.table.items[CHAIN, HEAD].update(fields)
    with pytest.raises(LedgerError, match="CHAIN HEAD was altered: it names no sweep"):
        three.verify()


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
        b"[" * 5000,
        *(
            json.dumps({"sweep_id": B, "files": {name: {"sha256": "0"}}, "previous": None}).encode()
            for name in ("../../../../etc/passwd", "/etc/passwd", "a\0b", "\ud800", "x" * 300, "", ".")
        ),
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


def test_a_signature_that_cannot_be_checked_is_named_and_hides_nothing_else(three: Hub) -> None:
    for sweep_id in (A, B, C):
        three.files.files[sweep_id, SIGNATURE] = b"signed"
    three.files.files[B, "report.json"] = b"forged"

    def deny(_manifest: bytes, _signed: bytes) -> bool:
        raise StopOrchestratorError("the key cannot verify: AccessDenied")

    broken = [(one.sweep_id, one.file, one.problem) for one in three.verify(check=deny)]
    unchecked = [(one, SIGNATURE, "cannot be checked: the key cannot verify: AccessDenied") for one in (C, B, A)]
    assert sorted(broken) == sorted(
        [*unchecked, (B, "report.json", "was altered: its SHA-256 is not the one in the manifest")]
    )


def test_a_signature_that_no_key_is_named_for_may_have_been_added(three: Hub) -> None:
    three.files.files[B, SIGNATURE] = b"anything"
    [broken] = three.verify()
    assert (broken.sweep_id, broken.file) == (B, SIGNATURE)
    assert "STOP_ORCHESTRATOR_SIGNING_KEY does not name the key here" in broken.problem
    assert three.verify(B) == [broken]


@pytest.mark.parametrize("name", ["report.json", "decisions.csv", SIGNATURE])
def test_the_end_of_a_sweep_that_has_not_ended_proves_nothing_and_is_named(three: Hub, name: str) -> None:
    three.begin(D)
    three.files.files[D, "plan.json"] = b"{}"
    assert three.verify() == []
    three.files.files[D, name] = b"forged"
    [broken] = three.verify()
    assert (broken.sweep_id, broken.file) == (D, name)
    assert f"or its process died while it did (stop-orchestrator sweep --resume {D})" in broken.problem


# --- what was added ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sweep_id", [A, B, C])
@pytest.mark.parametrize(
    "name",
    ["notes.txt", "report (1).json", "work/forged.json", ".hidden", ".evil.part", "deep/", f"policy-{'0' * 64}.yml"],
)
def test_a_file_that_no_sweep_writes_is_named_in_whatever_folder(three: Hub, sweep_id: str, name: str) -> None:
    three.files.files[sweep_id, name] = b"forged"
    broken = [Broken(sweep_id, name, "was added: no sweep writes a file of that name")]
    assert three.verify() == three.verify(sweep_id) == broken


def test_working_files_and_what_a_killed_process_left_are_not_evidence_and_not_broken(three: Hub) -> None:
    for name in ("work/listing.json", "inventory-0.json"):
        three.files.files[B, name] = b"{}"
    three.files.entries[f"{sweep_folder(B)}/.abc_1234.part"] = Entry.PART
    assert three.verify() == three.verify(B) == []
    assert three.verified(B).notes == three.verified().notes
    assert three.verified().notes == (
        f"{B} has a part of a file that a killed process left behind; no command reads it: .abc_1234.part",
    )


OF_NO_SWEEP = "20261122T190000Z-ffffff"


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        (f"sweeps/dt=2020-01-01/sweep={A}/report.json", Entry.FILE),
        ("sweeps/dt=2026-01-01/", Entry.EMPTY_FOLDER),
        (f"{sweep_folder(OF_NO_SWEEP)}/", Entry.EMPTY_FOLDER),
        (f"{sweep_folder(OF_NO_SWEEP)}/{WORK}/", Entry.EMPTY_FOLDER),
        (f"{sweep_folder(OF_NO_SWEEP)}/.writable", Entry.PROBE),
        (f"{sweep_folder(A)}/", Entry.FILE),
        ("sweeps/dt=2026-11-23/", Entry.FILE),
        ("sweeps/deep/er/", Entry.EMPTY_FOLDER),
        (f"{sweep_folder(A)}", Entry.LINK),
        ("sweeps/\x1b[2J\u202e", Entry.FILE),
    ],
)
def test_whatever_no_sweep_of_the_ledger_accounts_for_is_named(three: Hub, key: str, entry: Entry) -> None:
    three.files.entries = {key: entry, "sweeps/.doctor": Entry.PROBE, "sweeps/.writable": Entry.PROBE}
    assert three.verify() == [Broken("", key, "was added: it is in no folder of a sweep that the ledger knows")]


@pytest.mark.parametrize("key", ["sweeps/dt=2026-11-23/", f"{sweep_folder(A)}/", f"{sweep_folder(A)}/{WORK}/"])
def test_an_empty_folder_of_a_sweep_that_the_ledger_knows_is_none_that_was_added(three: Hub, key: str) -> None:
    three.files.entries = {key: Entry.EMPTY_FOLDER}
    assert three.verify() == []


@pytest.mark.parametrize("sweep_id", [A, B, C])
def test_a_link_in_place_of_a_file_is_named_whatever_it_leads_to(three: Hub, sweep_id: str) -> None:
    three.files.entries = {f"{sweep_folder(sweep_id)}/report.json": Entry.LINK}
    broken = [Broken(sweep_id, "report.json", "was added: it is a link or no regular file, and no sweep makes one")]
    assert three.verify() == three.verify(sweep_id) == broken


def test_a_folder_in_place_of_a_file_is_named_and_ends_nothing(tmp_path: Path) -> None:
    hub = Hub()
    hub.store = LocalReportStore(tmp_path)
    for sweep_id in (A, B):
        hub.sweep(sweep_id)
    assert hub.verify() == []
    inner = tmp_path / sweep_folder(A) / "report.json"
    inner.unlink()
    inner.mkdir()
    os.mkfifo(tmp_path / sweep_folder(B) / "decisions.csv")
    assert sorted(hub.named()) == [(A, "report.json"), (A, "report.json/"), (B, "decisions.csv")]


def test_the_file_of_another_policy_in_the_folder_of_a_sweep_that_runs_is_named(three: Hub) -> None:
    running, ours, theirs = "20261126T190000Z-dddddd", sha256_of(b"ours"), sha256_of(b"theirs")
    summary = SweepSummary(running, "running", "enforce", "nonprod", "2026-11-23T19:00:00Z", policy_by_hash=ours)
    three.ledger.begin(summary)
    three.files.files |= {(running, f"policy-{ours}.yaml"): b"ours", (running, f"policy-{theirs}.yaml"): b"theirs"}
    assert three.named() == [(running, f"policy-{theirs}.yaml")]


def test_a_folder_with_a_manifest_that_names_the_newest_one_and_that_no_ledger_knows_is_named(three: Hub) -> None:
    forged = "20261126T190000Z-ffffff"
    files = {"report.json": b"{}"}
    manifest = manifest_bytes(forged, seals(files), three.ledger.chain_head())
    three.files.files |= {(forged, "report.json"): b"{}", (forged, MANIFEST): manifest}
    assert three.named() == [(forged, ALL_FILES)]
    assert three.verify(forged) == [Broken(forged, MANIFEST, "was added: the chain does not lead to it")]


def test_a_manifest_that_was_forged_into_the_folder_of_a_sweep_that_did_not_end_is_named(three: Hub) -> None:
    running = "20261126T190000Z-dddddd"
    three.begin(running)
    three.files.files[running, "notes.txt"] = b""
    assert three.named() == [(running, "notes.txt")]
    three.files.files[running, MANIFEST] = manifest_bytes(running, seals({"notes.txt": b""}), None)
    assert three.verify() == [Broken(running, MANIFEST, "was added: the chain does not lead to it")]


# --- retention --------------------------------------------------------------------------------------------------------

NINE = [f"202611{day:02}T190000Z-{day:06x}" for day in range(11, 20)]
OLDEST = NINE[:3]


@pytest.fixture
def nine(hub: Hub) -> Hub:
    for sweep_id in NINE:
        hub.sweep(sweep_id)
    return hub


def test_a_store_of_which_retention_removed_the_oldest_third_holds_and_says_where_it_begins(nine: Hub) -> None:
    nine.lose_files(*OLDEST)
    verified = nine.verified()
    assert verified == Verified(6, (), begins=NINE[3], expired=3)
    nine.lose_rows(*OLDEST)
    assert nine.verified() == Verified(6, (), begins=NINE[3], expired=1)


def test_a_table_whose_rows_of_the_oldest_third_expired_holds(nine: Hub) -> None:
    nine.lose_rows(*OLDEST)
    assert nine.verified() == Verified(9, (), begins=NINE[0])
    assert nine.verify(OLDEST[1]) == []


def test_rows_may_expire_in_any_order_and_before_or_after_the_files(nine: Hub) -> None:
    nine.lose_files(*OLDEST)
    nine.lose_rows(OLDEST[1])
    assert nine.verified() == Verified(6, (), begins=NINE[3], expired=3)
    nine.lose_rows(NINE[3], NINE[4])
    assert nine.verified().broken == ()


def test_a_gap_in_the_middle_is_broken_also_where_the_oldest_are_gone(nine: Hub) -> None:
    nine.lose_files(*OLDEST, NINE[5])
    assert nine.named() == [(NINE[5], MANIFEST)]
    nine.lose_rows(NINE[5])
    assert (NINE[5], MANIFEST) in nine.named()


def test_files_that_are_left_of_a_sweep_without_its_manifest_are_no_retention(nine: Hub) -> None:
    nine.lose_files(*OLDEST[:2])
    del nine.files.files[OLDEST[2], MANIFEST]
    assert nine.named() == [(OLDEST[2], MANIFEST)]


@pytest.mark.parametrize("name", ["report.json", MANIFEST])
@pytest.mark.parametrize("how", ["altered", "removed", "added"])
def test_where_the_oldest_are_gone_every_other_change_is_still_named(nine: Hub, name: str, how: str) -> None:
    nine.lose_files(*OLDEST)
    nine.lose_rows(*OLDEST[:1])
    key = (NINE[3], name)
    if how == "altered":
        nine.files.files[key] += b" "
    elif how == "removed":
        del nine.files.files[key]
    else:
        key = (NINE[3], f"{name}.bak")
        nine.files.files[key] = b""
    assert key in nine.named()


def test_a_day_that_retention_removed_and_somebody_made_again_is_named(nine: Hub) -> None:
    nine.lose_files(*OLDEST)
    nine.lose_rows(*OLDEST)
    day, again = "sweeps/dt=2026-11-11/", f"{sweep_folder(OLDEST[0])}/"
    nine.files.entries = {day: Entry.EMPTY_FOLDER, again: Entry.EMPTY_FOLDER}
    assert nine.named() == [("", day), ("", again)]
    nine.files.entries = {}
    nine.files.files[OLDEST[0], "report.json"] = b"{}"
    assert nine.named() == [(OLDEST[0], ALL_FILES)]


def test_a_sweep_that_was_added_in_place_of_one_that_expired_is_named(nine: Hub) -> None:
    nine.lose_files(*OLDEST)
    nine.lose_rows(*OLDEST)
    forged = "20261112T200000Z-ffffff"
    manifest = manifest_bytes(forged, seals({"report.json": b"{}"}), None)
    nine.files.files |= {(forged, "report.json"): b"{}", (forged, MANIFEST): manifest}
    assert nine.named() == [(forged, ALL_FILES)]
    nine.ledger.put_link(Link(forged, sha256_of(manifest), None, None))
    nine.begin(forged)
    nine.finish(forged)
    assert (forged, MANIFEST) in nine.named()


def test_a_store_of_which_nothing_is_left_is_broken_whatever_removed_it(nine: Hub) -> None:
    nine.lose_files(*NINE)
    assert [sweep_id for sweep_id, _ in nine.named()] == NINE[::-1]


def test_the_head_of_the_chain_does_not_expire(three: Hub) -> None:
    assert "expires_at" not in three.table.items[CHAIN, HEAD]


# --- the anchor -------------------------------------------------------------------------------------------------------


def anchored(hub: Hub) -> MemoryAnchor:
    """As it is after the newest sweep."""
    hub.anchor = MemoryAnchor()
    head = hub.ledger.chain_head()
    hub.anchor.text = anchor_text(head) if head else None
    return hub.anchor


@pytest.mark.parametrize("newest", [(C,), (B, C)])
def test_the_newest_sweeps_removed_with_the_head_put_back_show_by_the_anchor_alone(
    three: Hub, newest: tuple[str, ...]
) -> None:
    anchored(three)
    assert three.verified() == Verified(3, (), begins=A)
    three.cut(*newest)
    [broken] = three.verify()
    assert (broken.sweep_id, broken.file) == (C, MANIFEST)
    assert "is what the anchor /anchor names, and the chain does not lead to it" in broken.problem
    three.anchor = None
    assert three.verify() == []


def test_an_anchor_of_an_altered_hash_is_named(three: Hub) -> None:
    anchor = anchored(three)
    anchor.text = anchor_text((B, "0" * 64))
    assert three.named() == [(B, MANIFEST)]


def test_an_anchor_that_stayed_behind_is_no_fault_and_told(three: Hub) -> None:
    anchor = anchored(three)
    link = three.ledger.link(A)
    assert link is not None
    anchor.text = anchor_text((A, link.sha256))
    assert three.verified().broken == ()
    assert three.verified().notes == (
        "the anchor /anchor is 2 sweeps behind the newest; if those were removed, it would not show",
    )


@pytest.mark.parametrize(
    "text",
    [
        "go",
        "{}",
        "[]",
        '{"sweep_id": 1, "sha256": "0"}',
        "null",
        "[" * 4096,
        anchor_text((A, "0")),
        anchor_text((f"{A}\nall is well", "0" * 64)),
    ],
)
def test_an_anchor_that_is_none_is_named(three: Hub, text: str) -> None:
    anchored(three).text = text
    assert three.verify() == [Broken("", "/anchor", "was altered: it names no sweep and no SHA-256")]


def test_an_anchor_that_is_not_there_proves_nothing_but_before_the_first_sweep(three: Hub) -> None:
    anchored(three).text = None
    assert three.named() == [("", "/anchor")]
    empty = Hub()
    anchored(empty)
    assert empty.verify() == []


def test_an_anchor_that_cannot_be_read_is_named_and_the_rest_is_verified(three: Hub) -> None:
    anchored(three).refuses = AnchorError("AccessDenied")
    three.files.files[A, "report.json"] += b" "
    assert three.named() == [("", "/anchor"), (A, "report.json")]


def test_a_ledger_that_was_emptied_shows_by_its_anchor(three: Hub) -> None:
    anchored(three)
    three.lose_files(A, B, C)
    three.table.items.clear()
    assert three.named() == [(C, MANIFEST)]


# --- whatever somebody does to whatever retention left ----------------------------------------------------------------


@st.composite
def kept_stores(draw: st.DrawFn) -> tuple[Hub, list[str]]:
    """Up to nine sweeps, of the oldest of which files and rows are gone, the rows in any order; the kept ones."""
    hub = Hub()
    ids = NINE[: draw(st.integers(1, 9))]
    for sweep_id in ids:
        hub.sweep(sweep_id)
    anchored(hub)
    files, rows = (draw(st.integers(0, len(ids) - 1)) for _ in range(2))
    hub.lose_files(*ids[:files])
    hub.lose_rows(*draw(st.sets(st.sampled_from(ids[:rows]))) if rows else ())
    return hub, ids[files:]


@given(kept_stores())
def test_whatever_retention_left_holds(found: tuple[Hub, list[str]]) -> None:
    hub, kept = found
    verified = hub.verified()
    assert (verified.broken, verified.notes, verified.sweeps, verified.begins) == ((), (), len(kept), kept[0])
    assert [hub.verify(sweep_id) for sweep_id in kept] == [[]] * len(kept)


@given(kept_stores(), st.data())
def test_whatever_is_done_to_one_of_its_files_is_named(found: tuple[Hub, list[str]], data: st.DataObject) -> None:
    hub, kept = found
    sweep_id = data.draw(st.sampled_from(kept))
    name = data.draw(st.sampled_from(["report.json", "plan.json", MANIFEST]))
    what = data.draw(st.sampled_from(["change", "remove", "add", "copy"]))
    if what == "change":
        content = hub.files.files[sweep_id, name]
        at = data.draw(st.integers(0, len(content) - 1))
        hub.files.files[sweep_id, name] = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    elif what == "remove":
        del hub.files.files[sweep_id, name]
    elif what == "add":
        name = data.draw(st.sampled_from(["decisions.csv", "compliance.csv", "x", "work/x.json", f"{name}~"]))
        hub.files.files[sweep_id, name] = b"added"
    else:
        other = sweep_id.replace("T190000Z", "T190001Z")
        hub.files.files |= {(other, one): content for (at, one), content in hub.files.files.items() if at == sweep_id}
        sweep_id, name = other, ALL_FILES
    assert (sweep_id, name) in hub.named()


@given(kept_stores(), st.data())
def test_whatever_sweeps_are_taken_out_show_but_for_the_oldest(
    found: tuple[Hub, list[str]], data: st.DataObject
) -> None:
    """Those that are the oldest by then are what retention takes."""
    hub, kept = found
    removed = data.draw(st.sets(st.sampled_from(kept), min_size=1))
    hub.lose_files(*removed)
    if data.draw(st.booleans()):
        hub.lose_rows(*removed)
    left = [one for one in kept if one not in removed]
    gaps = [one for one in removed if not left or one > left[0]]
    said = [f"{one.sweep_id} {one.problem}" for one in hub.verify()]
    assert bool(said) is bool(gaps)
    assert not gaps or max(gaps) in " ".join(said)
