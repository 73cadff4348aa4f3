"""`condition`: one that the policy defines under `conditions`, by its name."""

from __future__ import annotations

from typing import Any

from orchestrator.core.policy.conditions.interface import Condition, Parser, Word
from orchestrator.core.policy.yaml_document import Path


def _parse(value: Any, path: Path, parser: Parser) -> Condition | None:
    return parser.defined(value, path)


CONDITION = Word(
    "condition",
    _parse,
    {
        "type": "string",
        "minLength": 1,
        "description": "The condition of that name under `conditions`.",
        "examples": ["nonprod"],
    },
)
