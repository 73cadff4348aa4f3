"""What is stored below `sweeps/`, by its keys: which files are a sweep's, and what no sweep ever writes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from orchestrator.core.report.files import sweep_folder
from orchestrator.core.report.manifest import MANIFEST, SEALED, SIGNATURE, Broken
from orchestrator.core.report.plan_file import PLAN_FILE

SWEEPS_FOLDER = "sweeps/"
DIAGNOSES_FOLDER = "doctor/"
"""Beside it: what the scheduled doctor found; no evidence of any sweep."""
INDEX_FOLDER = "index/"
"""Beside it: the page over all sweeps, which each of them writes anew; no evidence either."""
_SWEEP = re.compile(r"sweeps/dt=[^/]*/sweep=([0-9]{8}T[0-9]{6}Z-[0-9a-f]{6})/(.*)", re.DOTALL)
_DAY = re.compile(r"sweeps/dt=[0-9]{4}-[0-9]{2}-[0-9]{2}/")
_POLICY = re.compile(r"policy-[0-9a-f]{64}\.yaml")
_WORKING = re.compile(
    r"(inventory-[0-9]+|work/(listing|organization|tagged-[0-9]+|batches|acts-[0-9]+|accounts-[0-9]+|inventory-[0-9]+|plan-parts|(kept|names|plan)-[0-9]+-[0-9]+))\.json"
)
_MADE_EMPTY = ("", "work/")
"""The folders that a sweep makes in a local store, by their names in its own; a killed process leaves one empty."""
_NO_SWEEPS = (SWEEPS_FOLDER, f"{SWEEPS_FOLDER}.writable", f"{SWEEPS_FOLDER}.doctor")
"""What is of no sweep and ours all the same, where it is empty."""
_NOT_OURS = "was added: no sweep writes a file of that name"
_NO_FILE = "was added: it is a link or no regular file, and no sweep makes one"


def diagnosis_key(policy_name: str, at: datetime) -> str:
    """Of what doctor found at that time about sweeps by that policy."""
    in_utc = at.astimezone(UTC)
    return f"{DIAGNOSES_FOLDER}dt={in_utc:%Y-%m-%d}/{in_utc:%Y%m%dT%H%M%SZ}-{policy_name}.json"


class Entry(StrEnum):
    """What stands behind a key of a store."""

    FILE = "file"
    EMPTY_FOLDER = "empty folder"
    """Of a local store, with a key that ends in `/`. In S3 there are none: such a key is a file."""
    PART = "part"
    """The beginning of a file that a process was killed while it wrote."""
    PROBE = "probe"
    """The empty object by which a process found out that it can write."""
    LINK = "link"
    """No regular file: a link, a socket, a pipe, a device."""


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """Every key, sorted out."""

    names: Mapping[str, frozenset[str]]
    """Of the files of each sweep, by its id."""
    strays: tuple[str, ...]
    """Keys in no sweep's folder, and none that a sweep makes."""
    parts: Mapping[str, frozenset[str]]
    """Those among the names that a killed process left."""
    links: Mapping[str, frozenset[str]]
    """Those among the names that are no regular files."""
    traces: Mapping[str, str]
    """The key by the id of its sweep, for what says nothing: its empty folder, its probe."""
    days: tuple[str, ...]
    """Keys of empty folders that are named like a day."""

    def of(self, sweep_id: str) -> frozenset[str]:
        """The names of that sweep's files; none where it has none."""
        return self.names.get(sweep_id, frozenset())

    def regular(self, sweep_id: str) -> frozenset[str]:
        """Those that are whole files."""
        return self.of(sweep_id) - self.parts.get(sweep_id, frozenset()) - self.links.get(sweep_id, frozenset())

    def is_no_file(self, sweep_id: str, name: str) -> bool:
        """Whether something else is there by that name: a folder, a link, a pipe."""
        inner = f"{name}/"
        return name in self.links.get(sweep_id, ()) or any(one.startswith(inner) for one in self.of(sweep_id))

    @property
    def sealed_ids(self) -> frozenset[str]:
        """The sweeps that have a manifest."""
        return frozenset(sweep_id for sweep_id, names in self.names.items() if MANIFEST in names)

    def unaccounted(self, known: Collection[str]) -> tuple[str, ...]:
        """The keys that belong to no sweep: strays, and what is empty and would be of a sweep that is not `known`."""
        days = {f"{sweep_folder(sweep_id).partition('/sweep=')[0]}/" for sweep_id in known}
        traces = [key for sweep_id, key in self.traces.items() if sweep_id not in known and sweep_id not in self.names]
        return tuple(sorted([*self.strays, *traces, *(key for key in self.days if key not in days)]))


