"""The leaf and the payload: canonical, strict, without anything personal, and binding."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from accord.domain.events import (
    ActivityReported,
    ContactAuthorized,
    Evidence,
    FactsRecorded,
    IdentifierLinked,
    Link,
    PermissionGranted,
    PermissionRefused,
)
from accord.domain.terms import (
    FAR,
    ActivityKind,
    Basis,
    Declarant,
    IdentifierKind,
    Instant,
    Method,
    Position,
    Recorder,
    RefusalKind,
)
from accord.ledger.entry import (
    Leaf,
    Payload,
    ciphertext_hash,
    commitment,
    public_codes,
    read_leaf,
    read_payload,
    write_leaf,
    write_payload,
)

codes = st.text("abcdefghijklmnopqrstuvwxyz0123456789._:-", max_size=64)
leaves = st.builds(
    Leaf,
    ledger=st.text("abcdefghijklmnopqrstuvwxyz0123456789/-", max_size=100),
    position=st.integers(0, FAR).map(Position),
    type=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", max_size=30),
    purpose=st.lists(codes, max_size=5).map(tuple),
    channel=st.lists(codes, max_size=5).map(tuple),
    notice=codes,
    recorded_at=st.integers(0, FAR).map(Instant),
    pc=st.binary(min_size=32, max_size=32),
    ch=st.binary(min_size=32, max_size=32),
)
LEAF = Leaf(
    ledger="accord/maison/1",
    position=Position(3),
    type="PermissionGranted",
    purpose=("marketing.cart",),
    channel=("email", "sms"),
    notice="n1",
    recorded_at=Instant(1_767_348_000_000_000),
    pc=bytes(32),
    ch=bytes(range(32)),
)
RAW = write_leaf(LEAF)


NOT_CANONICAL = {
    "white space": RAW.replace(b":", b": "),
    "a line feed at the end": RAW + b"\n",
    "another order": b"{" + b",".join(sorted(RAW[1:-1].split(b',"'), reverse=True)) + b"}",
    "a field more": RAW[:-1] + b',"x":1}',
    "a field twice": RAW[:-1] + b',"v":1}',
    "a field less": RAW.replace(b'"notice":"n1",', b""),
    "a number written otherwise": RAW.replace(b'"v":1', b'"v":1.0'),
    "an escape": RAW.replace(b"email", b"\\u0065mail"),
    "a root in other base64": RAW.replace(b'"pc":"AAAA', b'"pc":"A=AA'),
    "bits in the padding": RAW.replace(b'AAA="', b'AAB="'),
    "text for a number": RAW.replace(b'"position":3', b'"position":"3"'),
    "no object": b"[]",
    "nothing": b"",
    "no text": b"\xff\xfe",
    "cut": RAW[:-1],
    "two of them": RAW + RAW,
}


class TestLeaf:
    @given(leaves)
    def test_a_leaf_is_written_as_rfc_8785_writes_it(self, leaf: Leaf) -> None:
        raw = write_leaf(leaf)
        assert raw == rfc8785.dumps(json.loads(raw))

    @given(leaves)
    def test_a_leaf_is_read_back(self, leaf: Leaf) -> None:
        assert read_leaf(write_leaf(leaf)) == leaf

    @given(leaves)
    def test_a_leaf_is_one_line_of_ascii(self, leaf: Leaf) -> None:
        raw = write_leaf(leaf)
        assert raw.isascii()
        assert b"\n" not in raw

    def test_a_leaf_names_no_customer(self) -> None:
        assert sorted(json.loads(RAW)) == [
            "ch", "channel", "ledger", "notice", "pc", "position", "purpose", "recorded_at", "type", "v"
        ]  # fmt: skip

    @pytest.mark.parametrize("fault", NOT_CANONICAL)
    def test_bytes_that_are_not_canonical_are_no_leaf(self, fault: str) -> None:
        assert NOT_CANONICAL[fault] != RAW
        with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
            read_leaf(NOT_CANONICAL[fault])

    @given(st.binary(max_size=200))
    def test_any_bytes_are_refused_and_never_break_the_reader(self, raw: bytes) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - the same
            read_leaf(raw)


EVIDENCE = Evidence(
    touchpoint="web",
    method=Method.BUTTON,
    declarant=Declarant.CUSTOMER,
    recorder=Recorder.CLERK,
    act_time=Instant(5),
    notice="n1",
    recorder_id="Mme Secret",
)
ADA = Link(IdentifierKind.EMAIL, "ada@example.com", 1)


class TestPublicCodes:
    def test_a_permission_shows_its_cells_and_its_notice(self) -> None:
        event = PermissionGranted(
            links=(ADA,),
            evidence=EVIDENCE,
            level="ongoing",
            purposes=("marketing.cart",),
            channels=("email",),
            topics=("robe de Secret",),
            recipients=("Secret SA",),
            valid_from=Instant(5),
        )
        assert public_codes(event) == (("marketing.cart",), ("email",), "n1")

    def test_a_refusal_shows_what_it_names_of_the_catalogue(self) -> None:
        said = {"kind": RefusalKind.REFUSED, "evidence": EVIDENCE, "topic": "Secret"}
        assert public_codes(PermissionRefused(**said)) == ((), (), "n1")  # type: ignore[arg-type]
        named: Any = PermissionRefused(purpose="marketing", channel="sms", **said)  # type: ignore[arg-type]
        assert public_codes(named) == (("marketing",), ("sms",), "n1")

    def test_a_contact_shows_its_purpose_and_channel_and_not_its_name(self) -> None:
        event = ContactAuthorized(
            contact_id="Secret", channel="sms", purpose="marketing.cart", basis=Basis.PERMISSION, policy_version=1
        )
        assert public_codes(event) == (("marketing.cart",), ("sms",), "")

    def test_facts_links_and_acts_show_nothing(self) -> None:
        for event in (
            FactsRecorded(country="FR", deceased=True),
            IdentifierLinked(links=(ADA,)),
            ActivityReported(kind=ActivityKind.PURCHASE, act_time=Instant(5)),
        ):
            assert public_codes(event) == ((), (), "")


class TestPayload:
    def test_a_payload_is_read_back(self) -> None:
        payload = Payload(
            customer="00" * 16, version=1, previous="", caller="crm", event=IdentifierLinked(links=(ADA,))
        )
        assert read_payload(write_payload(payload)) == payload

    @pytest.mark.parametrize("raw", [b"", b"{}", b"null", b"\xff", b'{"event":{"type":"Nothing"}}'])
    def test_bytes_that_are_no_payload_are_refused(self, raw: bytes) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
            read_payload(raw)


class TestCommitments:
    @given(st.binary(min_size=32, max_size=32), st.binary(), st.binary())
    def test_a_commitment_binds_payload_and_opening(self, opening: bytes, payload: bytes, other: bytes) -> None:
        assert (commitment(opening, payload) == commitment(opening, other)) == (payload == other)
        assert commitment(opening[::-1], payload) != commitment(opening, payload) or opening == opening[::-1]

    def test_a_ciphertext_hash_needs_no_key(self) -> None:
        assert ciphertext_hash(b"nonce and ciphertext") == ciphertext_hash(b"nonce and ciphertext")
        assert ciphertext_hash(b"a") != ciphertext_hash(b"b")
