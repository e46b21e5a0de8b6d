"""What to do about a failure: the code that was probably meant, or the next step.

Only what the server said and what the caller wrote is looked at; nobody is asked.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from google.protobuf.message import Message

from accord.client import CallFailedError

_STEPS = {
    "UNREACHABLE": "no server answered: start one with `accord serve`, or set ACCORD_SERVER (and ACCORD_CA for TLS)",
    "CONTACT_UNKNOWN": "`accord history` names the contacts of a customer; `accord erasures list` tells of erasures",
    "UNAUTHENTICATED": "set ACCORD_TOKEN, or ACCORD_DATA to the folder of the server on this machine",
    "ROLE_MISSING": "have it given one of them: `accord tokens add {caller} --replace` with all its roles",
    "CATALOGUE_MISSING": "is the brand spelled right? A new one begins with `accord catalogue apply FILE`",
    "CUSTOMER_AMBIGUOUS": "name the customer_id, `accord merge` them if they are one person, or `accord unlink` it",
    "CUSTOMER_NOT_MERGED": "there is nothing to split: `accord history` tells who was merged when",
    "OVERLAY_UNKNOWN": "`accord check` names the entries that a denial rests on: lift one of those",
    "CATALOGUE_VERSION_UNKNOWN": "`accord catalogue versions` lists them",
    "TOKEN_INVALID": "use the newest link that was sent to the address, whole",
    "TOKEN_REQUIRED": "confirm with `accord confirm --token TOKEN`, from the answer of `accord authorize --confirms`",
    "ENTRY_UNKNOWN": "the ledger has {size} entries; the first is 0",
}
_CALLED_BY_TOKEN = {
    "UNAUTHENTICATED": "ACCORD_TOKEN is nobody's here: unset it to call as this machine's operator, or correct it",
    "ROLE_MISSING": "you called as {caller}, by ACCORD_TOKEN: unset it to call as this machine's operator",
}
"""Where a token was told that stands before the right of whoever operates this machine."""

_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


def remedy(error: CallFailedError, request: Message | None, known: Sequence[str], *, operator_hidden: bool) -> str:
    """Return what to do about a failed call in one line; empty when nothing is known to help.

    `operator_hidden`: a token was told although the caller could be this machine's operator.
    """
    field = error.metadata.get("field", "")
    codes = with_branches(known) if field == "scope.purpose" else known
    meant = nearest(_told(request, field), codes)
    if meant:
        return f"did you mean {meant}?"
    # A server of another version may leave out what the line quotes.
    steps = _STEPS | _CALLED_BY_TOKEN if operator_hidden else _STEPS
    return steps.get(error.reason, "").format_map(_Blanks(error.metadata))


def listed(error: CallFailedError) -> tuple[list[str], bool]:
    """Return the codes that a failure lists as known, and whether these are all."""
    codes = [code for code in error.metadata.get("known", "").split(", ") if code]
    cut = bool(codes) and codes[-1].startswith("and ")
    return (codes[:-1] if cut else codes), not cut


def nearest(told: str, known: Sequence[str]) -> str:
    """Return the known code nearest to the one told; empty when none is near."""
    if not told:
        return ""
    # The last part alone is what people remember of a dotted code.
    close = [code for code in known if code.rpartition(".")[2] == told] or get_close_matches(told, known, n=1)
    return close[0] if close else ""


def with_branches(purposes: Sequence[str]) -> list[str]:
    """Return leaf purposes and every branch above them."""
    parts = [purpose.split(".") for purpose in purposes]
    return sorted({".".join(each[: end + 1]) for each in parts for end in range(len(each))})


def _told(request: Message | None, path: str) -> str:
    """Return what the request holds at the path of a field, such as `question.purpose` or `places[0]`."""
    found: Any = request
    for name, index in _STEP.findall(path):
        found = getattr(found, name, None)
        if index and found is not None:
            found = found[int(index)] if int(index) < len(found) else None
    return found if isinstance(found, str) else ""


class _Blanks(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"
