"""Makes exports to be kept: they must verify for ever, whatever later releases write.

Run this only to add an export of a new form beside the old ones: with an export that exists already it
does nothing. From the root: PYTHONPATH=src:tests python tests/golden/exports/make_exports.py
"""

from pathlib import Path
from typing import Any

from support.exporting import export, live, person
from support.installations import BRAND, START, Installation, Parts
from support.memory import MemoryOutsideCopy, MemoryStore, MemoryWrappedKeys

from accord.domain.terms import SECOND, Instant, Redaction

FOLDER = Path(__file__).parent
KINDS: dict[str, dict[str, Any]] = {
    "all": {},
    "range-personal": {"first": 3, "end": 9, "redaction": Redaction.PERSONAL},
    "channel": {"channels": ("sms",), "first": 1},
    "period": {"recorded_from": Instant(START + 2 * SECOND), "recorded_until": Instant(START + 3 * SECOND)},
    "counts": {"redaction": Redaction.COUNTS},
    "customer": {"customer": person(1)},
    "customer-receipts": {"customer": person(1)},
    "all-receipts": {"receipts": True},
}


def main() -> None:
    """Write what is not there yet."""
    it = Installation(Parts(MemoryStore(), MemoryWrappedKeys(), MemoryOutsideCopy()))
    live(it, 3)
    for name, asked in KINDS.items():
        path = FOLDER / f"{name}.zip"
        if not path.exists():
            path.write_bytes(export(it, **asked))
            path.with_suffix(".checkpoint").write_text(it.proofs.checkpoint_at(BRAND, 5).note, "utf-8")


if __name__ == "__main__":
    main()
