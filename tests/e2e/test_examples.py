"""The programs of docs/examples do what they say, each in its own process, on a server with the sample catalogue."""

import hashlib
import hmac
import http.client
import importlib.util
import os
import re
import smtplib
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from types import ModuleType
from urllib.parse import urlencode, urlsplit

import pytest
from support.sample_site import SAMPLE_BRAND, SampleSite
from support.serving import free_address, wait_for

from accord.client import (
    Client,
    ContactPoint,
    ContactPointFact,
    ContactPointKind,
    DeclarationMethod,
    Evidence,
    Standing,
    Verdict,
)

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
FORM = "application/x-www-form-urlencoded"
LINK_KEY = "made-up-link-key"
PHONE = "+33639980001"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleSite]:
    with SampleSite(tmp_path_factory.mktemp("examples")) as made:
        yield made


@pytest.fixture(scope="module")
def environment(site: SampleSite) -> dict[str, str]:
    return site.of_a_service("examples") | {"LINK_KEY": LINK_KEY}


@pytest.fixture
def accord(environment: dict[str, str]) -> Iterator[Client]:
    with Client(environment["ACCORD_SERVER"], environment["ACCORD_TOKEN"], SAMPLE_BRAND) as client:
        yield client


def at(touchpoint: str) -> Evidence:
    return Evidence(touchpoint, DeclarationMethod.BUTTON, language="en")


