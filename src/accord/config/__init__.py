"""Settings, from the environment and from options; one place, every default written once.

`Config.read` is pure: it is given the environment. Nothing else in Accord reads a setting.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

import msgspec
from msgspec import Struct

DEFAULT_LISTEN = "127.0.0.1:50051"
_LOOPBACK = ("127.0.0.1:", "localhost:", "[::1]:", "unix:")


class ConfigError(Exception):
    """A setting is wrong; the message names it and what is allowed."""


class Config(Struct, frozen=True, kw_only=True):
    """Every setting of a server. `database` and `keys_database` are URLs; empty means SQLite under `data`."""

    data: Path = Path(".accord")
    listen: str = DEFAULT_LISTEN
    database: str = ""
    keys_database: str = ""
    read_threads: int = 4
    write_threads: int = 64
    max_concurrent: int = 512
    drain_seconds: float = 20
    core: int = -1
    """The processor core to stay on; -1 is the last one."""
    metrics_listen: str = ""
    """Where Prometheus may ask for the measures, host:port; empty is nowhere."""
    log_format: Literal["", "json", "text"] = ""
    """Empty is text on a terminal, and JSON elsewhere."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def read(cls, environment: Mapping[str, str], **options: object) -> Self:
        """Return the settings: options that are not None, else ACCORD_<NAME>, else the default. Raises ConfigError."""
        told: dict[str, object] = {}
        for name in cls.__struct_fields__:
            text = environment.get(f"ACCORD_{name.upper()}")
            if text:
                told[name] = Path(text) if name == "data" else text
        told |= {name: value for name, value in options.items() if value is not None}
        try:
            config = msgspec.convert(told, cls, strict=False, dec_hook=_path)
        except msgspec.ValidationError as error:
            raise ConfigError(f"a setting is wrong: {error}") from error
        config.examine()
        return config

    def examine(self) -> None:
        """Raise ConfigError where settings contradict each other or what development mode allows."""
        if not self.listen.startswith(_LOOPBACK):
            raise ConfigError(f"ACCORD_LISTEN must be a loopback address without TLS, such as {DEFAULT_LISTEN}")
        if self.read_threads < 1 or self.write_threads < 1:
            raise ConfigError("ACCORD_READ_THREADS and ACCORD_WRITE_THREADS must be at least 1")

    @property
    def database_url(self) -> str:
        """The URL of the ledger's database."""
        return self.database or f"sqlite:///{self.data.absolute() / 'accord.db'}"

    @property
    def keys_url(self) -> str:
        """The URL of the key store's database."""
        return self.keys_database or f"sqlite:///{self.data.absolute() / 'keys.db'}"

    @property
    def embedded(self) -> bool:
        """Say whether the ledger lives in SQLite."""
        return self.database_url.startswith("sqlite:")


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError(f"no setting is a {kind.__name__}")
