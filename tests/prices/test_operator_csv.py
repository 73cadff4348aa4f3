"""The operator's prices: what fits counts, every mistake is told at once with its line, and no text does any harm."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.price import PriceKey, UnitPrice
from orchestrator.core.model.price_items import COMPUTE, STORAGE, VOLUME
from orchestrator.errors import PricesError
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.prices.operator_csv import COLUMNS, OperatorPrices
from tests.support.strategies import quick

LINUX = PriceKey("ec2", COMPUTE, "eu-central-1", "m7g.large", "Linux/UNIX", "default", "on-demand")
EC2_ITEMS = "compute, public_ipv4, volume, volume_iops, volume_throughput"
HEADER = "kind,item,region,type,operating_system,tenancy,lifecycle,price,made_up\n"


def book(text: str, source: str = "s3://bucket/prices/rates.csv") -> OperatorPrices:
    return OperatorPrices(text, source, DESCRIPTIONS)


def price(text: str, key: PriceKey = LINUX) -> str:
    """What an hour costs, or why that is not known."""
    found = book(text).prices([key])[key]
    return f"{found.hourly:f}" if isinstance(found, UnitPrice) else found


def mistakes(text: str) -> list[str]:
    with pytest.raises(PricesError) as wrong:
        book(text, "rates.csv")
    return str(wrong.value).splitlines()


def test_a_line_is_a_price_of_what_it_names() -> None:
    assert price(f"{HEADER}ec2,compute,eu-central-1,m7g.large,Linux/UNIX,,,0.0832,\n") == "0.0832"


def test_the_first_line_that_fits_counts() -> None:
    text = f"{HEADER}ec2,,eu-*,m7g.*,Linux/UNIX,,,0.05,\nec2,,*,m7g.large,*,,,0.09,\n"
    assert price(text) == "0.05"
    assert price(text, LINUX._replace(region="us-east-1")) == "0.09"


@pytest.mark.parametrize(
    "other", [{"lifecycle": "spot"}, {"tenancy": "dedicated"}, {"operating_system": "Windows"}, {"region": "eu-west-1"}]
)
def test_a_price_of_one_thing_is_none_of_another(other: dict[str, str]) -> None:
    text = f"{HEADER}ec2,,eu-central-1,m7g.large,Linux/UNIX,,,0.0832,\n"
    assert price(text, LINUX._replace(**other)) == "rates.csv has none"


def test_spot_has_a_price_where_a_line_names_it() -> None:
    text = f"{HEADER}ec2,,*,m7g.large,Linux/UNIX,,spot,0.03,\n"
    assert price(text, LINUX._replace(lifecycle="spot")) == "0.03"
    assert price(text) == "rates.csv has none"


def test_a_month_of_a_gigabyte_is_730_hours() -> None:
    volume = PriceKey("ec2", VOLUME, "eu-central-1", "gp3")
    found = book("kind,item,region,type,price\nec2,volume,*,gp3,0.073\n").prices([volume])[volume]
    assert isinstance(found, UnitPrice)
    assert found.hourly == Decimal("0.0001")


def test_a_database_is_told_by_engine_and_deployment() -> None:
    text = "kind,item,region,type,engine,deployment,price\nrds,compute,*,db.t4g.*,postgres,single-az,0.02\n"
    key = PriceKey("rds", COMPUTE, "eu-central-1", "db.t4g.micro", lifecycle="on-demand", engine="postgres")
    assert price(text, key._replace(deployment="single-az")) == "0.02"
    assert price(text, key._replace(deployment="multi-az")) == "rates.csv has none"
    assert price(text, key._replace(item=STORAGE)) == "rates.csv has none"


def test_comments_empty_lines_a_byte_order_mark_and_the_order_of_columns_do_not_matter() -> None:
    text = (
        "\ufeff# Our rates\r\nprice,region,kind,type,operating_system\r\n\r\n0.1,*,ec2,m7g.large,*\r\n# the end, 1\r\n"
    )
    assert price(text) == "0.1"


def test_made_up_is_told_with_the_price() -> None:
    found = book(f"{HEADER}ec2,,*,*,*,,,0.1,TRUE\n").prices([LINUX])[LINUX]
    assert isinstance(found, UnitPrice)
    assert (found.made_up, found.source) == (True, "rates.csv")


def test_every_mistake_is_told_at_once_with_its_line_and_what_would_be_right() -> None:
    text = (
        f"{HEADER}"
        "ec3,,*,m7g.large,Linux/UNIX,,,0.1,\n"
        "ec2,computer,*,m7g.large,Linux/UNIX,,,0.1,\n"
        "ec2,,,m7g.large,,,,0.1,\n"
        'ec2,,*,m7g.large,*,,,"0,1",\n'
        "ec2,,*,m7g.large,*,,,-1,maybe\n"
        "ec2,,*,m7g.large\n"
        "ec2,,*,a,*,,,0.1,\n"
        "ec2,,*,a,*,,,0.2,\n"
        "ec2,,*,b,*,,,,\n"
    )
    assert mistakes(text) == [
        f"rates.csv: line 2: kind 'ec3': there are {', '.join(sorted(one.name for one in DESCRIPTIONS))}",
        f"rates.csv: line 3: item 'computer': of ec2 there are {EC2_ITEMS}; did you mean compute?",
        "rates.csv: line 4: region is empty: name one, or a pattern; `*` fits all",
        "rates.csv: line 4: operating_system is empty: name one, or a pattern; `*` fits all",
        "rates.csv: line 5: price '0,1': must be dollars, with a point and no sign, such as 0.0832",
        "rates.csv: line 6: price '-1': must be dollars, with a point and no sign, such as 0.0832",
        "rates.csv: line 6: made_up 'maybe': must be true, false or empty",
        "rates.csv: line 7: has 4 cells, and the first line names 9 columns",
        "rates.csv: line 9: never counts: line 8 is about the same; delete one of them",
        "rates.csv: line 10: price is empty: must be dollars, with a point and no sign, such as 0.0832",
    ]


def test_wrong_columns_are_told_before_any_line() -> None:
    assert mistakes("kind,regoin,price,price\nx\n") == [
        "rates.csv: line 1: has the column 'regoin'; did you mean region?",
        "rates.csv: line 1: has a column twice: price",
        "rates.csv: line 1: lacks the column region",
    ]
    assert mistakes("") == [
        "rates.csv: line 1: is missing; it names the columns: kind, region, price, and any of the others"
    ]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e9", "=1+1", "$0.1", "0.1 USD", "٣", "0x1", "1_000", "99999999"])
def test_what_is_no_plain_number_is_no_price(text: str) -> None:
    [told] = mistakes(f"{HEADER}ec2,,*,a,*,,,{text},\n")
    assert "must be dollars" in told


def test_hostile_texts_are_told_in_plain_characters() -> None:
    hostile = "\x1b[31m\u202e<img src=x onerror=alert(1)>" + "A" * 200
    told = "\n".join(mistakes(f"{HEADER}{hostile},,*,a,*,,,{hostile},{hostile}\n{hostile}\n"))
    assert told.replace("\n", "").isprintable()
    assert told.isascii()
    assert max(map(len, told.splitlines())) < 200 + len(", ".join(one.name for one in DESCRIPTIONS))


def test_a_file_without_end_is_not_read_to_it_and_few_mistakes_are_shown() -> None:
    told = mistakes(HEADER + "ec3,,*,a,*,,,0.1,\n" * 100)
    assert len(told) == 51
    assert told[-1] == "rates.csv: and 50 more mistakes"
    rows = "".join(f"ec2,,*,t{number},*,,,0.1,\n" for number in range(20_001))
    assert mistakes(HEADER + rows) == ["rates.csv: line 20002: is one too many: a price book has at most 20,000 lines"]


@quick
@given(st.text(max_size=200) | st.lists(st.lists(st.text(max_size=8), max_size=6), max_size=6).map(repr))
def test_whatever_the_text_it_is_a_price_book_or_told_to_be_none(text: str) -> None:
    for before in ("", HEADER, ",".join(COLUMNS) + "\n"):
        with suppress(PricesError):
            found = book(before + text).prices([LINUX])[LINUX]
            assert not isinstance(found, UnitPrice) or found.hourly >= 0
