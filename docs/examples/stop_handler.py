"""The webhook for inbound SMS: a no is recorded before the provider is told that the message was taken.

The provider posts the form fields `id`, `from` and `text`, and posts again what was not answered with 2xx. So a
no is never lost: as long as Accord has not recorded it, the answer is 503. Accord reads the words; what it cannot read
goes to a person, and marketing to the number waits until they report REPLY_SETTLED. Let only your provider reach
this port.
"""

import logging
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from accord.client import CallFailedError, Client, ContactPoint, DeclarationMethod, Evidence, Patience, Reply

ACCORD = (os.environ.get("ACCORD_SERVER", "127.0.0.1:50051"), os.environ.get("ACCORD_TOKEN", ""), "maison-alba")
DEALT_WITH = frozenset({"WITHDRAWAL", "NOTHING"})
"""Of what was said; a person answers a call for help, and reads what is unclear."""

_log = logging.getLogger("stop")


def tell(accord: Client, number: str, text: str, message_id: str) -> Reply:
    """Tell Accord what came from a number, and return what it means. The contacts still to be stopped come with it."""
    evidence = Evidence("sms_keyword", DeclarationMethod.MESSAGE, recorder_id="stop-handler")
    return accord.reply(ContactPoint.phone(number), text, evidence, request_id=f"sms-{message_id}")


class Inbound(BaseHTTPRequestHandler):
    """Answers the provider."""

    accord: Client

    def do_POST(self) -> None:
        """Take one message: 204 once it is dealt with, 503 to have it again, 202 when a person should read it."""
        length = int(self.headers.get("Content-Length", 0))
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        try:
            said = tell(self.accord, form["from"], form.get("text", ""), form["id"])
            status = 204 if said.meaning in DEALT_WITH else 202
        except (CallFailedError, KeyError) as failure:
            # Whatever the cause, a no may stand nowhere yet. The number is not logged.
            _log.warning("a reply is not recorded yet: %s", getattr(failure, "reason", "a field is missing"))
            status = 503
        self.send_response(status)
        self.end_headers()


if __name__ == "__main__":
    # Shorter than the provider waits.
    Inbound.accord = Client(*ACCORD, writes=Patience(timeout_seconds=4))
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8081"))), Inbound).serve_forever()
