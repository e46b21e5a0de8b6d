"""Settings: an option before the environment before the default, and a wrong one said so by its name."""

from pathlib import Path

import pytest

from accord.config import DEFAULT_LISTEN, KNOWN, Config, ConfigError, read_files, refuse_unknown


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
    ["0.0.0.0:1", "[::]:1", "example.com:1", "127.0.0.1.example.com:1", "localhost.example.com:1"],
)
def test_without_tls_no_other_address_is_listened_on(listen: str) -> None:
    with pytest.raises(ConfigError, match="ACCORD_LISTEN must be a loopback address"):
        Config.read({"ACCORD_LISTEN": listen})


@pytest.mark.parametrize("listen", ["50061", "127.0.0.1", ":50061", "localhost:http", "[::1]"])
def test_an_address_to_listen_on_has_host_and_port(listen: str) -> None:
    with pytest.raises(ConfigError, match="ACCORD_LISTEN must be HOST:PORT, such as"):
        Config.read({"ACCORD_LISTEN": listen})


@pytest.mark.parametrize(
    ("variable", "text", "allowed"),
    [
        ("ACCORD_READ_THREADS", "many", "a whole number"),
        ("ACCORD_READ_THREADS", "1.5", "a whole number"),
        ("ACCORD_WRITE_THREADS", " ", "a whole number"),
        ("ACCORD_WORKERS", "two", "a whole number"),
        ("ACCORD_DRAIN_SECONDS", "soon", "a number"),
        ("ACCORD_LOG_FORMAT", "xml", "one of 'json', 'text'"),
        ("ACCORD_LOG_LEVEL", "LOUD", "one of 'DEBUG', 'INFO', 'WARNING', 'ERROR'"),
        ("ACCORD_LOG_LEVEL", "info", "one of 'DEBUG', 'INFO', 'WARNING', 'ERROR'"),
    ],
)
def test_a_setting_of_another_kind_is_refused_by_its_variable(variable: str, text: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Config.read({variable: text})
    assert str(refused.value) == f"{variable} must be {allowed}"


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("ACCORD_DATABSE", "did you mean ACCORD_DATABASE?"),
        ("ACCORD_DATABSE_FILE", "did you mean ACCORD_DATABASE_FILE?"),
        ("ACCORD_WORKER", "did you mean ACCORD_WORKERS?"),
        ("ACCORD_PEPPER_1", "did you mean ACCORD_PEPPER?"),
        ("ACCORD_PEPPER_02", "did you mean ACCORD_PEPPER?"),
        ("ACCORD_QQQQ", "docs/operations.md lists the settings"),
    ],
)
def test_a_variable_that_nothing_reads_is_refused_with_the_nearest_setting(variable: str, hint: str) -> None:
    environment = {variable: "/no/file"}
    read_files(environment)
    with pytest.raises(ConfigError) as refused:
        refuse_unknown(environment)
    assert str(refused.value) == f"{variable} is no setting of Accord: {hint}"


def test_settings_secrets_their_files_and_what_callers_read_are_known() -> None:
    names = (*KNOWN, "ACCORD_PEPPER_2", "ACCORD_PEPPER_10")
    refuse_unknown(dict.fromkeys((*names, *(f"{name}_FILE" for name in names), "ACCORDION", "PATH"), "x"))
    refuse_unknown({"ACCORD_DATABSE": ""})


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
        (
            {"ACCORD_DATABASE": "postgresql://db/one", "ACCORD_KEYS_DATABASE": "postgresql://db/one"},
            "ACCORD_KEYS_DATABASE must be another database than ACCORD_DATABASE",
        ),
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


class TestFiles:
    def test_a_file_tells_the_variable_it_is_named_for_and_its_name_is_taken_out(self, tmp_path: Path) -> None:
        (tmp_path / "url").write_text("  postgresql://accord:secret@db/ledger\n")
        environment = {"ACCORD_DATABASE_FILE": str(tmp_path / "url"), "OTHER_FILE": "/nowhere", "ACCORD_TOKEN_FILE": ""}
        read_files(environment)
        assert environment == {
            "ACCORD_DATABASE": "postgresql://accord:secret@db/ledger",
            "OTHER_FILE": "/nowhere",
            "ACCORD_TOKEN_FILE": "",
        }

    def test_what_is_told_twice_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="ACCORD_KEK and ACCORD_KEK_FILE say the same twice"):
            read_files({"ACCORD_KEK": "a", "ACCORD_KEK_FILE": str(tmp_path / "kek")})

    def test_an_empty_variable_leaves_the_word_to_its_file(self, tmp_path: Path) -> None:
        (tmp_path / "kek").write_text("a")
        environment = {"ACCORD_KEK": "", "ACCORD_KEK_FILE": str(tmp_path / "kek")}
        read_files(environment)
        assert environment == {"ACCORD_KEK": "a"}

    @pytest.mark.parametrize(
        ("content", "wrong"),
        [(None, "cannot be read: No such file"), (b"\xff", "must hold text"), (b" \n", "is empty")],
    )
    def test_a_file_that_tells_nothing_is_refused_by_the_name_of_its_variable(
        self, tmp_path: Path, content: bytes | None, wrong: str
    ) -> None:
        path = tmp_path / "pepper"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ConfigError) as refused:
            read_files({"ACCORD_PEPPER_FILE": str(path)})
        assert str(refused.value).startswith(f"ACCORD_PEPPER_FILE ({path}) {wrong}")
