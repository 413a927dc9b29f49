"""The folder of one environment's stack: what is declared, what is to run, what was made.

cdk.tf.json             what infra/ declares
terraform.tfvars.json   which release is in which slot
terraform.tfstate       what was made, unless a bucket keeps it
"""

import contextlib
import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gitops.settings import Refused
from gitops.targets.caddy import SLOTS
from gitops.targets.terraform.command import CHANGES, WAIT, Terraform
from gitops.targets.terraform.synth import STACK

VARIABLES, STATE, DATA = "terraform.tfvars.json", "terraform.tfstate", ".terraform"
LOCK = ".terraform.lock.hcl"
READY = "ready"  # in DATA: what it was initialised for
MANAGED = "already managed by Terraform"
LEFT_BESIDE = ".broken"  # a state that was being written when its writer was killed


@dataclass(frozen=True)
class Placed:
    """The release in a slot."""

    image: str
    tree: str
    number: int
    serves: bool  # clients were led to it
    secrets: tuple[str, ...] = ()  # names of files that it is given


Slots = dict[str, Placed | None]


@dataclass(frozen=True)
class Stack:
    folder: Path

    @cached_property
    def terraform(self) -> Terraform:
        return Terraform(self.folder)

    @property
    def declared(self) -> bool:
        return (self.folder / STACK).is_file()

    def declare(self, content: bytes) -> None:
        """Let it be what infra/ declares.

        Raises:
            Refused: the provider can't be had, or the bucket not be reached.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.declared or (self.folder / STACK).read_bytes() != content:
            self.put(STACK, content)
        ready = self.folder / DATA / READY
        if not ready.is_file() or ready.read_text() != needs(content):
            # Half of one would be taken for a whole one; what it said is said again.
            (self.folder / DATA / STATE).unlink(missing_ok=True)
            self.terraform.run("init", "-reconfigure", "-input=false")
            ready.write_text(needs(content))

    def place(self, slots: Slots, variables: Mapping[str, str]) -> None:
        placed = {slot: one and dataclasses.asdict(one) for slot, one in slots.items()}
        self.put(VARIABLES, json.dumps({**variables, **placed}, indent=1).encode())

    def put(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all, for nobody else to read."""
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".", delete=False) as file:
            try:
                file.write(content)
                file.flush()
            except OSError:  # a full disk
                Path(file.name).unlink()
                raise
        Path(file.name).replace(self.folder / name)

    @property
    def slots(self) -> Slots | None:
        """What was placed last; None where that is not known."""
        try:
            values = json.loads((self.folder / VARIABLES).read_text())
            return {slot: values[slot] and placed(values[slot]) for slot in SLOTS}
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def apply(self, *addresses: str, looked: bool = False) -> None:
        """Make what is declared: all of it, or these and what they need.

        With `looked`, from what is remembered: to look at a network takes the provider two seconds.
        """
        remembered = ["-refresh=false"] if looked else []
        words = (*self.words(), *remembered, *targets(addresses))
        self.terraform.run("apply", "-auto-approve", *words)

    def destroy(self, *addresses: str) -> None:
        """Remove what was made: all of it, or these and what needs them."""
        self.terraform.run("destroy", "-auto-approve", *self.words(), *targets(addresses))

    def adopt(self, address: str, name: str) -> None:
        """Take over what was made, and not remembered.

        What a killed run's terraform goes on with, it may have remembered meanwhile.
        """
        try:
            self.terraform.run("import", *self.words(), address, name)
        except Refused as refusal:
            if MANAGED not in str(refusal):
                raise

    @staticmethod
    def words() -> tuple[str, ...]:
        return "-input=false", f"-lock-timeout={WAIT}"

    def planned(self) -> tuple[dict[str, Any], str]:
        """What an apply would change, for programs and for people; nothing is locked or written."""
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "plan")
            words = ("-input=false", "-lock=false", "-detailed-exitcode", f"-out={path}")
            done = self.terraform.run("plan", *words, may=(0, CHANGES))
            if done.returncode == 0:
                return {}, ""
            told = self.terraform.run("show", "-json", path).stdout
            return json.loads(told), self.terraform.run("show", "-no-color", path).stdout

    def resources(self) -> dict[str, str]:
        """What was made, and is remembered: ids by address."""
        state = self.remembered()
        return {
            f"{one['type']}.{one['name']}"
            + (f"[{made['index_key']}]" if "index_key" in made else ""): made["attributes"]["id"]
            for one in state.get("resources", [])
            for made in one["instances"]
        }

    def remembered(self) -> dict[str, Any]:
        path = self.folder / STATE
        if "s3" in json.loads((self.folder / STACK).read_text())["terraform"]["backend"]:
            text = self.terraform.run("state", "pull").stdout
        else:
            text = path.read_text() if path.is_file() else ""
        try:
            found: dict[str, Any] = json.loads(text) if text.strip() else {}
        except ValueError:
            # What it tells of is found again on the engine.
            path.rename(path.with_name(path.name + LEFT_BESIDE))
            return {}
        return found

    @contextlib.contextmanager
    def beside(
        self, content: bytes, slots: Slots, variables: Mapping[str, str]
    ) -> Iterator["Stack"]:
        """The same, if it were declared otherwise: to plan, and to forget."""
        with tempfile.TemporaryDirectory() as name:
            other = Stack(Path(name))
            alike = self.declared and needs((self.folder / STACK).read_bytes()) == needs(content)
            for path in (STATE, DATA, LOCK) if alike else (STATE,):
                if (self.folder / path).exists():
                    (other.folder / path).symlink_to(self.folder / path)
            other.declare(content)
            other.place(slots, variables)
            yield other


def placed(values: Mapping[str, Any]) -> Placed:
    return Placed(**{**values, "secrets": tuple(values["secrets"])})


def needs(content: bytes) -> str:
    """Equal for stacks with the same providers and the same place for the state."""
    declared = json.dumps(json.loads(content)["terraform"], sort_keys=True)
    return hashlib.sha256(declared.encode()).hexdigest()


def targets(addresses: Sequence[str]) -> list[str]:
    return [f"-target={address}" for address in addresses]
