"""The limit of tags as EC2 counts it: 50 a resource, of those that are not AWS's own; moto counts these too.

One resource without room, and nothing of the call is tagged; EC2 does not say which one it was.
"""

from __future__ import annotations

from moto.ec2.models import ec2_backends

from orchestrator.demo.calls import Answer, Call

_LIMIT = 50
_OF_AWS = "aws:"
_DONE = "<CreateTagsResponse><requestId>request-id</requestId><return>true</return></CreateTagsResponse>"


def tag_limit_gate(call: Call) -> Answer | None:
    """The refusal where one has no room; where only moto would see none, the tags are written here."""
    if call.service != "ec2" or call.action != "CreateTags" or call.form.get("DryRun", "").lower() == "true":
        return None
    tags, ids = _tags(call), call.form_list("ResourceId")
    there = {one: dict(ec2_backends[call.account_id][call.region].tags.get(one, {})) for one in ids}
    if any(len({key for key in {**old, **tags} if not key.startswith(_OF_AWS)}) > _LIMIT for old in there.values()):
        return call.refused("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
    if all(len({**old, **tags}) <= _LIMIT for old in there.values()):
        return None
    for one in ids:
        ec2_backends[call.account_id][call.region].tags[one].update(tags)
    return Answer(200, "text/xml", _DONE)


def _tags(call: Call) -> dict[str, str]:
    keys = {name: value for name, value in call.form.items() if name.startswith("Tag.") and name.endswith(".Key")}
    return {key: call.form.get(f"{name.removesuffix('Key')}Value", "") for name, key in keys.items()}


GATES = (tag_limit_gate,)
