"""The policy documents that a hub is deployed with: files of this machine come in, checked policies go out.

`Policy` in `config/deploy.env` names one document, `Policies` a folder, every *.yaml and *.yml of which is one. AWS is
not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.core.model.notification import ChannelKind
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import PolicyError
from orchestrator.kinds.registry import DESCRIPTIONS

KEYS = "policies/"
"""Below it the documents of a folder lie in the report bucket: the hub's role may read there, and never write."""
DEFAULT = "config/policy.yaml"
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Policies:
    """Every policy of one hub, in the order of its files. `in_folder`: they may be several, each at its own key."""

    documents: tuple[OrgPolicy, ...]
    in_folder: bool

    @property
    def names(self) -> frozenset[str]:
        return frozenset(one.name for one in self.documents)


def key_of(policy_name: str) -> str:
    """Where the document of a folder's policy lies in the report bucket."""
    return f"{KEYS}{policy_name}.yaml"


def read_policies(entries: Mapping[str, str], problems: list[str]) -> Policies | None:
    """What the values of `config/deploy.env` name; None, with every mistake of every file in `problems`."""
    if "Policies" in entries and "Policy" in entries:
        problems.append(
            f"Policies and Policy are both there: Policies={entries['Policies']} names a folder of documents, "
            f"Policy={entries['Policy']} one document; keep one of them"
        )
        return None
    if "Policies" in entries:
        return read_folder(Path(entries["Policies"]), problems, entries.get("Region"))
    return read_file(Path(entries.get("Policy", DEFAULT)), problems, entries.get("Region"))


def read_file(path: Path, problems: list[str], region: str | None = None) -> Policies | None:
    """One document. `region`: the hub's, where it is known."""
    if path.is_dir():
        problems.append(f"Policy: {path} is a folder, and Policy names one document; name a folder as Policies")
        return None
    policy = _load(path, "Policy", problems)
    if policy is None:
        return None
    problems.extend(_topics_elsewhere(policy, str(path), region))
    return Policies((policy,), in_folder=False)


def read_folder(folder: Path, problems: list[str], region: str | None = None) -> Policies | None:
    """Every document in a folder, but not below it. Two by one name are a mistake, as they would be one policy."""
    try:
        # What begins with a dot is an editor's: a lock, a copy that is not saved.
        paths = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.name[0] != ".")
    except NotADirectoryError:
        problems.append(f"Policies: {folder} is a file, and Policies names a folder; name one document as Policy")
        return None
    except OSError as missing:
        problems.append(f"Policies: {folder}: {missing.strerror}")
        return None
    if not paths:
        problems.append(
            f"Policies: {folder} has no policy: put one there as a file that ends in .yaml, or leave Policies out and "
            "name one document as Policy. To sweep no more, say ScheduleState=DISABLED, or run make remove-hub"
        )
        return None
    before = len(problems)
    loaded = {path: policy for path in paths if (policy := _load(path, "Policies", problems))}
    first: dict[str, str] = {}
    for path, policy in loaded.items():
        place = f"{path}:{policy.lines['name',]}"
        if policy.name in first:
            taken = f"the policy name {policy.name!r} is taken by {first[policy.name]}; names are unique in a hub"
            problems.append(f"{place}: name: {taken}")
        first.setdefault(policy.name, place)
        problems.extend(_topics_elsewhere(policy, str(path), region))
    return Policies(tuple(loaded.values()), in_folder=True) if len(problems) == before else None


def _load(path: Path, name: str, problems: list[str]) -> OrgPolicy | None:
    try:
        return load_policy(path.read_bytes().decode(), str(path), DESCRIPTIONS)
    except OSError as missing:
        problems.append(f"{name}: {path}: {missing.strerror}")
    except UnicodeDecodeError:
        problems.append(f"{name}: {path} is not UTF-8")
    except PolicyError as wrong:
        problems.extend(wrong.lines())
    return None


def _topics_elsewhere(policy: OrgPolicy, source: str, region: str | None) -> Iterator[str]:
    """A topic is told by its region's endpoint, as is an event bus, and the hub asks those of its own."""
    for channel in policy.notify.channels if region else ():
        elsewhere = channel.address.split(":")[3] if channel.address.startswith("arn:") else region
        if elsewhere != region:
            path = next(path for path, value in _texts(policy.document) if value == channel.address)
            what, every = _CALLED[channel.kind]
            place = f"{source}:{policy.lines[path]}: {'.'.join(map(str, path))}"
            yield f"{place}: the {what} is in {elsewhere}, and the hub in {region} tells {every} of its own region only"


_CALLED = {ChannelKind.SNS: ("topic", "topics"), ChannelKind.EVENTBRIDGE: ("event bus", "buses")}


def _texts(document: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value below the two keys that name channels, with its place."""
    open_: list[tuple[tuple[Any, ...], Any]]
    open_ = [((key,), document[key]) for key in ("notify", "owner_contacts") if key in document]
    while open_:
        path, value = open_.pop(0)
        inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        open_ += [((*path, key), one) for key, one in inner]
        yield path, value
