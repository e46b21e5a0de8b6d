"""Writes the bytes of a settled export: docs/audit-export.md tells the format.

What people and programs read of it (lines, rows, pages, statements) is made by the verifier's own
functions, so that both sides cannot differ. Everything read is checked on the way, and the root is
made anew before the manifest is signed: an export that contradicts itself is never signed. Memory
does not grow with the export, but for the history of one customer; the views of a range wait in
unnamed files.
"""

import tempfile
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from importlib.resources import files
from typing import IO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from msgspec.structs import replace

from accord.domain.events import Exported
from accord.domain.terms import BrandId, Redaction
from accord.ledger.entry import NO_CUSTOMER, StoredEntry
from accord.ledger.keyring import Keyring, Signer
from accord.ledger.opening import TamperedError
from accord.ledger.store import LedgerStore
from accord.ledger.tree import Tree
from accord.proof import verify
from accord.proof.checkpoint import sign_text
from accord.proof.handover import ledger_of
from accord.service.archive import Archive
from accord.service.catalogues import Applied, Catalogues
from accord.service.export_lines import disclosed, held_back, leaf_of
from accord.service.export_parquet import ParquetRows
from accord.service.export_readme import readme
from accord.service.export_receipts import ReceiptLines
from accord.service.guard import SignedCheckpoint, signed_by

_PAGE = 1000
_CHUNK_BYTES = 256 * 1024


class Settled(Struct, frozen=True):
    """Everything the bytes of an export depend on, besides the entries and their keys."""

    brand: BrandId
    signed: SignedCheckpoint
    exported: Exported
    catalogues: tuple[Applied, ...] = ()
    """What receipts are written from, oldest first; empty for no receipts."""
    parquet: bool = False

    @property
    def origin(self) -> str:
        """Under which name it is signed."""
        return self.signed.checkpoint.origin

    @property
    def ledger(self) -> str:
        """The ledger it is of, which its entries name."""
        return ledger_of(self.origin)

    @property
    def name(self) -> str:
        """What a file of it is called: the same for the same export."""
        it = self.exported
        scope = "all" if (it.first, it.end) == (0, it.size) else f"{it.first}-{it.end}"
        if it.customer:
            scope = it.customer
        elif it.purposes or it.channels:
            scope += "-filtered"
        held_back = "" if it.redaction is Redaction.NONE else f"-{it.redaction.value.lower()}"
        if self.catalogues and not it.customer:
            held_back += "-receipts"
        if self.parquet:
            held_back += "-parquet"
        return f"export-{self.origin.replace('/', '-')}-{it.size}-{scope}{held_back}.zip"


class Chunk(Struct, frozen=True):
    """Some bytes of an export, and how many of how many entries were read by then."""

    content: bytes
    done: int
    total: int


class ExportWriter:
    """Writes exports."""

    def __init__(self, store: LedgerStore, keyring: Keyring, catalogues: Catalogues, signer: Signer) -> None:
        """Read from this store; sign with this signer."""
        self._store = store
        self._keyring = keyring
        self._catalogues = catalogues
        self._signer = signer

    def chunks(self, settled: Settled) -> Iterator[Chunk]:
        """Yield the bytes of an export from the first to the last."""
        # All of it by one key, and by the one in use: when the export was settled, it may have been another.
        keys, at = self._signer.keys(settled.ledger), settled.signed.checkpoint
        settled = replace(settled, signed=signed_by(keys, at.size, at.root))
        writing = _Writing(settled, self._store, self._keyring, self._catalogues, keys.private_key)
        waiting: list[bytes] = []
        size = 0
        for content in writing.blocks():
            waiting.append(content)
            size += len(content)
            if size >= _CHUNK_BYTES:
                yield Chunk(b"".join(waiting), writing.done, writing.total)
                waiting, size = [], 0
        yield Chunk(b"".join(waiting), writing.total, writing.total)


