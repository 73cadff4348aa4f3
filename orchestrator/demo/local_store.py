"""The local store that the demo leaves behind: its bucket and its table, copied before the embedded AWS goes down.

What reads a store finds in it what it would have found in that AWS, so that reports, history, verification and the
console go on working. One store holds one organization: the next demo makes another one, and does not add to this.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from orchestrator.aws.dynamodb_items import plain_item
from orchestrator.aws.pages import CONTINUATION_TOKEN, EVALUATED_KEY, each_page
from orchestrator.core.report.stored_files import INDEX_FOLDER, SWEEPS_FOLDER
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.demo.server import DemoError, Serving
from orchestrator.local.sqlite_items import LEDGER_FILE, SqliteItems
from orchestrator.settings import DEFAULT_STORE

DEMO_STORE = DEFAULT_STORE / "demo"
"""Where none is given: beside the store of real sweeps, and never it."""
_OF_A_STORE = (LEDGER_FILE, SWEEPS_FOLDER, INDEX_FOLDER)
_WORK = "work"
"""Below a sweep: for its own processes, and no reader's."""


def make_room(store: Path) -> Path | None:
    """Makes the folder; where the one before went, if an earlier demo's was in its place.

    Only the demo's own default is moved aside. Raises DemoError for any other that is in use, as it may be the ledger
    of real sweeps, and where no folder can be made.
    """
    try:
        earlier = _move_aside(store) if any((store / name).exists() for name in _OF_A_STORE) else None
        store.mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        raise DemoError(f"reports cannot be kept in {store}: {refused.strerror}") from refused
    return earlier


def _move_aside(store: Path) -> Path:
    if store != DEMO_STORE:
        raise DemoError(
            f"{store} holds sweeps already, and the demo's organization is another one each time: "
            "name a folder that is empty or does not exist with --store"
        )
    number = 1
    while (aside := store.with_name(f"{store.name}-{number}")).exists():
        number += 1
    return store.rename(aside)


def copy_to(store: Path, aws: Serving) -> None:
    """All that readers of the bucket and the table find there."""
    any_account = AnyAccount(aws.environment)
    s3, dynamodb = any_account.client("s3"), any_account.client("dynamodb")
    for folder in (SWEEPS_FOLDER, INDEX_FOLDER):
        pages = each_page(
            "s3:ListObjectsV2", partial(s3.list_objects_v2, Bucket=BUCKET, Prefix=folder), CONTINUATION_TOKEN
        )
        for key in (found["Key"] for page in pages for found in page.get("Contents", ())):
            if _WORK in key.split("/"):
                continue
            path = store / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    pages = each_page("dynamodb:Scan", partial(dynamodb.scan, TableName=TABLE, ConsistentRead=True), EVALUATED_KEY)
    SqliteItems(store).put_many([plain_item(item) for page in pages for item in page["Items"]])
