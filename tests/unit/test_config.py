"""Settings: an option before the environment before the default, and a wrong one said so by its name."""

from pathlib import Path

import pytest

from accord.config import DEFAULT_LISTEN, Config, ConfigError


def test_without_a_word_everything_has_a_default() -> None:
    config = Config.read({})
    assert config == Config()
    assert config.listen == DEFAULT_LISTEN
    assert config.embedded
    assert config.database_url == f"sqlite:///{Path('.accord').absolute()}/accord.db"
    assert config.keys_url == f"sqlite:///{Path('.accord').absolute()}/keys.db"


def test_the_environment_is_read_by_the_names_of_the_settings() -> None:
    environment = {
        "ACCORD_DATA": "/var/lib/accord",
        "ACCORD_LISTEN": "localhost:4000",
        "ACCORD_DATABASE": "postgresql://db/ledger",
        "ACCORD_KEYS_DATABASE": "postgresql://db/keys",
        "ACCORD_READ_THREADS": "2",
        "ACCORD_DRAIN_SECONDS": "1.5",
        "OTHER_READ_THREADS": "9",
    }
    config = Config.read(environment)
    assert config.data == Path("/var/lib/accord")
    assert (config.listen, config.read_threads, config.drain_seconds) == ("localhost:4000", 2, 1.5)
    assert (config.database_url, config.keys_url) == ("postgresql://db/ledger", "postgresql://db/keys")
    assert not config.embedded


def test_an_option_comes_before_the_environment_and_none_is_no_option() -> None:
    environment = {"ACCORD_LISTEN": "localhost:4000", "ACCORD_DATA": "/one"}
    config = Config.read(environment, listen="127.0.0.1:5000", data=None)
    assert (config.listen, config.data) == ("127.0.0.1:5000", Path("/one"))


def test_an_empty_variable_is_the_default() -> None:
    assert Config.read({"ACCORD_LISTEN": "", "ACCORD_READ_THREADS": ""}) == Config()


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/accord.sock"])
def test_a_loopback_address_may_be_listened_on(listen: str) -> None:
    assert Config.read({"ACCORD_LISTEN": listen}).listen == listen


@pytest.mark.parametrize(
    "listen",
    ["0.0.0.0:1", "[::]:1", "example.com:1", "127.0.0.1", "127.0.0.1.example.com:1", "localhost.example.com:1"],
)
def test_without_tls_no_other_address_is_listened_on(listen: str) -> None:
    with pytest.raises(ConfigError, match="ACCORD_LISTEN must be a loopback address"):
        Config.read({"ACCORD_LISTEN": listen})


@pytest.mark.parametrize(
    ("name", "text"),
    [("read_threads", "many"), ("read_threads", "1.5"), ("write_threads", " "), ("drain_seconds", "soon")],
)
def test_a_setting_of_another_kind_is_refused_by_its_name(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.read({f"ACCORD_{name.upper()}": text})


@pytest.mark.parametrize(("name", "text"), [("log_format", "xml"), ("log_level", "LOUD"), ("log_level", "info")])
def test_a_word_that_is_none_of_a_setting_is_refused_by_its_name(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.read({f"ACCORD_{name.upper()}": text})


@pytest.mark.parametrize("name", ["read_threads", "write_threads"])
@pytest.mark.parametrize("number", ["0", "-1"])
def test_there_is_at_least_one_thread_of_each_kind(name: str, number: str) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        Config.read({f"ACCORD_{name.upper()}": number})


TLS = {"ACCORD_TLS_CERTIFICATE": "/tls/server.pem", "ACCORD_TLS_KEY": "/tls/server.key"}


def test_on_tls_every_address_may_be_listened_on() -> None:
    config = Config.read(TLS | {"ACCORD_LISTEN": "0.0.0.0:1"})
    assert (config.speaks_tls, config.tls_certificate) == (True, Path("/tls/server.pem"))
    assert not Config.read({}).speaks_tls


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"ACCORD_TLS_KEY": "k"}, "ACCORD_TLS_CERTIFICATE and ACCORD_TLS_KEY go together"),
        ({"ACCORD_TLS_CERTIFICATE": "c"}, "ACCORD_TLS_CERTIFICATE and ACCORD_TLS_KEY go together"),
        ({"ACCORD_TLS_CLIENT_CA": "ca"}, "ACCORD_TLS_CLIENT_CA needs ACCORD_TLS_CERTIFICATE"),
        ({"ACCORD_WORKERS": "0"}, "ACCORD_WORKERS must be at least 1"),
        ({"ACCORD_WORKERS": "2", "ACCORD_LISTEN": "unix:/run/accord.sock"}, "ACCORD_LISTEN must be HOST:PORT"),
        ({"ACCORD_CHECKPOINT_SECONDS": "0"}, "ACCORD_CHECKPOINT_SECONDS must be more than 0"),
    ],
)
def test_settings_that_cannot_be_together_are_told_by_name(environment: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Config.read(environment)


def test_another_process_reads_the_very_same_settings() -> None:
    told = TLS | {"ACCORD_WORKERS": "3", "ACCORD_DATABASE": "postgresql://db/ledger", "ACCORD_DRAIN_SECONDS": "0.5"}
    config = Config.read(told, data=Path("/var/lib/accord"), listen="[::1]:0")
    assert Config.read(config.environment()) == config
