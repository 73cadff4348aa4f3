"""What hypothesis draws from in the tests of the core: policy documents, conditions, windows, tags."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A slow machine is no failure."""

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TAG_KEYS = ("Environment", "Tier", "Owner")
TAG_VALUES = ("dev", "test", "prod", "")
ACCOUNT_IDS = ("111111111111", "222222222222", "333333333333")
OU_PATHS = ("/", "/Dev", "/Dev/Team", "/Developers", "/Prod")
OPT_OUT_VALUES = ("true", "2026-11-22", "2026-11-23", "2026-11-24", "True", "yes", "", "2026-13-01")

_SEPARATORS = ("-", "_", " ", "", "--", "\u2011", "\u00a0", "\u200b", "\u00ad")
_COLONS = (":", "/", ".", " : ", "::", "\uff1a", "\u2236", "\ua789")
_INSIDE = st.sampled_from(["", "", "", "", "-", "_", " ", "_-", "\u00a0", "\u2011", "\u200b"])
"""What is written before a letter, also amid a word: mostly nothing."""
LINKS = {"max_days": 9, "links": {"url": "https://keep.example/keep", "key": "alias/links", "valid_for": "12h"}}
_LOOK_ALIKES = {
    "o": "\u043e\u03bf\u03cc\u041e\u0585\u00f8\u00f6",
    "p": "\u0440\u03c1\u0420\u03a1\u1d18",
    "s": "\u0455\u0405\u0282\ua731\u015b",
    "t": "\u0442\u03c4\u0422\u0163\u0167",
    "e": "\u0435\u03b5\u03ad\u0451\u0395",
    "a": "\u0430\u03b1\u03ac\u0410\u00e5",
    "r": "\u0433\u0413\u0280\u0159\uab47",
    "c": "\u0441\u03f2\u03f9\u0421\u1d04\u00e7",
    "h": "\u04bb\u041d\u0397\u0570\u0127",
    "n": "\u0578\u039d\u03b7\u00f1",
    "u": "\u03c5\u057d\u03cd\u00fc",
    "d": "\u0501\u0111\u13a0",
    "b": "\u0412\u0392\u0180",
    "y": "\u0443\u03a5\u04af\u00fd",
}


@st.composite
def key_spellings(draw: st.DrawFn) -> str:
    """A key that folds to one of ours, or to one below our prefix, and is none of them to the letter."""
    names = ("opt-out", "opt-out-reason", "protected", "stopped-by", "stopped-at", "protect", "exclude", "opt-in")
    exact = f"stop-orchestrator:{draw(st.sampled_from(names))}"
    separators, colons = st.sampled_from(_SEPARATORS), st.sampled_from(_COLONS)
    written = {"-": separators, ":": colons}
    inside = _INSIDE if draw(st.booleans()) else st.just("")
    key = "".join(draw(written[one]) if one in written else draw(inside) + draw(_letters(one)) for one in exact)
    around = st.sampled_from(["", " ", "  ", "\u00a0"])
    return f"{draw(around)}{key}{draw(around)}" if key != exact else key.title()


def _letters(letter: str) -> st.SearchStrategy[str]:
    """The letter, as it is or as somebody may write it."""
    full_width = chr(ord(letter) + 0xFEE0)
    return st.sampled_from([letter, letter, letter.upper(), full_width]) | st.sampled_from(
        _LOOK_ALIKES.get(letter, letter)
    )


@st.composite
def _separated(draw: st.DrawFn, key: str) -> str:
    """The key with other separators, amid its words too."""
    return "".join(draw(_INSIDE) + one for one in key.replace("-", ""))


unrelated_keys = (
    st.text(min_size=1, max_size=40)
    | st.sampled_from(["opt-out", "Name", "orchestrator:opt-out", "my-stop-orchestrator:opt-out", "stop:opt-out"])
    | st.text("aZ0-_ .:/@=+", min_size=1, max_size=20).map("xstop-orchestrator:{}".format)
    | st.text("aZ0", min_size=1, max_size=20).map("stop-orchestrator{}".format)
    | st.text("aZ0-_@=+", min_size=1, max_size=20).map("stop-orchestrator-owner{}".format)
    | st.text("aZ0-_ ./@:", max_size=20).map("stop-orchestrators:{}".format)
    | st.sampled_from(
        [
            "my-stop-orchestrator:opt-out",
            "non-stop-orchestrator:protected",
            "stop-orchestrators:opt-out",
            "stop-orchestration:opt-out",
            "stop-orchestrator-owner",
            "stop-orchestrator-stopped-by",
            "orchestrator:opt-out",
        ]
    ).flatmap(_separated)
)
"""Keys of other people, some of them near ours, none below our prefix."""
tags = st.dictionaries(st.sampled_from(TAG_KEYS), st.sampled_from(TAG_VALUES))
tags_to_compare = st.dictionaries(
    st.sampled_from(TAG_KEYS),
    st.sampled_from((*TAG_VALUES, "3", "-0.5", "2026-11-22", "2026-11-23T23:30:00Z", "31.12.2026")),
)
percents = st.none() | st.integers(0, 100) | st.floats(0, 100)
counts = st.none() | st.integers(0, 10)