def run(program: str, *arguments: str, environment: dict[str, str], told: str = "") -> list[str]:
    """Run an example to its end and return the lines it printed."""
    command = [sys.executable, str(EXAMPLES / program), *arguments]
    done = subprocess.run(command, env=environment, input=told, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@contextmanager
def serving(program: str, environment: dict[str, str], log: Path) -> Iterator[http.client.HTTPConnection]:
    """Serve an example, and return a connection to it."""
    host, _, port = free_address().rpartition(":")
    with log.open("wb") as out:
        command = [sys.executable, str(EXAMPLES / program)]
        server = subprocess.Popen(command, env=environment | {"PORT": port}, stdout=out, stderr=out)
    connection = http.client.HTTPConnection(host, int(port), timeout=30)

    def answers() -> bool:
        assert server.poll() is None, log.read_text()
        try:
            connection.connect()
        except OSError:
            return False
        return True

    try:
        wait_for(answers, f"{program} to serve")
        yield connection
    finally:
        connection.close()
        server.terminate()
        server.wait(30)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    """Return the status and text of a request."""
    connection.request(method, path, body, {"Content-Type": FORM} if body is not None else {})
    response = connection.getresponse()
    return response.status, response.read().decode()


# --- the mail sender ----------------------------------------------------------------------------


class Mailbox(socketserver.ThreadingTCPServer):
    """An SMTP server that keeps what it is sent (RFC 5321, as far as smtplib speaks it)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.received: list[Message] = []
        self.refuses = False

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Session(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say("220 mailbox")
        while line := self.rfile.readline():
            match line.split()[0].upper().decode() if line.split() else "":
                case "EHLO" | "HELO" | "MAIL" | "RSET" | "NOOP":
                    self._say("250 ok")
                case "RCPT":
                    self._say("550 no such mailbox" if self.server.refuses else "250 ok")
                case "DATA":
                    self._say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    self.server.received.append(message_from_bytes(b"".join(lines)))
                    self._say("250 kept")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("502 not spoken here")

    def _say(self, reply: str) -> None:
        self.wfile.write(f"{reply}\r\n".encode())


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        try:
            yield made
        finally:
            made.shutdown()


def _occasions(folder: Path, *lines: str) -> str:
    file = folder / "occasions.csv"
    file.write_text("\n".join(("occasion,customer,email,purpose", *lines)) + "\n")
    return str(file)


def test_the_mail_sender_writes_to_those_who_allow_it_and_to_each_once(
    accord: Client, environment: dict[str, str], mailbox: Mailbox, tmp_path: Path
) -> None:
    accord.grant("mia", at("birthday_club"), contact_point=ContactPoint.email("mia@example.com"))
    accord.grant("noe", at("web_cart"), contact_point=ContactPoint.email("noe@example.com"))
    accord.withdraw("noe", at("preference_centre"), purpose="marketing")
    file = _occasions(
        tmp_path,
        "birthday-mia,mia,mia@example.com,marketing.birthday",
        "cart-mia,mia,mia@example.com,marketing.abandoned_cart",
        "cart-noe,noe,noe@example.com,marketing.abandoned_cart",
    )
    told = environment | {"SMTP": mailbox.address}
    expected = ["birthday-mia sent", "cart-mia not sent: NO_PERMISSION", "cart-noe not sent: WITHDRAWN"]
    assert run("mail_sender.py", file, environment=told) == expected
    (message,) = mailbox.received
    assert message["To"] == "mia@example.com"
    again = run("mail_sender.py", file, environment=told)
    assert again[0] == "birthday-mia not sent: CONTACT_ALREADY_REPORTED"
    assert len(mailbox.received) == 1


def test_a_message_that_was_not_taken_may_be_sent_again(accord: Client, mailbox: Mailbox) -> None:
    accord.grant("ola", at("web_advice_form"), contact_point=ContactPoint.email("ola@example.com"))
    sender = _loaded("mail_sender")
    sender.TEXTS["marketing.advice"] = ("Your question", "Here is our advice.")
    row = {"occasion": "advice-ola", "customer": "ola", "email": "ola@example.com", "purpose": "marketing.advice"}
    mailbox.refuses = True
    with smtplib.SMTP(mailbox.address, timeout=10) as smtp:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            sender.send_all(accord, [row], smtp.send_message)
        mailbox.refuses = False
        # A permission to be contacted once was not used up by a message that never left.
        sender.send_all(accord, [row | {"occasion": "advice-ola-again"}], smtp.send_message)
    assert [message["To"] for message in mailbox.received] == ["ola@example.com"]


def test_an_obligation_that_the_sender_does_not_know_keeps_the_message_back(accord: Client) -> None:
    accord.grant("pia", at("birthday_club"), contact_point=ContactPoint.email("pia@example.com"))
    sender = _loaded("mail_sender")
    with accord.contact("pia", "email", "marketing.birthday", contact_id="pia-1") as contact:
        contact.cancel()
        known = contact.authorization.obligations
        assert sender.compose(contact, "pia", "pia@example.com", "marketing.birthday") is not None
        object.__setattr__(contact.authorization, "obligations", (*known, "UNRECOGNISED_99"))
        assert sender.compose(contact, "pia", "pia@example.com", "marketing.birthday") is None


def test_one_click_in_the_mail_program_withdraws_from_marketing_by_e_mail(
    accord: Client, environment: dict[str, str], mailbox: Mailbox, tmp_path: Path
) -> None:
    accord.grant("quy", at("birthday_club"), contact_point=ContactPoint.email("quy@example.com"))
    file = _occasions(tmp_path, "birthday-quy,quy,quy@example.com,marketing.birthday")
    run("mail_sender.py", file, environment=environment | {"SMTP": mailbox.address})
    (message,) = mailbox.received
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = urlsplit(message["List-Unsubscribe"].strip("<>"))
    assert link.geturl() in message.get_payload(decode=True).decode()
    with serving("preference_form.py", environment, tmp_path / "log") as form:
        status, _ = ask(form, "GET", f"{link.path}?{link.query}")
        assert status == 200
        assert accord.check("quy", "email", "marketing.birthday")
        status, _ = ask(form, "POST", f"{link.path}?{link.query}", "List-Unsubscribe=One-Click")
        assert status == 200
    assert accord.check("quy", "email", "marketing.birthday").reason == "WITHDRAWN"
    assert accord.check("quy", "email", "service.order").allowed


# --- the beacon gateway -------------------------------------------------------------------------


def test_the_beacon_gateway_offers_in_the_right_store_once_and_records_nothing_of_strangers(
    accord: Client, environment: dict[str, str]
) -> None:
    device = ContactPoint(ContactPointKind.BEACON_DEVICE, "made-up-device-1")
    accord.link("rosa", device)
    accord.grant("rosa", at("beacon_welcome"), places=("store:lyon",))
    sightings = ("made-up-device-1 store:lyon",) * 2 + ("made-up-device-1 store:paris", "stranger store:lyon")
    assert run("beacon_gateway.py", environment=environment, told="\n".join(sightings)) == [
        "offer of store:lyon on made-up-device-1",
        "store:lyon: shown",
        "store:lyon: CONTACT_ALREADY_REPORTED",
        "store:paris: NO_PERMISSION",
        "store:lyon: a stranger",
    ]
    seen = [item.payload["event"]["place"] for item in accord.history("rosa") if item.type == "ActivityReported"]
    assert seen == ["store:lyon", "store:paris"]
    stranger = ContactPoint(ContactPointKind.BEACON_DEVICE, "stranger")
    assert accord.check(stranger, "in_store", "offer.in_store", place="store:lyon").reason == "CUSTOMER_UNKNOWN"


# --- STOP by SMS --------------------------------------------------------------------------------


def test_a_stop_binds_the_number_at_once_and_a_repeat_is_answered_alike(
    accord: Client, environment: dict[str, str], tmp_path: Path
) -> None:
    phone = ContactPoint.phone(PHONE)
    accord.grant("sam", at("till"), contact_point=phone)
    message = urlencode({"id": "m-1", "from": PHONE, "text": "Arrêt"})
    with serving("stop_handler.py", environment, tmp_path / "log") as handler:
        assert ask(handler, "POST", "/", urlencode({"id": "m-0", "from": PHONE, "text": "Merci"}))[0] == 204
        assert accord.check("sam", "sms", "service.delivery").allowed
        assert [ask(handler, "POST", "/", message)[0] for _ in range(2)] == [204, 204]
    assert accord.check("sam", "sms", "service.delivery").reason == "STOPPED"
    assert len(accord.permissions("sam").refusals) == 1


def test_a_stop_of_a_number_that_nobody_knew_is_kept_for_who_turns_out_to_hold_it(
    accord: Client, environment: dict[str, str], tmp_path: Path
) -> None:
    number = "+33639980002"
    accord.grant("tom", at("till"))
    with serving("stop_handler.py", environment, tmp_path / "log") as handler:
        assert ask(handler, "POST", "/", urlencode({"id": "m-2", "from": number, "text": "STOP"}))[0] == 204
    accord.link("tom", ContactPoint.phone(number))
    assert accord.check("tom", "sms", "marketing.sale").reason == "STOPPED"


def test_what_may_be_a_no_goes_to_a_person_and_marketing_waits_for_them(
    accord: Client, environment: dict[str, str], tmp_path: Path
) -> None:
    number = "+33639980003"
    phone = ContactPoint.phone(number)
    accord.grant("una", at("till"), contact_point=phone)
    with serving("stop_handler.py", environment, tmp_path / "log") as handler:
        unclear = urlencode({"id": "m-5", "from": number, "text": "Pas la peine d'insister"})
        assert ask(handler, "POST", "/", unclear)[0] == 202
        assert ask(handler, "POST", "/", urlencode({"id": "m-6", "from": number, "text": "AIDE"}))[0] == 202
    assert accord.check("una", "sms", "marketing.sale").reason == "REPLY_UNSETTLED"
    assert accord.check("una", "sms", "service.delivery").allowed
    accord.report_contact_point(phone, ContactPointFact.REPLY_SETTLED)
    assert accord.check("una", "sms", "marketing.sale").reason != "REPLY_UNSETTLED"


def test_a_stop_that_accord_could_not_record_is_asked_for_again(environment: dict[str, str], tmp_path: Path) -> None:
    away = environment | {"ACCORD_SERVER": free_address()}
    with serving("stop_handler.py", away, tmp_path / "log") as handler:
        assert ask(handler, "POST", "/", urlencode({"id": "m-3", "from": PHONE, "text": "STOP"}))[0] == 503
        assert ask(handler, "POST", "/", urlencode({"id": "m-4", "text": "STOP"}))[0] == 503
    assert PHONE not in (tmp_path / "log").read_text()


# --- the preference form ------------------------------------------------------------------------


def _link(customer: str) -> str:
    signature = hmac.new(LINK_KEY.encode(), customer.encode(), hashlib.sha256).hexdigest()
    return f"/?{urlencode({'c': customer, 's': signature})}"


def _ticked(page: str) -> list[str]:
    return re.findall(r'value="([\w.]+)" checked', page)


def test_the_form_shows_what_counts_and_records_each_change_with_what_was_shown(
    accord: Client, environment: dict[str, str], tmp_path: Path
) -> None:
    accord.grant("uma", at("birthday_club"), contact_point=ContactPoint.email("uma@example.com"))
    with serving("preference_form.py", environment, tmp_path / "log") as form:
        status, page = ask(form, "GET", _link("uma"))
        assert (status, _ticked(page)) == (200, ["marketing.birthday"])
        posted = urlencode({"box": ["marketing.newsletter", "marketing.sale"]}, doseq=True)
        status, page = ask(form, "POST", _link("uma"), posted)
        assert (status, _ticked(page)) == (200, ["marketing.newsletter", "marketing.sale"])
        status, page = ask(form, "POST", _link("uma"), "")
        assert (status, _ticked(page)) == (200, [])
    standing: Standing = accord.permissions("uma")
    assert {refusal.purpose for refusal in standing.refusals} == {
        "marketing.birthday",
        "marketing.newsletter",
        "marketing.sale",
    }
    (given,) = [each for each in standing.permissions if each.touchpoint == "preference_centre"]
    assert (given.notice, given.channels) == ("preferences-1", ("email",))
    told = next(item.payload["event"] for item in accord.history("uma") if item.position == given.position)
    digest = hashlib.sha256(posted.encode()).hexdigest()
    assert [each["sha256"] for each in told["evidence"]["artefacts"]] == [digest]


def test_the_form_opens_by_the_customers_own_link_alone(
    accord: Client, environment: dict[str, str], tmp_path: Path
) -> None:
    accord.grant("vic", at("birthday_club"), contact_point=ContactPoint.email("vic@example.com"))
    with serving("preference_form.py", environment, tmp_path / "log") as form:
        for link in ("/", "/?c=vic", f"/?c=vic&s={'0' * 64}", _link("uma").replace("uma", "vic")):
            assert ask(form, "POST", link, "")[0] == 403
    assert accord.check("vic", "email", "marketing.birthday").verdict is Verdict.ALLOW


def test_the_form_says_so_when_nothing_could_be_recorded(environment: dict[str, str], tmp_path: Path) -> None:
    away = environment | {"ACCORD_SERVER": free_address()}
    with serving("preference_form.py", away, tmp_path / "log") as form:
        status, page = ask(form, "POST", _link("uma"), "List-Unsubscribe=One-Click")
        assert status == 503
        assert "not recorded" in page


def test_every_example_is_short_enough_to_be_read() -> None:
    examples = list(EXAMPLES.glob("*.py"))
    assert examples
    for path in examples:
        assert len(path.read_text("utf-8").splitlines()) <= 80, path.name


def _loaded(name: str) -> ModuleType:
    """Return an example as a module, for what a process would make slow."""
    os.environ.setdefault("LINK_KEY", LINK_KEY)
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
