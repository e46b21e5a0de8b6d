"""The composition root, on one page: the only place that builds anything."""

import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sqlalchemy import Engine

from accord.config import Config
from accord.domain.terms import BrandId, Instant
from accord.followers.follower import Follower, Followers
from accord.keys.callers import Callers
from accord.keys.certificates import CertificateFiles
from accord.keys.kek import open_keks
from accord.keys.keyring import WrappedKeyring
from accord.keys.peppers import PepperEpochs
from accord.keys.rotation import Rotation, irrecoverable_by, rotate
from accord.keys.secrets import Secrets
from accord.keys.signing import SigningFolder
from accord.ledger.entry import BRAND_REF
from accord.ledger.erasing import ErasureRow
from accord.ledger.lookup import Lookups
from accord.ledger.store import LedgerStore
from accord.rpc.server import Server, Services, serve
from accord.rpc.tls import server_credentials
from accord.sample.demo import play_demo
from accord.sample.load import SAMPLE_BRAND, load_sample
from accord.sample.stage import Scene
from accord.service.access import Access
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
from accord.service.pepper_rotation import MovedLedgers, PepperRotation
from accord.service.policies import Policies
from accord.service.proofs import Proofs
from accord.service.questions import Questions
from accord.service.receipts import Receipts
from accord.service.records import Remembered
from accord.service.recovery import Recovery
from accord.service.replay import Replay
from accord.service.reports import Reports
from accord.service.retention import due_customers
from accord.service.scrub import Scrub
from accord.service.simulations import Simulations
from accord.service.suppression_lists import SuppressionLists
from accord.service.writer import Clock, Writer
from accord.storage.engine import open_engine
from accord.storage.erasure_store import SqlErasures
from accord.storage.handovers import FileHandovers
from accord.storage.key_store import SqlWrappedKeys
from accord.storage.leadership import AdvisoryLeader
from accord.storage.migrate import newest, revision, upgrade
from accord.storage.outside import FileFences, FileOutsideCopy
from accord.storage.scrub_marks import FileScrubMarks
from accord.storage.store import SqlStore
from accord.storage.wal import EVERY_SECONDS, WalKeeper
from accord.telemetry.exporting import Exporting
from accord.telemetry.ledgers import Ledgers
from accord.telemetry.measures import Parts, measures
from accord.telemetry.tally import Tally

ERASURE_SECONDS = 60.0
"""How late an erasure that was on hold may be executed."""


