"""What ended a sweep early, as a person is told it."""

from __future__ import annotations

from orchestrator import errors


def ended_by(error: str) -> str:
    """The `error` of a report without the name of an exception of ours, which says nothing to a person; of any other
    it may be all there is.
    """
    name, _, message = error.partition(": ")
    kind = getattr(errors, name, None)
    return message if isinstance(kind, type) and issubclass(kind, errors.StopOrchestratorError) else error
