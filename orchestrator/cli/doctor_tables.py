"""A diagnosis for a person at a terminal of 80 columns: a line for each account, and in detail only what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestrator.cli.console import counted
from orchestrator.cli.tables import CellText
from orchestrator.core.diagnosis.checks import ENDED, HEALTHY, Area, Check, CheckStatus, Diagnosis

_STYLES = {
    CheckStatus.OK: "green",
    CheckStatus.WARNING: "yellow",
    CheckStatus.FAILED: "bold red",
    CheckStatus.NOT_CHECKED: "dim",
}
_WORST_FIRST = (CheckStatus.FAILED, CheckStatus.WARNING, CheckStatus.OK, CheckStatus.NOT_CHECKED)
_TO_DO = frozenset({CheckStatus.FAILED, CheckStatus.WARNING})
_MOST_ACCOUNTS = 20
_ENCODED = "Encoded authorization failure message:"
"""In EC2's refusals a thousand encoded letters follow it; they are left out."""
_VERDICTS = {
    HEALTHY: ("a sweep by this policy would work", "bold green"),
    ENDED: ("no account could be looked at", "bold red"),
}


def print_diagnosis(console: Console, diagnosis: Diagnosis) -> None:
    """The hub, the accounts with the worst first, what to do about each, and the verdict last.

    What was not checked makes no account worse. What says nothing about single accounts has a line each: what is
    optional, and what could be checked in none; a row counts the rest.
    """
    hub = [one for one in diagnosis.checks if one.area is Area.HUB]
    accounts = _by_account(diagnosis)
    _print_table(console, _hub_table(hub))
    if accounts:
        unchecked = _unchecked_by_nature(accounts)
        _print_table(console, _accounts_table(accounts, unchecked))
        _print_unchecked(console, unchecked, accounts)
    _print_problems(console, hub, accounts)
    text, style = _VERDICTS.get(diagnosis.exit_code, ("", ""))
    if not text:
        text, style = _what_is_missing(hub, accounts), "bold red"
    console.print()
    console.print(Text(text[:1].upper() + text[1:] + ".", style=style))


def _what_is_missing(hub: Sequence[Check], accounts: dict[str, list[Check]]) -> str:
    failing = sum(_worst(checks) is CheckStatus.FAILED for checks in accounts.values())
    parts = [f"{failing} of {len(accounts)} accounts would not be swept as they should"] if failing else []
    if _worst(hub) is CheckStatus.FAILED:
        parts.insert(0, "the hub lacks something")
    return ", and ".join(parts)


def _by_account(diagnosis: Diagnosis) -> dict[str, list[Check]]:
    """The worst first; with equal ones in the order of their ids."""
    found: dict[str, list[Check]] = {}
    for one in diagnosis.checks:
        if one.area is Area.ACCOUNT:
            found.setdefault(one.account_id, []).append(one)
    return dict(sorted(found.items(), key=lambda item: (_WORST_FIRST.index(_worst(item[1])), item[0])))


def _worst(checks: Iterable[Check]) -> CheckStatus:
    statuses = {one.status for one in checks}
    return next((status for status in _WORST_FIRST if status in statuses), CheckStatus.OK)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in ("account", "status"))
    return table


def _print_table(console: Console, table: Table) -> None:
    console.print()
    console.print(table)


def _hub_table(hub: Sequence[Check]) -> Table:
    table = _table("The hub", "check", "status", "what")
    for one in hub:
        what = one.detail if one.status not in _TO_DO else one.code.value
        table.add_row(one.name, _styled(one.status), CellText(what))
    return table


def _unchecked_by_nature(accounts: dict[str, list[Check]]) -> dict[str, int]:
    """In how many accounts each permission was not checked that is optional, or that was checked in no account."""
    every = [one for checks in accounts.values() for one in checks]
    checked = {one.name for one in every if one.status is not CheckStatus.NOT_CHECKED}
    unchecked = [one for one in every if one.status is CheckStatus.NOT_CHECKED]
    places = {(one.name, one.account_id) for one in unchecked if one.optional or one.name not in checked}
    return dict(sorted(Counter(name for name, _ in places).items(), key=lambda item: (":" not in item[0], item[0])))


