"""The table that the benchmark is for: what was, what may be at most, what is aimed at, and what was measured. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.endpoint import kinds as other_services
from tests.benchmarks.prices import price_of
from tests.benchmarks.suite import ALL_KINDS, BARE, C7N, LARGE, SCALING, SMALL, SWEEP

Result = dict[str, Any]
_MB = 1_000_000
SCALING_WITHIN = 0.15
_OF_MEMBERS = frozenset({"ec2", "sts", *other_services.SERVICES})


@dataclass(frozen=True, slots=True)
class Row:
    """`value` and limits in the same unit; None: not measured, or no limit."""

    name: str
    unit: str
    value: float | None
    before: str
    most: float | None = None
    aim: float | None = None
    ratio: float | None = None
    """To the bare loop's CPU, where that is beside it."""
    more_is_better: bool = False

    @property
    def verdict(self) -> str:
        """Empty where nothing was measured or nothing is asked for."""
        if self.value is None or self.most is None:
            return ""
        if self._holds(self.aim):
            return "aim"
        return "ok" if self._holds(self.most) else "over"

    def _holds(self, limit: float | None) -> bool:
        if limit is None or self.value is None:
            return False
        return self.value >= limit if self.more_is_better else self.value <= limit


def rows(results: Sequence[Result], main: int) -> Iterator[Row]:
    """Of the sweeps of `main` accounts; the limits are of 1,000."""
    plan, plan_loop = find(results, SWEEP, "plan", main), find(results, BARE, "plan", main)
    yield Row("plan, wall", "s", _figure(plan, "wall"), "275", 35, 20)
    yield Row("plan, CPU", "s", _figure(plan, "cpu"), "55", 26, 15, _ratio(plan, plan_loop))
    yield Row("plan, memory", "MB", _figure(plan, "memory", 1 / _MB), "314", 260, 200)
    yield Row("plan, open files", "", _figure(plan, "files"), "", 1024)
    for tls, before, most, aim in ((False, "0.6", 0.35, 0.25), (True, "1.4", 0.5, 0.3)):
        own = find(results, SWEEP, "plan", main, tls=tls, instances=False)
        share = _ratio(own, find(results, BARE, "plan", main, tls=tls, instances=False))
        yield Row(f"empty target, {'TLS' if tls else 'HTTP'}", "x bare", share, before, most, aim, share)
    enforce, paced = find(results, SWEEP, "enforce", main, pacing="off"), find(results, SWEEP, "enforce", main)
    ratio = _ratio(enforce, find(results, BARE, "enforce", main))
    yield Row("enforce unpaced, wall", "s", _figure(enforce, "wall"), "169", 60, 45)
    yield Row("enforce unpaced, CPU", "s", _figure(enforce, "cpu"), "", None, None, ratio)
    yield Row("enforce paced, wall", "s", _figure(paced, "wall"), "")
    either = enforce or paced
    units = _figure(either["endpoint"] if either else None, "write_units")
    yield Row("enforce, write units", "", units, "33,041", 12_000, 9_000)
    price = price_of(either["wall"], either["endpoint"]).total * 100 if either else None
    yield Row("enforce, price", "cents", price, "", 1)
    calls = member_calls(plan) / targets_of(plan) if plan else None
    yield Row("calls per target", "", calls, "1.12", 1.06, 1.06)
    every = find(results, SWEEP, "plan", min(SMALL, main), instances=False, kinds=ALL_KINDS)
    calls = member_calls(every) / targets_of(every) if every else None
    yield Row("empty target, all kinds, calls", "", calls, "", len(ALL_KINDS.split(",")) + 0.07)
    yield _against_c7n(results, plan)
    large = find(results, SWEEP, "plan", LARGE)
    yield Row(f"plan of {LARGE:,}, wall", "s", _figure(large, "wall"), "impossible", 180, 90)


