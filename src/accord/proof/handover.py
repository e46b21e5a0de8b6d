"""Handovers: the notes by which one signing key of a ledger is followed by the next, so that a pinned key stays enough.

The body names both keys as they are pinned, and the last checkpoint before; its text is told in docs/audit-export.md.
The key after signs it, so that who pins that key also believes what was signed before. The key before signs it too,
so that who pinned that one follows; unless it was lost or is in wrong hands, when its word is worth nothing.
Reading is strict: one way to write the body, everything else is refused with ValueError.
"""

import base64
import re
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from accord.proof.checkpoint import Checkpoint, is_signed, read_verifier_key, sign_text, verifier_key, verify

FORMAT = "accord-handover/1"
_INCARNATION = re.compile(r"/incarnation-([0-9]+)")
_SIZED = r"(0|[1-9][0-9]{0,15}) ([A-Za-z0-9+/]{43}=)"
_BODY = re.compile(
    rf"{re.escape(FORMAT)}\n([^\n]+)\nkept {_SIZED}\nlast {_SIZED}\nfirst (0|[1-9][0-9]{{0,15}})\n"
    r"before ([^\n]+)\nafter ([^\n]+)\n"
)


class Handover(NamedTuple):
    """One key follows another.

    `kept` is the state of the ledger that goes on, `last` the newest that the key before may have signed, and `first`
    the position from which on entries are recorded under the key after. All three say the same but where entries
    were lost. Keys are in the text form of signed notes.
    """

    kept: Checkpoint
    last: Checkpoint
    first: int
    before: str
    after: str

    @property
    def recovers(self) -> bool:
        """Whether the ledger goes on as another incarnation, by whatever key."""
        return self.name != self.last.origin

    @property
    def name(self) -> str:
        """The name that the ledger is signed for under, from here on."""
        return _name(self.after)

    def body(self) -> str:
        """Return the text that is signed."""
        kept, last = (f"{each.size} {base64.b64encode(each.root).decode()}" for each in (self.kept, self.last))
        lines = (FORMAT, self.last.origin, f"kept {kept}", f"last {last}", f"first {self.first}")
        return "\n".join((*lines, f"before {self.before}", f"after {self.after}")) + "\n"


class TrustedKey(NamedTuple):
    """A key that is believed, as pinned, and the largest size it is believed for, None for any."""

    text: str
    name: str
    public: Ed25519PublicKey
    until: int | None


def origin_of(ledger: str, incarnation: int) -> str:
    """Return the name under which an incarnation of a ledger is signed for: the first one's is the ledger's."""
    return ledger if incarnation == 1 else f"{ledger}/incarnation-{incarnation}"


def ledger_of(origin: str) -> str:
    """Return the ledger that an origin is of, which its entries name."""
    return _INCARNATION.sub("", origin)


def incarnation_of(origin: str) -> int:
    """Return which incarnation of its ledger an origin is, from 1."""
    found = _INCARNATION.search(origin)
    return int(found[1]) if found else 1


def write(told: Handover, before: Ed25519PrivateKey | None, after: Ed25519PrivateKey) -> str:
    """Return the note; `before` is None where that key does not vouch for the one after."""
    note = sign_text(_name(told.after), told.body(), after)
    if before is None:
        return note
    return note + sign_text(_name(told.before), told.body(), before).rpartition("\n\n")[2]


def read(note: str) -> tuple[Handover, bool]:
    """Return a handover and whether the key before signed it too. Raises ValueError unless the key after did."""
    body, gap, signatures = note.rpartition("\n\n")
    found = _BODY.fullmatch(body + "\n")
    if not gap or found is None or not signatures.endswith("\n"):
        raise ValueError("malformed handover")
    origin, kept, kept_root, last, last_root, first, before, after = found.groups()
    told = Handover(
        Checkpoint(origin, int(kept), base64.b64decode(kept_root)),
        Checkpoint(origin, int(last), base64.b64decode(last_root)),
        int(first),
        before,
        after,
    )
    if told.body() != body + "\n" or _name(before) != origin or told.first < max(told.kept.size, told.last.size):
        raise ValueError("malformed handover")
    lines = signatures[:-1].split("\n")
    if not _signed(lines, body + "\n", after):
        raise ValueError("the key after did not sign the handover")
    return told, _signed(lines, body + "\n", before)


def trusted(pin: str, notes: Sequence[str]) -> list[TrustedKey]:
    """Return every key that follows from the pinned one by the handovers, oldest first. Raises ValueError.

    A pin that no handover names is believed alone.
    """
    handovers = [read(note) for note in notes]
    chain = [handovers[0][0].before, *(told.after for told, _ in handovers)] if handovers else [pin]
    if any(told.before != key for (told, _), key in zip(handovers, chain, strict=False)):
        raise ValueError("the handovers do not follow each other")
    if pin not in chain:
        return [TrustedKey(pin, *read_verifier_key(pin), None)]
    end = chain.index(pin)
    while end < len(handovers) and handovers[end][1]:
        end += 1
    untils = [*(told.last.size for told, _ in handovers), None]
    return [
        TrustedKey(text, *read_verifier_key(text), until) for text, until in zip(chain[: end + 1], untils, strict=False)
    ]


def verify_any(note: str, keys: Sequence[TrustedKey]) -> tuple[Checkpoint, TrustedKey]:
    """Return the checkpoint of a note that one of the keys signed, and which. Raises ValueError."""
    for key in reversed(keys):
        try:
            found = verify(note, key.public)
        except ValueError:
            continue
        if found.origin == key.name:
            if key.until is not None and found.size > key.until:
                raise ValueError(f"its key was followed by another after {key.until} entries")
            return found, key
    # What is wrong is told of the newest, which should have signed.
    found = verify(note, keys[-1].public)
    raise ValueError(f"a checkpoint of {found.origin} is not one of {keys[-1].name}")


def _name(key: str) -> str:
    return read_verifier_key(key)[0]


def _signed(lines: Sequence[str], body: str, key: str) -> bool:
    return is_signed(lines, body, *read_verifier_key(key))


def text_of(name: str, private_key: Ed25519PrivateKey) -> str:
    """Return the verifier key of a private key under a name."""
    return verifier_key(name, private_key.public_key())
