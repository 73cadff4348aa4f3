"""The flow of one sweep, stage by stage; `run` reads top-down like docs/architecture.md."""
