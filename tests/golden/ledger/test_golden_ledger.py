"""The formats of the ledger are frozen: they give the very bytes in `golden.json`, and read them back.

A failure here means that ledgers which exist could not be read, verified or opened any more. Do not
make the golden bytes anew to pass: keep the old format readable and add the new one beside it.
"""

import json
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from golden.ledger import make_golden as golden

from accord.domain.events import Event
from accord.domain.state import decode_customer, decode_point
from accord.ledger.entry import StoredEntry, read_leaf, read_payload
from accord.ledger.opening import open_entry
from accord.ledger.seal import Place, unseal
from accord.proof import checkpoint as notes
from accord.proof.merkle import leaf_hash

KEPT: dict[str, dict[str, str]] = json.loads(golden.FILE.read_text("utf-8"))
OLD = "states"
"""States written before fields were appended: read for ever, written no more."""

ITEMS = [(section, name) for section, values in KEPT.items() if section != OLD for name in values]


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, str]]:
    return golden.make()


@pytest.mark.parametrize(("section", "name"), ITEMS, ids=[f"{section}-{name}" for section, name in ITEMS])
def test_this_format_is_frozen(made: dict[str, dict[str, str]], section: str, name: str) -> None:
    assert made[section][name] == KEPT[section][name]


def test_nothing_is_made_that_is_not_kept(made: dict[str, dict[str, str]]) -> None:
    assert {section: set(values) for section, values in made.items()} == {
        section: set(values) for section, values in KEPT.items() if section != OLD
    }


def test_every_event_has_golden_bytes() -> None:
    assert {type(event) for event in (*golden.EVENTS.values(), *golden.LATER.values())} == set(Event.__args__)


@pytest.mark.parametrize("name", KEPT["payloads"])
def test_a_payload_of_old_is_read_as_the_event_it_was(name: str) -> None:
    payload = read_payload(KEPT["payloads"][name].encode())
    assert payload.event == golden.EVENTS[name]
    assert (payload.customer, payload.version, payload.caller) == (golden.CUSTOMER_REF.hex(), 4, "crm")


@pytest.mark.parametrize("name", KEPT["later payloads"])
def test_a_payload_with_fields_that_came_later_is_read_as_the_event_it_was(name: str) -> None:
    assert read_payload(KEPT["later payloads"][name].encode()).event == golden.LATER[name]


@pytest.mark.parametrize("name", KEPT["leaves"])
def test_a_leaf_of_old_is_read(name: str) -> None:
    assert read_leaf(KEPT["leaves"][name].encode()).type == name.removesuffix(" with defaults")


@pytest.mark.parametrize("name", KEPT["sealed"])
def test_an_entry_of_old_opens(name: str) -> None:
    position, sealed = list(golden.EVENTS).index(name), bytes.fromhex(KEPT["sealed"][name])
    leaf = KEPT["leaves"][name].encode()
    entry: Any = StoredEntry(position, leaf, leaf_hash(leaf), golden.CUSTOMER_REF, 4, 1, sealed)  # type: ignore[arg-type]
    opened = open_entry(entry, golden.LEDGER, {(golden.CUSTOMER_REF, 1): golden.CUSTOMER_KEY})
    assert opened.payload.event == golden.EVENTS[name]
    assert opened.opening == golden.OPENING
    place: Any = Place(golden.LEDGER, golden.CUSTOMER_REF, position, 4, 1)  # type: ignore[arg-type]
    assert unseal(golden.CUSTOMER_KEY, place, sealed) == (golden.OPENING, KEPT["payloads"][name].encode())


def test_a_checkpoint_of_old_verifies() -> None:
    public = golden.SIGNING_KEY.public_key()
    assert notes.verify(KEPT["checkpoint"]["note"], public).size == golden.TREE_SIZE
    assert notes.verify(KEPT["checkpoint"]["empty note"], public).root == sha256(b"").digest()


@pytest.mark.parametrize("name", KEPT[OLD])
def test_states_of_old_are_read_as_what_they_were(name: str) -> None:
    """Every field they had; those appended since, at any depth, have their defaults."""
    decode: Any = decode_customer if name.startswith("customer") else decode_point
    raw = bytes.fromhex(KEPT[OLD][name])
    assert msgspec.msgpack.decode(raw) == _as_written(decode(raw), msgspec.msgpack.decode(raw))


def _as_written(it: Any, kept: Any) -> Any:
    """Return it as plainly as it was kept; what is not kept of it is asserted to be its default."""
    if isinstance(it, tuple):
        return [_as_written(item, was) for item, was in zip(it, kept, strict=True)]
    if not isinstance(it, msgspec.Struct):
        return it
    fields = msgspec.structs.fields(it)
    for field in fields[len(kept) :]:
        assert getattr(it, field.name) == field.default, field.name
    return [_as_written(getattr(it, field.name), was) for field, was in zip(fields, kept, strict=False)]