class _Writing:
    """One export while it is written."""

    def __init__(
        self,
        settled: Settled,
        store: LedgerStore,
        keyring: Keyring,
        catalogues: Catalogues,
        private_key: Ed25519PrivateKey,
    ) -> None:
        it = settled.exported
        self._it = it
        self._settled = settled
        self._store = store
        self._keyring = keyring
        self._catalogues = catalogues
        self._private_key = private_key
        self._tree = Tree(store, settled.brand)
        self._archive = Archive()
        self._counts = verify.Counts()
        self._report = verify.Report()
        self._notices: set[str] = set()
        self._listed: list[int] = []
        self._said: set[int] = set()
        self._receipts = None
        if settled.catalogues:
            self._receipts = ReceiptLines(store, settled.brand, settled.ledger, it.size, settled.catalogues)
        self._table = ParquetRows() if settled.parquet else None
        self._history: list[verify.Line] = []
        self._filtered = bool(it.purposes or it.channels)
        self._by_hash = self._filtered or it.redaction is Redaction.COUNTS
        self._format = verify.FORMAT if self._receipts is None else verify.FORMAT_WITH_RECEIPTS
        self.done = 0
        self.total = it.end - it.first

    def blocks(self) -> Iterator[bytes]:
        archive, signed = self._archive, self._settled.signed
        yield archive.add("README.txt", readme(self._settled.origin, self._it))
        yield archive.add("checkpoint", signed.note.encode())
        yield archive.add("keys.json", verify.keys_document(signed.verifier_key, signed.handovers))
        yield archive.add("verify.py", files("accord.proof").joinpath("verify.py").read_bytes())
        yield from self._customer() if self._it.customer else self._window()
        if self._table is not None:
            yield from archive.stream("report.parquet", _read(self._table.written()))
        yield from self._texts()
        left_out = self.total - self._counts.listed() if not self._it.customer else 0
        counts = self._counts.document(left_out)
        if self._it.redaction is Redaction.COUNTS:
            nothing = dict.fromkeys(("disclosed", "erased", "listed", "outside", "redacted"), 0)
            counts |= {**nothing, "left_out": self.total}
        manifest = verify.document(self._manifest(counts))
        yield archive.add("manifest.json", manifest)
        signed_text = verify.statement(self._settled.origin, manifest, self._format)
        yield archive.add("manifest.note", self._signed(signed_text).encode())
        yield archive.close()

    # A range: every entry of it is read, and the root made anew.

    def _window(self) -> Iterator[bytes]:
        it, edge = self._it, verify.Edge()
        before = self._nodes(0, it.first)
        for (level, _), node in zip(verify.levels_between(0, it.first), before, strict=True):
            edge.add(node, level)
        with tempfile.TemporaryFile() as rows, tempfile.TemporaryFile() as hashes, tempfile.TemporaryFile() as said:
            yield from self._archive.stream("entries.jsonl", self._lines(edge, rows, hashes, said))
            after = self._nodes(it.end, it.size)
            for (level, _), node in zip(verify.levels_between(it.end, it.size), after, strict=True):
                edge.add(node, level)
            if edge.root() != self._settled.signed.checkpoint.root:
                raise TamperedError("the entries do not lead to the root; run `accord audit`")
            if before or after:
                told = {"after": [_text(node) for node in after], "before": [_text(node) for node in before]}
                yield self._archive.add("edges.json", verify.document(told))
            if self._by_hash:
                yield from self._archive.stream("leaves.bin", _read(hashes))
            yield from self._archive.stream("report.csv", _read(rows))
            if self._receipts is not None:
                yield from self._archive.stream("receipts.jsonld", self._receipts.document(_read(said)))

    def _lines(self, edge: verify.Edge, rows: IO[bytes], hashes: IO[bytes], said: IO[bytes]) -> Iterator[bytes]:
        it = self._it
        while self.done < self.total:
            page = self._store.entries(self._settled.brand, it.first + self.done, min(_PAGE, self.total - self.done))
            if not page:
                raise TamperedError(f"entry {it.first + self.done}: is not there")
            keys = self._keys(page) if it.redaction is not Redaction.COUNTS else {}
            lines: list[bytes] = []
            for entry in page:
                if entry.position != edge.size:
                    raise TamperedError(f"entry {edge.size}: is not there")
                raw = self._line(entry, keys)
                if raw is not None:
                    lines += (raw, b"\n")
                edge.add(entry.leaf_hash)
                self.done += 1
            if self._by_hash:
                hashes.write(b"".join(entry.leaf_hash for entry in page))
            rows.write(self._report.take())
            said.write(self._receipts_of(page, keys))
            yield b"".join(lines)
        rows.write(self._report.take())

    def _line(self, entry: StoredEntry, keys: dict[tuple[bytes, int], bytes]) -> bytes | None:
        """Return the line of an entry of the range; None when it is shown by its hash only."""
        it, leaf = self._it, leaf_of(entry, self._settled.ledger)
        if not self._within_period(leaf):
            return None if it.redaction is Redaction.COUNTS else self._take(held_back(entry, leaf, "outside"))
        if self._filtered or it.redaction is Redaction.COUNTS:
            _, line = held_back(entry, leaf, "redacted")
            if self._filtered and not verify.selects(list(it.purposes), list(it.channels), line.shown):
                return None
            if it.redaction is Redaction.COUNTS:
                self._counts.add(line)
                return None
        if it.redaction is Redaction.PERSONAL and entry.customer_ref not in NO_CUSTOMER:
            return self._take(held_back(entry, leaf, "redacted"))
        return self._opened(entry, leaf, keys)

    def _within_period(self, leaf: verify.Leaf) -> bool:
        it = self._it
        if not (it.recorded_from or it.recorded_until):
            return True
        recorded_at = int(leaf.recorded_at)
        return it.recorded_from <= recorded_at and (not it.recorded_until or recorded_at < it.recorded_until)

    def _opened(self, entry: StoredEntry, leaf: verify.Leaf, keys: dict[tuple[bytes, int], bytes]) -> bytes:
        key = keys.get((entry.customer_ref, entry.generation))
        if key is None:
            return self._take(held_back(entry, leaf, "erased"))
        return self._take(disclosed(entry, leaf, self._settled.ledger, key))

    def _take(self, made: tuple[bytes, verify.Line]) -> bytes:
        """Return a line, once it is counted and has its row."""
        raw, line = made
        self._counts.add(line)
        self._report.add(line)
        if self._table is not None:
            self._table.add(line)
        if line.shown.status != "outside":
            self._listed = [*self._listed[:1], line.position]
            if line.shown.notice:
                self._notices.add(line.shown.notice)
        if line.shown.status == "disclosed" and line.shown.type in verify.SAID:
            self._said.add(line.position)
        if self._it.customer:
            self._history.append(line)
        return raw

    def _receipts_of(self, entries: list[StoredEntry], keys: dict[tuple[bytes, int], bytes]) -> bytes:
        """Return the receipts of what was said in entries that are disclosed, and forget what that was."""
        said, self._said = self._said, set()
        return self._receipts.of(entries, said, keys) if self._receipts is not None else b""

    # One customer: every entry of theirs, each with its proof, and the signed end of their history.

    def _customer(self) -> Iterator[bytes]:
        ref, it = bytes.fromhex(self._it.customer), self._it
        entries = list(self._entries_of(ref))
        self.total = len(entries)
        keys = self._keyring.find(self._settled.brand, [ref])
        raw = [self._opened(entry, leaf_of(entry, self._settled.ledger), keys) for entry in entries]
        yield self._archive.add("entries.jsonl", b"".join(line + b"\n" for line in raw))
        for entry in entries:
            yield self._proof(entry)
            self.done += 1
        newest = entries[-1].leaf_hash if entries else b""
        head = verify.head_statement(self._settled.origin, it.size, it.customer, len(entries), newest)
        yield self._archive.add("heads.json", verify.document({"heads": [self._signed(head)]}))
        yield self._archive.add("report.csv", self._report.take())
        if self._receipts is not None:
            yield from self._archive.stream(
                "receipts.jsonld", self._receipts.document([self._receipts_of(entries, keys)])
            )

    def _entries_of(self, ref: bytes) -> Iterator[StoredEntry]:
        version = 1
        while page := self._store.entries(self._settled.brand, version, _PAGE, ref):
            for entry in page:
                if entry.position >= self._it.size:
                    return
                if entry.customer_version != version:
                    raise TamperedError(f"entry {entry.position}: does not continue its customer's chain")
                yield entry
                version += 1

    def _proof(self, entry: StoredEntry) -> bytes:
        path = self._tree.prove_inclusion(entry.position, self._it.size)
        root = verify.root_by_proof(entry.leaf_hash, entry.position, self._it.size, path)
        if root != self._settled.signed.checkpoint.root:
            raise TamperedError("the stored tree does not lead to its root; run `accord audit`")
        name = f"proofs/{entry.position}.tlog-proof"
        return self._archive.add(name, verify.proof_text(entry.position, path, self._settled.signed.note).encode())

    # What applied, and what the views say.

    def _texts(self) -> Iterator[bytes]:
        texts: dict[tuple[str, str], str] = {}
        policies = [] if self._it.redaction is Redaction.COUNTS else self._policies()
        proven = {line.position for line in self._history}
        for entry in policies:
            key = self._keys([entry])[entry.customer_ref, entry.generation]
            raw, line = disclosed(entry, leaf_of(entry, self._settled.ledger), self._settled.ledger, key)
            texts |= verify.notices_of(line)
            version = line.payload.event["version"] if line.payload else 0
            yield self._archive.add(f"policies/{version}.json", raw + b"\n")
            if entry.position not in proven:
                yield self._proof(entry)
        for (code, language), text in sorted(texts.items()):
            if code in self._notices:
                yield self._archive.add(verify.notice_file(code, language), text.encode())
        if self._it.customer:
            page = verify.timeline(self._settled.origin, self._it.customer, self._history, texts)
            yield self._archive.add("timeline.html", page)

    def _policies(self) -> list[StoredEntry]:
        """Return the catalogues that counted while what is listed was recorded: the one before, and those among it."""
        first, last = (self._listed[0], self._listed[-1]) if self._listed else (self._it.first, self._it.first)
        found: list[StoredEntry] = []
        for entry in self._catalogues.entries(self._settled.brand):
            if entry.position > last or entry.position >= self._it.size:
                break
            if entry.position <= first:
                found.clear()
            found.append(entry)
        return found

    def _manifest(self, counts: dict[str, object]) -> dict[str, object]:
        it, checkpoint = self._it, self._settled.signed.checkpoint
        return {
            "checkpoint": {"root": _text(checkpoint.root), "size": checkpoint.size},
            "counts": counts,
            "files": self._archive.files,
            "format": self._format,
            "ledger": self._settled.origin,
            "redaction": it.redaction.value.lower(),
            "scope": {
                "channels": list(it.channels),
                "customer": it.customer,
                "end": it.end,
                "first": it.first,
                "purposes": list(it.purposes),
                "recorded_from": it.recorded_from,
                "recorded_until": it.recorded_until,
            },
        }

    def _signed(self, body: str) -> str:
        return sign_text(self._settled.origin, body, self._private_key)

    def _keys(self, entries: list[StoredEntry]) -> dict[tuple[bytes, int], bytes]:
        return self._keyring.find(self._settled.brand, {entry.customer_ref for entry in entries})

    def _nodes(self, start: int, end: int) -> list[bytes]:
        return [self._tree.node(node) for node in verify.levels_between(start, end)]


def _text(hash_: bytes) -> str:
    return b64encode(hash_).decode()


def _read(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what was written, from the start."""
    file.seek(0)
    yield from iter(partial(file.read, _CHUNK_BYTES), b"")
