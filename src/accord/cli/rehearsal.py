"""The rows of a rehearsal, in an order in which each message can be judged alone.

A server judges the records of one message on each other's result, and forgets them. So rows that name one
person, by any key, are put one after the other, after all rows that name somebody alone; within a person
they stay in order. What is put off is kept in a temporary file: memory holds eight bytes for each key.
"""

import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from typing import BinaryIO

import msgspec

from accord.cli.mapping import Reading, Row, RowError
from accord.cli.rows import Table

_ROW = msgspec.json.Decoder(dict[str, str]).decode


def in_order_of_persons(table: Table, reading: Reading) -> Iterator[tuple[int, Row | RowError]]:
    """Yield every row with its number, those that name the same person together and last."""
    persons = _persons(table, reading)
    with tempfile.TemporaryFile() as kept:
        places: list[tuple[int, int, int]] = []
        for number, row in enumerate(table.rows(), 1):
            shared = None if isinstance(row, RowError) else next((k for k in _keys(reading, row) if k in persons), None)
            if shared is None:
                yield number, row
            else:
                places.append((_first(persons, shared), number, kept.tell()))
                kept.write(msgspec.json.encode(row) + b"\n")
        yield from _put_off(kept, places)


def _put_off(kept: BinaryIO, places: list[tuple[int, int, int]]) -> Iterator[tuple[int, Row | RowError]]:
    places.sort()
    for _, number, place in places:
        kept.seek(place)
        yield number, _ROW(kept.readline())


def _persons(table: Table, reading: Reading) -> dict[int, int]:
    """Return, for each key that several rows name, a key of the same person; the same for all in the end (`_first`)."""
    seen: set[int] = set()
    shared: set[int] = set()
    for row in table.rows():
        if not isinstance(row, RowError):
            for key in _keys(reading, row):
                (shared if key in seen else seen).add(key)
    del seen
    persons = {key: key for key in shared}
    for row in table.rows() if persons else ():
        if isinstance(row, RowError):
            continue
        mine = [_first(persons, key) for key in _keys(reading, row) if key in persons]
        for other in mine[1:]:
            persons[_first(persons, other)] = _first(persons, mine[0])
    return persons


def _first(persons: dict[int, int], key: int) -> int:
    while persons[key] != key:
        persons[key] = persons[persons[key]]
        key = persons[key]
    return key


def _keys(reading: Reading, row: Row) -> list[int]:
    """Return what names somebody in a row, each in 8 bytes."""
    return [int.from_bytes(blake2b(each.encode(), digest_size=8).digest()) for each in reading.identifiers(row)]
