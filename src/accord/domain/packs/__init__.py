"""The rule packs that come with Accord, by edition: read once, never changed after.

An edition that was released keeps every byte (a test holds their digests): decisions made under it
can be made again. A correction or a new law is a new edition, which a brand takes up by naming it
in its catalogue.
"""

from functools import lru_cache
from importlib import resources
from typing import Final

from accord.domain.pack_reading import PackError, read_pack
from accord.domain.problems import Violation
from accord.domain.rules import Pack

EDITIONS: Final = ("2026-11",)
"""Every edition, oldest first."""


class Edition:
    """The packs of one edition, by jurisdiction."""

    def __init__(self, name: str, packs: tuple[Pack, ...]) -> None:
        """Hold packs. Raises PackError when they do not fit together."""
        self.name = name
        self.packs = {pack.jurisdiction: pack for pack in packs}
        ids = {rule.id for pack in packs for rule in pack.rules}
        self.texts = {rule.id: {"en": rule.en, "fr": rule.fr} for pack in packs for rule in pack.rules}
        faults = [
            Violation(f"{pack.jurisdiction}.within", f"names no pack of the edition: {pack.within}")
            for pack in packs
            if pack.within and pack.within not in self.packs
        ]
        faults += [
            Violation(f"{rule.id}.replaces", f"names no rule of the edition: {replaced}")
            for pack in packs
            for rule in pack.rules
            for replaced in rule.replaces
            if replaced not in ids
        ]
        if faults:
            raise PackError(tuple(faults))


@lru_cache
def edition(name: str) -> Edition:
    """Return an edition by its name, which must be one of EDITIONS."""
    folder = resources.files(__name__).joinpath(name)
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return Edition(name, tuple(read_pack(each.read_bytes()) for each in files))
