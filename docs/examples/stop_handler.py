"""The webhook for inbound SMS: STOP is recorded before the provider is told that the message was taken.

The provider posts the form fields `id`, `from` and `text`, and posts again what was not answered with 2xx. So a
no is never lost: as long as Accord has not recorded it, the answer is 503. Let only your provider reach this port.
"""

import hashlib
import logging
import os
import unicodedata
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from accord.client import Artefact, CallFailedError, Client, ContactPoint, DeclarationMethod, Evidence, Patience

ACCORD = (os.environ.get("ACCORD_SERVER", "127.0.0.1:50051"), os.environ.get("ACCORD_TOKEN", ""), "maison-alba")
ENGLISH = frozenset({"stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"})  # 47 CFR 64.1200(a)(10)
ALSO_SEEN = frozenset({"optout", "stopall", "remove", "td"})
FRENCH = frozenset({"arret", "arreter", "annuler", "desabonner", "desabonnement", "desinscrire", "desinscription"})
STOP = ENGLISH | ALSO_SEEN | FRENCH

_log = logging.getLogger("stop")


def is_stop(text: str) -> bool:
    """Say whether a message is a STOP in French or English: the word alone, or STOP and whatever follows."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    words = "".join(each if each.isalnum() else " " for each in plain).split()
    return " ".join(words) in STOP or words[:1] == ["stop"]


def withdraw(accord: Client, number: str, text: str, message_id: str) -> list[str]:
    """Record the no on the number, for whoever holds it and every purpose; return the contacts still to be stopped."""
    phone = ContactPoint.phone(number)
    artefact = Artefact(hashlib.sha256(text.encode()).digest(), "text/plain")
    evidence = Evidence("sms_keyword", DeclarationMethod.MESSAGE, recorder_id="stop-handler", artefacts=(artefact,))
    done = accord.withdraw(phone, evidence, contact_point=phone, request_id=f"sms-{message_id}")
    return [each.contact_id for each in done.open_contacts]


class Inbound(BaseHTTPRequestHandler):
    """Answers the provider."""

    accord: Client

    def do_POST(self) -> None:
        """Take one message: 204 once it is dealt with, 503 to have it again, 202 when a person should read it."""
        length = int(self.headers.get("Content-Length", 0))
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        status = 202
        if is_stop(form.get("text", "")):
            try:
                withdraw(self.accord, form["from"], form["text"], form["id"])
                status = 204
            except (CallFailedError, KeyError) as failure:
                # Whatever the cause, the no stands nowhere yet. The number is not logged.
                _log.warning("a STOP is not recorded yet: %s", getattr(failure, "reason", "a field is missing"))
                status = 503
        self.send_response(status)
        self.end_headers()


if __name__ == "__main__":
    # Shorter than the provider waits.
    Inbound.accord = Client(*ACCORD, writes=Patience(timeout_seconds=4))
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8081"))), Inbound).serve_forever()
