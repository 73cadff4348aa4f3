"""What each parameter of a stack will be, and how that differs from what is deployed.

CloudFormation gives a parameter that is not sent the template's *default*, whatever it was: a line that is missing from
`config/deploy.env` would reset it in silence. So every value is sent, and every difference is shown, with its source.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cloudformation.loosening import loosens
from cloudformation.parameters import Parameter

NOTHING, HIDDEN = "(empty)", "(hidden)"
_TAG = "Tags"


class Source(StrEnum):
    """Where a value comes from, as a person is told."""

    GIVEN = "deploy.env"
    DEFAULT = "default, no line in deploy.env"
    DERIVED = "from RolePath and RoleName"
    FILLED_IN = "this command"
    KEPT = "no line in deploy.env: stays as it is"


@dataclass(frozen=True, slots=True)
class Effective:
    """What is sent. `value`: None for the one that the stack has, which nobody can read."""

    value: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class Difference:
    """One row for a person to read before the question."""

    name: str
    deployed: str
    now: str
    why: str
    loosens: bool = False

    @property
    def is_reset(self) -> bool:
        """Whether a deployed value goes back to the default, as its line is missing: most likely nobody meant that."""
        return self.why == Source.DEFAULT and self.deployed not in ("", NOTHING)


def effective_values(
    parameters: Mapping[str, Parameter],
    deployed: Mapping[str, str],
    given: Mapping[str, str],
    derived: Mapping[str, str],
    filled_in: Mapping[str, str],
) -> dict[str, Effective]:
    """One for each parameter. A hidden one without a line stays: an external id that is dropped lets in more."""
    values = {}
    for name, parameter in parameters.items():
        for source, known in ((Source.FILLED_IN, filled_in), (Source.GIVEN, given), (Source.DERIVED, derived)):
            if name in known:
                values[name] = Effective(known[name], source)
                break
        else:
            is_kept = parameter.hidden and name in deployed
            values[name] = (
                Effective(None, Source.KEPT) if is_kept else Effective(parameter.default or "", Source.DEFAULT)
            )
    return values


def differences(
    parameters: Mapping[str, Parameter], deployed: Mapping[str, str] | None, values: Mapping[str, Effective]
) -> list[Difference]:
    """Sorted by name. `deployed` is None for a stack that is not there yet: then each value is new.

    A parameter that is new in the template had its default so far. A hidden value that is sent is always told, for it
    cannot be compared; it loosens where it is empty.
    """
    rows: list[Difference] = []
    for name, effective in values.items():
        parameter, now = parameters[name], effective.value
        if now is None:
            continue
        if parameter.hidden:
            rows.extend(_hidden(name, parameter, deployed, effective))
        elif deployed is None:
            rows.append(Difference(name, "", _shown(now), _source_at_first(effective.source)))
        else:
            before = deployed.get(name, parameter.default or "")
            if before != now:
                rows.append(Difference(name, _shown(before), _shown(now), effective.source, loosens(name, before, now)))
    gone = (deployed or {}).keys() - values.keys()
    rows += [Difference(name, _shown((deployed or {})[name]), "", "the template has it no more") for name in gone]
    return sorted(rows, key=lambda one: one.name)


def tag_differences(deployed: Mapping[str, str], now: Mapping[str, str]) -> list[Difference]:
    """A row for each tag of the stack that comes, goes or changes."""
    return [
        Difference(f"{_TAG}: {key}", _shown(deployed.get(key)), _shown(now.get(key)), Source.GIVEN)
        for key in sorted(deployed.keys() | now.keys())
        if deployed.get(key) != now.get(key)
    ]


def _hidden(
    name: str, parameter: Parameter, deployed: Mapping[str, str] | None, effective: Effective
) -> Iterator[Difference]:
    now = HIDDEN if effective.value else NOTHING
    if deployed is None:
        yield Difference(name, "", now, _source_at_first(effective.source))
    elif name in deployed:
        loosening = not effective.value
        yield Difference(name, HIDDEN, now, f"{effective.source}; hidden: cannot be compared", loosening)
    elif effective.value != (parameter.default or ""):
        yield Difference(name, NOTHING, now, effective.source)


def _source_at_first(source: Source) -> str:
    """Nothing is reset where nothing is deployed yet, so a default needs no warning."""
    return "default" if source is Source.DEFAULT else source


def _shown(value: str | None) -> str:
    return "" if value is None else value or NOTHING
