"""The do-not-contact registries whose law is known, as data with its sources, in `registries.toml`.

Owns one question: may an address be taken off that vanished from a complete newer list? What a listing
forbids is for the rule packs to say.
"""

from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from accord.domain.terms import ListKind


class Registry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One registry. `vanishing_ends`: who is on it no longer is bound by it no longer; `why` in plain words."""

    code: str
    title: str
    vanishing_ends: bool
    legal_source: str
    reviewed: bool
    why: str


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    registries: tuple[Registry, ...]


@cache
def registries() -> dict[str, Registry]:
    """Return the registries by code."""
    raw = Path(__file__).with_name("registries.toml").read_bytes()
    return {each.code: each for each in msgspec.toml.decode(raw, type=_File).registries}


def vanishing_ends(kind: ListKind, code: str) -> bool:
    """Say whether an address that vanished from the complete list may be taken off: of a registry the law says so."""
    registry = registries().get(code)
    return kind is ListKind.REGISTRY and registry is not None and registry.vanishing_ends
