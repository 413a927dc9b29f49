"""What a target keeps whose services are images."""

from pathlib import Path
from typing import Any

import pytest

from gitops.settings import Refused
from tests.gitops.deploying import SECOND, deploy, number
from tests.gitops.target.kinds import Given, Kind

pytestmark = pytest.mark.parametrize("kind", ["docker", "terraform"], indirect=True, scope="module")


def test_one_that_nobody_has_leaves_what_serves(kind: Kind, deployed: Any, first: Given) -> None:
    """Nor does a registry that does not answer: what the engine has is not asked for again."""
    assert first.image
    for gone in ("localhost:1/gone", first.image.partition("@")[0]):
        with pytest.raises(Refused, match=f"{gone}@sha256:0+: can't be pulled"):
            deploy(deployed, 2, first.bundle, f"{gone}@sha256:{'0' * 64}")

    assert (number(deployed), kind.numbers(deployed)) == (1, [1])


def test_a_release_without_one_is_refused(deployed: Any, bundle: Path) -> None:
    with pytest.raises(Refused, match="dev: this release has no image"):
        deployed.start(2, bundle)


def test_one_that_would_run_as_root_never_takes_over(
    kind: Kind, deployed: Any, bundle: Path, tmp_path: Path
) -> None:
    def rooted(folder: Path) -> None:
        path = folder / "serving/Dockerfile"
        path.write_text(path.read_text().replace("USER 65532:65532\n", ""))

    broken = kind.made(bundle, tmp_path / "broken", SECOND, rooted)

    with pytest.raises(Refused, match="would run as root; give it a USER"):
        deploy(deployed, 2, *broken)

    assert (number(deployed), kind.numbers(deployed)) == (1, [1])
