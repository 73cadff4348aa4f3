"""The forms of a stored report: its files as they were written, and what is made of report.json."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from orchestrator.cli.terminal import csv_text
from orchestrator.core.report.files import report_chunks
from orchestrator.core.report.markdown import markdown_text
from orchestrator.core.report.ocsf import ocsf_lines
from orchestrator.errors import ReportStoreError
from orchestrator.ports import Stores
from orchestrator.sweep.stored_look import read_report

Made = TypeVar("Made")
HTML, JSONL = "report.html", "decisions.jsonl.gz"


def file_chunks(stores: Stores, sweep_id: str, name: str) -> Iterable[bytes]:
    """The file as it was written. Made of report.json where an earlier release did not write it.

    Raises ReportStoreError, also while it is read.
    """
    stored = stores.store.find_chunks(sweep_id, name)
    if stored is not None:
        return stored
    made = report_chunks(read_report(stores, sweep_id)).get(name)
    if made is None:
        raise ReportStoreError(f"{sweep_id} has no {name}, and none can be made of its report")
    return _of_a_whole_report(made, sweep_id)


def csv_table(stores: Stores, sweep_id: str, name: str) -> Iterator[bytes]:
    """A CSV file, in which no terminal finds anything to act on."""
    yield csv_text(b"".join(file_chunks(stores, sweep_id, name))).encode()


def json_lines(stores: Stores, sweep_id: str) -> Iterator[bytes]:
    """decisions.jsonl.gz without its compression."""
    unpack = zlib.decompressobj(31)  # gzip's
    try:
        for chunk in file_chunks(stores, sweep_id, JSONL):
            yield unpack.decompress(chunk)
    except zlib.error as damaged:
        raise ReportStoreError(f"{JSONL} of {sweep_id} is damaged: {damaged}") from damaged
    if not unpack.eof:
        raise ReportStoreError(f"{JSONL} of {sweep_id} is damaged: it ends in its middle")


def markdown(stores: Stores, sweep_id: str) -> Iterator[bytes]:
    """One short page."""
    document = read_report(stores, sweep_id)
    yield made_of_reports(lambda: markdown_text(document), sweep_id).encode()


def ocsf(stores: Stores, sweep_id: str) -> Iterator[bytes]:
    """A line for each violation."""
    yield from _of_a_whole_report(ocsf_lines(read_report(stores, sweep_id)), sweep_id)


def made_of_reports(make: Callable[[], Made], *sweep_ids: str) -> Made:
    """What a function makes of whole reports. Raises ReportStoreError for what is JSON, and no report."""
    try:
        return make()
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise _damaged(" or ".join(sweep_ids), wrong) from wrong


def _of_a_whole_report(chunks: Iterable[bytes], sweep_id: str) -> Iterator[bytes]:
    try:
        yield from chunks
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise _damaged(sweep_id, wrong) from wrong


def _damaged(sweep_id: str, wrong: Exception) -> ReportStoreError:
    return ReportStoreError(f"the report of {sweep_id} is damaged: it is no report ({type(wrong).__name__}: {wrong})")
