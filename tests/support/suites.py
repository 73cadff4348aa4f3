"""What only `make test-all` runs: the further examples of a behaviour that has a test in the fast suite too."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.mark import ParameterSet


def is_fast(config: pytest.Config) -> bool:
    """Whether this is `make test`."""
    return "not full" in config.option.markexpr


def only_in_full(*examples: Any) -> list[ParameterSet]:
    """For parametrize; an example is a tuple of the arguments, or the one argument."""
    return [
        pytest.param(*(example if isinstance(example, tuple) else (example,)), marks=pytest.mark.full)
        for example in examples
    ]
