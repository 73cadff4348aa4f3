"""The emulator: one server process on a free port of this machine, ended with the test that started it."""

from __future__ import annotations

import ctypes
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e.scaling import no_scaling

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-e2e" / "bin" / "python"
HUB = "100000000001"
"""The management account, where the hub is deployed too."""
REGION = "eu-central-1"
_PR_SET_PDEATHSIG = 1
_STARTS_WITHIN = 30


class Emulator:
    """Clients by account: to ministack an access key of twelve digits is the root user of that account."""

    def __init__(self, endpoint: str, certificate: Path, log: Path) -> None:
        self.log = log
        self._endpoint = endpoint
        self._certificate = certificate
        self._session: Any = boto3.Session(region_name=REGION)
        self._clients: dict[tuple[str, str, str], Any] = {}

    @property
    def environment(self) -> dict[str, str]:
        """For a program of an operator of the hub account."""
        return {
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_CA_BUNDLE": str(self._certificate),
            "AWS_ACCESS_KEY_ID": HUB,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str, account: str = HUB, region: str = REGION) -> Any:
        key = service, account, region
        if key not in self._clients:
            self._clients[key] = self._session.client(
                service,
                region_name=region,
                endpoint_url=self._endpoint,
                verify=str(self._certificate),
                aws_access_key_id=account,
                aws_secret_access_key="test",
                config=Config(s3={"addressing_style": "path"}, inject_host_prefix=False),
            )
        return self._clients[key]


@contextmanager
def running(folder: Path) -> Iterator[Emulator]:
    """The emulator, with IAM enforced and over TLS, and beside it what it lacks; its state is gone with it.

    TLS because the bucket's policy refuses everything else, and ministack enforces that.
    """
    with no_scaling() as scaling, _running(folder, scaling) as emulator:
        yield emulator


@contextmanager
def _running(folder: Path, scaling: str) -> Iterator[Emulator]:
    folder.mkdir(parents=True)
    certificate, key = _certificate_in(folder)
    port = _free_port()
    endpoint = f"https://127.0.0.1:{port}"
    log = folder / "ministack.log"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(certificate),
        "MINISTACK_SSL_KEY": str(key),
        "AUTH": "true",
        "MINISTACK_ACCOUNT_ID": HUB,
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(folder / "state"),
        # The Lambdas are its child processes and inherit these.
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": scaling,
        "AWS_CA_BUNDLE": str(certificate),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # What `ministack` itself runs, which with TLS takes port 443 as well.
    command = [str(PYTHON), "-m", "hypercorn", "ministack.app:app", "--bind", f"127.0.0.1:{port}", "--keep-alive", "75"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--certfile", str(certificate), "--keyfile", str(key)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread of ours holds a lock then
            start_new_session=True,
        )
        try:
            _wait(process, endpoint, certificate, log)
            yield Emulator(endpoint, certificate, log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the Lambdas' processes too; there is nothing to save
            process.wait()


def _wait(process: subprocess.Popen[bytes], endpoint: str, certificate: Path, log: Path) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate))
    until = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5, context=trusted):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"ministack does not answer:\n{log.read_text()[-2000:]}")


def _certificate_in(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ministack of an end-to-end test")])
    now = datetime.now(UTC)  # noqa: TID251 - certificates live by the clock
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    as_pem = serialization.Encoding.PEM
    written = folder / "server.crt", folder / "server.key"
    written[0].write_bytes(certificate.public_bytes(as_pem))
    written[1].write_bytes(key.private_bytes(as_pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return written


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
