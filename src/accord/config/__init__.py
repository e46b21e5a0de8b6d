"""Settings, from the environment and from options; one place, every default written once.

`Config.read` is pure: it is given the environment. Nothing else in Accord reads a setting.
"""

import re
from collections.abc import Mapping, MutableMapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Self, get_args

import msgspec
from msgspec import Struct

_FILE = re.compile(r"(ACCORD_[A-Z0-9_]+)_FILE")
DEFAULT_LISTEN = "127.0.0.1:50051"
OPERATOR_TOKEN = "operator.token"  # noqa: S105 - the name of a file in the data folder, not a secret
_LOOPBACK = ("127.0.0.1:", "localhost:", "[::1]:", "unix:")
_HOST_PORT = re.compile(r"[^:]+:\d+|\[[^]]+\]:\d+")
_UNIX = ("unix:", "unix-abstract:")
SECRETS = ("ACCORD_KEK", "ACCORD_KEK_EPOCH", "ACCORD_KEK_NEXT", "ACCORD_PEPPER", "ACCORD_SUPPRESSION_PEPPER")
"""What `accord.keys` reads of the environment, beside the peppers of later epochs."""

_LATER_PEPPER = re.compile(r"ACCORD_PEPPER_([2-9]|[1-9][0-9]+)")
_CALLERS = (
    "ACCORD_SERVER",
    "ACCORD_TOKEN",
    "ACCORD_BRAND",
    "ACCORD_CA",
    "ACCORD_CLIENT_CERTIFICATE",
    "ACCORD_CLIENT_KEY",
    "ACCORD_PROTOS",
)
"""What the command line and the examples read as callers of a server: it may stand in the environment of one too."""


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
    """The processor core to stay on; -1 is the last one. Of several workers each has its own."""

    workers: int = 1
    """Processes that share the port; with more than one, another process supervises them."""

    checkpoint_seconds: float = 10
    """How long the ledger may grow before its newest checkpoint is kept outside the database."""

    scrub_seconds: float = 10
    """How often a slice of each ledger is read again and held to its hashes."""

    scrub_entries: int = 2560
    """How many entries such a slice has, rounded up to whole tiles of 256."""

    kek_days: int = 30
    """Within how many days a new epoch of the key-encryption key is begun; receipts of erasure rest on it."""

    tls_certificate: Path | None = None
    """The server's certificate, and those that lead to its CA, in PEM."""

    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """The CAs, in PEM, of whom every caller must show a certificate; none: no certificate is asked for."""

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
                told[name] = text
        told |= {name: value for name, value in options.items() if value is not None}
        try:
            config = msgspec.convert(told, cls, strict=False, dec_hook=_path)
        except msgspec.ValidationError as error:
            raise ConfigError(_wrong(cls, told, error)) from error
        config.examine()
        return config

    def examine(self) -> None:
        """Raise ConfigError where settings contradict each other or what development mode allows."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ConfigError("ACCORD_TLS_CERTIFICATE and ACCORD_TLS_KEY go together: set both, or neither")
        if self.tls_client_ca is not None and not self.speaks_tls:
            raise ConfigError("ACCORD_TLS_CLIENT_CA needs ACCORD_TLS_CERTIFICATE and ACCORD_TLS_KEY too")
        if not self.listen.startswith(_UNIX) and not _HOST_PORT.fullmatch(self.listen):
            raise ConfigError(f"ACCORD_LISTEN must be HOST:PORT, such as {DEFAULT_LISTEN}")
        if not self.speaks_tls and not self.listen.startswith(_LOOPBACK):
            raise ConfigError(
                f"ACCORD_LISTEN must be a loopback address without TLS, such as {DEFAULT_LISTEN};"
                " to serve others set ACCORD_TLS_CERTIFICATE and ACCORD_TLS_KEY"
            )
        if self.keys_url == self.database_url:
            # Where the keys lie beside the entries, every backup of the ledger brings back who was erased.
            raise ConfigError("ACCORD_KEYS_DATABASE must be another database than ACCORD_DATABASE")
        self._examine_numbers()
        if self.workers > 1 and not _HOST_PORT.fullmatch(self.listen):
            raise ConfigError(f"ACCORD_LISTEN must be HOST:PORT for ACCORD_WORKERS to share, such as {DEFAULT_LISTEN}")

    def _examine_numbers(self) -> None:
        if self.read_threads < 1 or self.write_threads < 1:
            raise ConfigError("ACCORD_READ_THREADS and ACCORD_WRITE_THREADS must be at least 1")
        for name in ("workers", "kek_days", "scrub_entries"):
            if getattr(self, name) < 1:
                raise ConfigError(f"ACCORD_{name.upper()} must be at least 1")
        for name in ("checkpoint_seconds", "scrub_seconds"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"ACCORD_{name.upper()} must be more than 0")

    def environment(self) -> dict[str, str]:
        """Return the variables that make another process read these very settings."""
        told = {name: getattr(self, name) for name in self.__struct_fields__}
        return {f"ACCORD_{name.upper()}": str(value) for name, value in told.items() if value is not None}

    @property
    def speaks_tls(self) -> bool:
        """Say whether callers must speak TLS."""
        return self.tls_certificate is not None

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


KNOWN = (*(f"ACCORD_{name.upper()}" for name in Config.__struct_fields__), *SECRETS, *_CALLERS)
"""Every variable that something of Accord reads, beside the peppers of later epochs and each one's _FILE."""


