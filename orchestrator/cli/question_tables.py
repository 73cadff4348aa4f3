"""What a person sees before they agree: the plan's head, production set off, by account and rule, and what it is about.

All of at most 80 columns; names and tags of strangers are texts (terminal.SafeConsole).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from orchestrator.cli.console import counted
from orchestrator.cli.tables import MOST_ROWS, a_table, add_rows, cell, number, plain
from orchestrator.core.decide.stop_effects import stop_effects
from orchestrator.core.model import (
    UNREADABLE,
    AccountId,
    Action,
    Decision,
    Mode,
    Question,
    Verdict,
    people_age,
    people_time,
)
from orchestrator.core.model.units import units_of, with_units
from orchestrator.core.report.kept_because import kept_because, reason_words
from orchestrator.kinds.registry import DESCRIPTIONS

STOPS = (Action.STOP, Action.HIBERNATE)
_SORTS = (("stops", STOPS), ("starts", (Action.START,)), ("tags", (Action.TAG, Action.UNTAG)))
"""What is counted apart wherever a person reads a count."""


def head_of(question: Question) -> Iterator[Text]:
    """Which plan, how old, until when, by which policy, and to what it is narrowed."""
    what = {
        Mode.APPLY: f"To carry out: the plan of sweep {question.source_sweep_id}",
        Mode.UNDO: f"To take back: what sweep {question.source_sweep_id} did",
    }.get(question.mode, f"To carry out: sweep {question.plan.sweep_id}")
    yield plain(what, style="bold")
    yield plain(f"Policy: {question.policy_name} (SHA-256 {question.policy_sha256[:12]})")
    yield plain(f"Planned: {people_time(question.planned_at)}, {people_age(question.age)} ago")
    yield plain(f"Valid until: {people_time(question.expires_at)}")
    if question.plan.narrowed:
        yield plain(f"The plan is narrowed to {question.plan.narrowed.text}; nothing else is acted on.", style="yellow")


def production_of(question: Question) -> Iterator[Text]:
    """A line for each production account, with what would be done in it; none where there is none."""
    names = question.account_names
    for one in question.production[:MOST_ROWS]:
        is_what = "PRODUCTION" if one.declared else "Looks like production"
        actions = [each for each in question.plan.actions if each.resource.target.account_id == one.account_id]
        counts = ", ".join(
            _counted_units(found, sort[:-1])
            for sort, kinds in _SORTS
            if (found := [each for each in actions if each.action in kinds])
        )
        named = f"{one.account_id} {names.get(one.account_id, '')}".rstrip()
        yield plain(f"{is_what}: {named}: {counts} ({one.why})", style="bold red")
    if len(question.production) > MOST_ROWS:
        yield plain(f"... and {len(question.production) - MOST_ROWS} more accounts of production", style="bold red")


def by_account_and_rule(question: Question) -> Table:
    """Production first, then where most would be done."""
    names, production = question.account_names, {one.account_id for one in question.production}
    groups: dict[tuple[AccountId, str], Counter[str]] = {}
    for one in question.plan.actions:
        counts = groups.setdefault((one.resource.target.account_id, one.rule or ""), Counter())
        counts.update(name for name, actions in _SORTS if one.action in actions)
    sorts = [name for name, _ in _SORTS if any(counts[name] for counts in groups.values())]
    has_rules = any(rule for _, rule in groups)
    columns = [("account", "fixed"), ("name", ""), *([("rule", "")] if has_rules else [])]
    table = a_table("By account and rule" if has_rules else "By account", *columns, *((one, "right") for one in sorts))
    order = sorted(groups, key=lambda key: (key[0] not in production, -groups[key].total(), *key))
    for key in order[:MOST_ROWS]:
        account_id, rule = key
        rule_cell = [rule or "-"] if has_rules else []
        cells = (account_id, names.get(account_id, ""), *rule_cell, *(number(groups[key][one]) for one in sorts))
        table.add_row(*map(cell, cells), style="bold red" if account_id in production else "")
    if len(order) > MOST_ROWS:
        table.add_row(Text("..."), Text(f"and {len(order) - MOST_ROWS} more"))
    return table


def resources_of(question: Question, most: int | None = MOST_ROWS) -> Table:
    """What would be acted on, one line each, production first; all of it where `most` is None."""
    production = {one.account_id for one in question.production}
    actions = sorted(question.plan.actions, key=lambda one: one.resource.target.account_id not in production)
    shown = actions if most is None else actions[:most]
    title = "Each of them" if len(shown) == len(actions) else f"The first {len(shown)} of them"
    with_groups = any(units_of(one.resource) != 1 for one in shown)
    runs = [("runs", "right")] if with_groups else []
    place = (("account", "fixed"), ("region", "fixed"))
    table = a_table(title, ("action", "fixed"), "kind", ("resource", ""), *runs, *place, "name")
    for one in shown:
        is_production = one.resource.target.account_id in production
        action, kind, resource_id, *rest = _cells(one)
        units = [number(units_of(one.resource))] if with_groups else []
        cells = (action, kind, resource_id, *units, *rest)
        table.add_row(*map(cell, cells), style="bold red" if is_production else "")
    return table


def _cells(one: Decision) -> Sequence[str]:
    resource = one.resource
    return (
        one.action.value,
        resource.kind,
        resource.resource_id,
        resource.target.account_id,
        resource.target.region,
        resource.name if resource.name != resource.resource_id else "",
    )


def kept_of(question: Question) -> Table | None:
    """What is kept, and because of what: with what would be done it is all that was looked at."""
    decisions = question.plan.decisions
    rows = kept_because({"decisions": [{"reason_code": one.reason_code, "verdict": one.verdict} for one in decisions]})
    kept = sum(count for _, count in rows)
    kinds: dict[str, set[str]] = {}
    for one in decisions:
        if one.verdict is Verdict.KEEP:
            kinds.setdefault(reason_words(one.reason_code), set()).add(one.resource.kind)
    table = a_table(f"Kept because ({kept} of {len(decisions)})", "reason", "kinds", ("resources", "right"))
    return add_rows(table, [(text, ", ".join(sorted(kinds[text])), number(count)) for text, count in rows])


def unread_of(question: Question) -> Iterator[Text]:
    """A line where something was not read, with the first accounts of which that is so; none else."""
    unread = [row for row in question.plan.coverage if row.status in UNREADABLE]
    if not unread:
        return
    accounts = {row.account_id: f"{row.account_id} {row.account_name} ({row.status.value})" for row in unread}
    more = f", and {len(accounts) - _UNREAD_SHOWN} more" if len(accounts) > _UNREAD_SHOWN else ""
    named = ", ".join([*accounts.values()][:_UNREAD_SHOWN])
    yield plain(f"Not read, and so not acted on: {counted(len(accounts), 'account')}: {named}{more}", style="yellow")


_UNREAD_SHOWN = 3


def consequences_of(question: Question) -> Iterator[str]:
    """How many would be stopped, started and tagged, what that saves, and what the stops lose: a line each."""
    plan = question.plan
    done = {"stops": "stopped", "starts": "started", "tags": "given or rid of tags"}
    for sort, actions in _SORTS:
        some = [one for one in plan.actions if one.action in actions]
        if some:
            where = counted(len({one.resource.target.account_id for one in some}), "account")
            yield f"{_counted_units(some, 'resource')} in {where} would be {done[sort]} now."
    yield from _money_of(question)
    stopped = (one.resource for one in plan.actions if one.action.stops)
    yield from stop_effects(stopped, {kind.name: kind.effects for kind in DESCRIPTIONS})


def _counted_units(actions: Collection[Decision], noun: str) -> str:
    """`2 resources`, with what they run where a guardrail counts that; tags are changed of resources alone."""
    units = sum(1 if one.action.tags else units_of(one.resource) for one in actions)
    return with_units(counted(len(actions), noun), len(actions), units)


def _money_of(question: Question) -> Iterator[str]:
    """Nothing where no prices were asked for; what is unknown is counted apart, and is in no sum."""
    if question.money is None:
        return
    savings = question.money.savings
    for actions, does in ((STOPS, "save"), ((Action.START,), "cost")):
        keys = [one.resource.key for one in question.plan.actions if one.action in actions]
        found = [savings[key] for key in keys if key in savings]
        known = [one.net for one in found if one.net is not None]
        hourly = [one.hourly for one in found if one.net is None and one.hourly is not None]
        unknown = len(keys) - len(known) - len(hourly)
        parts = []
        if known:
            until = "until they start again" if does == "save" else "until they are stopped again"
            parts.append(f"{_dollars(sum(known, Decimal(0)))} net {until} ({counted(len(known), 'resource')})")
        if hourly:
            parts.append(
                f"{_dollars(sum(hourly, Decimal(0)))} an hour, for how long is unknown "
                f"({counted(len(hourly), 'resource')})"
            )
        if unknown:
            parts.append(f"an unknown amount ({counted(unknown, 'resource')})")
        if parts:
            yield f"The {'stops' if does == 'save' else 'starts'} {does} {', and '.join(parts)}."
    if question.money.made_up:
        yield "The prices are made up: these amounts mean nothing."


def _dollars(amount: Decimal) -> str:
    return f"${amount:,.2f}"
