"""Words of other tools and of other people that mean nothing in a policy, each with what is right here.

The tables of this module are the only place for them. They are looked at only where a document is wrong, and before the
nearest word is guessed: `weekdays` is like `wednesday`, and means `mon-fri`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from orchestrator.core.policy.patterns import late_pattern

_LONGEST = 200
"""A longer text is not looked through for what it may mean."""
_NO_LETTERS = late_pattern(r"[\W_]+")


# --- lines of schedules ----------------------------------------------------------------------------------------------

_WEEKDAY = "mon|tues?|wed|thu(?:rs)?|fri|sat|sun"
_HOURS_A_DAY, _HALF_A_DAY = 24, 12


def _clock(found: re.Match[str]) -> str:
    hour, minute, half = int(found["hour"]), found["minute"] or "00", (found["half"] or "").lower()
    if half and 1 <= hour <= _HALF_A_DAY:
        hour = hour % _HALF_A_DAY + (_HALF_A_DAY if half == "p" else 0)
    return f"{hour:02}:{minute}"


_REWRITES: Sequence[tuple[str, str | Callable[[re.Match[str]], str]]] = (
    ("[\u2010-\u2015\u2212]", "-"),
    (r"^(?:always|all ?day(?: long)?|24[/x]7|24 ?h(?:ours)?)$", "daily 00:00-24:00"),
    (r"(?<=[0-9m])\s+(?:utc|gmt|[a-z_]+/[a-z_/+-]+)$", ""),
    (r"\b(?:week[ -]?days?|(?:work|working|business)[ _-]?days?|mo?n?[ -]?fr?|workweek)\b(?!\w)", "mon-fri"),
    (r"\bweek[ -]?ends?\b", "sat,sun"),
    (r"\b(?:every|each|all|any)[ _-]?days?\b|^\*(?=\s)", "daily"),
    (r"\b(mon|tues|wednes|thurs|fri|satur|sun)days\b", r"\1day"),
    (r"\bmidnight\b", "00:00"),
    (r"\bnoon\b", "12:00"),
    (r"\b(?P<hour>[0-9]{1,2})(?:[:.](?P<minute>[0-9]{2}))?\s*(?P<half>[ap])\.?m\b\.?", _clock),
    (r"\b(?P<hour>[0-9]{1,2})[.](?P<minute>[0-9]{2})(?P<half>)\b", _clock),
    (r"\b(?P<hour>[0-9]{1,2})\s*(?:uhr|h)(?P<minute>[0-9]{2})?(?P<half>)\b", _clock),
    (r"(?<![:0-9-])(?P<hour>[0-2][0-9])(?P<minute>[0-5][0-9])(?P<half>)(?![:0-9])", _clock),
    (r"(?<=-)(?P<hour>[0-2][0-9])(?P<minute>[0-5][0-9])(?P<half>)$", _clock),
    (r"\b([0-9]{1,2}:[0-9]{2}):[0-9]{2}\b", r"\1"),
    (r"(?<![:0-9])(?P<hour>[0-9]{1,2})(?P<minute>)(?P<half>)(?=\s*(?:-|to)\s*[0-9]{1,2}(?::[0-9]{2})?$)", _clock),
    (r"(?<=[0-9]{2}-)(?P<hour>[0-9]{1,2})(?P<minute>)(?P<half>)$", _clock),
    (r"\bbetween\s+(.*[0-9])\s+and\s+(?=[0-9])", r"\1-"),
    (r"^from\s+(.*\S)\s+(?:to|till?|until|bis)\s+(?=[0-9])", r"\1-"),
    (r"(?<=\S)\s+(?:to|through|thru|till?|until|bis)\s+(?=\S)", "-"),
    (rf"\b((?:{_WEEKDAY})[a-z]*)\s*(?:&|;|/|\band\b)\s*(?={_WEEKDAY})", r"\1,"),
    (r"^(?:after|since|start(?:ing)?(?: at)?)\s+", "from "),
    (r"^(?:before|by|stop(?:ping)?(?: at)?|end(?:ing)?(?: at)?|till?)\s+", "until "),
)
"""In this order, on a line in small letters with single spaces. What comes of it counts only where it is a line."""
_AMID = r"(?<=\s)(?:from|at)\s+"

NO_LINES: Mapping[str, str] = dict.fromkeys(
    ("none", "never", "no", "off", "stopped"),
    "says that nothing runs, which is only for the days of an entry under `except`; in a rule whose resources may be "
    "stopped at any time, leave `schedule` out",
)
"""What stands in place of a line, and what is said of it."""

EXCEPTION_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("never", "no", "off", "stopped", "stop", "closed", "nothing", "down"), "none"),
    **dict.fromkeys(("running", "on", "all", "allday", "247", "24x7", "up", "open", "everything"), "always"),
}
"""For `running` of an entry under `except`."""


def meant_lines(text: str) -> Iterator[str]:
    """What a line, its days or its time may mean, the likeliest first; nothing says that one of these is right."""
    if len(text) > _LONGEST:
        return
    written = " ".join(text.strip().lower().split())
    meant = written
    for pattern, right in _REWRITES:
        meant = re.sub(pattern, right, meant)
    for one in (meant, " ".join(re.sub(_AMID, "", meant).split())):
        if one != written:
            yield one.strip()


# --- keys and conditions ---------------------------------------------------------------------------------------------

_TAG_OF_IT = (
    "no condition names single resources: give those that are meant a tag and write it like `tag: {Group: batch}`; the "
    "option `--resource` narrows one command, and the tag `stop-orchestrator:opt-out` spares one"
)
_ONLY_WHAT_RUNS = "what does not run is never stopped; leave it out"
_MODE = (
    "no policy says that; a command only plans unless it has `--mode enforce`, and a scheduled sweep has its `mode` "
    "under `sweeps`"
)


def _beside(key: str) -> str:
    return f"it is a key of the rule: write {key} beside `where`"


def _same(words: str, right: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), right)


CONDITIONS: Mapping[str, str] = {
    **_same("ou ous orgunit organizationunit organisationalunit", "write it like `organizational_unit: /Sandbox`"),
    **_same("kinds kind resourcetype resourcetypes resource resources service", _beside("`kinds: [rds]`")),
    **_same("schedule schedules", _beside("`schedule: office-hours`")),
    **_same("action actions", _beside("`action: hibernate`")),
    **_same("notice", _beside("`notice: {days: 3}`")),
    **_same("start", _beside("`start: what_was_stopped`")),
    **_same("startedbyhand", _beside("`started_by_hand: stop`")),
    **_same("stopagain", _beside("`stop_again: false`")),
    **_same("accept", _beside("`accept: [instance_store_volumes]`")),
    **_same("instanceid instanceids id ids resourceid resourceids arn arns dbinstanceidentifier", _TAG_OF_IT),
    **_same("name names hostname", 'write it like `tag: {Name: "web-*"}`'),
    **_same("and allof", "write it like `all: [{region: eu-west-1}, {tag: {Environment: dev}}]`"),
    **_same("or anyof", "write it like `any: [{region: eu-west-1}, {tag: {Environment: dev}}]`"),
    **_same("none noneof nor", "write it like `not: {any: [{region: eu-west-1}, {tag: {Environment: dev}}]}`"),
    **_same("environment env stage", "write it like `tag: {Environment: [dev, test]}`"),
    **_same("owner team", "write it like `tag: {Owner: data-team}`"),
    **_same("state status instancestate", _ONLY_WHAT_RUNS),
    **_same("ami imageid", "write it like `image: ami-0123456789abcdef0`"),
    **_same("type instanceclass instancefamily size", 'write it like `instance_type: "t3.*"`'),
    **_same("az zone", "write it like `availability_zone: eu-west-1a`"),
    **_same("vpcid network", "write it like `vpc: vpc-0123456789abcdef0`"),
    **_same("subnetid", "write it like `subnet: subnet-0123456789abcdef0`"),
    **_same("key keypair", "write it like `key_name: build`"),
    **_same("os operatingsystem", 'write it like `platform: "Windows*"`'),
    **_same("arch", "write it like `architecture: arm64`"),
    **_same("spot purchaseoption tenancy", "write it like `lifecycle: spot`"),
    **_same("accountid accounts", 'write it like `account: "111122223333"`'),
    **_same("regionname regions", "write it like `region: eu-west-1`"),
    **_same("instanceage olderthan createdat createdbefore", "write it like `age: {at_least: 7d}`"),
    **_same("launchtime uptime instanceuptime runninglongerthan", "write it like `running_for: {at_least: 7d}`"),
    **_same("cpu cpubelow cpuutilization metrics unused", "write it like `idle: {cpu_below: 5, for: 24h}`"),
    **_same("networkbelow", "write it like `idle: {network_below: 1MB, for: 24h}`"),
    **_same("gpu gpubelow", "write it like `idle: {gpu_below: 5, for: 24h}`"),
    **_same("asg autoscalinggroup", "write it like `managed_by: asg`"),
    **_same("everything allresources always", "for a rule about all of its kinds write `where: everything`"),
}
"""In a `where`."""

RULE_KEYS: Mapping[str, str] = {
    **_same(
        "when filters filter if match matches conditions condition criteria selector",
        "write it like `where: {tag: {Environment: dev}}`",
    ),
    **_same(
        "ou ous orgunit organizationunit organisationalunit", "write it like `where: {organizational_unit: /Sandbox}`"
    ),
    **_same("accountid accounts", 'write it like `where: {account: "111122223333"}`'),
    **_same(
        "notify",
        "write it like `action: notify`; `notify`, beside `rules`, says who hears of the whole policy's sweeps",
    ),
    **_same("stop", "write it like `action: stop`"),
    **_same("hibernate", "write it like `action: hibernate`"),
    **_same("resource resources resourcetype resourcetypes service type", "write it like `kinds: [ec2]`"),
    **_same("actions", "a rule has one action; write it like `action: stop`"),
    **_same("markforop graceperiod grace announce warn delay", "write it like `notice: {days: 3}`"),
    **_same("onhours offhours offhour onhour running hours window windows", "write it like `schedule: office-hours`"),
    **_same("autostart restart startagain", "write it like `start: what_was_stopped`"),
    **_same("mode dryrun enforce enabled", _MODE),
    **_same("description comment comments", "write it as a comment, after `#`"),
    **_same("exclude except unless excluding", "write it like `where: {not: {tag: {Tier: critical}}}`"),
}
"""In a rule."""

KEYS: Mapping[str, Mapping[str, str]] = {
    "rules": RULE_KEYS,
    "policy": {
        **_same("policies policy", "write it like `rules: []`"),
        **_same("org organisation ou ous scope", 'write it like `organization: {include: ["/Workloads/Dev"]}`'),
        **_same(
            "accounts excludeaccounts skipaccounts",
            'write it like `organization: {exclude_accounts: ["111122223333"]}`',
        ),
        **_same("region", 'write it like `regions: {include: ["eu-*"]}`'),
        **_same("tz zone", "write it like `timezone: Europe/Berlin`"),
        **_same("limits maxstops safety", "write it like `guardrails: {max_stops: 100}`"),
        **_same("mode dryrun enforce enabled", _MODE),
        **_same("description comment comments", "write it as a comment, after `#`"),
        **_same("holidays calendar", "each schedule has its own: write it like `holidays: DE-BY` in it"),
    },
    "schedules": {
        **_same("tz zone", "write it like `timezone: Europe/Berlin`"),
        **_same(
            "windows window hours periods times lines on up open days weekdays start stop begin end from until",
            'write it like `running: ["mon-fri 07:00-19:00"]`',
        ),
        **_same("stopped off down", 'say when resources run: write it like `running: ["mon-fri 07:00-19:00"]`'),
        **_same("exceptions exclude excludes unless freeze", "write it like `except: [{on: 12-24, running: none}]`"),
        **_same("calendar publicholidays bankholidays country skipdays", "write it like `holidays: DE-BY`"),
        **_same("description comment comments", "write it as a comment, after `#`"),
    },
    "except": {
        **_same("to end ends through till last", "write it like `until: 2027-01-01`"),
        **_same("start begin begins first since", "write it like `from: 2026-12-24`"),
        **_same("date dates day days at", "write it like `on: 2026-12-24`"),
        **_same("state status schedule lines", "write it like `running: none`"),
        **_same("name why description comment", "write it like `reason: release`"),
    },
    "line": {
        **_same(
            "start end from until begin at hours times begintime endtime starttime stoptime window",
            "write it like `time: 07:00-19:00`",
        ),
        **_same("weekdays weekday dayofweek", "write it like `days: mon-fri`"),
        **_same("dayofmonth daysofmonth dates date", "write it like `monthdays: 1-15`"),
    },
    "notice": _same("hours weeks after for day period", "write it like `days: 3`"),
    "started_by_hand": _same("hours for keep until time duration", "write it like `keep_for: 4h`"),
}
"""By the part of the document that has no such key."""

BOUNDS: Mapping[str, str] = {
    **_same("olderthan above min minimum morethan longerthan over gt gte ge greaterthan atleat exceeds", "at_least"),
    **_same("days hours weeks minutes", "at_least"),
    **_same("youngerthan atmost max maximum lessthan shorterthan under lt lte le newerthan", "below"),
}
"""For the bounds of `age` and `running_for`."""
_UNITS = {"days": "d", "hours": "h", "weeks": "w", "minutes": "m"}


def right_for(words: Mapping[str, str], word: object) -> str:
    """What a table has for a word, whatever its case, dashes and underscores; empty where it has nothing."""
    return words.get(_folded(word), "") if isinstance(word, str) else ""


def right_key(part: str, key: object) -> str:
    """The same for a key of that part of the document."""
    return right_for(KEYS.get(part, {}), key)


def right_bound(name: str, value: object) -> str:
    """`at_least: 7d` for `older_than: 7d`, for `above: 7d` and for `days: 7`; empty for what means nothing."""
    bound = right_for(BOUNDS, name)
    if not bound or isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    unit = _UNITS.get(_folded(name), "") if str(value).isdigit() else ""
    return f"{bound}: {value}{unit}"


def _folded(word: str) -> str:
    return _NO_LETTERS.sub("", word.casefold())


# --- values ----------------------------------------------------------------------------------------------------------

_DATES = (
    (r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})", r"\3-\2-\1"),
    (r"([0-9]{4})[/.]([0-9]{2})[/.]([0-9]{2})", r"\1-\2-\3"),
)
_SPAN = r"\s*([0-9]{1,5})\s*([mhdw])(?:in\w*|ours?|ays?|eeks?)?"


def _span_values(key: str) -> Sequence[tuple[str, str]]:
    return (
        (rf"(?:>=?|older than|at least|over|more than|longer than)?{_SPAN}", rf"{key}: {{at_least: \1\2}}"),
        (rf"(?:<=?|younger than|below|under|less than){_SPAN}", rf"{key}: {{below: \1\2}}"),
        (r"([0-9]{1,5})", rf"{key}: {{at_least: \1d}}"),
    )


VALUES: Mapping[str, Sequence[tuple[str, str]]] = {
    "age": _span_values("age"),
    "running_for": _span_values("running_for"),
    "notice": ((r"([0-9]{1,3})\s*(?:d(?:ays?)?)?", r"notice: {days: \1}"), ("true|yes", "notice: {days: 3}")),
    "started_by_hand": (
        (r"(?:keep(?:[_ ]for)?:?\s*)?([0-9]{1,5})\s*([mh])(?:in\w*|ours?)?", r"started_by_hand: {keep_for: \1\2}"),
        ("keep|true|yes|respect|ignore", "started_by_hand: keep_until_next_window"),
        ("false|no|never", "started_by_hand: stop"),
    ),
    "start": (
        ("true|yes|on|always|again|restart", "start: what_was_stopped"),
        ("false|no|off", "start: never"),
        ("all", "start: everything"),
    ),
    "action": (
        ("start", "start: what_was_stopped"),
        ("none|keep|skip|ignore|report|warn|notice", "action: notify"),
        ("mark|label|mark-for-op", "action: tag"),
    ),
    **{key: tuple((date, f"{key}: {right}") for date, right in _DATES) for key in ("on", "from", "until")},
    "mode": (
        ("dry.?run|report|test|preview", "mode: plan"),
        ("ask|approval|review", "mode: approve"),
        ("live|apply|act", "mode: enforce"),
    ),
}
"""By its key: what a value is like, and what is right in its place."""


def right_value(key: object, value: object) -> str:
    """`notice: {days: 3}` for the value 3 of `notice`; empty for what means nothing."""
    text = str(value).casefold().strip() if isinstance(value, str | int | float) else ""
    if not isinstance(key, str) or len(text) > _LONGEST:
        return ""
    for pattern, right in VALUES.get(key, ()):
        found = re.fullmatch(pattern, text)
        if found is not None:
            return found.expand(right)
    return ""
