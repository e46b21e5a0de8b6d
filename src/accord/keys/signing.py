"""The keys that sign for ledgers: seeds as files beside the other secrets, and the handovers that name the one in use.

Every signature asks for the key anew, so that a server which runs follows a handover at once. A ledger without a
handover is signed by the oldest key there is: it was begun under it.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.keys.secrets import destroy_secret, flush_folder, make_secret, read_secret
from accord.ledger.keyring import Handovers, KeyLostError, LedgerKeys
from accord.proof import handover
from accord.proof.checkpoint import read_verifier_key

_SEED = "signing-key-"
_DISOWNED = "signing-keys-disowned"


class SigningFolder:
    """`SigningKeys` over a folder of seeds."""

    def __init__(self, folder: Path, handovers: Handovers) -> None:
        """Use a folder, made at need, with its first key. Raises SecretsError when the newest is damaged."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._handovers = handovers
        if not self._numbers():
            make_secret(self._path(1))
        self.newest()

    def keys(self, ledger: str) -> LedgerKeys:
        """Return the keys of a ledger as they are now. Raises KeyLostError where the one it names is not here."""
        notes = self._handovers.read(ledger)
        while True:
            name, private = self._named(ledger, notes)
            # A rotation may have handed the ledger over, and destroyed what signed for it, since they were read.
            before, notes = notes, self._handovers.read(ledger)
            if notes != before:
                continue
            if private is None:
                raise KeyLostError(f"the signing key of {name} is not among {_SEED}N: put it back, or disown it")
            return LedgerKeys(name, private, notes)

    def newest(self) -> Ed25519PrivateKey:
        """Return the key made last."""
        return Ed25519PrivateKey.from_private_bytes(read_secret(self._path(self._numbers()[-1])))

    def make(self) -> None:
        """Make another key, which signs nothing yet; durable on return."""
        make_secret(self._path(self._numbers()[-1] + 1))

    def older(self) -> int:
        """Return how many keys there are besides the newest."""
        return len(self._numbers()) - 1

    def disown(self) -> None:
        """Note that no key but one made later vouches for another; durable on return."""
        (self._folder / _DISOWNED).touch(mode=0o600)
        flush_folder(self._folder)

    def disowned(self) -> bool:
        """Say whether that was noted, and the older keys are still there."""
        return (self._folder / _DISOWNED).exists()

    def destroy_older(self) -> None:
        """Destroy every key but the newest."""
        for number in self._numbers()[:-1]:
            destroy_secret(self._path(number))
        (self._folder / _DISOWNED).unlink(missing_ok=True)

    def _named(self, ledger: str, notes: tuple[str, ...]) -> tuple[str, Ed25519PrivateKey | None]:
        """Return the name and the key the handovers of a ledger lead to, None where it is not here."""
        if not notes:
            return ledger, self._seed(self._numbers()[0])
        name, public = read_verifier_key(handover.read(notes[-1])[0].after)
        seeds = (self._seed(number) for number in reversed(self._numbers()))
        return name, next((seed for seed in seeds if seed and seed.public_key() == public), None)

    def _numbers(self) -> list[int]:
        ends = (path.name.removeprefix(_SEED) for path in self._folder.glob(f"{_SEED}*"))
        return sorted(int(end) for end in ends if end.isascii() and end.isdigit())

    def _seed(self, number: int) -> Ed25519PrivateKey | None:
        """Return a key, None where a rotation destroyed it since they were listed."""
        try:
            return Ed25519PrivateKey.from_private_bytes(read_secret(self._path(number)))
        except FileNotFoundError:
            return None

    def _path(self, number: int) -> Path:
        return self._folder / f"{_SEED}{number}"
