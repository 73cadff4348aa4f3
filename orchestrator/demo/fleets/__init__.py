"""What of each kind the demo's organization has: a file per kind, named as the kind, found by being here.

Each file names its `DemoKind` in `FLEETS`. A kind without a file is not in the demo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from orchestrator.demo.accounts import DemoAccount
from orchestrator.demo.any_account import AnyAccount

IdAndState = tuple[str, str]
"""`stopped` and `stopping` for what is down. For what is not: all that an undo has to give back, sizes among it."""


@dataclass(frozen=True, slots=True)
class DemoKind:
    """One kind. Both functions act in the account that is current, without any of the product's code.

    `seed`: makes what that account has (its id is given too), and says how many; only where moto serves, for it may
    reach into moto's memory. `states`: of all that there is in a region, as AWS itself tells it.
    """

    words: str
    """For several of them, such as `EC2 instances`."""
    seed: Callable[[AnyAccount, DemoAccount, str], int]
    states: Callable[[AnyAccount, str], Iterator[IdAndState]]


def demo_kinds() -> Mapping[str, DemoKind]:
    """By the names of the kinds."""
    names = sorted(module.name for module in iter_modules(__path__))
    return {name: import_module(f"{__name__}.{name}").FLEETS for name in names}


def seeded(aws: AnyAccount, account: DemoAccount, account_id: str) -> dict[str, int]:
    """Makes what that account has; how many of each kind, without those of which it has none."""
    counts = {name: kind.seed(aws, account, account_id) for name, kind in demo_kinds().items()}
    return {name: count for name, count in counts.items() if count}