def refuse_unknown(environment: Mapping[str, str]) -> None:
    """Raise ConfigError for a variable that begins with ACCORD_ and nothing reads: what is misspelt would not count."""
    for variable, text in sorted(environment.items()):
        if variable.startswith("ACCORD_") and text and not _known(variable):
            words = [name.removeprefix("ACCORD_") for name in (*KNOWN, *(f"{name}_FILE" for name in KNOWN))]
            meant = get_close_matches(variable.removeprefix("ACCORD_"), words, n=1)
            hint = f"did you mean ACCORD_{meant[0]}?" if meant else "docs/operations.md lists the settings"
            raise ConfigError(f"{variable} is no setting of Accord: {hint}")


def _known(variable: str) -> bool:
    name = variable.removesuffix("_FILE")
    return name in KNOWN or _LATER_PEPPER.fullmatch(name) is not None


def read_files(environment: MutableMapping[str, str]) -> dict[str, str]:
    """Put the text of each file that an ACCORD_<NAME>_FILE names into ACCORD_<NAME>, without blanks around it.

    Returns the files, by ACCORD_<NAME>.

    For what must not stand in an environment that others can look at: passwords, keys, tokens. The variable that named
    the file is taken out, so that what is started from here does not find both. What is no variable of ours stays, for
    `refuse_unknown` to name it as it was written. Raises ConfigError.
    """
    files = {}
    for variable, path in sorted(environment.items()):
        found = _FILE.fullmatch(variable)
        if found is None or not path or not _known(variable):
            continue
        name = found[1]
        if environment.get(name):
            raise ConfigError(f"{name} and {variable} say the same twice: set one of them")
        try:
            text = Path(path).read_text("utf-8").strip()
        except OSError as error:
            raise ConfigError(f"{variable} ({path}) cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{variable} ({path}) must hold text") from error
        if not text:
            raise ConfigError(f"{variable} ({path}) is empty")
        environment[name] = text
        files[name] = path
        del environment[variable]
    return files


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError(f"no setting is a {kind.__name__}")


def _wrong(kind: type[Config], told: Mapping[str, object], error: msgspec.ValidationError) -> str:
    """Return which setting is wrong, by the variable that sets it, and what it may be. Its text is not repeated."""
    name = next((name for name in told if f"`$.{name}`" in str(error)), "")
    if not name:
        return f"a setting is wrong: {error}"
    wanted = kind.__annotations__[name]
    words = ", ".join(repr(word) for word in get_args(wanted) if word)
    allowed = {int: "a whole number", float: "a number"}.get(wanted) or f"one of {words}"
    return f"ACCORD_{name.upper()} must be {allowed}"
