"""The catalogue on the wire and in the domain: the same fields by the same names, one way each.

Enumerations lose their prefix on the way in; `from`, which Python keeps for itself, becomes
`from_`. Not on the check path, so it goes through plain dictionaries.
"""

from typing import Any

import msgspec
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from accord.domain.catalogue import Catalogue
from accord.domain.problems import ErrorReason as Reason
from accord.domain.problems import Problem, Violation, invalid_fields
from accord.service.errors import CallError
from accord.v1 import catalogue_pb2


def inbound(message: catalogue_pb2.Catalogue) -> Catalogue:
    """Return the catalogue. Raises CallError naming a field that is missing or unspecified."""
    faults: list[Violation] = []
    told = _inbound(message, "catalogue", faults)
    if faults:
        raise CallError(invalid_fields(tuple(faults)))
    try:
        return msgspec.convert(told, Catalogue)
    except msgspec.ValidationError as error:
        fault = Violation("catalogue", str(error))
        raise CallError(Problem(Reason.CATALOGUE_INVALID, "the catalogue cannot be read", (fault,))) from error


def outbound(catalogue: Catalogue) -> catalogue_pb2.Catalogue:
    """Return the catalogue on the wire."""
    message = catalogue_pb2.Catalogue()
    json_format.ParseDict(_outbound(msgspec.to_builtins(catalogue), message.DESCRIPTOR), message)
    return message


def _inbound(message: Any, at: str, faults: list[Violation]) -> dict[str, Any]:  # noqa: ANN401 - any message
    told: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        where = f"{at}.{field.name}"
        name = "from_" if field.name == "from" else field.name
        if field.has_presence and not message.HasField(field.name):
            continue
        if field.is_repeated:
            told[name] = [_item(field, each, f"{where}[{index}]", faults) for index, each in enumerate(value)]
        else:
            told[name] = _item(field, value, where, faults)
    return told


def _item(field: FieldDescriptor, value: Any, at: str, faults: list[Violation]) -> Any:  # noqa: ANN401 - any value
    if field.message_type is not None:
        return _inbound(value, at, faults)
    if field.enum_type is None:
        return value
    known = field.enum_type.values_by_number.get(value)
    if known is None or not value:
        allowed = ", ".join(each.name for each in field.enum_type.values if each.number)
        faults.append(Violation(at, f"is required, one of: {allowed}"))
        return None
    return known.name.removeprefix(_prefix(field))


def _outbound(told: dict[str, Any], descriptor: Descriptor) -> dict[str, Any]:
    message = {}
    for name, value in told.items():
        if value is None:
            continue
        field = descriptor.fields_by_name[name.removesuffix("_")]
        if field.is_repeated:
            message[field.name] = [_out_item(field, each) for each in value]
        else:
            message[field.name] = _out_item(field, value)
    return message


def _out_item(field: FieldDescriptor, value: Any) -> Any:  # noqa: ANN401 - any value
    if field.message_type is not None:
        return _outbound(value, field.message_type)
    if field.enum_type is not None and isinstance(value, str):
        return _prefix(field) + value
    return value


def _prefix(field: FieldDescriptor) -> str:
    if field.enum_type is None:
        raise TypeError("only enumerations have a prefix")
    zero: str = field.enum_type.values_by_number[0].name
    return zero.removesuffix("UNSPECIFIED")
