"""Which stored keys are a sweep's files, and which were added."""

from __future__ import annotations

import pytest

from orchestrator.core.report.manifest import SEALED
from orchestrator.core.report.stored_files import added_files, sort_files, strange_files

SWEEP = "20261123T190000Z-7f3a9c"
FOLDER = f"sweeps/dt=2026-11-23/sweep={SWEEP}"
WORK = "work/"
WORKING = ["inventory-0.json", "work/listing.json", "work/batches.json", "work/inventory-12.json"]
WORKING += ["work/acts-1.json", "work/accounts-2.json", "work/kept-1-3.json", "work/names-2-1.json"]


@pytest.mark.parametrize("name", ["report.json", "manifest.json", "work/listing.json", "forged", "deep/er/forged.json"])
def test_what_is_in_a_sweep_s_folder_is_its_file(name: str) -> None:
    stored = sort_files({f"{FOLDER}/{name}": 3})
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
        "sweeps/forged/",
        "sweeps/dt=today/",
        f"sweeps/dt=2026-11-23/{SWEEP}/report.json",
        f"{FOLDER}",
        "sweeps/dt=2026-11-23/sweep=20261123T190000Z-7F3A9C/report.json",
    ],
)
def test_what_is_in_no_folder_of_a_sweep_is_a_stray(key: str) -> None:
    assert sort_files({key: 0}).strays == (key,)


@pytest.mark.parametrize(
    "key",
    [f"{FOLDER}/.writable", "sweeps/.doctor", "sweeps/dt=2026-11-23/", f"{FOLDER}/", f"{FOLDER}/{WORK}"],
)
def test_an_empty_probe_or_folder_is_nothing_and_one_with_something_in_it_is_not(key: str) -> None:
    empty, full = sort_files({key: 0}), sort_files({key: 1})
    assert (empty.names, empty.strays) == ({}, ())
    assert full.names or full.strays


@pytest.mark.parametrize("name", WORKING)
def test_working_files_are_not_sealed_and_not_added(name: str) -> None:
    assert [*added_files(SWEEP, [name], ())] == [*strange_files(SWEEP, [name])] == []


@pytest.mark.parametrize("name", SEALED)
def test_evidence_that_the_manifest_does_not_seal_was_added(name: str) -> None:
    [broken] = added_files(SWEEP, [name, "manifest.json", "manifest.sig"], ())
    assert (broken.file, broken.problem) == (name, "was added: the manifest does not seal it")
    assert [*strange_files(SWEEP, [name])] == []


@pytest.mark.parametrize("name", ["report.json.bak", "decisions.xlsx", ".hidden", "work/evil.json", "policy-1.yaml"])
def test_a_name_that_no_sweep_writes_was_added_whether_it_is_sealed_yet_or_not(name: str) -> None:
    for found in (added_files(SWEEP, [name], SEALED), strange_files(SWEEP, [name])):
        assert [(one.file, one.problem) for one in found] == [(name, "was added: no sweep writes a file of that name")]
