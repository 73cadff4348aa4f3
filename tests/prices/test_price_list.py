"""AWS's price list: exactly one price is a price, whatever else it answers is why there is none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.aws.price_list import asking_price_list, price_list_region
from orchestrator.core.model.price import PriceKey, UnitPrice
from orchestrator.core.model.price_items import VOLUME, VOLUME_THROUGHPUT
from orchestrator.errors import PricesError
from orchestrator.kinds.ec2.prices import billed
from orchestrator.prices.price_list import PriceList
from tests.support.builders import a_resource
from tests.support.local_aws import Answer, Request, closing_clients, json_answer, serving

DETAILS = {"platform": "Linux/UNIX", "tenancy": "default", "elastic_ips": 0}
VOLUME_OF = {"VolumeType": "gp3", "Size": 10, "Iops": 3000, "Throughput": 250, "Attachments": [{}]}
BILLED = billed(a_resource(details=DETAILS), [VOLUME_OF])
[KEY], [VOLUME_KEY, THROUGHPUT_KEY] = ([part.key for part in some] for some in (BILLED.running, BILLED.still))


def product(*prices: tuple[str, str], currency: str = "USD") -> str:
    dimensions = {
        f"d{number}": {"unit": unit, "pricePerUnit": {currency: amount}} for number, (unit, amount) in enumerate(prices)
    }
    return json.dumps({"product": {}, "terms": {"OnDemand": {"sku.1": {"priceDimensions": dimensions}}}})


def told(key: PriceKey, *products: str) -> str:
    found = PriceList(lambda _service, _filters: products).prices([key])[key]
    return f"{found.hourly:.6f}" if isinstance(found, UnitPrice) else found


def test_it_is_asked_by_all_that_the_price_depends_on() -> None:
    asked: list[tuple[str, Any]] = []

    def ask(service: str, filters: Sequence[tuple[str, str]]) -> Iterable[str]:
        asked.append((service, dict(filters)))
        return [product(("Hrs", "0.0832000000"))]

    found = PriceList(ask).prices([KEY])
    assert found == {KEY: UnitPrice(Decimal("0.0832000000"), "AWS Price List")}
    expected = {
        "regionCode": "eu-central-1",
        "instanceType": "t3.micro",
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "licenseModel": "No License required",
        "capacitystatus": "Used",
    }
    assert asked == [("AmazonEC2", expected)]


def test_a_month_and_a_gigabyte_of_throughput_become_an_hour_of_one() -> None:
    assert (VOLUME_KEY.item, THROUGHPUT_KEY.item) == (VOLUME, VOLUME_THROUGHPUT)
    assert told(VOLUME_KEY, product(("GB-Mo", "0.0730"))) == "0.000100"
    assert told(THROUGHPUT_KEY, product(("GiBps-mo", "74.752"))) == "0.000100"


@pytest.mark.parametrize(
    ("products", "why"),
    [
        ([], "the AWS Price List has no such product"),
        ([product(("Hrs", "1")), product(("Hrs", "2"))], "the AWS Price List has 2 prices for it"),
        ([product(("Hrs", "0.0000000000"))], "the AWS Price List says that it is free, which it is for some only"),
        ([product(("Hrs", "1"), currency="CNY")], "the AWS Price List's answer is not understood"),
        ([product(("Quantity", "1"))], "the AWS Price List's answer is not understood"),
        ([product(("Hrs", "NaN"))], "the AWS Price List's answer is not understood"),
        (["<html>"], "the AWS Price List's answer is not understood"),
        (["[]"], "the AWS Price List's answer is not understood"),
    ],
)
def test_what_is_not_exactly_one_price_is_none(products: list[str], why: str) -> None:
    assert told(KEY, *products) == why


def test_the_free_part_of_what_else_has_a_price_is_no_price_of_its_own() -> None:
    assert told(VOLUME_KEY, product(("GB-month", "0"), ("GB-month", "0.073"))) == "0.000100"


def test_products_that_cost_the_same_have_one_price() -> None:
    assert told(KEY, product(("Hrs", "1.0")), product(("Hrs", "1.00"))) == "1.000000"


def test_spot_and_what_has_no_filters_are_not_asked() -> None:
    def ask(_service: str, _filters: object) -> Iterable[str]:
        raise AssertionError

    spot = a_resource(details=DETAILS, facts={"lifecycle": "spot"})
    [part] = billed(spot, []).running
    [other] = billed(a_resource(details={**DETAILS, "platform": "BSD"}), []).running
    found = PriceList(ask).prices([part.key, other.key])
    assert str(found[part.key]).startswith("spot prices are not in the AWS Price List")
    assert str(found[other.key]).startswith("the AWS Price List has none that is told by these facts")


def test_a_refusal_is_why_there_is_no_price() -> None:
    def ask(_service: str, _filters: object) -> Iterable[str]:
        raise PricesError("pricing:GetProducts: AccessDeniedException: no")

    found = PriceList(ask).prices([KEY])
    assert found == {KEY: "AWS Price List: pricing:GetProducts: AccessDeniedException: no"}


def test_one_that_hangs_delays_a_sweep_no_longer_than_it_may() -> None:
    done = threading.Event()

    def ask(service: str, _filters: object) -> Iterable[str]:
        if service == "hangs":
            done.wait()
        return [product(("Hrs", "1"))]

    slow = KEY._replace(service="hangs")
    found = PriceList(ask, at_most_seconds=0.1).prices([KEY, slow])
    done.set()
    assert found[KEY] == UnitPrice(Decimal(1), "AWS Price List")
    assert found[slow] == "the AWS Price List did not answer within 0.1 s"


@pytest.mark.parametrize(
    ("partition", "region", "asked"),
    [
        ("aws", "eu-west-1", "eu-central-1"),
        ("aws", "ap-southeast-2", "ap-south-1"),
        ("aws", "us-west-2", "us-east-1"),
        ("aws-cn", "cn-north-1", "cn-northwest-1"),
        ("aws-us-gov", "us-gov-west-1", ""),
    ],
)
def test_it_is_asked_where_its_partition_answers(partition: str, region: str, asked: str) -> None:
    assert price_list_region(partition, region) == asked


def test_over_http_every_page_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {None: {"PriceList": [product(("Hrs", "1"))], "NextToken": "2"}, "2": {"PriceList": ["{}"]}}
    asked: list[Any] = []

    def answer(request: Request) -> Answer:
        asked.append(request.json)
        return json_answer(pages[request.json.get("NextToken")])

    with serving(answer, monkeypatch), closing_clients() as clients:
        ask = asking_price_list(clients)
        assert len([*ask("AmazonEC2", KEY.filters)]) == 2
    assert asked[0]["Filters"][0] == {"Type": "TERM_MATCH", "Field": "instanceType", "Value": "t3.micro"}
    assert clients.calls() == {"pricing:GetProducts": 2}


def test_a_refusal_is_told_in_awss_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Request) -> Answer:
        return replace(json_answer({"__type": "AccessDeniedException", "message": "no"}), status=400)

    with serving(refuse, monkeypatch), closing_clients() as clients:
        found = PriceList(asking_price_list(clients)).prices([KEY])
    assert found == {KEY: "AWS Price List: pricing:GetProducts: AccessDeniedException: no"}
