"""`make benchmark`: whole sweeps of a made-up organization on this machine, what they cost, and what a bare loop costs.

Nothing real is asked: the endpoint is a process of the benchmark's own, on 127.0.0.1, and what is measured refuses any
other. The sweep is pinned to one CPU, as a Lambda of 1,769 MB has, and the endpoint to another where there is one.

Examples:
  python -m tests.benchmarks.run --accounts 100 --mode plan
  python -m tests.benchmarks.run --accounts 1000 --mode enforce --tls --json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from tests.benchmarks.endpoint.server import Asked as Endpoint
from tests.benchmarks.endpoint.shape import REGIONS
from tests.benchmarks.processes import sweep
from tests.benchmarks.tables import phase_table, summary_table

MODES = ("plan", "enforce")


def main(arguments: Sequence[str] | None = None) -> None:
    """The results as tables, or as JSON alone."""
    asked = _parser().parse_args(arguments)
    console = Console(stderr=asked.json, width=None if sys.stdout.isatty() else 80, highlight=False)
    results = []
    for result in measure(asked):
        results.append(result)
        console.print(phase_table(result))
    if asked.json:
        sys.stdout.write(f"{json.dumps(results, indent=1)}\n")
    else:
        console.print(summary_table(results))


def measure(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One result for each sweep; with `--bare`, one of the bare loop over the same before it."""
    endpoint = Endpoint(asked.accounts, asked.regions, asked.instances, asked.latency / 1000)
    settings = {"pacing": asked.pacing, **({"workers": str(asked.workers)} if asked.workers else {})}
    what = {
        "accounts": asked.accounts,
        "regions": asked.regions,
        "instances": asked.instances,
        "latency_ms": asked.latency,
        "tls": asked.tls,
        "pacing": asked.pacing,
    }
    for mode in MODES if asked.mode == "both" else (asked.mode,):
        for _ in range(asked.repeat):
            figures = sweep(endpoint, mode, tls=asked.tls, settings=settings, bare=asked.bare)
            yield {"side": "bare loop" if asked.bare else "sweep", "mode": mode, **what, **figures}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--mode", choices=(*MODES, "both"), default="both", help="what is swept (default: %(default)s)")
    add("--accounts", type=int, default=100, help="in the made-up organization (default: %(default)s)")
    add("--regions", type=int, choices=range(1, len(REGIONS) + 1), metavar="1..17", default=len(REGIONS))
    add("--latency", type=float, default=50.0, help="of each answer, in ms (default: %(default)s)")
    add("--tls", action="store_true", help="speak TLS, by a certificate authority made for this run")
    add("--empty", dest="instances", action="store_false", help="an organization in which nothing runs")
    add("--pacing", choices=("on", "off"), default="on", help="wait as AWS's rates ask for (default: %(default)s)")
    add("--workers", type=int, default=0, help="as STOP_ORCHESTRATOR_WORKERS (default: the settings' own)")
    add("--repeat", type=int, default=1, help="so many times each (default: %(default)s)")
    add("--bare", action="store_true", help="measure a bare botocore loop instead (best with --latency 0)")
    add("--json", action="store_true", help="JSON on stdout, tables on stderr")
    return parser


if __name__ == "__main__":
    main()
