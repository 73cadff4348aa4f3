"""The embedded AWS: moto's application behind gates that close moto's gaps where a sweep would notice them.

A gate looks at a call and either answers in moto's place or lets it pass (None). Which gaps, and why: each
gate's file. Those of the kinds' services are in `gates`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from orchestrator.demo.calls import Answer, Call
from orchestrator.demo.faults import Faults
from orchestrator.demo.gates import Gate, find_gates
from orchestrator.demo.gates.ec2_behind import BEHIND
from orchestrator.demo.gates.tagging import INDEX
from orchestrator.demo.regions import RegionOptIn
from orchestrator.demo.roles import session_policy_gate, trust_gate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ACCOUNTS_A_PAGE = 20


class Front:
    """A WSGI application. `faults` and `calls` are for tests in the same process."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.regions = RegionOptIn()
        self.calls: Counter[str] = Counter()
        """Requests so far, by `service:Operation`."""
        self.instances_a_page: int | None = None
        """EC2 may give fewer than the MaxResults that were asked for; so many at most."""
        self._moto: WSGIApplication = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self._one_write = threading.Lock()
        self._gates: tuple[Gate, ...] = (
            self.faults,
            self.regions,
            trust_gate,
            session_policy_gate,
            account_pages_gate,
            self._instance_pages_gate,
            *find_gates(),
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/moto-api"):
            return self._moto_api(environ, start_response)
        call = Call(environ)
        with self._lock:
            self.calls[f"{call.service}:{call.action}"] += 1
        if BEHIND.seconds and call.service == "ec2":
            with BEHIND.lock:  # what it shows as it was is the one that others change
                return self._answer(call, environ, start_response)
        return self._answer(call, environ, start_response)

    def _answer(self, call: Call, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for gate in self._gates:
            answer = gate(call)
            if answer is not None:
                return answer.send(start_response)
        if call.afterwards is not None:
            _run(self._moto, environ)
            return call.afterwards.send(start_response)
        if BEHIND.seconds and call.service == "ec2" and call.action == "DescribeInstances":
            with BEHIND.as_it_was(call):
                return list(self._moto(environ, start_response))
        if call.service == "dynamodb":
            with self._one_write:  # moto copies whole tables for a transaction, and breaks when one changes meanwhile
                return list(self._moto(environ, start_response))
        return self._moto(environ, start_response)

    def clear(self) -> None:
        """Forgets faults, opted-in regions, page sizes, counts and what was; moto's own API resets what moto holds."""
        self.faults.clear()
        self.regions.clear()
        self.calls.clear()
        self.instances_a_page = None
        BEHIND.clear()
        INDEX.clear()

    def _moto_api(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/moto-api/reset":
            self.clear()
        return self._moto(environ, start_response)

    def _instance_pages_gate(self, call: Call) -> Answer | None:
        if self.instances_a_page and call.service == "ec2" and call.form.get("MaxResults"):
            call.replace_form({**call.form, "MaxResults": str(self.instances_a_page)})
        return None


def _run(application: WSGIApplication, environ: WSGIEnvironment) -> None:
    """To its end; what it answers is dropped."""
    answer = application(environ, lambda *_: lambda _: None)
    for _ in answer:
        pass
    close = getattr(answer, "close", None)
    if close is not None:
        close()


def account_pages_gate(call: Call) -> Answer | None:
    """Accounts come in pages of at most 20, as from AWS; moto would give all at once."""
    if call.service != "organizations" or call.action not in {"ListAccounts", "ListAccountsForParent"}:
        return None
    asked = call.json
    if asked.get("MaxResults", _ACCOUNTS_A_PAGE) > _ACCOUNTS_A_PAGE:
        return call.refused("InvalidInputException", "You specified an invalid value: MaxResults is at most 20.")
    call.replace_json({"MaxResults": _ACCOUNTS_A_PAGE, **asked})
    return None
