"""One kind as the registry lists it: its description, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from orchestrator.aws.clients import Clients
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model.kind import KindDescription
from orchestrator.doctor.context import PermissionsPort
from orchestrator.ports import ActingKind


@dataclass(frozen=True, slots=True)
class KindEntry:
    """`make` and `make_permissions` call nothing."""

    description: KindDescription
    make: Callable[[Clients, Retries, Callable[[], datetime], Pacing], ActingKind]
    make_permissions: Callable[[Clients, Retries], PermissionsPort]
