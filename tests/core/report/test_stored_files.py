"""Which stored keys are a sweep's files, and which were added."""

from __future__ import annotations

import pytest

from orchestrator.core.report.manifest import SEALED
from orchestrator.core.report.stored_files import Entry, added_files, linked_files, sort_files, strange_files

SWEEP = "20261123T190000Z-7f3a9c"
FOLDER = f"sweeps/dt=2026-11-23/sweep={SWEEP}"
WORK = "work/"
WORKING = ["inventory-0.json", "work/listing.json", "work/batches.json", "work/inventory-12.json"]
WORKING += ["work/acts-1.json", "work/accounts-2.json", "work/kept-1-3.json", "work/names-2-1.json"]


@pytest.mark.parametrize("name", ["report.json", "manifest.json", "work/listing.json", "forged", "deep/er/forged.json"])
def test_what_is_in_a_sweep_s_folder_is_its_file(name: str) -> None:
    stored = sort_files({f"{FOLDER}/{name}": Entry.FILE})
    assert (stored.names, stored.strays) == ({SWEEP: {name}}, ())


@pytest.mark.parametrize(
    "key",
    [
        f"sweeps/dt=2026-11-24/sweep={SWEEP}/report.json",
        "sweeps/dt=2026-11-23/sweep=forged/report.json",
        f"sweeps/dt=2026-11-23/sweep={SWEEP}-copy/report.json",
        f"sweeps/sweep={SWEEP}/report.json",
        "sweeps/dt=2026-11-23/notes.txt",
        "sweeps/report.json",
        f"sweeps/dt=2026-11-23/{SWEEP}/report.json",
        f"{FOLDER}",
        "sweeps/dt=2026-11-23/sweep=20261123T190000Z-7F3A9C/report.json",
    ],
)
@pytest.mark.parametrize("entry", [Entry.FILE, Entry.LINK, Entry.PART, Entry.PROBE])
def test_what_is_in_no_folder_of_a_sweep_is_a_stray(key: str, entry: Entry) -> None:
    assert sort_files({key: entry}).strays == (key,)


@pytest.mark.parametrize("key", ["sweeps/", "sweeps/dt=2026-11-23/", f"{FOLDER}/", "sweeps/forged/"])
def test_an_object_whose_key_ends_like_a_folder_s_is_one_that_no_sweep_writes(key: str) -> None:
    assert sort_files({key: Entry.FILE}).strays == (key,)


FOLDERS = ["sweeps/dt=2026-11-23/", f"{FOLDER}/", f"{FOLDER}/{WORK}"]


@pytest.mark.parametrize(
    ("key", "entry"),
    [(f"{FOLDER}/.writable", Entry.PROBE), *((key, Entry.EMPTY_FOLDER) for key in FOLDERS)],
)
def test_an_empty_probe_or_folder_is_of_the_sweep_that_is_known_and_else_of_none(key: str, entry: Entry) -> None:
    stored = sort_files({key: entry})
    assert stored.names == {}
    assert stored.unaccounted({SWEEP}) == ()
    assert stored.unaccounted(set()) == stored.unaccounted({"20261122T190000Z-7f3a9c"}) == (key,)
    full = sort_files({key: Entry.FILE})
    assert full.names or full.strays


def test_what_finds_out_that_the_store_can_be_written_is_of_no_sweep() -> None:
    probes = {"sweeps/.doctor": Entry.PROBE, "sweeps/.writable": Entry.PROBE, "sweeps/": Entry.EMPTY_FOLDER}
    assert sort_files(probes).unaccounted(set()) == ()


@pytest.mark.parametrize("key", ["sweeps/forged/", "sweeps/dt=today/", "sweeps/dt=2026-11-23/deep/", "sweeps/ /"])
def test_an_empty_folder_that_no_sweep_makes_is_a_stray(key: str) -> None:
    assert sort_files({key: Entry.EMPTY_FOLDER}).unaccounted({SWEEP}) == (key,)


@pytest.mark.parametrize("name", ["deep/", "work/deep/", "report.json/"])
def test_an_empty_folder_within_a_sweep_s_is_a_file_that_no_sweep_writes(name: str) -> None:
    assert sort_files({f"{FOLDER}/{name}": Entry.EMPTY_FOLDER}).names == {SWEEP: {name}}


def test_a_link_was_added_whatever_its_name_is() -> None:
    stored = sort_files({f"{FOLDER}/report.json": Entry.LINK, f"{FOLDER}/plan.json": Entry.FILE})
    assert [one.file for one in linked_files(SWEEP, stored)] == ["report.json"]
    assert stored.regular(SWEEP) == {"plan.json"}


@pytest.mark.parametrize("name", WORKING)
def test_working_files_are_not_sealed_and_not_added(name: str) -> None:
    assert [*added_files(SWEEP, [name], ())] == [*strange_files(SWEEP, [name])] == []


@pytest.mark.parametrize("name", SEALED)
def test_evidence_that_the_manifest_does_not_seal_was_added(name: str) -> None:
    [broken] = added_files(SWEEP, [name, "manifest.json", "manifest.sig"], ())
    assert (broken.file, broken.problem) == (name, "was added: the manifest does not seal it")
    assert [*strange_files(SWEEP, [name])] == []


@pytest.mark.parametrize("name", ["report.json.bak", "decisions.xlsx", ".hidden", ".a.part", "work/٣.json"])
def test_a_name_that_no_sweep_writes_was_added_whether_it_is_sealed_yet_or_not(name: str) -> None:
    for found in (added_files(SWEEP, [name], SEALED), strange_files(SWEEP, [name])):
        assert [(one.file, one.problem) for one in found] == [(name, "was added: no sweep writes a file of that name")]
