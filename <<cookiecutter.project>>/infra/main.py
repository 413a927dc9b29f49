"""Declares every environment that terraform makes, and the repository.

python -m infra.main            into cdktf.out/, as the command cdktf does
CDKTF_OUTDIR=DIR python -m infra.main
"""

import os
from pathlib import Path

from cdktf import App

from infra import settings
from infra.environment import Environment
from infra.repository import Repository


def main(root: Path = Path()) -> None:
    app = App(outdir=os.environ.get("CDKTF_OUTDIR", "cdktf.out"))
    about = settings.project(root)
    state, ground = settings.State.of(), settings.Ground.of()
    found = settings.environments(root)
    for one in found:
        if one.target == settings.TARGET:
            Environment(app, about["name"], one, state, ground)
    Repository(app, about, found, state)
    app.synth()


if __name__ == "__main__":
    main()
