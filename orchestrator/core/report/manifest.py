"""Evidence: a manifest seals the files of one sweep and names the manifest before it, so that nothing can be taken out.

Files in, problems out; the caller reads the files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from orchestrator.core.model.marks import SWEEP_ID

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
SEALED = (
    "report.json",
    "decisions.jsonl.gz",
    "decisions.csv",
    "coverage.csv",
    "compliance.csv",
    "opt_outs.csv",
    "report.html",
    "plan.json",
)
"""Every file that is evidence, but for the policy of a sweep that has it as a file (files.policy_file)."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
"""No other is sealed; what leads elsewhere or is no name was forged."""


@dataclass(frozen=True, slots=True)
class Link:
    """One manifest: its sweep, its own hash, and the one that it names as the one before."""

    sweep_id: str
    sha256: str
    previous_sweep_id: str | None
    previous_sha256: str | None

    @property
    def previous(self) -> tuple[str, str] | None:
        """Sweep id and SHA-256 of the manifest before; None for the first one."""
        if self.previous_sweep_id is None or self.previous_sha256 is None:
            return None
        return self.previous_sweep_id, self.previous_sha256


@dataclass(frozen=True, slots=True)
class Broken:
    """Where the evidence does not hold: the sweep, the file, and how."""

    sweep_id: str
    file: str
    problem: str


@dataclass(slots=True)
class Walk:
    """The chain from its newest manifest back, as far as it can be followed."""

    sealed: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of each manifest by its sweep, as the one after it names it; newest first."""
    broken: list[Broken] = field(default_factory=list)
    whole: bool = False
    """Followed to its beginning."""

    @property
    def sweep_ids(self) -> tuple[str, ...]:
        """Newest first."""
        return tuple(self.sealed)


def sha256_of(content: bytes) -> str:
    """In lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class FileSeal:
    """What a manifest says of one file."""

    sha256: str
    size: int
    """In bytes."""

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Of a whole file."""
        return cls(sha256_of(content), len(content))

    @classmethod
    def of_chunks(cls, chunks: Iterable[bytes]) -> Self:
        """Of a file that is read piece by piece; none of them is kept."""
        sha256, size = hashlib.sha256(), 0
        for chunk in chunks:
            sha256.update(chunk)
            size += len(chunk)
        return cls(sha256.hexdigest(), size)


class Anew:
    """What a generator function gives, from its beginning each time: a file's pieces that are not kept."""

    def __init__(self, begin: Callable[[], Iterator[bytes]]) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[bytes]:
        return self._begin()


class Sealing:
    """Passes a file's pieces on to whatever writes it, and knows its seal by then, so that it is not read again.

    `chunks` is asked for the pieces anew each time that the file is written from its beginning.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._seal: FileSeal | None = None

    def __iter__(self) -> Iterator[bytes]:
        sha256, size, self._seal = hashlib.sha256(), 0, None
        for chunk in self._chunks:
            sha256.update(chunk)
            size += len(chunk)
            yield chunk
        self._seal = FileSeal(sha256.hexdigest(), size)

    @property
    def seal(self) -> FileSeal:
        """Of what was passed on last; all of it, or there is none."""
        assert self._seal is not None, "the file was not written to its end"
        return self._seal


def manifest_bytes(sweep_id: str, files: Mapping[str, FileSeal], previous: tuple[str, str] | None) -> bytes:
    """The SHA-256 and size of each file, and the sweep id and SHA-256 of the manifest before. Equal in, equal out."""
    sealed = {name: {"sha256": one.sha256, "bytes": one.size} for name, one in sorted(files.items())}
    before = {"sweep_id": previous[0], "sha256": previous[1]} if previous else None
    return json.dumps({"sweep_id": sweep_id, "files": sealed, "previous": before}, separators=(",", ":")).encode()


def check_sweep(
    sweep_id: str, manifest: bytes | None, sha256_now: Callable[[str], str | None]
) -> tuple[Link | None, list[Broken]]:
    """Holds every file that the manifest seals against its hash now; the manifest's link, and what does not hold.

    `sha256_now` computes it by the file's name; None for a file that is not there.
    """
    if manifest is None:
        return None, [Broken(sweep_id, MANIFEST, "is missing: the sweep did not finish, or it was removed")]
    document = _document(manifest)
    if document is None or document["sweep_id"] != sweep_id:
        return None, [Broken(sweep_id, MANIFEST, "was altered: it is no manifest of this sweep")]
    broken = []
    for name, sealed in document["files"].items():
        sha256 = sha256_now(name)
        if sha256 is None:
            broken.append(Broken(sweep_id, name, "is missing"))
        elif sha256 != sealed["sha256"]:
            broken.append(Broken(sweep_id, name, "was altered: its SHA-256 is not the one in the manifest"))
    previous = document["previous"] or {}
    return Link(sweep_id, sha256_of(manifest), previous.get("sweep_id"), previous.get("sha256")), broken


def check_chain(
    newest: tuple[str, str] | None, look: Callable[[str], Link | None], recorded: Mapping[str, Link]
) -> Walk:
    """From the newest manifest, which the ledger knows, back to the first.

    `look` gives a manifest as it is now. Where it is not as it was sealed, what the ledger `recorded` of it leads on.
    """
    walk = Walk()
    expected = newest
    while expected is not None:
        sweep_id, sha256 = expected
        if sweep_id in walk.sealed:
            return walk  # only forged manifests go round in a circle, and they were named already
        walk.sealed[sweep_id] = sha256
        link = look(sweep_id)
        if link is not None and link.sha256 != sha256:
            walk.broken.append(Broken(sweep_id, MANIFEST, "was altered: the chain has another SHA-256 for it"))
        if link is None or link.sha256 != sha256:
            link = recorded.get(sweep_id)
        if link is None:
            return walk
        expected = link.previous
    walk.whole = True
    return walk


def sealed_names(manifest: bytes) -> tuple[str, ...]:
    """The files that a manifest seals; none for what is no manifest."""
    document = _document(manifest)
    return tuple(document["files"]) if document is not None else ()


def anchor_text(head: tuple[str, str]) -> str:
    """What an anchor outside of store and ledger says: sweep id and SHA-256 of the newest manifest."""
    return json.dumps({"sweep_id": head[0], "sha256": head[1]})


def anchor_from(text: str) -> tuple[str, str] | None:
    """What `anchor_text` was made of; None for what is no anchor."""
    try:
        document = json.loads(text)
        found = document["sweep_id"], document["sha256"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    is_one = all(isinstance(one, str) for one in found) and SWEEP_ID.fullmatch(found[0]) and _SHA256.fullmatch(found[1])
    return found if is_one else None


def _document(manifest: bytes) -> dict[str, Any] | None:
    """None for what no manifest looks like."""
    try:
        document = json.loads(manifest)
        hashes = [sealed["sha256"] for sealed in document["files"].values()]
        previous = document["previous"]
        names = [document["sweep_id"], *((previous["sweep_id"], previous["sha256"]) if previous else ())]
        are_names = all(map(_FILE_NAME.fullmatch, document["files"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return document if are_names and all(isinstance(text, str) for text in (*hashes, *names)) else None
