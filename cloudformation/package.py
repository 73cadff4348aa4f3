"""Builds the Lambda's zip: this project, what its lock names for Linux, and botocore's data for the services in use.

Byte for byte the same for the same commit on every machine: names in order, one time, one mode, nothing
of pip's own notes. (Deflate is zlib's; a Python that is linked with another one packs the same files differently.)
It needs this project's own libraries, which say what is in use, and pip, which looks where this machine's own pip
settings say.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from orchestrator.aws.clients import HUB_SERVICES
from orchestrator.kinds import registry

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements-lambda.lock"
DIST = ROOT / "dist"
MACHINES: Mapping[str, str] = {"arm64": "aarch64", "x86_64": "x86_64"}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
DEFAULT_ARCH, DEFAULT_PYTHON = "arm64", "3.13"
SERVICES = frozenset({*HUB_SERVICES, *registry.services(), "xray"})
"""Those that the hub and the kinds make clients of; X-Ray's SDK makes its own where it is not in a Lambda."""
MEGABYTE = 1_000_000
MAX_ZIPPED, MAX_UNPACKED = 12 * MEGABYTE, 40 * MEGABYTE

_NO_WHEEL = re.compile(r"No matching distribution found for (?P<package>[^\s;(]+)")
_GLIBC_2_34 = ("3.12", "3.13", "3.14")
"""Lambda runs these on Amazon Linux 2023, and 3.11 on Amazon Linux 2 (glibc 2.26)."""
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3
_COMMAND_LINE = frozenset({"__main__.py", "cli", "demo"})
_BOTOCORE_MODELS = ("service-2.", "paginators-1.", "endpoint-rule-set-1.")
_NOTES_KEPT = ("METADATA", "LICEN", "NOTICE", "COPYING", "licenses")
"""Of each package's dist-info: what scanners of deployed functions read, and what the licences ask for."""
_OF_NO_COUNTRY = frozenset({"financial", "locale", "generate_ics.py", "ical.py"})
"""Of `holidays`: stock exchanges, names in other languages, calendar files. Every country is there."""
_EMPTIED = PurePosixPath("holidays/countries/__init__.py")
"""It imports 250 countries; the library itself imports the one that is asked for, by its module."""
_NOT_RUN = (".pyc", ".pyi", ".pyx", ".c", ".h")


