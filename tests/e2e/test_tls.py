"""TLS as an operator and an attacker meet it: who is let in, whom callers believe, renewal without a restart."""

import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from support.certificates import Authority, Pair
from support.serving import BRAND, Server, Site, apply_request, free_address, wait_for

from accord.client import CallFailedError, Client, Connection, Verdict, tls
from accord.keys.callers import Callers

SPIFFE_ID = "spiffe://maison.example/checkout"
OLDER = timedelta(days=-1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The CA of the server."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA that nobody here believes."""
    return Authority(tmp_path_factory.mktemp("stranger"), "another CA")


class TlsServer:
    """A server on TLS, and how to call it."""

    def __init__(self, folder: Path, authority: Authority, pair: Pair, **settings: str) -> None:
        self.authority = authority
        self.pair = pair
        told = {"ACCORD_TLS_CERTIFICATE": str(pair.certificate), "ACCORD_TLS_KEY": str(pair.key), **settings}
        self.site = Site(folder, settings=told)
        self.server: Server = self.site.launch(free_address())
        wait_for(lambda: "Accord serves on" in self.server.told or self.server.process.poll() is not None, "a start")

    def reason(self, credentials: object, token: str | None = None) -> str:
        """Return why a call by these credentials fails, with what grpc says of it; empty when it does not."""
        try:
            with Connection(
                self.server.address,
                self.site.token if token is None else token,
                credentials=credentials,  # type: ignore[arg-type]
            ) as connection:
                connection.ask(connection.catalogues.Apply, apply_request())
        except CallFailedError as error:
            return f"{error.reason}: {error.message}"
        return ""

    def serial(self) -> int:
        """Return the number of the certificate that a new connection is met with."""
        host, _, port = self.server.address.rpartition(":")
        certificate = ssl.get_server_certificate((host, int(port)), ca_certs=str(self.authority.certificate))
        return x509.load_pem_x509_certificate(certificate.encode()).serial_number

    def cli(self, *arguments: str, code: int = 0) -> str:
        """Run a command that calls the server; return what it said."""
        done = self.site.run(*arguments, "--server", self.server.address, expect=code)
        return done.stdout + done.stderr


Serve = Callable[..., TlsServer]


@pytest.fixture
def serve(authority: Authority, tmp_path: Path) -> Iterator[Serve]:
    """Start a server on TLS, whose certificate may be renewed."""
    started: list[TlsServer] = []

    def start(pair: Pair | None = None, **settings: str) -> TlsServer:
        made = TlsServer(tmp_path, authority, pair or authority.issue(f"server-{tmp_path.name}"), **settings)
        started.append(made)
        return made

    yield start
    for each in started:
        each.site.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_who_believes_the_servers_ca_is_served_and_nobody_else_is(
    serve: Serve, authority: Authority, stranger: Authority, workers: str
) -> None:
    it = serve(ACCORD_WORKERS=workers)
    assert it.reason(tls(authority.certificate)) == ""
    assert it.reason(None).startswith("UNREACHABLE")
    assert it.reason(tls(stranger.certificate)).startswith("UNREACHABLE")
    assert it.reason(tls()).startswith("UNREACHABLE")
    assert it.reason(tls(authority.certificate), token="a token nobody was given").startswith("UNAUTHENTICATED")
    assert it.server.stop() == 0


def test_a_certificate_that_expired_is_told_by_the_server_and_refused_by_callers(
    serve: Serve, authority: Authority
) -> None:
    it = serve(authority.issue("expired", lifetime=OLDER))
    assert "ACCORD_TLS_CERTIFICATE expired at" in it.server.told
    assert it.reason(tls(authority.certificate)).startswith("UNREACHABLE")


def test_a_certificate_for_another_name_is_refused_by_callers(serve: Serve, authority: Authority) -> None:
    it = serve(authority.issue("elsewhere", [x509.DNSName("elsewhere.example")]))
    assert it.reason(tls(authority.certificate)).startswith("UNREACHABLE")


def test_a_renewed_certificate_meets_the_next_connection_and_those_open_go_on(
    serve: Serve, authority: Authority
) -> None:
    it = serve()
    with Connection(it.server.address, it.site.token, credentials=tls(authority.certificate)) as open_before:
        assert open_before.health() == "SERVING"
        before = it.serial()
        it.pair.replace(authority.issue("renewed"))
        assert it.serial() != before
        assert open_before.health() == "SERVING"
    assert it.reason(tls(authority.certificate)) == ""


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        pytest.param(lambda pair: pair.key.write_text("torn"), "ACCORD_TLS_KEY", id="a torn key"),
        pytest.param(lambda pair: pair.certificate.write_text("torn"), "ACCORD_TLS_CERTIFICATE", id="a torn chain"),
        pytest.param(lambda pair: pair.certificate.unlink(), "cannot be read", id="no file"),
    ],
)
def test_a_renewal_that_cannot_be_used_is_told_and_the_old_certificate_stays(
    serve: Serve, authority: Authority, spoil: Callable[[Pair], object], told: str
) -> None:
    it = serve()
    before = it.serial()
    spoil(it.pair)
    assert it.serial() == before
    wait_for(lambda: "the certificates stay as they were" in it.server.told, "the fault to be told")
    assert told in it.server.told
    it.pair.replace(authority.issue("mended"))
    assert it.serial() != before


