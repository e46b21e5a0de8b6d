"""An installation for tests: the real parts put together over any store, with a clock that stands until moved.

The composition root builds the same parts from a folder and URLs; here a test chooses each, and no
edge (command line, server) is needed.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.databases import Databases
from support.memory import MemoryFences, MemoryMarks, MemoryOutsideCopy, MemorySigner, MemoryStore, MemoryWrappedKeys

from accord.domain.commands import AuthorizeContact, Command
from accord.domain.terms import BrandId, Instant
from accord.keys.kek import GivenKeks, KeyWrapper
from accord.keys.keyring import WrappedKeyring
from accord.keys.rotation import irrecoverable_by
from accord.keys.secrets import Secrets
from accord.ledger.erasing import ErasureStore, OutsideFences
from accord.ledger.keyring import Handovers, OutsideCopy
from accord.ledger.lookup import Lookups, Peppers
from accord.ledger.scrubbing import ScrubMarks
from accord.ledger.store import LedgerStore
from accord.service.access import Access
from accord.service.answers import Request, Result
from accord.service.audit import AuditReport, audit
from accord.service.catalogues import Catalogues
from accord.service.erasure_saga import ErasureSaga
from accord.service.erasures import Erasures
from accord.service.explanations import Explanations
from accord.service.exports import Exports
from accord.service.forecasts import Forecasts
from accord.service.guard import ProvenStore
from accord.service.handovers import KeyRotation
from accord.service.past import Past
from accord.service.past_questions import PastQuestions
from accord.service.policies import Policies
from accord.service.proofs import Proofs
from accord.service.questions import Questions
from accord.service.receipts import Receipts
from accord.service.records import Remembered
from accord.service.recovery import Recovery
from accord.service.replay import Replay
from accord.service.reports import Reports
from accord.service.scrub import Scrub
from accord.service.simulations import Simulations
from accord.service.suppression_lists import SuppressionLists
from accord.service.writer import NameLedger, Writer
from accord.storage.engine import open_engine
from accord.storage.erasure_store import SqlErasures
from accord.storage.key_store import SqlWrappedKeys
from accord.storage.outside import FileFences, FileOutsideCopy
from accord.storage.scrub_marks import FileScrubMarks
from accord.storage.store import SqlStore
from accord.telemetry.tally import Tally

StoreKind = Literal["memory", "sqlite", "postgres"]
STORE_KINDS: tuple[StoreKind, ...] = get_args(StoreKind)

SECRETS = Secrets(pepper=b"p" * 32, suppression_pepper=b"u" * 32)
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
KEK_DAYS = 30
BRAND = BrandId("maison")
START = Instant(1_767_348_000_000_000)
"""Friday, 2 January 2026, 10:00 UTC."""

Store = MemoryStore | SqlStore


class HandClock:
    """A clock that a test sets."""

    def __init__(self, now: Instant = START) -> None:
        self.now = now

    def __call__(self) -> Instant:
        return self.now

    def advance(self, microseconds: int) -> Instant:
        self.now = Instant(self.now + microseconds)
        return self.now


class Parts:
    """What an installation rests on: a store, the keys, the outside copy, and what ends with them."""

    def __init__(
        self,
        store: Store,
        wrapped_keys: MemoryWrappedKeys | SqlWrappedKeys,
        outside: OutsideCopy,
        *endings: Callable[[], None],
        fresh: Store | None = None,
        erasures: ErasureStore | None = None,
        fences: OutsideFences | None = None,
        marks: ScrubMarks | None = None,
        signer: Any = None,
        handovers: Handovers | None = None,
    ) -> None:
        self.store = store
        self.fresh = fresh or store
        self.wrapped_keys = wrapped_keys
        # In memory the keys and what takes them away are one, as they are in one database.
        self.erasures = erasures or (
            wrapped_keys if isinstance(wrapped_keys, MemoryWrappedKeys) else MemoryWrappedKeys()
        )
        self.outside = outside
        self.fences = fences or MemoryFences()
        self.marks = marks or MemoryMarks()
        # In memory keys and handovers are one.
        self.signer = signer or MemorySigner(SIGNING_KEY)
        self.handovers = handovers or self.signer
        self._endings = endings

    def close(self) -> None:
        self.store.close()
        for end in self._endings:
            end()


def open_parts(kind: StoreKind, databases: Databases, folder: Path) -> Parts:
    """Return fresh parts of a kind, gone when closed; `folder` takes the outside copy."""
    if kind == "memory":
        return Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy())
    ledger, keys = databases.lend(kind), databases.lend(kind, "keys")
    back = (partial(databases.take_back, ledger), partial(databases.take_back, keys, "keys"))
    return parts_at(ledger, keys, folder, *back)


def parts_at(ledger_url: str, keys_url: str, folder: Path, *endings: Callable[[], None]) -> Parts:
    """Return the parts over databases that exist, and stay."""
    ledger, keys = open_engine(ledger_url), open_engine(keys_url)
    disposals = (ledger.dispose, keys.dispose, *endings)
    fresh = SqlStore(open_engine(ledger_url, pool_size=0))
    return Parts(
        SqlStore(ledger),
        SqlWrappedKeys(keys),
        FileOutsideCopy(folder),
        *disposals,
        fresh=fresh,
        erasures=SqlErasures(keys),
        fences=FileFences(folder),
        marks=FileScrubMarks(folder),
    )


class Installation:
    """Everything over one set of parts. The writer runs only after `writer.start()`."""

    def __init__(
        self,
        parts: Parts,
        clock: HandClock | None = None,
        name_ledger: NameLedger = "accord/{}/1".format,
        secrets: Secrets = SECRETS,
        keks: KeyWrapper | None = None,
        peppers: Peppers | None = None,
    ) -> None:
        self.clock = clock or HandClock()
        self.parts = parts
        self.secrets = secrets
        self.store = parts.store
        self.outside = parts.outside
        self.keks = keks or GivenKeks({1: b"k" * 32})
        self.keyring = WrappedKeyring(parts.wrapped_keys, self.keks)
        self.lookups = Lookups(secrets.pepper, secrets.suppression_pepper, peppers)
        self.proven = ProvenStore(self.store, parts.fresh, self.outside, parts.signer, parts.marks)
        self.scrub = Scrub(self.store, parts.fresh, self.proven.examine, parts.marks, self.clock, entries=256)
        self.policies = Policies(self.proven, self.keyring)
        self.tally = Tally()
        self.writer = self._writer(self.proven, name_ledger)
        self.questions = Questions(self.proven, self.lookups, self.policies, self.clock)
        self.remembered = Remembered(self.proven, self.store, self.lookups, self.keyring, self.clock)
        self.proofs = Proofs(self.proven, self.outside, parts.signer)
        self.catalogues = Catalogues(self.proven, self.policies)
        self.simulations = Simulations(self.proven, self.policies, self.clock)
        self.forecasts = Forecasts(self.proven, self.policies, self.clock)
        self.saga = ErasureSaga(
            self.proven,
            self.store,
            parts.erasures,
            parts.fences,
            self.keyring,
            self.lookups,
            parts.signer,
            self.writer.write,
            self.clock,
            lambda erased: irrecoverable_by(parts.wrapped_keys, KEK_DAYS, erased),
        )
        self.key_rotation = KeyRotation(
            self.store,
            self.store,
            parts.signer,
            parts.handovers,
            self.outside,
            self.writer.write,
            self.proven.keep_checkpoints,
        )
        self.recovery = Recovery(
            self.store,
            self.store,
            parts.signer,
            parts.handovers,
            self.outside,
            self._writer(self.store, name_ledger).write,
            self.proven.examine,
        )
        self.erasures = Erasures(
            self.proven,
            self.store,
            parts.erasures,
            parts.fences,
            self.lookups,
            self.policies,
            self.saga,
            self.clock,
        )
        self.lists = SuppressionLists(self.writer, self.store, self.lookups)
        self.exports = Exports(self.proven, self.keyring, self.remembered, self.catalogues, self.proofs, parts.signer)
        self.past = Past(self.proven, self.store, self.lookups, self.keyring)
        self.past_questions = PastQuestions(self.proven, self.past, self.lookups, self.catalogues, self.remembered)
        self.receipts = Receipts(self.proven, self.remembered, self.proofs, self.catalogues, parts.signer)
        self.explanations = Explanations(self.proven, self.remembered, self.proofs, self.catalogues)
        self.access = Access(self.proven, self.remembered, self.keyring, self.catalogues)
        self.reports = Reports(self.proven, self.store, self.keyring)
        self.replay = Replay(self.proven, self.store, self.past, self.lookups, self.catalogues, self.remembered)

    def _writer(self, store: LedgerStore, name_ledger: NameLedger) -> Writer:
        return Writer(
            store,
            self.keyring,
            self.lookups,
            self.policies,
            self.outside,
            self.parts.signer,
            self.clock,
            name_ledger,
            self.tally,
        )

    def request(self, command: Command, request_id: str = "", content: bytes = b"", caller: str = "tests") -> Request:
        """Return a request as the edge makes it: keyed digests, none for AuthorizeContact or without an id."""
        if isinstance(command, AuthorizeContact) or not request_id:
            return Request(command=command, caller=caller)
        key = self.lookups.request(BRAND, caller, request_id)
        return Request(command=command, caller=caller, key=key, content=self.lookups.content(content))

    def write(self, *commands: Command) -> list[Result]:
        """Judge and commit on this thread."""
        return self.writer.write(BRAND, [self.request(command) for command in commands])

    def audit(self) -> AuditReport:
        """Fold the ledger again and compare."""
        with self.store.frozen() as frozen:
            return audit(BRAND, frozen, frozen, self.keyring, self.lookups)

    def close(self) -> None:
        """Close every connection."""
        self.parts.close()
