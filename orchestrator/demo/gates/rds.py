"""RDS as AWS answers it: what it does not stop, states that pass, and tags that it takes only while `available`.

moto stops members of clusters and sources of replicas, refuses others with another code than AWS, knows no `stopping`
and `starting`, does not say when AWS will start an instance again, and takes tags in any state. Here a state passes
with the second look at it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.rds.models import rds_backends

from orchestrator.demo.calls import Answer, Call

_PASSING = {"stopping": "stopped", "starting": "available"}
_RESTARTED_AFTER = timedelta(days=7)
_FALLS_BACK = "falls_back"


def stop_gate(call: Call) -> Answer | None:
    """A stop as RDS answers it; None where there is no such instance, which moto refuses itself."""
    database = _database(call) if _asks(call, "StopDBInstance") else None
    if database is None:
        return None  # moto says that there is none
    if _cannot_be_stopped(database):
        text = f"The DB instance {database.db_instance_identifier} cannot be stopped."
        return call.refused("InvalidParameterCombination", text)
    if database.status != "available":
        return _wrong_state(call, database, "in available state")
    database.status, database.automatic_restart_time = "stopping", utcnow() + _RESTARTED_AFTER
    return _changed(call, database)


def start_gate(call: Call) -> Answer | None:
    """A start as RDS answers it; None where there is no such instance, which moto refuses itself."""
    database = _database(call) if _asks(call, "StartDBInstance") else None
    if database is None:
        return None
    if database.db_cluster_identifier:
        text = f"The DB instance {database.db_instance_identifier} starts with its DB cluster."
        return call.refused("InvalidParameterCombination", text)
    if database.status != "stopped":
        return _wrong_state(call, database, "stopped, it cannot be started")
    database.status, database.automatic_restart_time = "starting", None
    return _changed(call, database)


def tags_gate(call: Call) -> Answer | None:
    """AWS's refusal of tags while the instance is not `available`."""
    if not (_asks(call, "AddTagsToResource") or _asks(call, "RemoveTagsFromResource")):
        return None
    name = call.form.get("ResourceName", "").rpartition(":db:")[2]
    database = rds_backends[call.account_id][call.region].databases.get(name)
    if database is None or database.status == "available":
        return None
    return _wrong_state(call, database, "in available state")


def states_gate(call: Call) -> Answer | None:
    """A state that passes is seen once."""
    if _asks(call, "DescribeDBInstances"):
        for database in list(rds_backends[call.account_id][call.region].databases.values()):
            if database.status in _PASSING and vars(database).get("seen_status") == database.status:
                falls_back = database.status == "starting" and _FALLS_BACK in vars(database)
                database.status = "stopped" if falls_back else _PASSING[database.status]
            vars(database)["seen_status"] = database.status
    return None


def let_fall_back(database: Any) -> None:
    """From now on each start of it comes to nothing, without a word of why: it is seen starting, and stopped again."""
    vars(database)[_FALLS_BACK] = True


def let_start(database: Any) -> None:
    """From now on it starts again."""
    vars(database).pop(_FALLS_BACK, None)


def _asks(call: Call, action: str) -> bool:
    return call.service == "rds" and call.action == action


def _database(call: Call) -> Any:
    name = call.form.get("DBInstanceIdentifier", "").lower()
    return rds_backends[call.account_id][call.region].databases.get(name)


def _cannot_be_stopped(database: Any) -> bool:
    engine = str(database.engine).lower()
    return bool(
        database.db_cluster_identifier
        or database.is_replica
        or database.replicas
        or engine.startswith("custom-")
        or (engine.startswith("sqlserver-") and database.multi_az)
    )


def _wrong_state(call: Call, database: Any, text: str) -> Answer:
    return call.refused("InvalidDBInstanceState", f"Instance {database.db_instance_identifier} is not {text}.")


def _changed(call: Call, database: Any) -> Answer:
    instance = (
        f"<DBInstance><DBInstanceIdentifier>{database.db_instance_identifier}</DBInstanceIdentifier>"
        f"<DBInstanceStatus>{database.status}</DBInstanceStatus></DBInstance>"
    )
    result = f"<{call.action}Result>{instance}</{call.action}Result>"
    return Answer(200, "text/xml", f"<{call.action}Response>{result}</{call.action}Response>")


GATES = (stop_gate, start_gate, tags_gate, states_gate)