class PackageError(Exception):
    """No zip was built; the text says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """A zip that was built. Sizes in bytes."""

    path: Path
    sha256: str
    zipped: int
    unpacked: int

    def __str__(self) -> str:
        zipped, unpacked = self.zipped / MEGABYTE, self.unpacked / MEGABYTE
        limits = f"of {MAX_ZIPPED // MEGABYTE} and {MAX_UNPACKED // MEGABYTE} MB"
        return f"{self.path}\n{zipped:.1f} MB zipped, {unpacked:.1f} MB unpacked ({limits})\nSHA-256 {self.sha256}"


def build(arch: str = DEFAULT_ARCH, python: str = DEFAULT_PYTHON, dist: Path = DIST) -> Package:
    """The zip in `dist`. Raises PackageError when pip cannot install the lock, or the zip is over its budget."""
    with tempfile.TemporaryDirectory(prefix="stop-orchestrator-package-") as folder:
        _install(Path(folder), arch, python)
        files = {**dict(_libraries(Path(folder))), **dict(_project())}
        dist.mkdir(parents=True, exist_ok=True)
        unfinished = dist / f".stop-orchestrator-{arch}-python{python}.unfinished"
        unpacked = _zip(files, unfinished)
    package = Package(
        dist / f"stop-orchestrator-{arch}-python{python}.zip",
        hashlib.sha256(unfinished.read_bytes()).hexdigest(),
        unfinished.stat().st_size,
        unpacked,
    )
    if package.zipped > MAX_ZIPPED or package.unpacked > MAX_UNPACKED:
        unfinished.unlink()
        raise PackageError(f"over budget, so nothing was kept:\n{package}")
    unfinished.replace(package.path)
    return package


def _install(folder: Path, arch: str, python: str) -> None:
    if " ; " in LOCK.read_text():
        raise PackageError(f"{LOCK.name} has an environment marker; pip would read it for this machine, not for Lambda")
    machine = MACHINES[arch]
    glibcs = ["manylinux2014", "manylinux_2_17", *(["manylinux_2_28"] if python in _GLIBC_2_34 else [])]
    platforms = [f"--platform={glibc}_{machine}" for glibc in glibcs]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install"]
    exactly = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile", f"--requirement={LOCK}"]
    command = [*pip, f"--target={folder}", f"--python-version={python}", *platforms, *exactly]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - this interpreter's pip
    if done.returncode:
        raise PackageError(_why_not_installed(done.stderr.strip(), arch, python))


def _why_not_installed(said: str, arch: str, python: str) -> str:
    """A Python is there before every library has a wheel for it; pip only says that no distribution matches."""
    missing = _NO_WHEEL.search(said)
    if missing is None:
        return f"pip cannot install {LOCK.name} for {arch} and Python {python}:\n{said}"
    return (
        f"pip finds no wheel of {missing['package']} for {arch} and Python {python}, and nothing is built from source: "
        f"build for a Python that it has one for, such as {DEFAULT_PYTHON} (make package PYTHON={DEFAULT_PYTHON}; "
        f"Runtime=python{DEFAULT_PYTHON} in config/deploy.env)\n{said}"
    )


def _libraries(folder: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """What pip installed and Lambda needs, by its name in the zip."""
    models = _newest_models(folder / "botocore" / "data")
    for path in folder.rglob("*"):
        name = PurePosixPath(path.relative_to(folder).as_posix())
        if path.is_file() and not path.is_symlink() and _is_run(name) and _is_wanted(name, models):
            if name == _EMPTIED:
                path.write_bytes(b"")
            yield name, path


def _is_run(name: PurePosixPath) -> bool:
    return name.parts[0] != "bin" and "__pycache__" not in name.parts and name.suffix not in _NOT_RUN


def _is_wanted(name: PurePosixPath, models: frozenset[PurePosixPath]) -> bool:
    top, *below = name.parts
    if top.endswith(".dist-info"):
        return below[0].startswith(_NOTES_KEPT)
    if name.parts[:2] == ("boto3", "data"):
        return False  # resources; this project makes clients only
    if name.parts[:2] == ("botocore", "data") and len(below) > 2:  # noqa: PLR2004 - data/<service>/...
        return name.parent in models and name.name.startswith(_BOTOCORE_MODELS)
    return top != "holidays" or below[0] not in _OF_NO_COUNTRY


def _newest_models(data: Path) -> frozenset[PurePosixPath]:
    """Of botocore, the folders `<service>/<version>` that a client of each service in use reads."""
    newest = []
    for service in sorted(SERVICES):
        versions = sorted(path for path in (data / service).glob("*") if path.is_dir())
        if not versions:
            raise PackageError(f"botocore has no data for {service}")
        newest.append(versions[-1])
    return frozenset(PurePosixPath("botocore/data") / path.relative_to(data).as_posix() for path in newest)


def _project() -> Iterator[tuple[PurePosixPath, Path]]:
    """The project's own files, without the command line and the demo."""
    for path in (ROOT / "orchestrator").rglob("*"):
        name = PurePosixPath(path.relative_to(ROOT).as_posix())
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and _is_run(name) and name.parts[1] not in _COMMAND_LINE:
            yield name, path


def _zip(files: Mapping[PurePosixPath, Path], target: Path) -> int:
    """Writes them; gives back the size of their contents."""
    unpacked = 0
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(files, key=str):
            entry = zipfile.ZipInfo(str(name), _TIME)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, _MODE, _UNIX
            content = files[name].read_bytes()
            archive.writestr(entry, content, compresslevel=9)
            unpacked += len(content)
    return unpacked


def main(arguments: list[str] | None = None) -> int:
    """Builds the zip; the exit code is 1 when there is none."""
    parser = argparse.ArgumentParser(prog="make package", description="Builds the Lambda's zip.")
    parser.add_argument("--arch", choices=tuple(MACHINES), default=DEFAULT_ARCH)
    parser.add_argument("--python", choices=PYTHONS, default=DEFAULT_PYTHON)
    parser.add_argument("--dist", type=Path, default=DIST)
    asked = parser.parse_args(arguments)
    try:
        built = build(asked.arch, asked.python, asked.dist)
    except PackageError as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{built}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
