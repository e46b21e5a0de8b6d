"""An automation engine in small: birthdays and carts left behind, each message asked for just before it leaves.

Reads lines of `occasion,customer,email,purpose` from a file. An occasion is one intended message, so running
the same file again sends nothing twice. What may not be sent now is left for the next run.
"""

import csv
import hashlib
import hmac
import os
import smtplib
import sys
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP

from accord.client import Client, Contact, ContactPoint

TEXTS = {
    "marketing.birthday": ("Happy birthday", "A gift waits for you in every store of Maison Alba."),
    "marketing.abandoned_cart": ("Your cart is still here", "You left something in your cart at Maison Alba."),
}
ACCORD = (os.environ.get("ACCORD_SERVER", "127.0.0.1:50051"), os.environ.get("ACCORD_TOKEN", ""), "maison-alba")
CHOICES_URL = os.environ.get("CHOICES_URL", "https://www.maison-alba.example/choices")
LINK_KEY = os.environ.get("LINK_KEY", "").encode()


def choices_link(customer: str) -> str:
    """Return the customer's link to the preference form, which nobody else can guess."""
    return f"{CHOICES_URL}?c={customer}&s={hmac.new(LINK_KEY, customer.encode(), hashlib.sha256).hexdigest()}"


def compose(contact: Contact, customer: str, email: str, purpose: str) -> EmailMessage | None:
    """Return the message with all that the answer obliges to; None where this sender cannot do it."""
    # One line for each header: a link that is folded or encoded is no link to a mail program.
    message = EmailMessage(SMTP.clone(max_line_length=998))
    message["From"], message["To"] = "Maison Alba <hello@maison-alba.example>", email
    message["Subject"], text = TEXTS[purpose]
    # A provider that knows this id drops a repeat.
    message["Message-ID"] = f"<{hashlib.sha256(contact.contact_id.encode()).hexdigest()[:32]}@maison-alba.example>"
    link = choices_link(customer)
    for obligation in contact.authorization.obligations:
        match obligation:
            case "ONE_CLICK_UNSUBSCRIBE":  # RFC 8058; DKIM must sign both headers
                message["List-Unsubscribe"] = f"<{link}>"
                message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            case "OFFER_OBJECTION":
                text += f"\n\nYou choose what we write to you, or that we do not: {link}"
            case "REPORT_CONTACT" | "IDENTIFY_BRAND":
                pass  # the block below reports, and the sender's name is the brand's
            case _:
                return None
    message.set_content(text)
    return message


def send_all(accord: Client, occasions: list[dict[str, str]], send: Callable[[EmailMessage], object]) -> None:
    """Send what may be sent, and say what became of each occasion."""
    for row in occasions:
        customer, email, purpose = row["customer"], row["email"], row["purpose"]
        with accord.contact(
            customer, "email", purpose, contact_id=row["occasion"], contact_point=ContactPoint.email(email)
        ) as contact:
            message = compose(contact, customer, email, purpose) if contact else None
            if message:
                send(message)
            elif contact:
                contact.cancel()
        print(row["occasion"], "sent" if message else f"not sent: {contact.reason}")


if __name__ == "__main__":
    host, _, port = os.environ.get("SMTP", "127.0.0.1:25").partition(":")
    with (
        open(sys.argv[1], newline="", encoding="utf-8") as file,  # noqa: PTH123
        Client(*ACCORD) as client,
        smtplib.SMTP(host, int(port), timeout=10) as smtp,
    ):
        send_all(client, list(csv.DictReader(file)), smtp.send_message)
