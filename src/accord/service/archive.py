"""Writes the members of an export into a zip that is streamed as it grows.

Owns the bytes around the members: the same members in the same order give the same archive (fixed
times, one compression level), with sizes written after each member, since nothing is known before.
Keeps the size and digest of every member for the manifest. Holds a member's compressed bytes only
until they are taken.
"""

import zipfile
from collections.abc import Iterable, Iterator
from hashlib import sha256

_LEVEL = 1
"""Most of an export is digests, which no level makes smaller, and higher ones cost twice the time."""

_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16


class Archive:
    """One archive, written once from the first member to the last."""

    def __init__(self) -> None:
        """Begin empty."""
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w")
        self.files: dict[str, dict[str, object]] = {}
        """Size and digest of each member, by name."""

    def add(self, name: str, content: bytes) -> bytes:
        """Write a member at once; return what the archive grew by."""
        return b"".join(self.stream(name, [content]))

    def stream(self, name: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Write a member block by block; yield what the archive grows by, which may be nothing for a while."""
        digest, size = sha256(), 0
        with self._zip.open(_info(name), "w", force_zip64=True) as member:
            for block in blocks:
                member.write(block)
                digest.update(block)
                size += len(block)
                yield self._sink.take()
        self.files[name] = {"sha256": digest.hexdigest(), "size": size}
        yield self._sink.take()

    def close(self) -> bytes:
        """Write the directory; return the last bytes."""
        self._zip.close()
        return self._sink.take()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIME)
    info.create_system = 3
    info.external_attr = _READABLE
    # Hashes cannot be made smaller, and a Parquet file is compressed already.
    info.compress_type = zipfile.ZIP_STORED if name.endswith((".bin", ".parquet")) else zipfile.ZIP_DEFLATED
    info._compresslevel = _LEVEL  # type: ignore[attr-defined] # noqa: SLF001 - the only way to set it for a stream
    return info


class _Sink:
    """A file that can only be written, and forgets what is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