@st.composite
def window_texts(draw: st.DrawFn) -> str:
    start = draw(st.integers(0, 1439))
    end = draw(st.integers(0, 1440).filter(lambda minute: minute != start))
    day_lists = st.lists(st.sampled_from(DAYS), min_size=1, max_size=3).map(",".join)
    ranges = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map("-".join)
    days = draw(st.sampled_from(["", "daily "]) | day_lists.map("{} ".format) | ranges.map("{} ".format))
    return f"{days}{_clock(start)}-{_clock(end)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def one_or_several(values: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    one = st.sampled_from(values)
    return one | st.lists(one, min_size=1, max_size=3)


_GLOBS = one_or_several(("dev", "test", "*", "d?v", "[pd]*", "on", "12"))
_TAG_GLOBS = st.dictionaries(st.sampled_from(TAG_KEYS), _GLOBS, min_size=1)
_LEAVES = st.one_of(
    st.fixed_dictionaries({"tag": _TAG_GLOBS}),
    st.fixed_dictionaries({"account_tag": _TAG_GLOBS}),
    st.fixed_dictionaries({"account": one_or_several((*ACCOUNT_IDS, "1*"))}),
    st.fixed_dictionaries({"organizational_unit": one_or_several((*OU_PATHS, "/D*"))}),
    st.fixed_dictionaries({"region": one_or_several(("eu-*", "us-east-1", "*"))}),
    st.fixed_dictionaries({"instance_type": one_or_several(("t3.*", "m5.large"))}),
    st.just("everything"),
)


def combined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"all": several}),
        st.fixed_dictionaries({"any": several}),
        st.fixed_dictionaries({"not": parts}),
        st.fixed_dictionaries({"not": parts, "tag": _TAG_GLOBS}),
    )


wheres = st.recursive(_LEAVES, combined, max_leaves=6)
"""Each is true or false of a resource whose facts are known."""

_DAY_TEXTS = st.sampled_from(["today", "today+1d", "today-1d", "2026-11-22", "2026-11-24"])
_FORMS = st.one_of(
    st.fixed_dictionaries({"present": st.booleans()}),
    st.fixed_dictionaries({"absent": st.booleans()}),
    st.fixed_dictionaries({"glob": _GLOBS}),
    st.fixed_dictionaries({"matches": st.sampled_from(["d.v", "[a-z]+", ".*"])}),
    st.fixed_dictionaries({"at_least": st.sampled_from([-1, 0, 2.5, 3])}),
    st.fixed_dictionaries({"above": st.just(-0.5), "below": st.sampled_from([1, 3, 4])}),
    st.fixed_dictionaries({"at_most": st.sampled_from([-0.5, 3])}),
    st.fixed_dictionaries({"before": _DAY_TEXTS}, optional={"present": st.booleans()}),
    st.fixed_dictionaries({"after": _DAY_TEXTS}),
)
_ANY_OF = st.lists(_FORMS | st.sampled_from(["dev", "t*"]), min_size=1, max_size=2).map(lambda some: {"any_of": some})
_TAG_FORMS = st.dictionaries(st.sampled_from(TAG_KEYS), _GLOBS | _FORMS | _ANY_OF, min_size=1)
leaves_of_every_form = st.one_of(
    _LEAVES,
    st.fixed_dictionaries(
        {
            "idle": st.fixed_dictionaries(
                {"cpu_below": st.integers(1, 100), "for": st.sampled_from(["1h", "24h", "15d"])},
                optional={"network_below": st.sampled_from(["1MB", "500 kB"]), "gpu_below": st.just(0.5)},
            )
        }
    ),
    st.fixed_dictionaries({"tag": _TAG_FORMS}),
    st.fixed_dictionaries({"account_tag": _TAG_FORMS}),
)
wheres_of_every_form = st.recursive(leaves_of_every_form, combined, max_leaves=6)
_NAMED = st.fixed_dictionaries({"condition": st.sampled_from(["small", "wide"])})
_WHERES_WITH_NAMES = st.recursive(leaves_of_every_form | _NAMED, combined, max_leaves=4)

_MONTHS = ("jan", "nov-feb", "december")
_WEEKDAYS = ("mon", "sat-sun", "first tue", "last fri")
_MONTH_DAYS = (1, "1-15", "25-last", "last")
_CLOCKS = st.sampled_from(("07:00-19:00", "from 07:00", "until 19:00"))
_LINE = (
    window_texts()
    | st.sampled_from(("from mon-fri 07:00", "until last fri 19:00", "nov-feb 1-15,last day 08:00-12:00"))
    | st.fixed_dictionaries(
        {"time": _CLOCKS},
        optional={
            "days": one_or_several(_WEEKDAYS),
            "months": one_or_several(_MONTHS),
            "monthdays": one_or_several(_MONTH_DAYS),
        },
    )
)
_LINES = _LINE | st.lists(_LINE, min_size=1, max_size=3)
_SPANS = ({"on": "2026-12-24"}, {"from": "12-24", "until": "01-01"}, {"from": "2026-01-01", "until": "2026-02-01"})


