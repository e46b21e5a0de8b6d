"""Where customers' wrapped keys are kept: a database of its own. Knows nothing of what they open."""

from sqlalchemy import Engine

from accord.domain.terms import BrandId
from accord.ledger.keyring import WrappedKey
from accord.storage.engine import driver

_INSERT = (
    "INSERT INTO wrapped_key (brand, customer_ref, generation, epoch, wrapped) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (brand, customer_ref, generation) DO NOTHING"
)
_SELECT = "SELECT customer_ref, generation, epoch, wrapped FROM wrapped_key WHERE brand = ? AND customer_ref = ANY(?)"
_PAGE = 1000


class SqlWrappedKeys:
    """`WrappedKeys` over one database at its newest revision."""

    def __init__(self, engine: Engine) -> None:
        """Use this database."""
        self._engine = engine

    def insert_missing(self, brand: BrandId, keys: list[WrappedKey]) -> None:
        """Keep keys that are not there yet; durable on return."""
        ordered = sorted(keys, key=lambda key: key.customer_ref)
        rows = [(brand, key.customer_ref, key.generation, key.epoch, key.wrapped) for key in ordered]
        with driver(self._engine) as database:
            database.write([(_INSERT, rows)])
            database.commit()

    def select(self, brand: BrandId, refs: list[bytes]) -> list[WrappedKey]:
        """Return every key of the customers."""
        found: list[WrappedKey] = []
        with driver(self._engine, writing=False) as database:
            for start in range(0, len(refs), _PAGE):
                found.extend(WrappedKey(*row) for row in database.rows(_SELECT, brand, refs[start : start + _PAGE]))
        return found

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
