"""The protos with their comments, as protoc reads them."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).resolve().parents[2]
PROTOS = ROOT / "protos"

_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED, _NESTED_ENUM, _ONEOF = 2, 3, 4, 8


class Documented(NamedTuple):
    """Something declared: its kind, its full name, and the comment before it."""

    kind: str
    name: str
    comment: str


@cache
def files() -> tuple[FileDescriptorProto, ...]:
    """Return every file of ours, with source info."""
    names = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "set"
        options = ["-I.", "--include_source_info", f"--descriptor_set_out={made}"]
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, *names], cwd=PROTOS, check=True)
        return tuple(FileDescriptorSet.FromString(made.read_bytes()).file)


@cache
def documented() -> tuple[Documented, ...]:
    """Return everything that is declared."""
    return tuple(each for file in files() for each in _declared(file))


@cache
def messages() -> dict[str, DescriptorProto]:
    """Return every message by its name."""
    return {message.name: message for file in files() for message in file.message_type}


def comment(name: str) -> str:
    """Return the comment before something, by its full name."""
    return next(each.comment for each in documented() if each.name == name)


def required_paths(message: str, at: str = "") -> Iterator[str]:
    """Yield the path of every field that is called required, in the message and in all that stand inside it."""
    for field in messages()[message].field:
        repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
        path = f"{at}.{field.name}".removeprefix(".")
        if "Required." in comment(f"{message}.{field.name}"):
            yield path
        inside = field.type_name.rsplit(".", 1)[-1]
        if field.type == FieldDescriptorProto.TYPE_MESSAGE and inside in messages():
            yield from required_paths(inside, path + ("[0]" if repeated else ""))


def _declared(file: FileDescriptorProto) -> Iterator[Documented]:
    comments = {tuple(each.path): each.leading_comments.strip() for each in file.source_code_info.location}
    for index, message in enumerate(file.message_type):
        yield from _message(comments, (_MESSAGE, index), message, message.name)
    for index, enum in enumerate(file.enum_type):
        yield Documented("enum", enum.name, comments.get((_ENUM, index), ""))
        for number, value in enumerate(enum.value):
            yield Documented("enum value", value.name, comments.get((_ENUM, index, 2, number), ""))
    for index, service in enumerate(file.service):
        yield Documented("service", service.name, comments.get((_SERVICE, index), ""))
        for number, method in enumerate(service.method):
            name = f"{service.name}/{method.name}"
            yield Documented("method", name, comments.get((_SERVICE, index, 2, number), ""))


def _message(
    comments: dict[tuple[int, ...], str], path: tuple[int, ...], message: DescriptorProto, name: str
) -> Iterator[Documented]:
    if message.options.map_entry:
        return
    yield Documented("message", name, comments.get(path, ""))
    for number, field in enumerate(message.field):
        yield Documented("field", f"{name}.{field.name}", comments.get((*path, _FIELD, number), ""))
    for number, oneof in enumerate(message.oneof_decl):
        if not oneof.name.startswith("_"):
            yield Documented("oneof", f"{name}.{oneof.name}", comments.get((*path, _ONEOF, number), ""))
    for number, nested in enumerate(message.nested_type):
        yield from _message(comments, (*path, _NESTED, number), nested, f"{name}.{nested.name}")
    for number, enum in enumerate(message.enum_type):
        yield Documented("enum", f"{name}.{enum.name}", comments.get((*path, _NESTED_ENUM, number), ""))
