"""The backend of a preference form: shows what the customer allows by e-mail, and records what they change.

Whoever has the link of a message (`mail_sender`) is its customer. The link takes the one-click unsubscribe of
mail programs too (RFC 8058). A box counts as ticked exactly when Accord would let a message pass, now or later.
"""

import hashlib
import hmac
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from accord.client import Artefact, CallFailedError, Client, DeclarationMethod, Evidence, Patience, Question, Verdict

ACCORD = (os.environ.get("ACCORD_SERVER", "127.0.0.1:50051"), os.environ.get("ACCORD_TOKEN", ""), "maison-alba")
LINK_KEY = os.environ.get("LINK_KEY", "").encode()
BOXES = {"marketing.newsletter": "The newsletter", "marketing.birthday": "Birthday wishes", "marketing.sale": "Sales"}


def ticked(accord: Client, customer: str) -> frozenset[str]:
    """Return the purposes that are allowed by e-mail. Raises ConnectionError where nobody knows."""
    answers = accord.batch_check([Question(customer, "email", purpose) for purpose in BOXES])
    if any(each.verdict is Verdict.UNDECIDED for each in answers):
        raise ConnectionError(answers[0].reason)
    return frozenset(box for box, each in zip(BOXES, answers, strict=True) if each.verdict is not Verdict.DENY)


def change(accord: Client, customer: str, body: bytes) -> None:
    """Record what a post changes, with the notice shown and a digest of what was posted. Each no comes first."""
    posted = Artefact(hashlib.sha256(body).digest(), "application/x-www-form-urlencoded")
    shown = Evidence("preference_centre", DeclarationMethod.BUTTON, "en", "preferences-1", artefacts=(posted,))
    if b"List-Unsubscribe" in body and b"One-Click" in body:
        accord.withdraw(customer, shown, purpose="marketing", channel="email")
        return
    before, wanted = ticked(accord, customer), BOXES.keys() & set(parse_qs(body.decode()).get("box", ()))
    for purpose in sorted(before - wanted):
        accord.withdraw(customer, shown, purpose=purpose, channel="email")
    if given := tuple(sorted(wanted - before)):
        accord.grant(customer, shown, purposes=given, channels=("email",))


class Form(BaseHTTPRequestHandler):
    """Answers the customer's browser or mail program."""

    accord: Client

    def do_POST(self) -> None:
        """Record what was changed, and show the boxes again."""
        self.do_GET(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def do_GET(self, posted: bytes | None = None) -> None:
        """Show the boxes as they count now."""
        link = parse_qs(urlsplit(self.path).query)
        customer, signature = (link.get(name, [""])[0] for name in "cs")
        expected = hmac.new(LINK_KEY, customer.encode(), hashlib.sha256).hexdigest()
        status, text = 403, "This link is not one of ours."
        if LINK_KEY and hmac.compare_digest(signature.encode(), expected.encode()):
            try:
                if posted is not None:
                    change(self.accord, customer, posted)
                status, text = 200, page(ticked(self.accord, customer))
            except (CallFailedError, ConnectionError):
                status, text = 503, "This is not recorded. Please try again in a minute."
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())


def page(boxes: frozenset[str]) -> str:
    """Return the form. A real one shows the notice beside it, word for word as in the catalogue."""
    marks = {box: " checked" if box in boxes else "" for box in BOXES}
    rows = (f'<p><input type="checkbox" name="box" value="{box}"{marks[box]}>{words}' for box, words in BOXES.items())
    return f'<!doctype html><form method="post">{"".join(rows)}<p><button>Save</button></form>'


if __name__ == "__main__":
    # A person waits.
    Form.accord = Client(*ACCORD, writes=Patience(timeout_seconds=4))
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Form).serve_forever()
