"""What AWS's answer had no readable character for: the resource that carries it is kept, and says where it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from orchestrator.core.model.aws_error import AwsError
from orchestrator.core.model.organization import Tags
from orchestrator.core.model.resource import Fact, Obstacle, ObstacleCode, Resource

UNREADABLE_CHARACTER = "\U0010fffd"
"""Stands in what was read for a character that the answer must not have; of those for private use the last one, which
where it is real keeps its resource all the same.
"""
_SHOWN = "\ufffd"


def spare_unreadable(resource: Resource) -> Resource:
    """The same resource; one of which something could not be read surely has an obstacle that names it.

    A tag that was to spare it may be what could not be read.
    """
    places = tuple(_places(resource))
    if not places:
        return resource
    sentence = f"{_sentence(places)}."
    return replace(
        resource,
        arn=shown(resource.arn),
        name=shown(resource.name),
        aws_state=shown(resource.aws_state),
        tags={shown(key): shown(value) for key, value in resource.tags.items()},
        facts={name: _shown_fact(value) for name, value in resource.facts.items()},
        details={name: _shown_fact(value) for name, value in resource.details.items()},
        obstacle=resource.obstacle or Obstacle(ObstacleCode.CANNOT_STOP, sentence),
    )


def unreadable_tags(tags: Tags) -> AwsError | None:
    """Why an account or OU with these tags is kept, where something in them could not be read."""
    places = tuple(_tags(tags))
    return AwsError("UnreadableCharacter", _sentence(places)) if places else None


def shown(text: str) -> str:
    """The text as it may be written down."""
    return text.replace(UNREADABLE_CHARACTER, _SHOWN)


def _sentence(places: Iterable[str]) -> str:
    return (
        f"AWS's answer has a character that cannot be read in {', '.join(places)}, so what is there may spare it: "
        "write it again without control characters"
    )


def _tags(tags: Tags) -> Iterator[str]:
    for key, value in tags.items():
        if UNREADABLE_CHARACTER in key or UNREADABLE_CHARACTER in value:
            yield f"its tag {shown(key)}"


def _places(resource: Resource) -> Iterator[str]:
    yield from _tags(resource.tags)
    texts = {
        **resource.facts,
        **resource.details,
        "id": resource.resource_id,
        "ARN": resource.arn,
        "state": resource.aws_state,
    }
    for name, text in texts.items():
        if isinstance(text, str) and UNREADABLE_CHARACTER in text:
            yield f"its {name}"


def _shown_fact(value: Fact) -> Fact:
    return shown(value) if isinstance(value, str) else value
