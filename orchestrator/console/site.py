"""Each page of the console, made of store and ledger alone: AWS is asked for nothing else, and nothing is written."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain

from orchestrator.console.answers import PAGE, Answer, text_answer
from orchestrator.console.routes import (
    DOWNLOADS,
    REPORT_PAGE,
    BadQueryError,
    DownloadRoute,
    ExplainRoute,
    FilesRoute,
    IndexRoute,
    MovedRoute,
    ReportRoute,
    route_of,
)
from orchestrator.core.model import ResourceKey, SweepStatus
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.document import Row
from orchestrator.core.report.files import content_type, report_chunks, sweep_folder
from orchestrator.core.report.html.console_pages import explain_page, files_page, several_page
from orchestrator.core.report.html.index_page import index_page
from orchestrator.core.report.html.pages import content_policy
from orchestrator.core.report.html.served import as_served
from orchestrator.core.report.stored_inventory import StoredKinds
from orchestrator.core.report.stored_report import read_document
from orchestrator.core.report.sweep_digest import SweepDigest
from orchestrator.core.report.sweep_index import sweep_index
from orchestrator.errors import ReportStoreError, StopOrchestratorError
from orchestrator.ports import IndexStore, Stores
from orchestrator.sweep.index import read_index
from orchestrator.sweep.stored_look import explain_stored

OWN_POLICIES = frozenset({content_policy()})
"""Of the pages that this release writes."""
_DOCUMENTS_KEPT = 2
"""Reports read for explanations: a person asks about several decisions of one. Each is held compressed."""
_SEVERAL_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Site:
    """Answers by targets. Thread-safe."""

    stores: Stores
    index: IndexStore
    kinds: StoredKinds
    _documents: OrderedDict[str, Row] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, target: str) -> Answer:
        """Of whatever is asked; what store or ledger refuse is an answer too."""
        try:
            return self._answer(target)
        except BadQueryError as wrong:
            return text_answer(HTTPStatus.BAD_REQUEST, f"{wrong}.")
        except StopOrchestratorError as failure:
            return text_answer(HTTPStatus.BAD_GATEWAY, without_controls(str(failure), lines=True))

    def _answer(self, target: str) -> Answer:
        match route_of(target):
            case IndexRoute():
                answer = self._index()
            case ReportRoute(sweep_id):
                answer = self._report(sweep_id)
            case FilesRoute(sweep_id):
                answer = self._files(sweep_id)
            case DownloadRoute(sweep_id, name):
                answer = self._download(sweep_id, name)
            case ExplainRoute() as route:
                answer = self._explain(route)
            case MovedRoute(to):
                answer = text_answer(HTTPStatus.PERMANENT_REDIRECT, "It is one slash further.", Location=to)
            case None:
                answer = text_answer(HTTPStatus.NOT_FOUND, "There is no such page. All sweeps are at /.")
        return answer

    def _index(self) -> Answer:
        digests, notes = read_index(self.index, self.stores.ledger)
        return _page(index_page(sweep_index(digests), _link, notes, served=True))

    def _report(self, sweep_id: str) -> Answer:
        """As it was stored, where it is of this release: only of that the script is known."""
        stored = self.stores.store.find_chunks(sweep_id, REPORT_PAGE)
        page = as_served(stored, OWN_POLICIES) if stored is not None else None
        if page is None:
            document = self._document(sweep_id)
            if document is None:
                return self._no_report(sweep_id)
            page = as_served(report_chunks(document)[REPORT_PAGE])
        assert page is not None, "one that is made now has a policy"
        policy, pieces = page
        return Answer(HTTPStatus.OK, pieces, PAGE, policy)

    def _files(self, sweep_id: str) -> Answer:
        there, folder = self.stores.store.list_files(sweep_id), sweep_folder(sweep_id)
        names = [name for name in DOWNLOADS if f"{folder}/{name}" in there]
        return _page(files_page(sweep_id, names)) if names else self._no_report(sweep_id)

    def _download(self, sweep_id: str, name: str) -> Answer:
        chunks = self.stores.store.find_chunks(sweep_id, name)
        if chunks is None:
            return text_answer(HTTPStatus.NOT_FOUND, f"Sweep {sweep_id} has no {name}.")
        disposition = f'attachment; filename="{sweep_id}-{name}"'
        # Begun here, so that a file or a connection is closed with it, also where nobody reads the body.
        body = chain([next(chunks, b"")], chunks)
        return Answer(HTTPStatus.OK, body, content_type(name), more={"Content-Disposition": disposition})

    def _explain(self, route: ExplainRoute) -> Answer:
        document = self._document(route.sweep_id)
        if document is None:
            return self._no_report(route.sweep_id)
        found = _found(document, route)
        if not found:
            text = f"The report of {route.sweep_id} has no such resource: it was not read, or did not run."
            return text_answer(HTTPStatus.NOT_FOUND, text)
        if len(found) > 1:
            return _page(several_page(route.sweep_id, found[:_SEVERAL_SHOWN], len(found)))
        return _page(explain_page(explain_stored(self.stores, document, found[0], self.kinds)))

    def _document(self, sweep_id: str) -> Row | None:
        """Of a sweep's report, which never changes. None: it has none. Raises ReportStoreError."""
        with self._lock:  # one after the other: two large ones at once are twice the memory
            if sweep_id in self._documents:
                self._documents.move_to_end(sweep_id)
                return self._documents[sweep_id]
            chunks = self.stores.store.find_chunks(sweep_id, "report.json")
            if chunks is None:
                return None
            try:
                document = read_document(chunks)
            except (ValueError, KeyError, TypeError) as damaged:
                raise ReportStoreError(f"the report of {sweep_id} is damaged: {damaged}") from damaged
            self._documents[sweep_id] = document
            if len(self._documents) > _DOCUMENTS_KEPT:
                self._documents.popitem(last=False)
            return document

    def _no_report(self, sweep_id: str) -> Answer:
        begun = None
        with suppress(StopOrchestratorError):
            begun = self.stores.ledger.sweep(sweep_id)
        why = f"there is no sweep {sweep_id} in this store"
        if begun is not None and begun.status == SweepStatus.MISSED:
            why = f"{sweep_id} has no report: it was missed; {begun.error}"
        elif begun is not None:
            why = f"{sweep_id} has no report: by the ledger it is {begun.status}"
        return text_answer(HTTPStatus.NOT_FOUND, without_controls(why))


def _found(document: Row, route: ExplainRoute) -> list[ResourceKey]:
    """The resources of a report that are meant: by their ARN, or by their id and what else was told."""
    is_arn = route.resource.startswith("arn:")
    told = {"account_id": route.account, "region": route.region, "kind": route.kind}
    told |= {"arn" if is_arn else "resource_id": route.resource}
    asked = [(name, value) for name, value in told.items() if value]
    rows = (row for row in document["decisions"] if all(row.get(name) == value for name, value in asked))
    try:
        return [ResourceKey.from_row(row) for row in rows]
    except (KeyError, TypeError) as wrong:
        raise ReportStoreError(f"the report of {route.sweep_id} is damaged: {type(wrong).__name__}: {wrong}") from wrong


def _link(sweep: SweepDigest) -> str:
    return f"sweeps/{sweep['sweep_id']}/" if sweep["report"] else ""


def _page(pieces: Iterable[bytes]) -> Answer:
    """One that is made now, with the scripts that every page has."""
    return Answer(HTTPStatus.OK, pieces, PAGE, content_policy())
