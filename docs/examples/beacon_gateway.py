"""The gateway of the beacons in the stores: who is seen where, and whether an offer may be shown there.

Reads lines of `device store`, such as `made-up-device-7 store:lyon`. A phone that nobody linked to the brand
belongs to a stranger: nothing is recorded of it, and nothing shown on it.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from accord.client import ActivityKind, CallFailedError, Client, ContactPoint, ContactPointKind

ACCORD = (os.environ.get("ACCORD_SERVER", "127.0.0.1:50051"), os.environ.get("ACCORD_TOKEN", ""), "maison-alba")
CHANNEL, PURPOSE = "in_store", "offer.in_store"


def seen(accord: Client, device: str, store: str, show: Callable[[str, str], None]) -> str:
    """Show the offer of a store to the phone seen in it, at most once a day; return what happened, and why."""
    phone = ContactPoint(ContactPointKind.BEACON_DEVICE, device)
    answer = accord.check(phone, CHANNEL, PURPOSE, place=store)
    if answer.reason == "CUSTOMER_UNKNOWN":
        return "a stranger"
    day = datetime.now(UTC).date().isoformat()
    # One visit a day. The id names nobody: it goes into the request, and into the provider's log.
    visit = hashlib.sha256(f"{device} {store} {day}".encode()).hexdigest()
    try:
        accord.report_activity(phone, ActivityKind.PRESENCE, place=store, request_id=f"presence-{visit}")
    except CallFailedError as failure:
        # Presence is worth knowing and no more; the offer below does not rest on it.
        print(f"presence was not recorded: {failure.reason}", file=sys.stderr)
    with accord.contact(phone, CHANNEL, PURPOSE, place=store, contact_id=f"offer-{visit}") as contact:
        if contact:
            show(device, store)
    return "shown" if contact else contact.reason


def show_offer(device: str, store: str) -> None:
    """Hand the offer to the application on the phone. Here: say so."""
    print(f"offer of {store} on {device}")


def watch(accord: Client, lines: Iterable[str]) -> None:
    """Handle each sighting as it comes."""
    for line in lines:
        device, store = line.split()
        print(f"{store}: {seen(accord, device, store, show_offer)}", flush=True)


if __name__ == "__main__":
    with Client(*ACCORD) as client:
        watch(client, sys.stdin)
