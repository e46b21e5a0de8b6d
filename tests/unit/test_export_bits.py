"""Every bit of every member of an export counts: turn any one of them, and it is refused.

The members that are only compared by their digest stand with a few bytes for their text: a longer one
would be tried bit by bit against the same digest.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from support.exporting import PIN, Members, conclusion, export, live, members, person, signed_anew
from support.installations import Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys

from accord.proof import verify

BY_DIGEST = ("README.txt", "report.parquet", "verify.py")


def sample(scope: str) -> Members:
    parts = Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy())
    it = Installation(parts)
    live(it, 1)
    asked = {"filtered": {"channels": ("sms",), "first": 1}, "customer": {"customer": person(0)}}
    return signed_anew({**members(export(it, **asked[scope])), **dict.fromkeys(BY_DIGEST, b"text\n")})


FILTERED, CUSTOMER = sample("filtered"), sample("customer")
PARTS = [
    *((FILTERED, name) for name in sorted(FILTERED)),
    *((CUSTOMER, name) for name in sorted(CUSTOMER) if name not in FILTERED or name == "entries.jsonl"),
]


@pytest.fixture(autouse=True)
def manifests_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a manifest says that nobody touched is remembered: it depends on its bytes and the members' sizes alone."""
    read, known = verify._Examination._read_manifest, dict[Any, Any]()

    def once(of: verify._Examination) -> tuple[dict[str, Any], verify._Members]:
        bundle = of._bundle
        key = tuple(bundle.sizes().items()), *(bundle.open(f"manifest.{each}").read() for each in ("json", "note"))
        if key not in known:
            manifest, members = read(of)
            known[key] = manifest, members._files
        manifest, files = known[key]
        return manifest, verify._Members(bundle, files)

    monkeypatch.setattr(verify._Examination, "_read_manifest", once)


@pytest.fixture(autouse=True)
def keys_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows from a pin and from handovers is remembered: it depends on their text alone."""
    read, follow = cache(verify.read_handovers), cache(lambda pin, given: tuple(trusted(pin, list(given))))
    trusted = verify.trusted_keys
    monkeypatch.setattr(verify, "read_handovers", lambda raw: list(read(raw)))
    monkeypatch.setattr(verify, "trusted_keys", lambda pin, given: list(follow(pin, tuple(given))))


def turned(content: bytes) -> Iterator[bytes]:
    changed = bytearray(content)
    for at in range(len(content)):
        for bit in range(8):
            changed[at] ^= 1 << bit
            yield bytes(changed)
            changed[at] ^= 1 << bit


@pytest.mark.parametrize("of", [FILTERED, CUSTOMER], ids=["filtered", "customer"])
def test_the_sample_itself_is_valid(of: Members) -> None:
    assert conclusion(of).exit_code == 0


@pytest.mark.parametrize(("of", "name"), PARTS, ids=[f"{'leaves.bin' in of}-{name}" for of, name in PARTS])
def test_every_turned_bit_is_refused(of: Members, name: str) -> None:
    of = dict(of)
    for content in turned(of[name]):
        of[name] = content
        assert verify.verify(verify.MemoryBundle(of), PIN).exit_code == 1


@pytest.mark.parametrize(("of", "name"), PARTS, ids=[f"{'leaves.bin' in of}-{name}" for of, name in PARTS])
def test_a_byte_more_or_less_is_refused(of: Members, name: str) -> None:
    content = of[name]
    for changed in (content[:-1], content[1:], content + b"\n", b"\n" + content, b"", content * 2):
        if changed != content:
            assert conclusion({**of, name: changed}).exit_code == 1
