"""From `config/deploy.env` and the templates' own Parameters to the values of one stack; every mistake at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from orchestrator.errors import SettingsError

_LINE = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9]*)\s*=\s*(?P<value>.*)")


class _TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions (`!Ref`), which say nothing here."""


_TemplateLoader.add_multi_constructor("!", lambda *_: None)


def _text(value: object) -> object:
    """As CloudFormation reads a scalar of YAML."""
    return str(value).lower() if isinstance(value, bool) else str(value)


Text = Annotated[str, BeforeValidator(_text)]


class Parameter(BaseModel):
    """One of a template's Parameters, in CloudFormation's words."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(alias="Type")
    default: Text | None = Field(None, alias="Default")
    pattern: str | None = Field(None, alias="AllowedPattern")
    allowed: tuple[Text, ...] = Field((), alias="AllowedValues")
    shortest: int | None = Field(None, alias="MinLength")
    longest: int | None = Field(None, alias="MaxLength")
    least: float | None = Field(None, alias="MinValue")
    most: float | None = Field(None, alias="MaxValue")
    description: str = Field("", alias="Description")
    constraint: str | None = Field(None, alias="ConstraintDescription")
    hidden: bool = Field(default=False, alias="NoEcho")

    def accepts(self, value: str) -> bool:
        """Each item of a list by itself."""
        items = [one.strip() for one in value.split(",")] if self._is_list() else [value]
        return all(self._accepts_item(item) for item in items)

    def wanted(self) -> str:
        """What a value must be, in a few words."""
        if self.constraint:
            return self.constraint
        if self.allowed:
            return f"one of {', '.join(self.allowed)}"
        limits = [
            f"{word} {limit:g}"
            for word, limit in (
                ("at least", self.least),
                ("at most", self.most),
                ("no shorter than", self.shortest),
                ("no longer than", self.longest),
            )
            if limit is not None
        ]
        kind = "a number " if self._is_number() else ""
        return f"{kind}{' and '.join(limits)}".strip() if limits or kind else f"like {self.pattern}"

    def _is_list(self) -> bool:
        return self.type == "CommaDelimitedList" or self.type.startswith("List<")

    def _is_number(self) -> bool:
        return self.type in {"Number", "List<Number>"}

    def _accepts_item(self, item: str) -> bool:
        if self._is_number() and not _is_number_within(item, self.least, self.most):
            return False
        return (
            (not self.allowed or item in self.allowed)
            and (self.pattern is None or re.fullmatch(self.pattern, item) is not None)
            and (self.shortest or 0) <= len(item) <= (self.longest if self.longest is not None else len(item))
        )


def _is_number_within(text: str, least: float | None, most: float | None) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return (least is None or number >= least) and (most is None or number <= most)


def read_template(text: str) -> dict[str, Any]:
    """The template as a dictionary, functions left out. Raises SettingsError when it is no YAML."""
    try:
        document = yaml.load(text, Loader=_TemplateLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as broken:
        raise SettingsError(f"a template is no YAML: {broken}") from broken
    return document if isinstance(document, dict) else {}


def parameters_of(text: str) -> dict[str, Parameter]:
    """By name."""
    declared = read_template(text).get("Parameters", {})
    return {name: Parameter.model_validate(parameter) for name, parameter in declared.items()}


def read_env(path: Path) -> tuple[dict[str, str], list[str]]:
    """The lines `Name=value` of a file, and what is wrong with the others. An empty value counts as none."""
    try:
        lines = path.read_text().splitlines()
    except OSError as missing:
        raise SettingsError(f"{path}: {missing.strerror}; copy config/deploy.env.example and fill it in") from missing
    values: dict[str, str] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        match = _LINE.fullmatch(text)
        if not text or text.startswith("#"):
            continue
        if match is None:
            problems.append(f"{path}:{number}: this line is not of the form Name=value")
        elif match["name"] in values:
            problems.append(f"{path}:{number}: {match['name']} is there twice")
        else:
            values[match["name"]] = _unquoted(match["value"].strip())
    return {name: value for name, value in values.items() if value}, problems


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def unknown(names: Collection[str], declared: Collection[str], filled_in: Collection[str]) -> list[str]:
    """A sentence for each name that no template has `declared`, or that this command fills in itself."""
    problems = [f"{name} is filled in by this command; leave it out" for name in names if name in filled_in]
    for name in names:
        if name not in declared and name not in filled_in:
            close = get_close_matches(name, declared, 1)
            problems.append(f"{name} is unknown" + (f"; did you mean {close[0]}?" if close else ""))
    return problems


def mistakes(parameters: Mapping[str, Parameter], values: Mapping[str, str]) -> list[str]:
    """Of the values for one template: what is missing, and what the template would refuse."""
    problems = []
    for name, parameter in parameters.items():
        value = values.get(name)
        if value is None and parameter.default is None:
            problems.append(f"{name} is missing: {parameter.description or parameter.wanted()}")
        elif value is not None and not parameter.accepts(value):
            shown = "its value" if parameter.hidden else repr(value)
            problems.append(f"{name}: {shown} must be {parameter.wanted()}")
    return problems


def clashes(parameters: Mapping[str, Parameter], values: Mapping[str, str]) -> list[str]:
    """Of the values for one template: what each of two parameters accepts, and not both of them together."""
    return _anchor_clashes(parameters, values) + _readers_clashes(parameters, values)


def _readers_clashes(parameters: Mapping[str, Parameter], values: Mapping[str, str]) -> list[str]:
    """As the hub's rule ReadersNeedKey has it, before CloudFormation is asked."""
    if "KmsKeyArn" not in parameters or not values.get("ReportReaderArns") or values.get("KmsKeyArn"):
        return []
    why = "what an AWS managed key encrypts no other account can read; cloudformation/key.yaml makes a key"
    return [f"ReportReaderArns needs KmsKeyArn: {why}"]


def _anchor_clashes(parameters: Mapping[str, Parameter], values: Mapping[str, str]) -> list[str]:
    anchor, kill_switch = (
        values.get(name, parameters[name].default) if name in parameters else None
        for name in ("AnchorName", "KillSwitchName")
    )
    if not anchor or anchor != kill_switch:
        return []
    why = "every sweep would pull its kill switch by writing its anchor; name another parameter"
    return [f"AnchorName: {anchor!r} is KillSwitchName too, and {why}"]
