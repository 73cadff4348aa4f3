"""What the templates' own Parameters make of the values in `config/deploy.env`; every mistake at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cloudformation.env_file import Problem
from orchestrator.errors import SettingsError


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
        return not self.refused(value)

    def refused(self, value: str) -> list[str]:
        """What of the value would not be accepted: itself, or items of a list."""
        items = [one.strip() for one in value.split(",")] if self._is_list() else [value]
        return [item for item in items if not self._accepts_item(item)]

    def wanted(self, example: str = "") -> str:
        """What a value must be, in a few words; `example` where the template has nothing but a pattern."""
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
        return f"{kind}{' and '.join(limits)}".strip() if limits or kind else f"like {example or self.pattern}"

    def refusal(self, name: str, value: str, example: str = "") -> str:
        """A sentence that names what is refused and what would be right; empty where nothing is."""
        refused = self.refused(value)
        if not refused:
            return ""
        shown = "its value" if self.hidden else ", ".join(map(repr, refused))
        if self.constraint and not self.allowed:
            return f"{name}: {shown} is not right: {self.constraint}"
        return f"{name}: {shown} must be {self.wanted(example)}"

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


@cache
def parameters_of(text: str) -> Mapping[str, Parameter]:
    """By name. Each template is read once; they are asked for more often than that."""
    declared = read_template(text).get("Parameters", {})
    return {name: Parameter.model_validate(parameter) for name, parameter in declared.items()}


def unknown(names: Collection[str], declared: Collection[str], filled_in: Collection[str]) -> list[Problem]:
    """A sentence for each name that no template has `declared`, or that this command fills in itself."""
    problems = [
        Problem(name, f"{name} is filled in by this command; leave it out") for name in names if name in filled_in
    ]
    for name in names:
        if name not in declared and name not in filled_in:
            close = get_close_matches(name, declared, 1)
            problems.append(Problem(name, f"{name} is unknown" + (f"; did you mean {close[0]}?" if close else "")))
    return problems


def missing(parameters: Mapping[str, Parameter], values: Mapping[str, str]) -> list[Problem]:
    """A sentence for each parameter without a default that has no value."""
    return [
        Problem(name, f"{name} is missing: {one.description or one.wanted()}")
        for name, one in parameters.items()
        if one.default is None and name not in values
    ]
