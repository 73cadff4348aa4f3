"""What every entry point shares: garbage is not looked for while it is imported, and X-Ray gets what is asked for."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Tracer

from orchestrator.lambdas.log import SERVICE

Handler = Callable[..., dict[str, Any]]
_OFF = ("", "1", "true", "yes", "on", "y", "t")


def entry_point(handler: Handler) -> Handler:
    """With POWERTOOLS_TRACE_DISABLED=false each invocation is a subsegment, as Powertools' Tracer makes it.

    Else X-Ray has the segments that Lambda makes by itself, and its SDK, a tenth of a cold start, is not imported.
    """
    if not gc.isenabled():  # see this package
        gc.freeze()
        gc.enable()
    if os.environ.get("POWERTOOLS_TRACE_DISABLED", "").strip().lower() in _OFF:
        return handler
    # Patching botocore would open a segment per call in threads that have no parent segment.
    capture: Callable[..., Handler] = Tracer(service=SERVICE, auto_patch=False).capture_lambda_handler
    return capture(handler, capture_response=False)