def sort_files(entries: Mapping[str, Entry]) -> StoredFiles:
    """What is stored, by key."""
    names: dict[str, set[str]] = {}
    kinds: dict[Entry, dict[str, set[str]]] = {Entry.PART: {}, Entry.LINK: {}}
    traces: dict[str, str] = {}
    strays, days = [], []
    for key, entry in entries.items():
        found = _SWEEP.fullmatch(key)
        sweep_id, name = (found[1], found[2]) if found is not None else ("", "")
        is_in_a_sweep = found is not None and key == f"{sweep_folder(sweep_id)}/{name}"
        is_empty = entry is Entry.PROBE or (entry is Entry.EMPTY_FOLDER and name in _MADE_EMPTY)
        if is_in_a_sweep and is_empty:
            traces[sweep_id] = key
        elif is_in_a_sweep and name:
            names.setdefault(sweep_id, set()).add(name)
            if entry in kinds:
                kinds[entry].setdefault(sweep_id, set()).add(name)
        elif entry is Entry.EMPTY_FOLDER and _DAY.fullmatch(key):
            days.append(key)
        elif not (entry in (Entry.PROBE, Entry.EMPTY_FOLDER) and key in _NO_SWEEPS):
            strays.append(key)
    parts, links = _frozen(kinds[Entry.PART]), _frozen(kinds[Entry.LINK])
    return StoredFiles(_frozen(names), tuple(sorted(strays)), parts, links, traces, tuple(days))


def _frozen(names: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {sweep_id: frozenset(some) for sweep_id, some in names.items()}


def added_files(sweep_id: str, names: Iterable[str], sealed: Iterable[str]) -> Iterator[Broken]:
    """Those of a sealed sweep that its manifest does not seal, but for itself, its signature and working files."""
    known = {MANIFEST, SIGNATURE, *sealed}
    for name in sorted(set(names) - known):
        if _WORKING.fullmatch(name):
            continue
        is_evidence = name in SEALED or _POLICY.fullmatch(name)
        yield Broken(sweep_id, name, "was added: the manifest does not seal it" if is_evidence else _NOT_OURS)


def strange_files(sweep_id: str, names: Iterable[str], policies: Iterable[str] = ()) -> Iterator[Broken]:
    """Those of a sweep that is not sealed yet which no sweep writes; `policies` are the files of its policy's text."""
    unsealed = (one for one in SEALED if one in names)
    yield from added_files(sweep_id, names, (*unsealed, *policies))


def early_files(sweep_id: str, names: Iterable[str]) -> Iterator[Broken]:
    """What a sweep writes only when it ends, in the folder of one that no manifest seals and that the chain lacks."""
    for name in sorted({*SEALED, SIGNATURE}.intersection(names) - {PLAN_FILE}):
        yield Broken(
            sweep_id,
            name,
            "is not sealed, so nothing proves it: it was added; or the sweep is ending just now, or its process died "
            f"while it did (stop-orchestrator sweep --resume {sweep_id})",
        )


def linked_files(sweep_id: str, stored: StoredFiles) -> Iterator[Broken]:
    """Whatever name they have, and whatever they lead to."""
    for name in sorted(stored.links.get(sweep_id, ())):
        yield Broken(sweep_id, name, _NO_FILE)