def test_half_a_renewal_is_not_served(serve: Serve, authority: Authority) -> None:
    it = serve()
    before = it.serial()
    renewed = authority.issue("whole")
    renewed.certificate.replace(it.pair.certificate)
    assert it.serial() == before
    renewed.key.replace(it.pair.key)
    assert it.serial() != before


# --- mutual TLS ---------------------------------------------------------------------------------


@pytest.fixture
def callers_authority(tmp_path: Path) -> Authority:
    """The CA of callers, not that of the server."""
    return Authority(tmp_path / "callers")


def test_without_a_certificate_of_the_callers_ca_nobody_is_let_in_whatever_the_token(
    serve: Serve, authority: Authority, stranger: Authority, callers_authority: Authority
) -> None:
    it = serve(ACCORD_TLS_CLIENT_CA=str(callers_authority.certificate))
    mine = callers_authority.issue("caller", [x509.DNSName("checkout.example")])
    other = stranger.issue("forged", [x509.DNSName("checkout.example")])
    old = callers_authority.issue("old", [x509.DNSName("checkout.example")], OLDER)
    assert it.reason(tls(authority.certificate)).startswith("UNREACHABLE")
    assert it.reason(tls(authority.certificate, *other)).startswith("UNREACHABLE")
    assert it.reason(tls(authority.certificate, *old)).startswith("UNREACHABLE")
    assert it.reason(tls(authority.certificate, *mine)) == ""
    assert it.reason(tls(authority.certificate, *mine), token="").startswith("UNAUTHENTICATED")


def test_a_caller_known_by_the_name_in_its_certificate_calls_in_its_roles(
    serve: Serve, authority: Authority, callers_authority: Authority
) -> None:
    it = serve(ACCORD_TLS_CLIENT_CA=str(callers_authority.certificate))
    admin = tls(authority.certificate, *callers_authority.issue("admin", [x509.DNSName("admin.example")]))
    assert it.reason(admin) == ""
    command = ("tokens", "add", "checkout", "--brand", BRAND, "--role", "checker", "--certificate-name", SPIFFE_ID)
    it.site.run(*command, expect=0)
    named = [x509.DNSName("checkout.example"), x509.UniformResourceIdentifier(SPIFFE_ID)]
    pair = callers_authority.issue("checkout", named)
    credentials = tls(authority.certificate, *pair)
    _wait_until_known(it, credentials)
    assert it.reason(credentials, token="").startswith("ROLE_MISSING")
    # A token that is told counts alone.
    assert it.reason(credentials, token="a token nobody was given").startswith("UNAUTHENTICATED")

    longer = tls(
        authority.certificate,
        *callers_authority.issue("longer", [x509.UniformResourceIdentifier(f"{SPIFFE_ID}/2")], common=SPIFFE_ID),
    )
    assert it.reason(longer, token="").startswith("UNAUTHENTICATED")

    it.site.run("tokens", "remove", "checkout", expect=0)
    wait_for(lambda: it.reason(credentials, token="").startswith("UNAUTHENTICATED"), "the caller to be forgotten")


