"""`make deploy-hub` and `make remove-hub` as an operator runs them, with the emulator in place of AWS."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from cloudformation import deploy, package
from cloudformation.artifacts import ArtifactBucket
from tests.e2e.organization import POLICY
from tests.e2e.server import REGION, Emulator


@dataclass(frozen=True)
class HubCommand:
    """`folder` holds what an operator has: values, policy and the templates of one version."""

    emulator: Emulator
    folder: Path

    def deploy(
        self, template: str, zipped: Path, values: Mapping[str, str], policies: Mapping[str, str] | None = None
    ) -> str:
        """What it said. Fails with that when the stack does not come to be.

        `policies`: the documents of a folder by the names of their files; None: one document.
        """
        parts = self.folder / "hub"
        parts.mkdir(exist_ok=True)
        (parts / "rendered.yaml").write_text(template)
        lines = {"Region": REGION, **self._policies(policies), **values}
        (self.folder / "deploy.env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        return self._run("hub", zipped)

    def _policies(self, policies: Mapping[str, str] | None) -> dict[str, str]:
        """Written where the operator has them; the line that names them."""
        if policies is None:
            policy = self.folder / "policy.yaml"
            policy.write_text(POLICY)
            return {"Policy": str(policy)}
        folder = self.folder / "policies"
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for name, text in policies.items():
            (folder / name).write_text(text)
        return {"Policies": str(folder)}

    def remove(self) -> str:
        return self._run("remove-hub")

    def _run(self, what: str, zipped: Path = Path()) -> str:
        with self._at_the_emulator(zipped) as output:
            arguments = [what, "--yes", "--env", str(self.folder / "deploy.env"), "--templates", str(self.folder)]
            code = deploy.main(arguments)
        assert code == 0, f"{what} ended with {code}:\n{output.getvalue()}"
        return output.getvalue()

    @contextmanager
    def _at_the_emulator(self, zipped: Path) -> Iterator[io.StringIO]:
        output = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in self.emulator.environment.items():
                patch.setenv(name, value)
            patch.setattr(deploy, "console", Console(file=output, width=200))
            patch.setattr(package, "build", lambda *_: package.Package(zipped, "", 0, 0))
            patch.setattr("cloudformation.stacks.SECONDS_BETWEEN_LOOKS", 0.3)
            patch.setattr(ArtifactBucket, "url", _path_style)
            yield output


def _path_style(bucket: ArtifactBucket, key: str) -> str:
    """ministack takes the bucket of a TemplateURL from its path only, AWS also from the host."""
    return f"https://s3.{REGION}.amazonaws.com/{bucket.name}/{key}"