def _exceptions(span: dict[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    running = st.sampled_from(("none", "always")) | _LINES
    drawn = st.fixed_dictionaries({"running": running}, optional={"reason": st.just("freeze")})
    return drawn.map(lambda entry: {**span, **entry})


_EXCEPTIONS = st.lists(st.sampled_from(_SPANS), unique_by=repr).flatmap(
    lambda spans: st.tuples(*map(_exceptions, spans)).map(list)
)


_SCHEDULE_NAMES = st.sampled_from(("office", "nights", "1"))
_WEEKS = st.dictionaries(
    _SCHEDULE_NAMES,
    st.fixed_dictionaries(
        {"timezone": st.sampled_from(ZONES), "running": st.lists(window_texts(), min_size=1, max_size=3)}
    ),
    min_size=1,
)
_CALENDARS = st.dictionaries(
    _SCHEDULE_NAMES,
    st.fixed_dictionaries(
        {"timezone": st.sampled_from(ZONES), "running": _LINES},
        optional={"holidays": st.just("DE-BY"), "except": _EXCEPTIONS},
    )
    | st.fixed_dictionaries(
        {"timezone": st.just("account"), "running": _LINES}, optional={"timezone_tag": st.just("Zone")}
    ),
    min_size=1,
)


def _given(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values.filter(lambda value: value is not None)


def _from_tag(schedules: list[str]) -> st.SearchStrategy[Any]:
    carriers = st.lists(st.sampled_from(["resource", "account", "organizational_unit"]), min_size=1, unique=True)
    return st.fixed_dictionaries(
        {"from_tag": st.lists(st.sampled_from(TAG_KEYS), min_size=1, unique=True)},
        optional={"inherit": carriers, "default": st.sampled_from(schedules)},
    )


def _without_a_start_at_any_time(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name != "start" or "schedule" in rule}


@st.composite
def documents_of_every_form(draw: st.DrawFn) -> dict[str, Any]:
    """A document without mistakes, in which rules use named conditions, and one of these the other."""
    rules = draw(st.lists(_WHERES_WITH_NAMES, min_size=1, max_size=2))
    wide = draw(st.builds(lambda one: {"any": [one, {"condition": "small"}]}, wheres_of_every_form))
    return {
        "version": 1,
        "name": "nonprod",
        "conditions": {"wide": wide, "small": draw(wheres_of_every_form)},
        "rules": [{"name": f"rule-{number}", "where": one} for number, one in enumerate(rules)],
    }


@st.composite
def policy_documents(draw: st.DrawFn, *, calendars: bool = False) -> dict[str, Any]:
    """A document without mistakes; with `calendars`, its schedules have all that a schedule may have."""
    schedules = draw(_CALENDARS if calendars else _WEEKS)
    rule = st.fixed_dictionaries(
        {"where": wheres},
        optional={
            "schedule": st.sampled_from(sorted(schedules)) | _from_tag(sorted(schedules)),
            "started_by_hand": st.sampled_from(["keep_until_next_window", "stop", {"keep_for": "4h"}]),
            "stop_again": st.booleans(),
            "action": st.sampled_from(["stop", "hibernate"]),
            "kinds": st.just(["ec2"]),
            "start": st.sampled_from(["never", "what_was_stopped", "everything"]),
        },
    ).map(_without_a_start_at_any_time)
    rules = [{"name": f"rule-{number}", **one} for number, one in enumerate(draw(st.lists(rule, max_size=3)))]
    for one in rules:
        if "schedule" not in one:
            one.pop("started_by_hand", None)
    limits = {"max_stops": _given(counts), "max_stops_percent": _given(percents)}
    limits |= {"max_starts": _given(counts), "max_starts_percent": _given(percents)}
    guardrails = st.fixed_dictionaries(
        {},
        optional={
            **limits,
            "min_coverage_percent": _given(percents),
            "per_account": st.fixed_dictionaries({}, optional=limits),
        },
    )
    optional = {
        "timezone": st.sampled_from(ZONES),
        "guardrails": guardrails,
        "required_tags": st.lists(st.sampled_from(TAG_KEYS), unique=True)
        | st.dictionaries(st.sampled_from(TAG_KEYS), st.sampled_from(["present", ["dev", "t*"], {"kinds": ["ec2"]}])),
        "opt_out": st.sampled_from([{}, {"max_days": 90, "require_reason": False}, {"allowed_on": ["account"]}, LINKS]),
        "owner_tag": st.sampled_from(["Owner", "team"]),
        "regions": st.just({"include": ["eu-*"], "exclude": ["eu-west-2"]}),
        "max_tag_age": st.sampled_from(["60s", "5m", "1h"]),
        "max_start_wait": st.sampled_from(["15s", "90s", "1h"]),
        "order": st.dictionaries(st.just("ec2"), st.integers(0, 1000)),
        "max_fact_age": st.sampled_from(["60s", "90m", "24h"]),
        "organization": st.just({"include": ["/Dev"], "exclude_accounts": ["012345678901"]}),
    }
    sections = draw(st.fixed_dictionaries({}, optional=optional))
    return {"version": 1, "name": "nonprod", "schedules": schedules, "rules": rules, **sections}
