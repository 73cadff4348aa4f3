"""The keys that sign opt-out links, one for each sweep, by a KMS key for HMACs."""

from __future__ import annotations

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.core.decide.opt_out_links import key_message
from orchestrator.errors import StopOrchestratorError


def derive_link_key(clients: Clients, kms_key: str, sweep_id: str) -> bytes:
    """The sweep's signing key: 32 bytes, the same each time. Raises StopOrchestratorError, within seconds: messages
    wait for it, and a person at the page.
    """
    try:
        answer = clients.quick_kms().generate_mac(
            KeyId=kms_key, MacAlgorithm="HMAC_SHA_256", Message=key_message(sweep_id)
        )
    except AWS_FAILURES as failure:
        raise StopOrchestratorError(f"the key {kms_key} cannot sign opt-out links: {error_of(failure)}") from failure
    return answer["Mac"]