def _wait_until_known(it: TlsServer, credentials: object) -> None:
    def known() -> bool:
        with Client(it.server.address, "", BRAND, credentials=credentials) as client:  # type: ignore[arg-type]
            try:
                return client.check("ada", "email", "marketing.news").verdict is Verdict.DENY
            except CallFailedError:
                return False

    wait_for(known, "the caller to be known")


# --- starting, and the command line -------------------------------------------------------------


def test_a_server_on_tls_may_listen_where_others_reach_it(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("everywhere")
    with Site(tmp_path) as site:
        address = f"0.0.0.0:{free_address().rpartition(':')[2]}"
        told = site.run_process("serve", "--listen", address, expect=1).stderr
        assert "ACCORD_LISTEN must be a loopback address without TLS" in told
        assert "ACCORD_TLS_CERTIFICATE" in told
        site.environment |= {"ACCORD_TLS_CERTIFICATE": str(pair.certificate), "ACCORD_TLS_KEY": str(pair.key)}
        server = site.launch(address)
        wait_for(lambda: "Accord serves on" in server.told, "the server to serve")
        assert server.stop() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_files_that_cannot_be_used_are_told_by_their_setting(
    authority: Authority, tmp_path: Path, workers: str
) -> None:
    pair, other = authority.issue("good"), authority.issue("other")
    torn = tmp_path / "torn.pem"
    torn.write_text("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
    wrong = {
        "ACCORD_TLS_KEY": ({"KEY": other.key}, "is not the key of ACCORD_TLS_CERTIFICATE"),
        "ACCORD_TLS_CERTIFICATE": ({"CERTIFICATE": torn}, "must hold certificates in PEM"),
        "ACCORD_TLS_CLIENT_CA": ({"CLIENT_CA": tmp_path / "none.pem"}, "cannot be read: No such file"),
    }
    for setting, (changed, sentence) in wrong.items():
        files = {"CERTIFICATE": pair.certificate, "KEY": pair.key} | changed
        settings = {f"ACCORD_TLS_{name}": str(path) for name, path in files.items()} | {"ACCORD_WORKERS": workers}
        with Site(tmp_path, settings=settings) as site:
            told = site.run_process("serve", "--listen", free_address(), expect=1).stderr
        assert told.startswith(f"accord: {setting} ("), told
        assert sentence in told


def test_the_command_line_speaks_tls_and_shows_its_certificate(
    serve: Serve, authority: Authority, callers_authority: Authority, tmp_path: Path
) -> None:
    it = serve(ACCORD_TLS_CLIENT_CA=str(callers_authority.certificate))
    mine = callers_authority.issue("operator", [x509.DNSName("operator.example")])
    options = ("--ca", str(authority.certificate))
    shown = ("--client-certificate", str(mine.certificate), "--client-key", str(mine.key))
    assert it.cli("health", *options, *shown) == "SERVING\n"
    assert "UNREACHABLE" in it.cli("health", *options, code=1)
    assert "UNREACHABLE" in it.cli("health", code=1)
    assert "go together" in it.cli("health", *options, *shown[:2], code=1)
    assert "none.pem cannot be read" in it.cli("health", "--ca", str(tmp_path / "none.pem"), code=1)
    assert "must hold a certificate in PEM" in it.cli("health", "--ca", str(mine.key), code=1)
    it.site.environment["ACCORD_CA"] = str(authority.certificate)
    assert it.cli("health", *shown) == "SERVING\n"


def test_two_callers_cannot_share_a_certificates_name(tmp_path: Path) -> None:
    callers = Callers(tmp_path / "callers.json")
    callers.add_certificate("checkout", BRAND, ("checker",), SPIFFE_ID)
    with Site(tmp_path, settings={"ACCORD_DATA": str(tmp_path)}) as site:
        command = ("tokens", "add", "other", "--brand", BRAND, "--role", "checker", "--certificate-name", SPIFFE_ID)
        assert "another caller is known by this certificate's name" in site.run(*command, expect=1).stderr