def scaling_rows(results: Sequence[Result]) -> list[tuple[int, float, float]]:
    """Accounts; CPU in ms for each, beyond start-up and what any sweep costs; the share by which it is off the line."""
    found = [one for accounts in SCALING if (one := find(results, SWEEP, "plan", accounts, pacing="off"))]
    points = [(one["accounts"], beyond_start(one) or 0.0) for one in found]
    fixed, slope = _line(points)
    return [(n, (cpu - fixed) / n * 1000, cpu / (fixed + n * slope) - 1) for n, cpu in points]


def member_calls(result: Result) -> int:
    """Those in member accounts, and for their sessions."""
    return sum(count for name, count in result["endpoint"]["calls"].items() if name.split(":")[0] in _OF_MEMBERS)


def calls_by_operation(results: Sequence[Result]) -> dict[str, float]:
    """Of a target that has nothing, by a policy that names all kinds; empty where that was not measured."""
    every = next((one for one in reversed(results) if one.get("kinds") == ALL_KINDS and not one["instances"]), None)
    if every is None:
        return {}
    calls = every["endpoint"]["calls"]
    return {one: calls[one] / targets_of(every) for one in calls if one.split(":")[0] in _OF_MEMBERS}


def targets_of(result: Result) -> int:
    """Accounts times regions."""
    return int(result["accounts"] * result["regions"])


def _against_c7n(results: Sequence[Result], plan: Result | None) -> Row:
    other = next((one for one in results if one["side"] == C7N), None)
    mine = beyond_start(plan)
    times = None
    if other is not None and plan is not None and mine:
        times = (other["work"] / targets_of(other)) / (mine / targets_of(plan))
    return Row("c7n-org, CPU a target", "x ours", times, "215", None, 800, more_is_better=True)


def find(
    results: Sequence[Result],
    side: str,
    mode: str,
    accounts: int,
    *,
    tls: bool = False,
    instances: bool = True,
    pacing: str = "on",
    kinds: str = "ec2",
) -> Result | None:
    """The last such one. A saved result that does not tell its kinds is of EC2 alone."""
    wanted = {"side": side, "mode": mode, "accounts": accounts, "tls": tls, "instances": instances, "pacing": pacing}
    holds: Callable[[Result], bool] = lambda one: all(one[name] == value for name, value in wanted.items())  # noqa: E731 - a lambda with its type in one line
    results = [one for one in results if one.get("kinds", "ec2") == kinds]
    return next((one for one in reversed(results) if holds(one)), None)


def beyond_start(result: Result | None) -> float | None:
    """The CPU seconds without imports, settings and policy."""
    if result is None:
        return None
    return float(result["work"] if "work" in result else sum(phase["cpu"] for phase in result["phases"][1:]))


def _figure(result: Result | None, name: str, times: float = 1) -> float | None:
    return result[name] * times if result is not None and name in result else None


def _ratio(mine: Result | None, other: Result | None) -> float | None:
    own, others = beyond_start(mine), beyond_start(other)
    return own / others if own is not None and others else None


def _line(points: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """CPU seconds of no account, never less than none, and of each: by least squares of the shares that points are off.

    Where more accounts make each of them dearer, the line would need a fixed cost below nothing.
    """
    weights = [1 / cpu**2 for _, cpu in points]
    total, xs, ys, squares, products = (
        sum(weight * part(accounts, cpu) for weight, (accounts, cpu) in zip(weights, points, strict=True))
        for part in (
            lambda _x, _y: 1.0,
            lambda x, _y: x,
            lambda _x, y: y,
            lambda x, _y: x * x,
            lambda x, y: x * y,
        )
    )
    across = total * squares - xs * xs
    slope = (total * products - xs * ys) / across if across else 0.0
    fixed = (ys - slope * xs) / total if total else 0.0
    if slope > 0 and fixed >= 0:
        return fixed, slope
    return 0.0, products / squares if squares else 1.0
