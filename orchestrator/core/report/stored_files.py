"""What is stored below `sweeps/`, by its keys: which files are a sweep's, and what no sweep ever writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.core.report.files import sweep_folder
from orchestrator.core.report.manifest import MANIFEST, SEALED, SIGNATURE, Broken

SWEEPS_FOLDER = "sweeps/"
_SWEEP = re.compile(r"sweeps/dt=[^/]*/sweep=([0-9]{8}T[0-9]{6}Z-[0-9a-f]{6})/(.*)", re.DOTALL)
_DAY = re.compile(r"sweeps/(dt=[0-9]{4}-[0-9]{2}-[0-9]{2}/)?")
_POLICY = re.compile(r"policy-[0-9a-f]{64}\.yaml")
_WORKING = re.compile(
    r"(inventory-\d+|work/(listing|batches|acts-\d+|accounts-\d+|inventory-\d+|(kept|names)-\d+-\d+))\.json"
)
_PROBES = re.compile(r"(.*/)?\.(writable|doctor)", re.DOTALL)
_PART = re.compile(r"(work/)?\.[^/]+\.part")
_NOT_OURS = "was added: no sweep writes a file of that name"


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """Every key, sorted out. Nothing are empty probes, by which a sweep proves that it can write, and empty folders
    that a sweep makes.
    """

    names: Mapping[str, frozenset[str]]
    """Of the files of each sweep, by its id."""
    strays: tuple[str, ...]
    """Keys in no sweep's folder."""

    def of(self, sweep_id: str) -> frozenset[str]:
        """The names of that sweep's files; none where it has none."""
        return self.names.get(sweep_id, frozenset())

    @property
    def sealed_ids(self) -> frozenset[str]:
        """The sweeps that have a manifest."""
        return frozenset(sweep_id for sweep_id, names in self.names.items() if MANIFEST in names)


def sort_files(sizes: Mapping[str, int]) -> StoredFiles:
    """`sizes` by key; a key that ends in `/` is a folder with nothing in it."""
    names: dict[str, set[str]] = {}
    strays: list[str] = []
    for key, size in sizes.items():
        found = _SWEEP.fullmatch(key)
        is_empty_folder = _DAY.fullmatch(key) or (found is not None and not found[2])
        if size == 0 and (is_empty_folder or _PROBES.fullmatch(key)):
            continue
        if found is None or key != f"{sweep_folder(found[1])}/{found[2]}":
            strays.append(key)
        elif not (size == 0 and found[2] == "work/"):
            names.setdefault(found[1], set()).add(found[2])
    return StoredFiles({sweep_id: frozenset(some) for sweep_id, some in names.items()}, tuple(sorted(strays)))


def added_files(sweep_id: str, names: Iterable[str], sealed: Iterable[str]) -> Iterator[Broken]:
    """Those of a sealed sweep that its manifest does not seal, but for itself, its signature and working files."""
    known = {MANIFEST, SIGNATURE, *sealed}
    for name in sorted(set(names) - known):
        if is_left_over(name) or _WORKING.fullmatch(name):
            continue
        is_evidence = name in SEALED or _POLICY.fullmatch(name)
        yield Broken(sweep_id, name, "was added: the manifest does not seal it" if is_evidence else _NOT_OURS)


def strange_files(sweep_id: str, names: Iterable[str]) -> Iterator[Broken]:
    """Those of a sweep that is not sealed yet which no sweep writes."""
    unsealed = (one for one in SEALED if one in names)
    policies = (one for one in names if _POLICY.fullmatch(one))
    yield from added_files(sweep_id, names, (*unsealed, *policies))


def is_left_over(name: str) -> bool:
    """The beginning of a file that a process was killed while it wrote; none of a sweep's files is called so."""
    return _PART.fullmatch(name) is not None
