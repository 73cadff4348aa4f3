"""The command `console`: the reports of a store as pages, on this machine alone."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator import app as wiring
from orchestrator.cli.console import ERROR, Format, errors_as_exit_codes, fail, print_line, say, settings_of
from orchestrator.cli.options import StoreOption
from orchestrator.console.hosts import checked_public_name
from orchestrator.console.server import ConsoleServer
from orchestrator.console.site import Site
from orchestrator.local.processes import ending_signals

_LOOK_EVERY_SECONDS = 0.2
"""Whether it was told to end."""


def console(
    port: Annotated[
        int, typer.Option(min=0, max=65535, show_default=False, help="On 127.0.0.1. [default a free one]")
    ] = 0,
    host: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The name at which your own proxy answers, before this. It listens on 127.0.0.1 all the same.",
        ),
    ] = "",
    store: StoreOption = None,
) -> None:
    """Serve the page over all sweeps, each sweep's report and files, and why each resource was decided as it was.

    It reads the store (or the bucket and the table) and nothing else: no account is asked, and nothing is written. It
    listens on 127.0.0.1, answers GET and HEAD, and only for that name, localhost and --host. It asks nobody who they
    are: whoever can log in to this machine, or is let in by your proxy, reads all reports. Ctrl-C ends it.
    """
    settings = settings_of(store=store)
    with errors_as_exit_codes(Format.TABLE):
        public_name = checked_public_name(host) if host else ""
        clients = wiring.make_clients(settings)
        if settings.table or settings.report_bucket:
            wiring.require_credentials(clients)  # before pages that would all say that they cannot be read
        stores = wiring.make_reading_stores(settings, clients)
        site = Site(stores, wiring.make_index_store(settings, clients), wiring.stored_kinds())
        server = _server(port, public_name, site)
    with server, ending_signals(_end):
        try:
            print_line(server.url)
            say(f"Serves {settings.report_bucket or settings.store}, read-only. Ctrl-C ends it.")
            server.serve_forever(_LOOK_EVERY_SECONDS)
        except KeyboardInterrupt:
            say("Ended.")


def _server(port: int, public_name: str, site: Site) -> ConsoleServer:
    try:
        return ConsoleServer(port, public_name, site.answer, say)
    except OSError as taken:
        why = taken.strerror or taken
        what_to_do = "name another with --port; without it a free one is taken"
        fail(f"port {port} of 127.0.0.1 is not to be had ({why}): {what_to_do}", ERROR)


def _end(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
