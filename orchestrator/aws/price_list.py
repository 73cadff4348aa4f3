"""AWS's price list, which few regions answer for: each for the whole partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pages import each_page
from orchestrator.errors import PricesError

_OPERATION = "GetProducts"
_PAGE_SIZE = 100
_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-northwest-1"}
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
_NEARER = {"eu": "eu-central-1", "me": "eu-central-1", "af": "eu-central-1", "ap": "ap-south-1"}
"""Of the public partition, by how a region's name begins."""


def price_list_region(partition: str, region: str) -> str:
    """The one that is asked; empty where the partition has none."""
    nearer = _NEARER.get(region.partition("-")[0]) if partition == "aws" else None
    return nearer or _REGIONS.get(partition, "")


def asking_price_list(clients: Clients) -> Callable[[str, Sequence[tuple[str, str]]], Iterable[str]]:
    """A function that gives the products of a service that filters leave, as JSON; it raises PricesError."""
    region = price_list_region(clients.partition, clients.region)

    def ask(service: str, filters: Sequence[tuple[str, str]]) -> Iterable[str]:
        if not region:
            raise PricesError(f"the partition {clients.partition} has no price list")
        exact = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in filters]
        try:
            products = clients.pricing(region).get_products
            asked = partial(products, ServiceCode=service, Filters=exact, MaxResults=_PAGE_SIZE)
            return [text for page in each_page(_OPERATION, asked) for text in page.get("PriceList", ())]
        except AWS_FAILURES as failure:
            raise PricesError(f"pricing:{_OPERATION}: {error_of(failure)}") from failure

    return ask
