"""Declares the ground, for terraform.

python main.py            into cdktf.out/, as the command cdktf does
CDKTF_OUTDIR=DIR GROUND_FILE=FILE python main.py
"""

import os
import sys
from pathlib import Path

from cdktf import App

from ground import settings, tracking_image
from ground.home import Home
from ground.stack import Ground

HERE = Path(__file__).parent


def main() -> None:
    told = settings.read(Path(os.environ.get("GROUND_FILE") or HERE / "ground.toml"))
    app = App(outdir=os.environ.get("CDKTF_OUTDIR", "cdktf.out"))
    Ground(app, told, tracking_image.name(told), Home.of(told))
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except settings.Refused as refusal:
        sys.exit(f"error: {refusal}")
