"""Take the ground down, with all that it keeps: asked first, and refused while others need it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from ground import engine
from ground.home import Home
from ground.project import stored
from ground.settings import Refused, Settings
from ground.synthesis import synthesise
from ground.terraform import Terraform

Told = Callable[[str], None]


def destroy(
    settings: Settings,
    file: Path,
    home: Home,
    told: Told,
    ask: Callable[[str], str],
    *,
    force: bool,
) -> None:
    """Remove every container, network and volume, and then the passwords and the state.

    Raises:
        Refused: a project keeps data here, or the answer is another.
    """
    terraform = Terraform(home)
    terraform.is_there()
    client = engine.connect()
    if not home.state.exists() and settings.state is None:
        if not (things := engine.things(client, settings.name)):
            raise Refused(f"{home.path}: there is no ground to destroy")
        if not force:
            raise Refused(f"{home.state}: the state is lost; FORCE=1 removes {len(things)} things")
        engine.part(client, settings.name)
        engine.remove(things)
        shutil.rmtree(home.path, ignore_errors=True)
        return
    if not force:
        try:
            kept = stored(client, home)
        except Refused as refusal:
            raise Refused(
                f"{refusal}\nnobody knows what is stored here; FORCE=1 destroys it"
            ) from None
        kept += [f"{one.name} on its network" for one in engine.guests(client, settings.name)[0]]
        if kept:
            shown = "\n  ".join(kept)
            raise Refused(
                f"{settings.name} still holds\n  {shown}\nFORCE=1 destroys it all the same"
            )
        question = f"All of {settings.name} goes, with its data. Type its name to destroy it: "
        if ask(question).strip() != settings.name:
            raise Refused("nothing was destroyed")
    home.prepare()
    home.put_aside()
    synthesise(home, file)
    terraform.init()
    terraform.plan(home.path / "plan", destroy=True)
    engine.part(client, settings.name)
    terraform.apply(home.path / "plan", told)
    engine.remove(engine.things(client, settings.name))  # of runs that were killed
    shutil.rmtree(home.path)
