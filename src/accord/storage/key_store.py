"""Where customers' wrapped keys are kept: a database of its own. Knows nothing of what they open."""

from sqlalchemy import Engine, bindparam, text

from accord.domain.terms import BrandId
from accord.ledger.keyring import WrappedKey
from accord.storage.engine import transaction, translated

_INSERT = text(
    "INSERT INTO wrapped_key (brand, customer_ref, generation, epoch, wrapped) "
    "VALUES (:brand, :customer_ref, :generation, :epoch, :wrapped) "
    "ON CONFLICT (brand, customer_ref, generation) DO NOTHING"
)
_SELECT = text(
    "SELECT customer_ref, generation, epoch, wrapped FROM wrapped_key WHERE brand = :brand AND customer_ref IN :refs"
).bindparams(bindparam("refs", expanding=True))
_PAGE = 1000


class SqlWrappedKeys:
    """`WrappedKeys` over one database at its newest revision."""

    def __init__(self, engine: Engine) -> None:
        """Use this database."""
        self._engine = engine

    def insert_missing(self, brand: BrandId, keys: list[WrappedKey]) -> None:
        """Keep keys that are not there yet; durable on return."""
        rows = [
            {
                "brand": brand,
                "customer_ref": key.customer_ref,
                "generation": key.generation,
                "epoch": key.epoch,
                "wrapped": key.wrapped,
            }
            for key in sorted(keys, key=lambda key: key.customer_ref)
        ]
        with translated(), transaction(self._engine) as connection:
            connection.execute(_INSERT, rows)

    def select(self, brand: BrandId, refs: list[bytes]) -> list[WrappedKey]:
        """Return every key of the customers."""
        found: list[WrappedKey] = []
        with translated(), self._engine.connect() as connection:
            for start in range(0, len(refs), _PAGE):
                page = {"brand": brand, "refs": refs[start : start + _PAGE]}
                found.extend(WrappedKey(*row) for row in connection.execute(_SELECT, page))
        return found

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
