"""`make benchmark`: whole sweeps of a made-up organization on this machine, what they cost, and what a bare loop costs.

Nothing real is asked: the endpoint is a process of the benchmark's own, on 127.0.0.1, and what is measured refuses any
other. A sweep is pinned to one CPU, as a Lambda of 1,769 MB has, and the endpoint to another where there is one. On a
busy machine wall times mean little; CPU, calls, units and memory hold.

Without options it measures the table of docs/performance.md, for some minutes. Examples:
  python -m tests.benchmarks.run
  python -m tests.benchmarks.run --mode plan --accounts 100
  python -m tests.benchmarks.run --mode enforce --accounts 1000 --tls --pacing off --json
  python -m tests.benchmarks.run --scaling --large --write-docs
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.benchmarks.deciding import measure_deciding
from tests.benchmarks.document import write_page
from tests.benchmarks.endpoint.shape import REGIONS
from tests.benchmarks.suite import ALL_KINDS, BARE, MAIN, SCALING, SWEEP, Measurement, large, measure, scaling, table
from tests.benchmarks.tables import phase_table, scaling_table, summary_table, target_table

MODES = ("plan", "enforce")
_MOST_WORKERS = 512


def main(arguments: Sequence[str] | None = None) -> None:
    """The results as tables, or as JSON alone."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    _refuse(parser, asked)
    console = Console(stderr=asked.json, width=80, highlight=False)
    results = [one for file in asked.read for one in json.loads(file.read_text())]
    for one in results if asked.read else measure(wanted(asked)):
        console.print(phase_table(one), "")
        if not asked.read:
            results.append(one)
            if asked.save is not None:
                asked.save.write_text(f"{json.dumps(results, indent=1)}\n")
    console.print(summary_table(results), "")
    deciding = measure_deciding() if asked.mode is None and not asked.read else None
    if deciding is not None:
        console.print(deciding.text, "", soft_wrap=True)
    console.print(target_table(results, MAIN if asked.accounts is None else asked.accounts), "")
    if sum(one["accounts"] in SCALING and one["pacing"] == "off" for one in results) > 2:
        console.print(scaling_table(results))
    if asked.write_docs:
        write_page(results, deciding.text if deciding is not None else "")
    if asked.json:
        sys.stdout.write(f"{json.dumps(results, indent=1)}\n")


def wanted(asked: argparse.Namespace) -> list[Measurement]:
    """One sweep or loop where a mode is named, else the table; with what was asked for beside it."""
    if asked.mode is None:
        some = table() if asked.accounts is None else table(asked.accounts)
        beside = [*(scaling() if asked.scaling else []), *(large() if asked.large else [])]
        return [*dict.fromkeys([*some, *beside])]
    side = BARE if asked.bare else SWEEP
    accounts = asked.accounts or 100
    modes = MODES if asked.mode == "both" else (asked.mode,)
    what = {"regions": asked.regions, "instances": asked.instances, "tls": asked.tls, "pacing": asked.pacing}
    what["kinds"] = ALL_KINDS if asked.kinds == "all" else asked.kinds
    what |= {"latency_ms": asked.latency, "workers": asked.workers, "organizations_rate": asked.organizations_rate}
    return [Measurement(side, mode, accounts, **what) for mode in modes] * asked.repeat


def _refuse(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> None:
    """What would be left out without a word, or would write half a page."""
    of_one = (
        "regions",
        "latency",
        "tls",
        "instances",
        "kinds",
        "pacing",
        "organizations_rate",
        "workers",
        "repeat",
        "bare",
    )
    given = [name for name in of_one if getattr(asked, name) != parser.get_default(name)]
    if given and asked.mode is None:
        parser.error(f"{', '.join(given)}: only with --mode, which measures one sweep")
    if asked.mode is not None and (asked.scaling or asked.large):
        parser.error("--scaling and --large are beside the whole table: without --mode")
    if asked.write_docs and (asked.mode is not None or asked.accounts not in (None, MAIN)):
        parser.error("--write-docs writes the whole table: without --mode and --accounts")
    for file in asked.read:
        if not file.is_file():
            parser.error(f"--read {file}: there is no such file")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--mode", choices=(*MODES, "both"), help="one sweep of this kind alone, instead of the whole table")
    add("--accounts", type=_positive, help="in the made-up organization (default: 100 for a mode, 1,000 for the table)")
    add("--scaling", action="store_true", help="beside the table: plans of 100, 300, 1,000 and 3,000 accounts")
    add("--large", action="store_true", help="beside the table: a plan of 5,000 accounts")
    add("--save", type=Path, metavar="FILE", help="write the results there as JSON, as soon as each is there")
    add("--read", type=Path, metavar="FILE", action="append", default=[], help="show saved results; measure nothing")
    add("--write-docs", action="store_true", help="write the results into docs/performance.md and its chart")
    add("--json", action="store_true", help="JSON on stdout, tables on stderr")
    one = parser.add_argument_group("with --mode")
    one.add_argument("--regions", type=int, choices=range(1, len(REGIONS) + 1), metavar="1..17", default=len(REGIONS))
    one.add_argument("--latency", type=_not_negative, default=50.0, help="of each answer, in ms (default: %(default)s)")
    one.add_argument("--tls", action="store_true", help="speak TLS, by a certificate authority made for this run")
    one.add_argument("--empty", dest="instances", action="store_false", help="nothing runs in the organization")
    one.add_argument("--kinds", default="ec2", help="of the policy, with commas between, or all; nothing but EC2 runs")
    one.add_argument("--pacing", choices=("on", "off"), default="on", help="wait as AWS's rates ask for (default: on)")
    one.add_argument(
        "--organizations-rate", type=float, default=0.0, help="throttle Organizations to that many a second"
    )
    one.add_argument(
        "--workers", type=_workers, default=0, help="as STOP_ORCHESTRATOR_WORKERS (default: the settings' own)"
    )
    one.add_argument("--repeat", type=_positive, default=1, help="so many times each (default: %(default)s)")
    one.add_argument("--bare", action="store_true", help="the bare botocore loop (best with --latency 0)")
    return parser


def _not_negative(text: str) -> float:
    number = float(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be at least 0")
    return number


def _workers(text: str) -> int:
    number = _positive(text)
    if number > _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"must be at most {_MOST_WORKERS}")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    main()
