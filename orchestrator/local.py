"""Reports in a local folder, laid out as in S3; what the command line uses where no bucket is set."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from orchestrator.core.model import SweepReport
from orchestrator.core.report_files import MANIFEST, report_files, sweep_folder
from orchestrator.errors import ReportStoreError


class LocalReportStore:
    """ports.ReportStore below one directory. Files are never overwritten and appear whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def check(self, sweep_id: str) -> None:
        folder = self._folder(sweep_id)
        try:
            folder.mkdir(parents=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except FileExistsError as taken:
            raise ReportStoreError(f"{folder} exists already: the sweep id {sweep_id} was used before") from taken
        except OSError as failure:
            raise ReportStoreError(f"reports cannot be written to {folder}: {failure.strerror or failure}") from failure

    def write(self, report: SweepReport) -> str:
        folder = self._folder(report.sweep_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in report_files(report).items():
                _write_once(folder / name, content)
        except OSError as failure:
            raise ReportStoreError(
                f"the report cannot be written to {folder}: {failure.strerror or failure}"
            ) from failure
        return str(folder / "report.json")

    def read(self, sweep_id: str, name: str) -> bytes:
        path = self._folder(sweep_id) / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            known = ", ".join(self.sweeps()[:5]) or "none"
            raise ReportStoreError(f"there is no {path}; the newest sweeps here: {known}") from None
        except OSError as failure:
            raise ReportStoreError(f"{path} cannot be read: {failure.strerror or failure}") from failure

    def sweeps(self) -> list[str]:
        """The ids of the finished sweeps, newest first."""
        found = self._directory.glob(f"sweeps/dt=*/sweep=*/{MANIFEST}")
        return sorted((path.parent.name.removeprefix("sweep=") for path in found), reverse=True)

    def _folder(self, sweep_id: str) -> Path:
        return self._directory / sweep_folder(sweep_id)


def _write_once(path: Path, content: bytes) -> None:
    """Raises FileExistsError when the file is there: evidence is not overwritten."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()
