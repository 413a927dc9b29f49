"""terraform, as a command: with deadlines, and with one clear error each."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from ground.changes import Change, change, errors_of, told_of
from ground.home import Home, write
from ground.settings import FULL, Refused

OLDEST = (1, 10)  # the first that locks a state in a bucket by the bucket's own means
LOOK_SECONDS = 30  # for a version, on a busy machine
SECONDS = 900  # for the longest: to pull all images over a slow line
CHANGES = 2  # its exit code for a plan that is not empty
AT_ONCE = 40  # things that it looks at: the ground has as many
NO_ROOM = r"(?i)no space left on device|disk quota exceeded"
LOCKED = "Error acquiring the state lock"
# What it says when it fails, and what a person is told.
MEANT = (
    (NO_ROOM, FULL),
    (
        r"Failed to query available provider packages|no available releases match|"
        r"Could not retrieve the list of available versions|registry service is unreachable",
        "terraform's provider of container engines is missing, and its registry is not reached: "
        "run `.ci/provider`, which builds it, then run this again",
    ),
    (r"(?i)saved plan is stale", "another run changed it meanwhile: run this again"),
    (r"port is already allocated|address already in use", "a port is taken: see the line above"),
    (r"non-overlapping IPv4 address pool",
     "the engine has no addresses left for another network: remove those that nobody uses "
     "(`docker network ls` shows them), or give it more (its setting default-address-pools)"),
    (r"(?i)unable to (find or )?pull image|manifest unknown|repository does not exist",
     "an image can't be had: correct it in ground.toml under [images]"),
    (r"No valid credential sources",
     "the bucket of [state] wants AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"),
    (r"S3 bucket \S+ does not exist",
     "make the bucket first, or correct its name in ground.toml under [state]"),
    (r"objects in S3 bucket",
     "the bucket can't be read: correct it in ground.toml under [state], or the keys"),
    (r"Cannot connect to the Docker daemon|error during connect|pinging docker",
     "the container engine does not answer any more: start it, then run this again"),
)  # fmt: skip


class Terraform:
    """The command, in the folder of one stack."""

    def __init__(self, home: Home, environment: dict[str, str] | None = None) -> None:
        self.home = home
        self.where = home.stack / "stacks/ground"
        env = dict(os.environ if environment is None else environment)
        # A file that is named and not there makes it warn at every call.
        if not Path(env.get("TF_CLI_CONFIG_FILE", "/")).is_file():
            env.pop("TF_CLI_CONFIG_FILE", None)
        env |= {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
        self.env = env | {"TF_DATA_DIR": str(home.path / "terraform")}

    def is_there(self) -> None:
        """Refused, where it is missing or too old."""
        command = shutil.which("terraform", path=self.env.get("PATH"))
        if command is None:
            raise Refused("no terraform on PATH: install 1.10 or newer, then run this again")
        done = self.run("version", "-json", seconds=LOOK_SECONDS, where=Path("/"))
        try:
            version = str(json.loads(done)["terraform_version"])
        except (ValueError, KeyError):
            raise Refused(f"{command}: says no version; install terraform 1.10 or newer") from None
        found = re.match(r"(\d+)\.(\d+)", version)
        if not found or (int(found[1]), int(found[2])) < OLDEST:
            raise Refused(f"{command} is {version}: 1.10 or newer is needed; update it")

    def init(self) -> None:
        """Once for a provider and a place of the state, as long as what it brought is there."""
        declared = json.loads((self.where / "cdk.tf.json").read_text())["terraform"]
        done, now = self.home.path / "initialised", json.dumps(declared, sort_keys=True)
        brought = (Path(self.env["TF_DATA_DIR"], "providers"), self.where / ".terraform.lock.hcl")
        if all(one.exists() for one in brought) and done.exists() and done.read_text() == now:
            return
        done.unlink(missing_ok=True)
        # Half of one, of a full disk, would be taken for a whole one.
        Path(self.env["TF_DATA_DIR"], "terraform.tfstate").unlink(missing_ok=True)
        self.run("init", "-no-color", "-reconfigure")
        write(done, now)

    def plan(self, file: Path, *, destroy: bool = False) -> list[Change]:
        """Write a plan, and return what it would do."""
        # None waits for another: of a look at a network, the provider sleeps for two seconds.
        words = ["-no-color", f"-parallelism={AT_ONCE}", "-detailed-exitcode", f"-out={file}"]
        words += ["-destroy"] if destroy else []
        code, _ = self.ended("plan", *words, may=(0, CHANGES))
        file.chmod(0o600)
        if code == 0:
            return []
        shown = json.loads(self.run("show", "-json", str(file)))
        return [found for one in shown.get("resource_changes", []) if (found := change(one))]

    def apply(self, file: Path, told: Callable[[str], None]) -> None:
        """Do what a plan says, and tell of each thing when it is done."""
        self.run("apply", "-json", str(file), told=lambda line: told_of(line, told))

    def remembered(self) -> set[str]:
        """The ids of what was made."""
        state = json.loads(self.run("state", "pull") or "{}")
        found = [made for one in state.get("resources", []) for made in one["instances"]]
        return {str(made["attributes"]["id"]) for made in found}

    def adopt(self, address: str, number: str) -> None:
        """Take over what was made, and not remembered."""
        self.run("import", "-no-color", address, number)

    def outputs(self) -> dict[str, str]:
        found = json.loads(self.run("output", "-json"))
        return {key: str(one["value"]) for key, one in found.items()}

    def run(
        self,
        *words: str,
        seconds: float = SECONDS,
        where: Path | None = None,
        told: Callable[[str], None] | None = None,
    ) -> str:
        """What it says.

        Raises:
            Refused: it fails, or takes too long.
        """
        return self.ended(*words, seconds=seconds, where=where, told=told)[1]

    def ended(
        self,
        *words: str,
        seconds: float = SECONDS,
        where: Path | None = None,
        told: Callable[[str], None] | None = None,
        may: tuple[int, ...] = (0,),
    ) -> tuple[int, str]:
        """Its exit code, which is one of those that it may have, and what it says.

        Raises:
            Refused: it fails, or takes too long.
        """
        process = subprocess.Popen(
            ["terraform", *words],
            cwd=where or self.where,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if told else subprocess.PIPE,
            text=True,
            # A terminal interrupts its whole group; told twice, terraform would drop everything.
            process_group=0,
        )
        # Interrupted, it gives its lock back before it ends.
        timer = threading.Timer(seconds, process.terminate)
        timer.start()
        try:
            if told is None:
                said, errors = process.communicate()
            else:
                lines = []
                for line in process.stdout or ():
                    lines.append(line)
                    told(line)
                said, errors = "".join(lines), ""
                process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            late = not timer.is_alive()
            timer.cancel()
        if late:
            raise Refused(f"terraform {words[0]}: no end in {seconds:.0f} s; run this again")
        if process.returncode not in may:
            raise Refused(self.failed(words[0], said + errors))
        return process.returncode, said

    def failed(self, word: str, said: str) -> str:
        """One clear error: what it means, after its own words."""
        found = errors_of(said)
        if LOCKED in said and not re.search(NO_ROOM, said):  # it can't lock either then
            return self.locked(said)
        for pattern, meant in MEANT:
            if re.search(pattern, said):
                # Of a full disk it tells with every step that it takes.
                own = next((one for one in found if re.search(pattern, one)), found[0])
                return f"terraform {word}: {own}\n{meant}"
        return f"terraform {word}: " + "\n".join(found)

    def locked(self, said: str) -> str:
        about = dict(re.findall(r"(ID|Path|Who|Created): +(\S.*)", said))
        text = (
            f"the state is locked by {about.get('Who', 'somebody')} since "
            f"{about.get('Created', 'some time')}: wait until that run ends"
        )
        # A file's lock ends with whoever holds it; a bucket's stays when that is killed.
        if (number := about.get("ID")) and not about.get("Path", "").startswith("/"):
            text += (
                "; where it was killed, free it with\n"
                f"  TF_DATA_DIR={self.env['TF_DATA_DIR']} terraform -chdir={self.where} "
                f"force-unlock -force {number}"
            )
        return text
