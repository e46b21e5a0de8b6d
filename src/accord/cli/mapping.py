"""How the rows of a file become records: a mapping in TOML, read strictly.

A mapping names columns under `customer`; under `records` a text is said of every row, and a table names the
column that says it. Every fault of a mapping names its key. What a row lacks or misspells is a fault of that
row alone, told by the field it stands for.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import Struct

from accord.domain.identifiers import IdentifierError, international
from accord.v1 import customer_pb2, evidence_pb2
from accord.v1 import import_service_pb2 as pb

Row = Mapping[str, str]
"""A row by column; what is empty or missing is an empty text."""


class MappingError(ValueError):
    """The mapping cannot be used. The message names the key and says what is allowed."""


class RowError(ValueError):
    """A row cannot be read. `field` is what it should have said, the message what is allowed; never the value."""

    def __init__(self, field: str, message: str) -> None:
        """Hold both."""
        super().__init__(message)
        self.field = field


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Column(_Strict, frozen=True):
    """A text that a column says: as `map` translates it, where there is one; `default` where the row is empty."""

    column: str
    map: dict[str, str] = {}
    default: str | None = None


class Columns(_Strict, frozen=True):
    """Texts that a column says, split by `separator`."""

    column: str
    separator: str = ";"
    map: dict[str, str] = {}


class Time(_Strict, frozen=True):
    """An instant that a column says: in ISO 8601, or as strptime's `format`; of `time_zone` where it tells none."""

    column: str
    format: str = ""
    time_zone: str = "UTC"


Text = str | Column
Texts = tuple[str, ...] | Columns


class CustomerColumns(_Strict, frozen=True):
    """The columns that tell whom. `phone_country` is where numbers without a + are from."""

    customer_id: str = ""
    email: str = ""
    phone: str = ""
    phone_country: str = ""


class Record(_Strict, frozen=True):
    """What a row says where every column of `when` holds one of its texts."""

    says: Literal["permission", "refusal", "withdrawal", "objection"]
    touchpoint: Text
    method: Text
    when: dict[str, tuple[str, ...]] = {}
    declarant: Text = "customer"
    notice: Text = ""
    language: Text = ""
    act_time: Time | None = None
    contact_point: Literal["", "email", "phone"] = ""
    purposes: Texts = ()
    channels: Texts = ()
    topics: Texts = ()
    places: Texts = ()
    recipients: Texts = ()
    valid_until: Time | None = None
    purpose: Text = ""
    channel: Text = ""
    topic: Text = ""
    place: Text = ""
    recipient: Text = ""