def _print_unchecked(console: Console, unchecked: dict[str, int], accounts: dict[str, list[Check]]) -> None:
    """Single permissions first, then kinds; what to do is said once, after what it is about."""
    if not unchecked:
        return
    advice = {one.name: one.advice for checks in accounts.values() for one in checks if one.name in unchecked}
    console.print()
    console.print(Text("Not checked: --format json says why of each", style="dim"))
    for what in sorted(set(advice.values())):
        for name, count in unchecked.items():
            if advice[name] == what:
                console.print(Padding(Text(f"{name} in {counted(count, 'account')}", style="dim"), (0, 0, 0, 2)))
        if what:
            console.print(Padding(Text(f"-> {what}", style="dim"), (0, 0, 0, 4)))


def _accounts_table(accounts: dict[str, list[Check]], unchecked: Collection[str]) -> Table:
    table = _table("Accounts in scope", "account", "name", "status", "what")
    for account_id, checks in list(accounts.items())[:_MOST_ACCOUNTS]:
        worst = _worst(checks)
        table.add_row(account_id, Text(checks[0].account_name), _styled(worst), Text(_codes(checks, unchecked)))
    left = Counter(_worst(checks).value for checks in list(accounts.values())[_MOST_ACCOUNTS:])
    if left:
        more = ", ".join(f"{count} {status}" for status, count in left.items())
        table.add_row("...", Text(f"and {sum(left.values())} more"), "", Text(more))
    return table


def _codes(checks: Sequence[Check], elsewhere: Collection[str]) -> str:
    """What is wrong, and how much could not be checked; without what is said `elsewhere`."""
    counts = Counter(one.code.value for one in checks if one.status in _TO_DO)
    unknown = sum(one.status is CheckStatus.NOT_CHECKED and one.name not in elsewhere for one in checks)
    words = [f"{code} ({count})" if count > 1 else code for code, count in counts.items()]
    return ", ".join([*words, *([f"{unknown} not checked"] if unknown else [])])


def _styled(status: CheckStatus) -> Text:
    return Text(status.value, style=_STYLES[status])


def _print_problems(console: Console, hub: Sequence[Check], accounts: dict[str, list[Check]]) -> None:
    said = [("the hub", hub)] if _worst(hub) in _TO_DO else []
    said += [(account_id, checks) for account_id, checks in accounts.items() if _worst(checks) in _TO_DO]
    if not said:
        return
    console.print()
    console.print(Text("What to do", style="bold"))
    for who, checks in said[:_MOST_ACCOUNTS]:
        name = checks[0].account_name
        console.print(Text(f"{who} {name}".strip(), style="bold"))
        for one, regions in _grouped(checks):
            _print_problem(console, one, regions)
    if len(said) > _MOST_ACCOUNTS:
        console.print(Text(f"... and {len(said) - _MOST_ACCOUNTS} more accounts: --format json has them all"))


def _grouped(checks: Sequence[Check]) -> list[tuple[Check, list[str]]]:
    """What is the same in several regions, once."""
    found: dict[tuple[str, ...], tuple[Check, list[str]]] = {}
    for one in sorted(checks, key=lambda one: _WORST_FIRST.index(one.status)):
        if one.status in _TO_DO:
            what = "" if one.region else one.detail  # of a region it is AWS's own answer, with an id each time
            key = (one.name, one.status.value, one.code.value, one.advice, what)
            found.setdefault(key, (one, []))[1].extend([one.region] if one.region else [])
    return list(found.values())


def _print_problem(console: Console, one: Check, regions: Sequence[str]) -> None:
    head = Text("  ")
    head.append(one.code.value, style=_STYLES[one.status])
    head.append(f"  {one.name}")
    if regions:
        head.append(f"  {', '.join(regions)}")
    console.print(head)
    detail = one.detail.split(_ENCODED, 1)[0].rstrip()
    advice = f"-> {one.advice}" if one.advice else ""
    for text, style in ((detail, "dim"), (advice, "")):
        if text == advice and one.has_line:
            console.print(Text(f"    {text}", style=style), soft_wrap=True)
        elif text:
            console.print(Padding(Text(text, style=style), (0, 0, 0, 4), expand=False))