def wall_clock() -> Instant:
    """Return now."""
    return Instant(time.time_ns() // 1000)


def name_ledger(brand: BrandId) -> str:
    """Return the name of a new ledger: never used before, and never again."""
    return f"accord/{brand}/{os.urandom(8).hex()}"


def certificate_files(config: Config) -> CertificateFiles | None:
    """Return the files of TLS, read; None without TLS. Raises CertificateError."""
    if config.tls_certificate is None or config.tls_key is None:
        return None
    return CertificateFiles(config.tls_certificate, config.tls_key, config.tls_client_ca)


class Installation:
    """Everything one data folder and one database hold, opened."""

    def __init__(self, config: Config, clock: Clock = wall_clock, environment: Mapping[str, str] = os.environ) -> None:
        """Open it, with the secrets the environment tells. Raises ValueError, SecretsError, StoreUnavailableError."""
        config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.config = config
        self.secrets = Secrets.open(config.data / "secrets", environment)
        handovers = FileHandovers(config.data / "handovers")
        self.signer = SigningFolder(config.data / "secrets", handovers)
        self.callers = Callers(config.data / "callers.json")
        self.outside = FileOutsideCopy(config.data / "checkpoints")
        self.engine = open_engine(config.database_url)
        self.keys_engine = open_engine(config.keys_url)
        self.store = SqlStore(self.engine)
        self.keks = open_keks(config.data / "secrets", environment)
        self.wrapped_keys = SqlWrappedKeys(self.keys_engine)
        self.keyring = WrappedKeyring(self.wrapped_keys, self.keks)
        self.peppers = PepperEpochs(config.data / "secrets", environment)
        self.lookups = Lookups(self.secrets.pepper, self.secrets.suppression_pepper, self.peppers)
        fresh_engine = open_engine(config.database_url, pool_size=0)
        self.fresh = SqlStore(fresh_engine)
        marks = FileScrubMarks(config.data / "scrub")
        self.proven = ProvenStore(self.store, self.fresh, self.outside, self.signer, marks)
        # Of its own: a connection more among those that serve would have them all proven again.
        self.scrubbed = SqlStore(open_engine(config.database_url, pool_size=1))
        self.scrub = Scrub(self.scrubbed, self.fresh, self.proven.examine, marks, clock, config.scrub_entries)
        self.policies = Policies(self.proven, self.keyring)
        self.tally = Tally()
        self.exporting = Exporting(os.environ)
        self.ledgers = Ledgers(self.fresh, self.outside, marks, clock)
        self.writer = self._writer(self.proven, clock)
        self.questions = Questions(self.proven, self.lookups, self.policies, clock)
        self.remembered = Remembered(self.proven, self.store, self.lookups, self.keyring, clock)
        self.proofs = Proofs(self.proven, self.outside, self.signer)
        self.catalogues = Catalogues(self.proven, self.policies)
        self.past = Past(self.proven, self.store, self.lookups, self.keyring)
        self.past_questions = PastQuestions(self.proven, self.past, self.lookups, self.catalogues, self.remembered)
        self.receipts = Receipts(self.proven, self.remembered, self.proofs, self.catalogues, self.signer)
        self.simulations = Simulations(self.proven, self.policies, clock)
        self.forecasts = Forecasts(self.proven, self.policies, clock)
        self.explanations = Explanations(self.proven, self.remembered, self.proofs, self.catalogues)
        self.access = Access(self.proven, self.remembered, self.keyring, self.catalogues)
        self.reports = Reports(self.proven, self.store, self.keyring)
        self.replay = Replay(self.proven, self.store, self.past, self.lookups, self.catalogues, self.remembered)
        self.lists = SuppressionLists(self.writer, self.store, self.lookups)
        self.exports = Exports(self.proven, self.keyring, self.remembered, self.catalogues, self.proofs, self.signer)
        kept, fences = SqlErasures(self.keys_engine), FileFences(config.data / "fences")
        saga = ErasureSaga(
            self.proven,
            self.store,
            kept,
            fences,
            self.keyring,
            self.lookups,
            self.signer,
            self.writer.write,
            clock,
            lambda erased: irrecoverable_by(self.wrapped_keys, config.kek_days, erased),
        )
        self.key_rotation = KeyRotation(
            self.store,
            self.store,
            self.signer,
            handovers,
            self.outside,
            self.writer.write,
            self.proven.keep_checkpoints,
        )
        # What is to be recovered is not proven, and nobody serves it.
        self.recovery = Recovery(
            self.store,
            self.store,
            self.signer,
            handovers,
            self.outside,
            self._writer(self.store, clock).write,
            self.proven.examine,
        )
        self.erasures = Erasures(self.proven, self.store, kept, fences, self.lookups, self.policies, saga, clock)
        self.clock = clock
        self.followers = Followers(*self._followers(fresh_engine))

    def _followers(self, fresh_engine: Engine) -> Iterator[Follower]:
        """Yield what is kept up beside the serving."""
        # One leader for each folder that checkpoints are kept in, on each machine.
        folder = f"checkpoints/{socket.gethostname()}/{self.config.data.absolute()}"
        yield Follower(
            name="checkpoints",
            every_seconds=self.config.checkpoint_seconds,
            step=self.keep_checkpoints,
            leader=AdvisoryLeader(fresh_engine, folder),
        )
        yield Follower(
            name="scrub",
            every_seconds=self.config.scrub_seconds,
            step=self.scrub.step,
            leader=AdvisoryLeader(fresh_engine, "scrub"),
        )
        yield Follower(
            name="erasures",
            every_seconds=ERASURE_SECONDS,
            step=lambda: self.erasures.run_due(self.clock()),
            leader=AdvisoryLeader(fresh_engine, "erasures"),
        )
        for name, engine in (("ledger", self.engine), ("keys", self.keys_engine)):
            if engine.dialect.name == "sqlite":
                yield Follower(name=f"log of {name}", every_seconds=EVERY_SECONDS, step=WalKeeper(engine).checkpoint)

    def _writer(self, store: LedgerStore, clock: Clock) -> Writer:
        return Writer(
            store,
            self.keyring,
            self.lookups,
            self.policies,
            self.outside,
            self.signer,
            clock,
            name_ledger,
            self.tally,
        )

    def migrate(self) -> tuple[str, str]:
        """Bring both databases to the newest revision; return the two revisions."""
        upgrade(self.engine, "ledger")
        upgrade(self.keys_engine, "keys")
        return newest("ledger"), newest("keys")

    def is_current(self) -> bool:
        """Say whether both databases are at the newest revision."""
        current = (revision(self.engine), revision(self.keys_engine))
        return current == (newest("ledger"), newest("keys"))

    def audit(self, brand: BrandId, progress: Callable[[int, int], None] | None = None) -> AuditReport:
        """Fold the brand's ledger again and compare, as of one instant: others may write meanwhile."""
        with self.store.frozen() as frozen:
            return audit(brand, frozen, frozen, self.keyring, self.lookups, progress)

    def due_customers(self, brand: BrandId) -> list[tuple[bytes, ...]]:
        """Return the references of everyone past the catalogue's retention, who is merged being one."""
        return list(due_customers(brand, self.proven, self.store, self.policies, self.clock()))

    def retire(self, brand: BrandId, refs: tuple[bytes, ...]) -> ErasureRow:
        """Erase one person past retention."""
        return self.erasures.retire(brand, refs)

    def rotate_kek(self, progress: Callable[[int], None]) -> Rotation:
        """Begin a new epoch of the key-encryption key, or finish the one that was begun."""
        return rotate(self.wrapped_keys, self.keks, self.clock(), progress)

    def rotate_pepper(self, progress: Callable[[int], None]) -> MovedLedgers:
        """Begin a new epoch of the pepper of identifiers, or finish the one that was begun; of proven ledgers only."""
        self.proven.prove()
        return PepperRotation(self.store, self.peppers, self.lookups, self.keyring).rotate(progress)

    def keep_checkpoints(self) -> None:
        """Keep the newest checkpoint of every ledger outside the database, once it is proven."""
        self.proven.keep_checkpoints()

    def examine_secrets(self) -> None:
        """Hold the secrets to what is stored. Raises PepperMissingError, KeyUnreadableError, StoreUnavailableError."""
        for head in self.store.heads():
            self.lookups.at(head)
            self.keyring.find(head.brand, (BRAND_REF,))

    def examine_certificates(self) -> None:
        """Raise CertificateError where the files of TLS cannot be used."""
        certificate_files(self.config)

    def brands(self) -> list[BrandId]:
        """Return the brands that have a ledger."""
        return [head.brand for head in self.store.heads()]

    def server(self, seat: int | None = None) -> Server:
        """Return a server that is ready to start; `seat` is that of a worker among its like, None where it is alone."""
        services = Services(
            questions=self.questions,
            past_questions=self.past_questions,
            writer=self.writer,
            remembered=self.remembered,
            proofs=self.proofs,
            catalogues=self.catalogues,
            simulations=self.simulations,
            erasures=self.erasures,
            exports=self.exports,
            receipts=self.receipts,
            explanations=self.explanations,
            access=self.access,
            reports=self.reports,
            replay=self.replay,
            forecasts=self.forecasts,
            lists=self.lists,
            lookups=self.lookups,
            callers=self.callers,
            tally=self.tally,
            traces=self.exporting.start_traces(),
        )
        files = certificate_files(self.config)
        server = serve(self.config, services, server_credentials(files) if files else None)
        measured = measures(Parts(self.tally, server.pools, self.writer, self.proven, self.ledgers))
        self.exporting.start_measures(measured, self.config.metrics_listen, seat)
        return server

    def close(self) -> None:
        """Close every connection."""
        self.exporting.close()
        self.followers.stop()
        self.store.close()
        self.scrubbed.close()
        self.keys_engine.dispose()


class TurnedClock:
    """A clock that stands where it was set."""

    def __init__(self, time: Instant) -> None:
        """Begin there."""
        self.time = time

    def __call__(self) -> Instant:
        """Return the time."""
        return self.time

    def set(self, time: Instant) -> None:
        """Turn it."""
        self.time = time


def load_sample_brand(config: Config, progress: Callable[[int, int], None]) -> None:
    """Load the sample brand through the service's own commands, on a clock that runs through its year."""
    clock = TurnedClock(wall_clock())
    end = clock.time
    installation = Installation(config, clock)
    try:
        head = next((head for head in installation.store.heads() if head.brand == SAMPLE_BRAND), None)
        load_sample(installation.writer, installation.lookups, SAMPLE_BRAND, clock.set, end, progress, head=head)
        installation.keep_checkpoints()
    finally:
        installation.close()


def play_sample_demo() -> tuple[Scene, ...]:
    """Play the demo through the service's own commands and questions, on an installation that is gone afterwards."""
    clock = TurnedClock(Instant(0))
    with tempfile.TemporaryDirectory(prefix="accord-demo-") as folder:
        at = Installation(Config(data=Path(folder)), clock, environment={})
        try:
            at.migrate()
            return play_demo(at.writer, at.lookups, at.questions, at.remembered, clock.set)
        finally:
            at.close()