class FileForm(_Strict, frozen=True):
    """How a CSV file is written."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    quote: str = '"'


class ImportMapping(_Strict, frozen=True):
    """A mapping as its file tells it."""

    partner: str
    customer: CustomerColumns
    records: tuple[Record, ...]
    file: FileForm = FileForm()


_KINDS = {"refusal": "refuse", "withdrawal": "withdraw", "objection": "object"}
_METHODS = {name.removeprefix("DECLARATION_METHOD_"): number for name, number in evidence_pb2.DeclarationMethod.items()}
_DECLARANTS = {name.removeprefix("DECLARANT_"): number for name, number in evidence_pb2.Declarant.items()}
_OF_PERMISSIONS = ("purposes", "channels", "topics", "places", "recipients")
_OF_REFUSALS = ("purpose", "channel", "topic", "place", "recipient")


def read_mapping(raw: bytes) -> "Reading":
    """Return how rows are read. Raises MappingError."""
    try:
        told = msgspec.toml.decode(raw, type=ImportMapping)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        raise MappingError(f"{path.rstrip('`') or 'the mapping'}: {_lower(what)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MappingError(f"the mapping is no TOML: {error}") from None
    _examine(told)
    return Reading(told, sha256(raw).digest())


class Reading:
    """A mapping in use."""

    def __init__(self, told: ImportMapping, digest: bytes) -> None:
        """Prepare what every row has in common. Raises MappingError."""
        self.told = told
        self.digest = digest
        self._customer = told.customer
        self._records = [_RecordReader(each, f"records[{index}]") for index, each in enumerate(told.records)]
        self.columns = self._named()

    def _named(self) -> frozenset[str]:
        whom = (self._customer.customer_id, self._customer.email, self._customer.phone)
        return frozenset(filter(None, (*whom, *(name for each in self._records for name in each.columns))))

    def identifiers(self, row: Row) -> Iterator[str]:
        """Yield what names somebody in a row, in a form in which the same is the same; kinds are told apart."""
        for kind in ("customer_id", "email", "phone"):
            column = getattr(self._customer, kind)
            if column and (text := row.get(column, "").strip()):
                yield f"{kind}:{text.casefold().replace(' ', '')}"

    def records(self, number: int, row: Row) -> Iterator[pb.ImportRecord | tuple[int, RowError]]:
        """Yield each record of a row, or its number and why it cannot be read; none where the row says nothing."""
        points: dict[str, Any] | RowError | None = None
        for part, reader in enumerate(self._records):
            if not reader.wanted(row):
                continue
            if points is None:
                points = self._points(row)
            if isinstance(points, RowError):
                yield part, points
                continue
            record = pb.ImportRecord(row=number, part=part)
            try:
                reader.fill(record, row, points)
            except RowError as error:
                yield part, error
            else:
                yield record

    def _points(self, row: Row) -> dict[str, Any] | RowError:
        """Return the keys of a row by kind: at least one."""
        it = self._customer
        found: dict[str, Any] = {}
        if text := row.get(it.customer_id, "").strip():
            found["customer_id"] = customer_pb2.CustomerKey(customer_id=text)
        if text := row.get(it.email, "").strip():
            found["email"] = customer_pb2.ContactPoint(kind=customer_pb2.CONTACT_POINT_KIND_EMAIL, value=text)
        if text := row.get(it.phone, "").strip():
            if it.phone_country and not text.startswith("+"):
                try:
                    text = international(text, it.phone_country)
                except IdentifierError as error:
                    return RowError("customer.phone", str(error))
            found["phone"] = customer_pb2.ContactPoint(kind=customer_pb2.CONTACT_POINT_KIND_PHONE, value=text)
        return found or RowError("customer", "is required: every column that names somebody is empty")


class _RecordReader:
    """Reads one record of a row."""

    def __init__(self, told: Record, at: str) -> None:
        self._told = told
        self._grants = told.says == "permission"
        self._kind = "grant" if self._grants else _KINDS[told.says]
        self._when = [(column, frozenset(texts)) for column, texts in told.when.items()]
        names = _OF_PERMISSIONS if self._grants else _OF_REFUSALS
        self._touchpoint, self._notice = _text(told.touchpoint), _text(told.notice)
        self._language = _text(told.language)
        self._method, self._declarant = (
            _enum(told.method, _METHODS, at, "method"),
            _enum(told.declarant, _DECLARANTS, at, "declarant"),
        )
        self._times = {name: _time(getattr(told, name), at, name) for name in ("act_time", "valid_until")}
        make: Callable[[Any], Callable[[Row], Any]] = _texts if self._grants else _text
        self._sides = [(name, make(told_)) for name in names if (told_ := getattr(told, name))]
        sides = (told.touchpoint, told.notice, told.language, told.method, told.declarant, told.act_time)
        said = (*sides, told.valid_until, *(getattr(told, name) for name in (*_OF_PERMISSIONS, *_OF_REFUSALS)))
        self.columns = [*told.when, *(each.column for each in said if isinstance(each, Column | Columns | Time))]

    def wanted(self, row: Row) -> bool:
        """Say whether the row says it."""
        return all(row.get(column, "").strip() in texts for column, texts in self._when)

    def fill(self, record: pb.ImportRecord, row: Row, points: dict[str, Any]) -> None:
        """Write what the row says into a record. Raises RowError."""
        message: Any = getattr(record, self._kind)
        point = points.get(self._told.contact_point)
        if self._told.contact_point and point is None:
            raise RowError("contact_point", f"is required: the row has no {self._told.contact_point}")
        if "customer_id" in points:
            message.customer.CopyFrom(points["customer_id"])
        else:
            message.customer.contact_point.CopyFrom(point or points.get("email") or points["phone"])
        self._evidence(message.evidence, row)
        if self._grants:
            if point is not None:
                message.contact_point.CopyFrom(point)
            for name, texts in self._sides:
                getattr(message, name).extend(_told(name, texts, row))
            if (until := self._times["valid_until"](row)) is not None:
                message.valid_until.CopyFrom(until)
        else:
            if point is not None:
                message.scope.contact_point.CopyFrom(point)
            for name, text in self._sides:
                setattr(message.scope, name, _told(f"scope.{name}", text, row))

    def _evidence(self, evidence: evidence_pb2.Evidence, row: Row) -> None:
        evidence.recorder = evidence_pb2.RECORDER_IMPORT
        evidence.touchpoint = _told("evidence.touchpoint", self._touchpoint, row)
        evidence.notice = _told("evidence.notice", self._notice, row)
        evidence.language = _told("evidence.language", self._language, row)
        evidence.method = _told("evidence.method", self._method, row)
        evidence.declarant = _told("evidence.declarant", self._declarant, row)
        if (time := self._times["act_time"](row)) is not None:
            evidence.act_time.CopyFrom(time)
        elif self._grants:
            raise RowError("evidence.act_time", "is required: a permission counts from when the customer acted")


def _told(field: str, read: Callable[[Row], Any], row: Row) -> Any:  # noqa: ANN401 - a text, a number or texts
    try:
        return read(row)
    except LookupError as error:
        raise RowError(field, str(error.args[0])) from None


def _text(told: Text) -> Callable[[Row], str]:
    """Return what reads a text; it raises LookupError saying what is allowed."""
    if isinstance(told, str):
        return lambda _: told
    column, texts, default = told.column, told.map, told.default

    def read(row: Row) -> str:
        text = row.get(column, "").strip()
        if not text and default is not None:
            return default
        return _mapped(text, texts)

    return read


def _texts(told: Texts) -> Callable[[Row], tuple[str, ...]]:
    if isinstance(told, tuple):
        return lambda _: told
    column, separator, texts = told.column, told.separator, told.map

    def read(row: Row) -> tuple[str, ...]:
        said = (text.strip() for text in row.get(column, "").split(separator))
        return tuple(_mapped(text, texts) for text in said if text)

    return read


def _mapped(text: str, texts: dict[str, str]) -> str:
    if not texts:
        return text
    found = texts.get(text)
    if found is None:
        raise LookupError(f"must be one of: {', '.join(texts)}")
    return found


def _enum(told: Text, members: Mapping[str, int], at: str, name: str) -> Callable[[Row], int]:
    """Return what reads a member by its name, in any case. Raises MappingError where the mapping names none."""
    known = ", ".join(member.lower() for member, number in members.items() if number)

    def member(text: str) -> int:
        found = members.get(text.upper().replace("-", "_"), 0)
        if not found:
            raise LookupError(f"must be one of: {known}")
        return found

    named = (told,) if isinstance(told, str) else (*told.map.values(), *filter(None, (told.default,)))
    try:
        for text in named:
            member(text)
    except LookupError as error:
        raise MappingError(f"{at}.{name}: {error.args[0]}") from None
    if isinstance(told, str):
        number = member(told)
        return lambda _: number
    read = _text(told)
    return lambda row: member(read(row))


def _time(told: Time | None, at: str, name: str) -> Callable[[Row], Timestamp | None]:
    """Return what reads an instant, None where the row has none. Raises MappingError for an unknown zone."""
    if told is None:
        return lambda _: None
    try:
        zone = UTC if told.time_zone == "UTC" else ZoneInfo(told.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise MappingError(f"{at}.{name}.time_zone: must be an IANA time zone such as Europe/Paris") from None
    column, form = told.column, told.format

    def read(row: Row) -> Timestamp | None:
        text = row.get(column, "").strip()
        if not text:
            return None
        try:
            # Aware or not is looked at next.
            time = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007
            seconds = (time if time.tzinfo else time.replace(tzinfo=zone)).timestamp()
        except (ValueError, OverflowError):
            raise RowError(_FIELDS[name], f"must be written as {form or 'ISO 8601'}") from None
        return Timestamp(seconds=int(seconds // 1), nanos=time.microsecond * 1000)

    return read


_FIELDS = {"act_time": "evidence.act_time", "valid_until": "valid_until"}


def _examine(told: ImportMapping) -> None:
    """Raise MappingError for what the form of a mapping allows and nothing can be made of."""
    it = told.customer
    if not (it.customer_id or it.email or it.phone):
        raise MappingError("customer: must name at least one column: customer_id, email or phone")
    if not told.records:
        raise MappingError("records: must have at least one item")
    if not told.partner or len(told.partner) > 64:
        raise MappingError("partner: must have 1 to 64 characters")
    for name in ("delimiter", "quote"):
        if len(getattr(told.file, name)) != 1:
            raise MappingError(f"file.{name}: must be one character")
    for index, record in enumerate(told.records):
        _examine_record(record, f"records[{index}]", it)


def _examine_record(record: Record, at: str, customer: CustomerColumns) -> None:
    if record.contact_point and not getattr(customer, record.contact_point):
        raise MappingError(f"{at}.contact_point: customer.{record.contact_point} names no column")
    if record.says == "permission" and record.act_time is None:
        raise MappingError(f"{at}.act_time: is required: a permission counts from when the customer acted")
    strange = _OF_REFUSALS if record.says == "permission" else (*_OF_PERMISSIONS, "valid_until")
    for name in strange:
        if getattr(record, name):
            raise MappingError(f"{at}.{name}: must be left out of a {record.says}")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
