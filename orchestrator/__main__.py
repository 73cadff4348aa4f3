"""`python -m orchestrator`: the same as the console script."""

from __future__ import annotations

from orchestrator.cli.main import main

main()
