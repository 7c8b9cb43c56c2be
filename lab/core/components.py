"""What a run was made of, as its document says it: programs with their versions, no paths."""

import msgspec
from msgspec import UNSET, UnsetType


class UsedProgram(msgspec.Struct, frozen=True, omit_defaults=True):
    """A program that took part in a run."""

    program: str = ""
    """Its name, where the field does not say it: "Valkey"."""
    version: str = ""
    source: str = ""
    """Where it was found: "PATH", the name of a package, or "external"."""
    persistence: str = ""
    """What the lab's own session store writes to disk: "every write" or "none"."""


class Components(msgspec.Struct, frozen=True):
    """The parts of a run. What is not known (nothing was started yet) is left out."""

    nginx: UsedProgram | UnsetType = UNSET
    store: UsedProgram | UnsetType | None = UNSET
    """The session store; None for a run without one."""
    python: str | UnsetType = UNSET
    system: str | UnsetType = UNSET
    """Operating system and processor: "Linux x86_64"."""
    external: dict[str, str] | UnsetType = msgspec.field(
        default=UNSET, name="not started by the lab"
    )
    """The servers that ran already, by variant: "A at 192.0.2.2:5001, B at …"."""

    def __or__(self, later: "Components") -> "Components":
        """Return the parts of both: of each the later one, and a store if either had one."""
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(later), strict=True)
        return Components(*(new or old or new for old, new in pairs))

    def known(self) -> "dict[str, UsedProgram | dict[str, str] | str | None]":
        """Return what is known, by its name in the document."""
        every = zip(self.__struct_encode_fields__, msgspec.structs.astuple(self), strict=True)
        return {name: part for name, part in every if part is not UNSET}
