"""Small services of the hub account: the kill switch's parameter, the signing key, the Lambda itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.errors import AnchorError, StopOrchestratorError
from orchestrator.ports import KillSwitchUnreadableError


def parameter_reader(clients: Clients, name: str) -> Callable[[], str | None]:
    """A function that reads an SSM parameter; None where there is none. Raises KillSwitchUnreadableError.

    A value of another type than String says so: a list is no word, and an encrypted text cannot be read as it is.
    """

    def read() -> str | None:
        try:
            parameter = clients.kill_switch_ssm().get_parameter(Name=name)["Parameter"]
        except AWS_FAILURES as failure:
            error = error_of(failure)
            if error.code == "ParameterNotFound":
                return None
            hint = "" if name.startswith("/") else f" (it is read as an SSM parameter; a file is named file:{name})"
            raise KillSwitchUnreadableError(f"ssm:GetParameter {name}: {error}{hint}") from failure
        value, kind = parameter["Value"], parameter.get("Type", "String")
        return value if kind == "String" else f"{kind} {value}"

    return read


class ParameterAnchor:
    """ports.Anchor in an SSM parameter, whose history has the last 100 values and who wrote each."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self.name = name

    def read(self) -> str | None:
        try:
            parameter = self._clients.ssm().get_parameter(Name=self.name)["Parameter"]
        except AWS_FAILURES as failure:
            error = error_of(failure)
            if error.code == "ParameterNotFound":
                return None
            raise AnchorError(f"ssm:GetParameter {self.name}: {error}", error.code) from failure
        kind = parameter.get("Type", "String")
        if kind != "String":
            raise AnchorError(f"{self.name} is a {kind}, and no anchor: delete it, and the next sweep makes it anew")
        return parameter["Value"]

    def write(self, text: str) -> None:
        try:
            self._clients.ssm().put_parameter(Name=self.name, Value=text, Type="String", Overwrite=True)
        except AWS_FAILURES as failure:
            error = error_of(failure)
            raise AnchorError(f"ssm:PutParameter {self.name}: {error}", error.code) from failure


_SIGNATURE_BYTES = range(1, 6145)
"""What KMS takes as one (API reference of Verify, Signature); for anything else it refuses the question."""


class Signer:
    """Signs and checks manifests with a KMS key for signing; its first algorithm with SHA-256 is used."""

    def __init__(self, clients: Clients, key_id: str) -> None:
        self._clients = clients
        self._key_id = key_id
        self._algorithm = ""

    def sign(self, content: bytes) -> bytes:
        """Raises StopOrchestratorError."""
        try:
            answer = self._clients.kms().sign(
                KeyId=self._key_id,
                Message=hashlib.sha256(content).digest(),
                MessageType="DIGEST",
                SigningAlgorithm=self._chosen(),  # type: ignore[arg-type]  # AWS's own list says which there are
            )
        except AWS_FAILURES as failure:
            raise StopOrchestratorError(f"the key {self._key_id} cannot sign: {error_of(failure)}") from failure
        return answer["Signature"]

    def check(self, content: bytes, signature: bytes) -> bool:
        """False for a signature that is not the key's. Raises StopOrchestratorError when KMS cannot tell."""
        if len(signature) not in _SIGNATURE_BYTES:
            return False
        try:
            answer = self._clients.kms().verify(
                KeyId=self._key_id,
                Message=hashlib.sha256(content).digest(),
                MessageType="DIGEST",
                Signature=signature,
                SigningAlgorithm=self._chosen(),  # type: ignore[arg-type]  # as above
            )
        except AWS_FAILURES as failure:
            if error_of(failure).code == "KMSInvalidSignatureException":
                return False
            raise StopOrchestratorError(f"the key {self._key_id} cannot verify: {error_of(failure)}") from failure
        return bool(answer["SignatureValid"])

    def _chosen(self) -> str:
        if not self._algorithm:
            metadata = self._clients.kms().describe_key(KeyId=self._key_id)["KeyMetadata"]
            fitting = [one for one in metadata.get("SigningAlgorithms", ()) if one.endswith("SHA_256")]
            if not fitting:
                raise StopOrchestratorError(f"the key {self._key_id} is no key for signing with SHA-256")
            self._algorithm = fitting[0]
        return self._algorithm


def invoke_again(clients: Clients, function_arn: str, event: Mapping[str, str]) -> None:
    """Asks Lambda to run this function once more, asynchronously. Raises StopOrchestratorError when it will not."""
    try:
        clients.lambda_().invoke(FunctionName=function_arn, InvocationType="Event", Payload=json.dumps(event).encode())
    except AWS_FAILURES as failure:
        raise StopOrchestratorError(f"{function_arn} cannot be invoked again: {error_of(failure)}") from failure
