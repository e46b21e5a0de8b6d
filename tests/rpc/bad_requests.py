"""Every way a request can be bad, as data: the method, what is changed in its valid request, and the documented answer.

A case names the path whose absence it tries where that is what it does, so that the descriptors can
be asked whether every field they call required has one.
"""

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp
from wire_examples import (
    BRAND,
    CONTACT,
    MARK,
    OTHER_BRAND,
    PAGED,
    SHARED_EMAIL,
    STRANGER,
    VALID,
    WRITES,
    Ground,
    at,
    by_id,
    by_point,
    email,
    evidence,
    phone,
    reused,
    valid,
)

from accord.domain.problems import ErrorReason as Reason
from accord.v1 import (
    catalogue_pb2,
    customer_pb2,
    customer_service_pb2,
    decision_pb2,
    evidence_pb2,
    import_service_pb2,
    permission_service_pb2,
)

Change = Callable[[Any, Ground], None]


class Case(NamedTuple):
    """One bad request. `fields` are those the answer must name; `missing` is the path left out, if one is."""

    method: str
    label: str
    reason: Reason
    fields: frozenset[str]
    change: Change
    missing: str = ""
    also: bool = False
    """Other fields may be named too."""

    def request(self, ground: Ground) -> Any:
        request = valid(self.method, ground)
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = f"{MARK} {self.label}"
        if self.method == "CatalogueService/Apply":
            # A catalogue taken by mistake shall not change what the other cases stand on.
            request.brand, request.expected_version = OTHER_BRAND, 0
        self.change(request, ground)
        return request


INVALID = Reason.INVALID_ARGUMENT
TOO_LONG = MARK * 43
CONTROL = f"{MARK}\x07"
FAR_YEAR = 253_370_764_800
"""The year 9999 in seconds."""

FUTURE = 4_102_444_800
"""The year 2100 in seconds."""

BEYOND = (2**53, 2**63 - 1, 2**63, 2**64 - 1)

_STEP = re.compile(r"([a-z_0-9]+)(?:\[(\d+)\])?")


def cases() -> Iterator[Case]:
    """Yield every case."""
    for method in VALID:
        if method != "PermissionService/BatchRecord":
            yield from _brands(method)
    for method in WRITES:
        yield from _texts(method, "request_id", required=True)
        yield _case(method, "request_id used before with other content", ["request_id"], _reuse(method))._replace(
            reason=Reason.REQUEST_ID_REUSED
        )
    for method in PAGED:
        yield from _pages(method)
    yield from _questions()
    yield from _contacts()
    yield from _declarations()
    yield from _grants()
    yield from _confirmations()
    yield from _refusals()
    yield from _remembered()
    yield from _customers()
    yield from _officers()
    yield from _erasures()
    yield from _catalogues()
    yield from _positions()
    yield from _exports()
    yield from _reports()
    yield from _replays()
    yield from _forecasts()
    yield from _suppressions()
    yield from _imports()


# What is asked of one field, whatever the request


def _brands(method: str) -> Iterator[Case]:
    yield _case(method, "brand missing", ["brand"], put("brand", ""), missing="brand")
    bad = ["Maison", "a" * 65, "maison\0"]
    if method in {"DecisionService/Check", "PermissionService/Grant", "CatalogueService/Apply"}:
        bad += ["maison!", "maison é", "été", "../maison", "maison\n", "*", "\u0663"]
    for brand in bad:
        yield _case(method, f"brand {brand!r}", ["brand"], put("brand", brand))
    if method != "CatalogueService/Apply":
        unknown = _case(method, "brand unknown", ["brand"], put("brand", "no-such-brand"))
        yield unknown._replace(reason=Reason.CATALOGUE_MISSING)


def _texts(method: str, path: str, *, required: bool = False) -> Iterator[Case]:
    if required:
        yield _case(method, f"{path} missing", [path], put(path, ""), missing=path)
    yield _case(method, f"{path} too long", [path], put(path, TOO_LONG))
    yield _case(method, f"{path} with a control character", [path], put(path, CONTROL))
    yield _case(method, f"{path} with a line break", [path], put(path, f"{MARK}\n"))
    yield _case(method, f"{path} written backwards", [path], put(path, f"{MARK}\u202e"))


def _lists(method: str, path: str) -> Iterator[Case]:
    yield _case(method, f"{path} with an empty item", [f"{path}[0]"], put(path, [""]))
    yield _case(method, f"{path} with an item too long", [f"{path}[1]"], put(path, [MARK, TOO_LONG]), also=True)
    yield _case(method, f"{path} with a control character", [f"{path}[0]"], put(path, [CONTROL]), also=True)
    many = [f"{MARK}{number}" for number in range(33)]
    yield _case(method, f"{path} with 33 items", [path], put(path, many), also=True)


def _enums(method: str, path: str, *, required: bool = True) -> Iterator[Case]:
    if required:
        yield _case(method, f"{path} unspecified", [path], put(path, 0), missing=path)
    for number in (99, -1):
        yield _case(method, f"{path} of an unknown number {number}", [path], put(path, number))


def _instants(method: str, path: str) -> Iterator[Case]:
    bad = {
        "negative": Timestamp(seconds=-1),
        "the epoch itself": Timestamp(),
        "of negative nanoseconds": Timestamp(seconds=1, nanos=-1),
        "of too many nanoseconds": Timestamp(seconds=1, nanos=1_000_000_000),
        "in the year 9999": Timestamp(seconds=FAR_YEAR),
        "in the year 10000": Timestamp(seconds=FAR_YEAR + 366 * 86_400),
        "at the end of all seconds": Timestamp(seconds=2**63 - 1),
        "before all seconds": Timestamp(seconds=-(2**63)),
    }
    for label, stamp in bad.items():
        yield _case(method, f"{path} {label}", [path], put(path, stamp))


def _points(method: str, path: str, *, required: bool = False) -> Iterator[Case]:
    kind, value = f"{path}.kind", f"{path}.value"
    if required:
        yield _case(method, f"{path} missing", [kind], clear(path), missing=path)
    yield _case(method, f"{kind} unspecified", [kind], put(kind, 0), missing=kind)
    yield _case(method, f"{kind} of an unknown number", [kind], put(kind, 99))
    yield _case(method, f"{value} missing", [value], put(path, email("")), missing=value)
    yield _case(method, f"{value} too long", [value], put(path, email(f"{MARK * 171}@example.com")))
    yield _case(method, f"{value} with a control character", [value], put(path, email(f"ada\0{MARK}@example.com")))
    yield _case(method, f"{value} that is no address", [value], put(path, email(MARK)))


def _keys(method: str, path: str) -> Iterator[Case]:
    named = f"{path}.customer_id"
    yield _case(method, f"{path} missing", [path], clear(path), missing=path)
    yield _case(method, f"{path} empty", [path], put(path, customer_pb2.CustomerKey()))
    yield _case(method, f"{named} empty", [named], put(path, by_id("")))
    yield _case(method, f"{named} too long", [named], put(path, by_id(TOO_LONG)))
    yield _case(method, f"{named} with a control character", [named], put(path, by_id(CONTROL)))
    yield from _points(method, f"{path}.contact_point")


def _pages(method: str) -> Iterator[Case]:
    for size in (-1, 1001, -(2**31), 2**31 - 1):
        yield _case(method, f"page_size {size}", ["page_size"], put("page_size", size))
    tokens: dict[str, Change] = {
        "garbage": put("page_token", f"{MARK}!?"),
        "that is no base64": put("page_token", "é"),
        "of zeros": put("page_token", "A" * 22),
        "of another method": _put_found("page_token", lambda ground: _foreign(method, ground)),
    }
    if method != "CatalogueService/List":
        tokens["cut short"] = _put_found("page_token", lambda ground: ground.pages[method][:-1])
        tokens["of another brand"] = _both(
            put("brand", OTHER_BRAND),
            _put_found("page_token", lambda ground: ground.pages[method]),
        )
    if "customer" in PAGED[method].DESCRIPTOR.fields_by_name:
        tokens["of another customer"] = _both(
            put("customer", by_id(f"holder-1-{MARK}")),
            _put_found("page_token", lambda ground: ground.pages[method]),
        )
    for label, change in tokens.items():
        made = _case(method, f"page_token {label}", ["page_token"], change)
        yield made._replace(reason=Reason.PAGE_TOKEN_INVALID)


def _foreign(method: str, ground: Ground) -> str:
    return next(token for name, token in ground.pages.items() if name != method)


def _fresh(method: str, field: str = "at_least_as_fresh", besides: Change = lambda *_: None) -> Iterator[Case]:
    for token in (f"{MARK}!?", "é", "A", "A" * 10):
        yield _case(method, f"{field} {token!r}", [field], _both(besides, put(field, token)))
    changes = {
        "not reached yet": _both(besides, _put_found(field, _later)),
        "of another ledger": _both(besides, _put_found(field, lambda ground: ground.other_token)),
        "of no ledger": _both(besides, put(field, "A" * 40)),
    }
    for label, change in changes.items():
        yield _case(method, f"{field} {label}", [field], change)._replace(reason=Reason.FRESHNESS_UNAVAILABLE)


def _later(ground: Ground) -> str:
    raw = base64.urlsafe_b64decode(ground.token + "=" * (-len(ground.token) % 4))
    return base64.urlsafe_b64encode((2**64 - 1).to_bytes(8, "big") + raw[8:]).decode().rstrip("=")


def _pasts(method: str) -> Iterator[Case]:
    for path in ("as_of", "as_known_at"):
        yield from _instants(method, path)
        future = put(path, Timestamp(seconds=FUTURE))
        yield _case(method, f"{path} in the future", [path], _both(put("as_of", at()), future))
    both = _both(put("as_of", at(-1)), put("as_known_at", at(-2)))
    yield _case(method, "known before it happened", ["as_known_at"], both)


# Questions


def _questions() -> Iterator[Case]:
    asking = ("DecisionService/Check", "ContactService/AuthorizeContact")
    for method in asking:
        yield _case(
            method, "question missing", ["question.customer", "question.purpose"], clear("question"), "question"
        )
        yield from _question(method, "question")
        yield from _points(method, "question.contact_point")
        yield from _texts(method, "question.purpose", required=True)
        for name in ("channel", "topic", "place", "recipient"):
            yield from _texts(method, f"question.{name}")
    for method in (*asking, "DecisionService/ListReach"):
        yield from _enums(method, "view", required=False)
        yield _case(method, "a view of batches alone", ["view"], put("view", decision_pb2.DECISION_VIEW_VERDICT))
    for method in ("DecisionService/Check", "DecisionService/BatchCheck", "DecisionService/ListReach"):
        yield from _fresh(method)
    method, then = "DecisionService/Check", put("as_of", at())
    yield from _pasts(method)
    for path, told in (("as_known_at", at()), ("as_known_by", MARK)):
        yield _case(method, f"{path} without as_of", ["as_of"], put(path, told))
    yield from _fresh(method, "as_known_by", then)
    two = _both(then, _both(put("as_known_at", at()), put("as_known_by", MARK)))
    yield _case(method, "known in two ways", ["as_known_by"], two)
    before = _case(method, "as_of before the first catalogue", ["as_of"], put("as_of", Timestamp(seconds=1)))
    yield before._replace(reason=Reason.CATALOGUE_MISSING)
    yield from _enums("DecisionService/BatchCheck", "view", required=False)
    for method in (*asking, "DecisionService/BatchCheck", "DecisionService/ListReach"):
        for tag in ("de", "fr_FR", "f" * 200):
            yield _case(method, f"language {tag[:9]}", ["language"], put("language", tag))
    for count in (0, 1001):
        change = put("questions", [decision_pb2.Question(customer=by_id(), purpose="marketing.birthday")] * count)
        yield _case("DecisionService/BatchCheck", f"{count} questions", ["questions"], change)
    reach = "DecisionService/ListReach"
    yield from _keys(reach, "customer")
    yield from _texts(reach, "purpose", required=True)
    yield from _texts(reach, "topic")
    yield from _texts(reach, "place")
    yield _unknown(reach, Reason.PURPOSE_UNKNOWN, "purpose", f"{MARK}.unknown")
    yield _unknown(reach, Reason.PURPOSE_UNKNOWN, "purpose", "marketing")
    yield _unknown(reach, Reason.PLACE_UNKNOWN, "place", f"store:{MARK}")
    yield _ambiguous(reach, "customer")
    processing = _both(put("question.purpose", "sharing.partner"), clear("question.contact_point"))
    no_channel = _both(processing, clear("question.channel"))
    for method in asking:
        yield _case(method, "a channel for a purpose of class processing", ["question.channel"], processing)
    point = _both(put("question.purpose", "sharing.partner"), clear("question.channel"))
    yield _case(
        "DecisionService/Check", "an address for a purpose of class processing", ["question.contact_point"], point
    )
    authorize = "ContactService/AuthorizeContact"
    yield _case(authorize, "a contact for a purpose of class processing", ["question.purpose"], no_channel)


def _question(method: str, at: str) -> Iterator[Case]:
    yield from _keys(method, f"{at}.customer")
    yield _unknown(method, Reason.PURPOSE_UNKNOWN, f"{at}.purpose", f"{MARK}.unknown")
    yield _unknown(method, Reason.PURPOSE_UNKNOWN, f"{at}.purpose", "marketing")
    yield _unknown(method, Reason.CHANNEL_UNKNOWN, f"{at}.channel", f"{MARK}-unknown")
    yield _unknown(method, Reason.CHANNEL_UNKNOWN, f"{at}.channel", "")
    yield _unknown(method, Reason.PLACE_UNKNOWN, f"{at}.place", f"store:{MARK}")
    wrong = put(f"{at}.contact_point", phone())
    yield _case(method, "an address of another kind than the channel's", [f"{at}.contact_point.kind"], wrong)
    yield _ambiguous(method, f"{at}.customer", named="customer")


# Contacts


def _contacts() -> Iterator[Case]:
    authorize, report, get = (f"ContactService/{name}" for name in ("AuthorizeContact", "ReportContact", "GetContact"))
    for method in (authorize, report, get):
        yield from _texts(method, "contact_id", required=True)
    for method in (report, get):
        yield _unknown(method, Reason.CONTACT_UNKNOWN, "contact_id", f"contact-unknown-{MARK}")
    yield from _enums(report, "outcome")
    yield from _instants(report, "outcome_time")
    taken = put("contact_id", CONTACT)
    whole = _both(taken, clear("question.contact_point"))
    others: dict[str, Change] = {
        "purpose": put("question.purpose", "marketing.recommendation"),
        "channel": put("question.channel", "sms"),
        "customer": put("question.customer", by_id(f"holder-1-{MARK}")),
        "customer who is unknown": put("question.customer", by_id(STRANGER)),
    }
    yield from _requests_to_confirm(authorize)
    for label, change in others.items():
        made = _case(authorize, f"contact_id of another {label}", ["contact_id"], _both(whole, change))
        yield made._replace(reason=Reason.CONTACT_ID_REUSED)


# Declarations


_EVIDENCE = ("evidence.touchpoint", "evidence.method", "evidence.declarant", "evidence.recorder")


def _evidences(method: str, *, language_required: bool = False) -> Iterator[Case]:
    """What is asked of the evidence of any method."""
    yield from _texts(method, "evidence.touchpoint", required=True)
    yield _unknown(method, Reason.TOUCHPOINT_UNKNOWN, "evidence.touchpoint", f"{MARK}-unknown")
    yield from _texts(method, "evidence.notice")
    yield from _texts(method, "evidence.language", required=language_required)
    for enum in ("method", "declarant", "recorder"):
        yield from _enums(method, f"evidence.{enum}")
    yield from _texts(method, "evidence.recorder_id")
    yield from _instants(method, "evidence.act_time")
    artefact = "evidence.artefacts[0]"
    sha = f"{artefact}.sha256"
    yield _case(method, "a digest missing", [sha], put(sha, b""), missing=sha)
    for size in (31, 33, 4096):
        yield _case(method, f"a digest of {size} bytes", [sha], put(sha, b"x" * size))
    yield from _texts(method, f"{artefact}.media_type", required=True)
    nine = put("evidence.artefacts", [evidence_pb2.Artefact(sha256=bytes(32), media_type="a/b")] * 9)
    yield _case(method, "nine artefacts", ["evidence.artefacts"], nine)


def _declarations() -> Iterator[Case]:
    for name in ("Grant", "Confirm", "Refuse", "Withdraw", "Object"):
        method = f"PermissionService/{name}"
        yield from _keys(method, "customer")
        required = [*_EVIDENCE, "evidence.language"] if name == "Grant" else [*_EVIDENCE]
        yield _case(method, "evidence missing", required, clear("evidence"), missing="evidence")
        yield from _evidences(method, language_required=name == "Grant")
    reply = "PermissionService/RecordReply"
    yield from _points(reply, "contact_point", required=True)
    yield _case(reply, "evidence missing", _EVIDENCE, clear("evidence"), missing="evidence")
    yield from _evidences(reply)
    yield _case(reply, "a text too long", ["text"], put("text", f"stop {MARK}" * 2_000))
    for said in ("thanks", "help", "who is this?"):
        unknown = put("evidence.touchpoint", f"{MARK}-unknown")
        made = _case(reply, f"{said!r} at no touchpoint", ["evidence.touchpoint"], _both(put("text", said), unknown))
        yield made._replace(reason=Reason.TOUCHPOINT_UNKNOWN)
    for name in ("Grant", "Confirm"):
        method = f"PermissionService/{name}"
        for act in ("PRE_TICKED_BOX", "SILENCE", "BUNDLED_TERMS", "ENGAGEMENT"):
            number = evidence_pb2.DeclarationMethod.Value(f"DECLARATION_METHOD_{act}")
            made = _case(method, f"a permission by {act}", ["evidence.method"], put("evidence.method", number))
            yield made._replace(reason=Reason.NOT_A_PERMISSION)
        for label, seconds in {"a second ahead": 1, "a year ahead": 366 * 86_400}.items():
            change = put("evidence.act_time", at(seconds))
            yield _case(method, f"act_time {label}", ["evidence.act_time"], change)


def _grants() -> Iterator[Case]:
    method = "PermissionService/Grant"
    yield from _points(method, "contact_point")
    for name in ("topics", "places", "recipients", "purposes", "channels"):
        yield from _lists(method, name)
    for name in ("valid_from", "valid_until"):
        yield from _instants(method, name)
    yield _unknown(method, Reason.NOTICE_UNKNOWN, "evidence.notice", f"{MARK}-unknown")
    yield _unknown(method, Reason.NOTICE_UNKNOWN, "evidence.language", "de")
    yield _case(method, "a purpose the notice does not list", ["purposes"], put("purposes", ["service.order"]))
    yield _case(method, "a purpose nobody knows", ["purposes"], put("purposes", [f"{MARK}.unknown"]))
    yield _case(method, "a branch instead of a leaf", ["purposes"], put("purposes", ["marketing"]))
    yield _case(method, "a channel the notice does not list", ["channels"], put("channels", ["push"]))
    for field, places in {"places[0]": [f"store:{MARK}"], "places[1]": ["store:lyon", f"store:{MARK}"]}.items():
        made = _case(method, f"{field} unknown", [field], put("places", places))
        yield made._replace(reason=Reason.PLACE_UNKNOWN)
    yield _case(method, "third parties where the level names none", ["recipients"], put("recipients", [MARK]))
    linked = _both(clear("contact_point"), put("evidence", evidence("link_form")))
    yield _case(method, "no address where a link confirms", ["contact_point"], linked)
    for field, touchpoint in {"topics": "alert_form", "places": "beacon", "recipients": "partner_page"}.items():
        wanted = _both(clear("purposes"), clear("channels"), clear(field), put("evidence", evidence(touchpoint)))
        yield _case(method, f"{field} missing where the level demands them", [field], wanted)
    until = _both(put("valid_from", at(60)), put("valid_until", at(60)))
    yield _case(method, "valid_until not later than valid_from", ["valid_until"], until)
    past = _both(clear("valid_from"), put("valid_until", at(-60)))
    yield _case(method, "valid_until before the act", ["valid_until"], past)
    yield _ambiguous(method, "customer")


def _confirmations() -> Iterator[Case]:
    method, field = "PermissionService/Confirm", "permission_position"
    unknown: dict[str, Change] = {
        "that is missing": clear(field),
        "of a permission that counts already": _put_found(field, lambda ground: ground.granted),
        "of a permission confirmed before": _put_found(field, lambda ground: ground.confirmed),
        "of another customer": _put_found(field, lambda ground: ground.other_pending),
        "beyond the ledger": _put_found(field, lambda ground: ground.server.size(BRAND)),
    }
    for label, change in unknown.items():
        missing = field if label == "that is missing" else ""
        made = _case(method, f"{field} {label}", [field], change, missing=missing)
        yield made._replace(reason=Reason.PERMISSION_UNKNOWN)
    for position in BEYOND:
        yield _case(method, f"{field} {position}", [field], put(field, position))
    imported = put("evidence.recorder", evidence_pb2.RECORDER_IMPORT)
    yield _case(method, "an import that confirms", ["evidence.recorder"], imported)
    yield from _clicks(method)
    yield _unknown_customer(method)
    yield _ambiguous(method, "customer")


def _clicks(method: str) -> Iterator[Case]:
    field, link = "confirmation_token", put("evidence.method", evidence_pb2.DECLARATION_METHOD_CONFIRMATION_LINK)
    whole = _both(clear("customer"), clear("permission_position"), link)
    wrong: dict[str, Change] = {
        "that is no token": put(field, MARK),
        "with a letter too few": _put_found(field, lambda ground: ground.confirmation_token[:-1]),
        "with a letter too many": _put_found(field, lambda ground: ground.confirmation_token + "A"),
        "with another secret": _put_found(field, lambda ground: ground.confirmation_token[:-4] + "AAAA"),
        "of no contact": _put_found(field, lambda ground: "AAAA" + ground.confirmation_token[4:]),
        "with a line break": _put_found(field, lambda ground: ground.confirmation_token + "\n"),
    }
    for label, change in wrong.items():
        yield _case(method, f"a token {label}", [field], _both(whole, change))._replace(reason=Reason.TOKEN_INVALID)
    token = _put_found(field, lambda ground: ground.confirmation_token)
    yield _case(method, "a token and a customer", ["customer"], _both(clear("permission_position"), link, token))
    both = ["customer", "permission_position"]
    yield _case(method, "a token, a customer and a position", both, _both(link, token))
    alone = _both(clear("customer"), clear("permission_position"), token)
    yield _case(method, "a token and another act than a click", ["evidence.method"], alone)
    made = _case(method, "a click without its token", ["evidence.method"], link)
    yield made._replace(reason=Reason.TOKEN_REQUIRED)
    linked = _both(
        put("customer", by_id(f"linked-{MARK}")), _put_found("permission_position", lambda ground: ground.linked)
    )
    made = _case(method, "a position of what only a link confirms", ["permission_position"], linked)
    yield made._replace(reason=Reason.TOKEN_REQUIRED)


def _requests_to_confirm(method: str) -> Iterator[Case]:
    field = "confirms_position"
    asked = decision_pb2.Question(customer=by_id(f"linked-{MARK}"), channel="email", purpose="service.opt_in")
    whole = _both(put("question", asked), _put_found(field, lambda ground: ground.linked))
    for position in BEYOND:
        yield _case(method, f"{field} {position}", [field], put(field, position))
    unknown: dict[str, Change] = {
        "of another customer": _put_found(field, lambda ground: ground.other_pending),
        "of a permission that never waited": _both(
            put("question.customer", by_id()), _put_found(field, lambda ground: ground.granted)
        ),
        "of nobody known": put("question.customer", by_id(STRANGER)),
        "beyond the ledger": _put_found(field, lambda ground: ground.server.size(BRAND)),
    }
    for label, change in unknown.items():
        made = _case(method, f"{field} {label}", [field], _both(whole, change))
        yield made._replace(reason=Reason.PERMISSION_UNKNOWN)
    wrong: dict[str, tuple[str, Change]] = {
        "a purpose that promotes": ("question.purpose", put("question.purpose", "marketing.birthday")),
        "a service purpose": ("question.purpose", put("question.purpose", "service.order")),
        "a topic": ("question.topic", put("question.topic", MARK)),
        "a place": ("question.place", put("question.place", "store:lyon")),
        "a third party": ("question.recipient", put("question.recipient", MARK)),
        "another address": ("question.contact_point", put("question.contact_point", email())),
        "a channel of another kind": ("question.channel", put("question.channel", "sms")),
        "a channel the permission does not cover": ("question.channel", put("question.channel", "voice")),
        "a permission for every address": (
            field,
            _both(put("question.customer", by_id()), _put_found(field, lambda ground: ground.pending)),
        ),
    }
    for label, (named, change) in wrong.items():
        yield _case(method, f"a request to confirm with {label}", [named], _both(whole, change))
    nothing = _both(whole, clear(field))
    yield _case(method, "a confirmation that names no permission", [field], nothing)
    taken = _case(method, "a request to confirm by a contact made for something else", ["contact_id"], whole)
    yield taken._replace(reason=Reason.CONTACT_ID_REUSED, change=_both(whole, put("contact_id", CONTACT)))


def _refusals() -> Iterator[Case]:
    for name in ("Refuse", "Withdraw", "Object"):
        method = f"PermissionService/{name}"
        yield from _points(method, "scope.contact_point")
        for field in ("purpose", "channel", "topic", "place", "recipient"):
            yield from _texts(method, f"scope.{field}")
        other = _both(put("scope.contact_point", phone()), put("scope.channel", "email"))
        label = "an address of another kind than the channel's"
        yield _case(method, label, ["scope.contact_point.kind"], other)
        yield _unknown(method, Reason.PURPOSE_UNKNOWN, "scope.purpose", f"{MARK}.unknown")
        yield _unknown(method, Reason.PURPOSE_UNKNOWN, "scope.purpose", "market")
        yield _unknown(method, Reason.CHANNEL_UNKNOWN, "scope.channel", f"{MARK}-unknown")
        yield _unknown(method, Reason.PLACE_UNKNOWN, "scope.place", f"store:{MARK}")


def _remembered() -> Iterator[Case]:
    for name in ("ListPermissions", "GetHistory"):
        method = f"PermissionService/{name}"
        yield from _keys(method, "customer")
        yield _unknown_customer(method)
        yield _ambiguous(method, "customer")
    yield from _pasts("PermissionService/GetHistory")


# Customers


def _customers() -> Iterator[Case]:
    for name in ("Link", "Unlink", "RecordFacts", "ReportActivity"):
        method = f"CustomerService/{name}"
        yield from _keys(method, "customer")
        yield _ambiguous(method, "customer")
    for name in ("Link", "Unlink", "ReportContactPoint"):
        yield from _points(f"CustomerService/{name}", "contact_point", required=True)
    yield from _identifiers()
    unlink = "CustomerService/Unlink"
    yield _unknown_customer(unlink)
    strange = put("contact_point", email(f"strange.{MARK}@example.com"))
    made = _case(unlink, "contact_point of nobody", ["contact_point"], strange)
    yield made._replace(reason=Reason.CONTACT_POINT_NOT_LINKED)
    yield from _facts()
    activity = "CustomerService/ReportActivity"
    yield from _enums(activity, "kind")
    yield from _instants(activity, "act_time")
    yield _case(activity, "act_time ahead", ["act_time"], put("act_time", at(1)))
    yield from _texts(activity, "place")
    yield _unknown(activity, Reason.PLACE_UNKNOWN, "place", f"store:{MARK}")
    fact = "CustomerService/ReportContactPoint"
    yield from _enums(fact, "fact")
    yield from _instants(fact, "act_time")


def _erasures() -> Iterator[Case]:
    method = "CustomerService/Erase"
    yield from _keys(method, "customer")
    yield _unknown_customer(method)
    yield _ambiguous(method, "customer")
    yield from _enums(method, "mode")
    yield from _enums(method, "reason")
    yield from _instants(method, "not_before")
    yield _case(method, "a hold without an end", ["not_before"], clear("not_before"), missing="not_before")
    for label, seconds in {"now": 0, "in the past": -1}.items():
        yield _case(method, f"a hold that ends {label}", ["not_before"], put("not_before", at(seconds)))
    for name in ("NOW", "AFTER_RETENTION"):
        number = customer_service_pb2.ErasureMode.Value(f"ERASURE_MODE_{name}")
        yield _case(method, f"not_before with mode {name}", ["not_before"], put("mode", number))
    empty = _both(clear("evidence"), lambda request, _: request.evidence.SetInParent())
    yield _case(method, "empty evidence", [*_EVIDENCE], empty)
    yield from _evidences(method)
    yield _case(method, "act_time ahead", ["evidence.act_time"], put("evidence.act_time", at(1)))
    method = "CustomerService/GetErasure"
    for name in (b"", b"short", bytes(17)):
        missing = "" if name else "erasure_id"
        yield _case(method, f"erasure_id of {len(name)} bytes", ["erasure_id"], put("erasure_id", name), missing)
    unknown = _case(method, "erasure_id of none", ["erasure_id"], put("erasure_id", bytes(16)))
    yield unknown._replace(reason=Reason.ERASURE_UNKNOWN)


def _identifiers() -> Iterator[Case]:
    """Bad values of every kind of address."""
    blank = ("", " ", "\t", f"{MARK}\n", f"{MARK}\x7f", MARK * 171)
    bad = {
        "EMAIL": (MARK, f"{MARK}@", f"@{MARK}.com", f"a b@{MARK}.com", f"a@{MARK}@example.com", f"{MARK}@-.", *blank),
        "PHONE": (MARK, "06 98 76 54 07", f"+33 {MARK}", "+1", "+" + "9" * 20, "+", *blank),
        "POSTAL_ADDRESS": blank,
        "PUSH_TOKEN": blank,
        "SOCIAL_PROFILE": (MARK, f":{MARK}", "mastodon:", "mastodon: ", f"{MARK}:@", *blank),
        "LOYALTY_CARD": blank,
        "BEACON_DEVICE": blank,
    }
    for name, values in bad.items():
        kind = customer_pb2.ContactPointKind.Value(f"CONTACT_POINT_KIND_{name}")
        for value in values:
            point = customer_pb2.ContactPoint(kind=kind, value=value)
            change = put("contact_point", point)
            label = f"{name} {value[:30]!r}"
            yield _case("CustomerService/Link", label, ["contact_point.value"], change)


def _facts() -> Iterator[Case]:
    method = "CustomerService/RecordFacts"
    yield _case(method, "no facts", ["facts"], clear("facts"))
    yield _case(method, "empty facts", ["facts"], _both(clear("facts"), lambda request, _: request.facts.SetInParent()))
    for name in ("country", "region", "time_zone", "language", "preferred_channel"):
        yield from _texts(method, f"facts.{name}")
    yield from _enums(method, "facts.kind", required=False)
    yield _case(method, "facts.kind unspecified", ["facts.kind"], put("facts.kind", 0))
    yield from _instants(method, "facts.paused_until")
    for year in (-1, 1849, 2027, 2**31 - 1, -(2**31)):
        yield _case(method, f"birth_year {year}", ["facts.birth_year"], put("facts.birth_year", year))
    for country in ("fr", "FRA", "ZZ", MARK):
        yield _case(method, f"country {country}", ["facts.country"], put("facts.country", country))
    for zone in ("Mars/Olympus", "../../etc/passwd", "/etc/passwd", "europe/paris", MARK):
        yield _case(method, f"time_zone {zone}", ["facts.time_zone"], put("facts.time_zone", zone))
    yield _unknown(method, Reason.CHANNEL_UNKNOWN, "facts.preferred_channel", f"{MARK}-unknown")


# What officers do


def _officers() -> Iterator[Case]:
    merge, split, overlay, restrict = (f"CustomerService/{name}" for name in ("Merge", "Split", "Overlay", "Restrict"))
    for method in (merge, split, overlay, restrict):
        yield from _justifications(method)
    for method in (split, restrict):
        yield from _keys(method, "customer")
        yield _ambiguous(method, "customer")
        yield _unknown_customer(method)
    for method, counts in {merge: (0, 1, 17), overlay: (0, 101)}.items():
        for count in counts:
            change = put("customers", [by_id()] * count)
            missing = "" if count else "customers"
            yield _case(method, f"{count} customers", ["customers"], change, missing)
        yield from (each for each in _keys(method, "customers[0]") if not each.label.endswith("[0] missing"))
        yield _ambiguous(method, "customers[0]")
        strange = _case(method, "a customer unknown", ["customers[0]"], put("customers[0]", by_id(STRANGER)))
        yield strange._replace(reason=Reason.CUSTOMER_UNKNOWN)
    yield _case(merge, "one customer twice", ["customers"], put("customers", [by_id(), by_id()]))
    alone = _case(split, "a customer merged with nobody", ["customer"], put("customer", by_id()))
    yield alone._replace(reason=Reason.CUSTOMER_NOT_MERGED)
    for method in (overlay, restrict):
        yield _case(
            method, "no change", ["change"], lambda request, _: request.ClearField(request.WhichOneof("change"))
        )
    yield from _enums(overlay, "add.kind")
    yield from _instants(overlay, "add.until")
    yield _case(overlay, "a pause without end", ["add.until"], clear("add.until"))
    yield _case(overlay, "a pause that has ended", ["add.until"], put("add.until", at(-1)))
    yield _case(overlay, "a household until an instant", ["add.until"], put("add.kind", 1))
    yield _case(
        overlay, "the lift of two", ["customers"], _both(put("customers", [by_id()] * 2), put("lift.position", 1))
    )
    yield _case(overlay, "lift.position missing", ["lift.position"], put("lift.position", 0), missing="lift.position")
    for position in BEYOND:
        yield _case(overlay, f"lift.position {position}", ["lift.position"], put("lift.position", position))
    yield _unknown_overlay(overlay)
    yield from _enums(restrict, "begin.ground")
    informed = "lift.informed_time"
    told = lambda request, _: request.lift.SetInParent()  # noqa: E731 - as short as the others
    yield _case(restrict, f"{informed} missing", [informed], told, missing=informed)
    yield from _instants(restrict, informed)
    yield _case(restrict, f"{informed} ahead", [informed], put(informed, at(1)))
    free = _case(restrict, "the lift of nothing", ["customer"], _both(put("customer", by_id()), put(informed, at(-1))))
    yield free._replace(reason=Reason.CUSTOMER_NOT_RESTRICTED)


def _unknown_overlay(method: str) -> Case:
    made = _case(method, "lift.position of no overlay", ["lift.position"], put("lift.position", 1))
    return made._replace(reason=Reason.OVERLAY_UNKNOWN)


def _justifications(method: str) -> Iterator[Case]:
    at = "justification"
    yield _case(method, f"{at} missing", [f"{at}.reason"], clear(at), missing=at)
    yield from _texts(method, f"{at}.reason", required=True)
    yield from _texts(method, f"{at}.officer_id")
    sha = f"{at}.artefacts[0].sha256"
    yield _case(method, "a digest missing", [sha], put(sha, b""), missing=sha)
    yield from _texts(method, f"{at}.artefacts[0].media_type", required=True)
    nine = put(f"{at}.artefacts", [evidence_pb2.Artefact(sha256=bytes(32), media_type="a/b")] * 9)
    yield _case(method, "nine artefacts", [f"{at}.artefacts"], nine)


# Catalogues


def _catalogues() -> Iterator[Case]:
    method = "CatalogueService/Apply"
    yield _case(method, "catalogue missing", ["catalogue"], clear("catalogue"), missing="catalogue")
    changed = _case(method, "a version that does not count", ["expected_version"], put("expected_version", 7))
    yield changed._replace(reason=Reason.CATALOGUE_CHANGED)
    last = _case(method, "the last version there could be", ["expected_version"], put("expected_version", 2**64 - 1))
    yield last._replace(reason=Reason.CATALOGUE_CHANGED)
    for path, change in _required_in_a_catalogue().items():
        field = f"catalogue.{path}"
        at = field.rsplit(".", 1)[0] if field.endswith((".from", ".until")) else field
        yield _fault(f"{field} missing", at, change, missing=field)
    for path in ("channels[0].contact_point_kind", "purposes[0].purpose_class", "bases[0].basis"):
        yield _spoilt(f"{path} of an unknown number", path, put(f"catalogue.{path}", 99), INVALID)
    for number in (0, 99):
        change = put("catalogue.channels[0].obligations", [number])
        yield _spoilt(f"obligation {number}", "channels[0].obligations[0]", change, INVALID)
    for label, path, change in _faults_of_a_catalogue():
        yield _spoilt(label, path, change)
    yield from _simulations()
    for version in (2**64 - 1, 99):
        made = _case("CatalogueService/Get", f"version {version}", ["version"], put("version", version))
        yield made._replace(reason=Reason.CATALOGUE_VERSION_UNKNOWN)


def _simulations() -> Iterator[Case]:
    """Each kind of fault of a catalogue once: the same code finds them for both methods."""
    method = "CatalogueService/Simulate"
    yield _case(method, "catalogue missing", ["catalogue"], clear("catalogue"), missing="catalogue")
    changed = _case(method, "a version that does not count", ["expected_version"], put("expected_version", 7))
    yield changed._replace(reason=Reason.CATALOGUE_CHANGED)
    for path, change in _required_in_a_catalogue().items():
        field = f"catalogue.{path}"
        where = field.rsplit(".", 1)[0] if field.endswith((".from", ".until")) else field
        yield _fault(f"{field} missing", where, change, missing=field)._replace(method=method)
    for label, path, change in _faults_of_a_catalogue():
        yield _spoilt(label, path, change)._replace(method=method)
    yield _case(method, "language de", ["language"], put("language", "de"))
    yield _case(method, "eleven samples", ["samples"], put("samples", 11))
    yield from _texts(method, "topic")
    yield from _texts(method, "recipient")
    yield from _instants(method, "decision_time")
    yield _case(method, "a past decision_time", ["decision_time"], put("decision_time", at(-60)))
    place = _case(method, "a place of neither catalogue", ["place"], put("place", f"store:{MARK}"))
    yield place._replace(reason=Reason.PLACE_UNKNOWN)


def _required_in_a_catalogue() -> dict[str, Change]:
    """Return how to leave out each field that catalogue.proto calls required."""
    paths = (
        "controller country channels purposes levels notices touchpoints "
        "controller_details.address controller_details.contact controller_details.rights_url "
        "controller_details.storage_countries "
        "channels[0].code channels[0].contact_point_kind purposes[0].code purposes[0].purpose_class levels[0].code "
        "notices[0].code notices[0].purposes notices[0].texts notices[0].texts[0].language notices[0].texts[0].text "
        "touchpoints[0].code touchpoints[0].level touchpoints[0].notice places[0].code bases[0].id bases[0].basis "
        "bases[0].purpose_class caps[0].id caps[0].limit caps[0].days hours[0].id hours[0].channels hours[0].windows "
        "hours[0].windows[0].from hours[0].windows[0].until cool_downs[0].id cool_downs[0].channels cool_downs[0].days"
    )
    return {path: clear(f"catalogue.{path}") for path in paths.split()}


def _faults_of_confirmations() -> Iterator[tuple[str, str, Change]]:
    hours, otherwise = "levels[0].confirmation_hours", "levels[0].confirmed_otherwise"
    yield "a confirmation within years", hours, put(f"catalogue.{hours}", 8761)
    yield "a level that waits for nothing, confirmed otherwise", otherwise, put(f"catalogue.{otherwise}", value=True)
    for limit, most in {"confirmations_per_address": 20, "confirmation_window_hours": 720}.items():
        yield f"{limit} of {most + 1}", limit, put(f"catalogue.{limit}", most + 1)
    listed = "notices[0].purposes"
    yield "a notice for confirmations", listed, put(f"catalogue.{listed}", ["service.opt_in"])


def _faults_of_a_catalogue() -> Iterator[tuple[str, str, Change]]:
    for country in ("fr", "FRA", "ZZ"):
        yield f"country {country}", "country", put("catalogue.country", country)
    carried = "channels[1].one_click_missing"
    yield "a header of e-mail on texts", carried, put(f"catalogue.{carried}", value=True)
    yield "a controller of spaces", "controller", put("catalogue.controller", "  ")
    lists = ("channels", "levels", "notices", "touchpoints", "places", "bases", "caps", "hours", "cool_downs")
    for name in lists:
        key = "id" if name in {"bases", "caps", "hours", "cool_downs"} else "code"
        for code in ("A", "a b", "é", "a" * 65, "-a", "a\n"):
            yield f"{name} code {code[:9]!r}", f"{name}[0].{key}", put(f"catalogue.{name}[0].{key}", code)
        yield f"{name} twice", f"{name}[1].{key}", _twice(name)
    for code in ("marketing", "a..b", "A.b", "a.b.c.d.e.f.g", "a." + "b" * 41, "a.b\n"):
        yield f"purpose {code[:9]!r}", "purposes[0].code", put("catalogue.purposes[0].code", code)
    yield "a purpose twice", "purposes[1].code", _twice("purposes")
    branch = _append("purposes", code="alert.back_in_stock.email", purpose_class=1)
    yield "a purpose that is a branch", "purposes[0].code", branch
    for name, limit in {"channels": 64, "purposes": 1024, "places": 4096, "caps": 64}.items():
        yield f"too many {name}", name, _many(name, limit + 1)
    strange = {
        "notices[0].purposes": [f"{MARK}.unknown"],
        "notices[0].channels": [f"{MARK}-unknown"],
        "touchpoints[0].level": f"{MARK}-unknown",
        "touchpoints[0].notice": f"{MARK}-unknown",
        "bases[0].channels": [f"{MARK}-unknown"],
        "bases[0].purposes": ["market"],
        "caps[0].channels": [f"{MARK}-unknown"],
        "caps[0].purposes": ["A"],
        "hours[0].channels": [f"{MARK}-unknown"],
        "cool_downs[0].channels": [f"{MARK}-unknown"],
    }
    for path, value in strange.items():
        field = path if isinstance(value, str) else f"{path}[0]"
        yield f"{path} unknown", field, put(f"catalogue.{path}", value)
    yield from _faults_of_the_details()
    yield "a notice without channels", "notices[0].channels", clear("catalogue.notices[0].channels")
    yield "a language twice", "notices[0].texts", put("catalogue.notices[0].texts[1].language", "fr")
    yield "no language", "notices[0].texts[0].language", put("catalogue.notices[0].texts[0].language", "français")
    text = "notices[0].texts[0].text"
    yield "a notice too long", text, put(f"catalogue.{text}", "x" * 16_385)
    yield "a notice of spaces", text, put(f"catalogue.{text}", " \n")
    yield "a level of 36,501 days", "levels[0].valid_days", put("catalogue.levels[0].valid_days", 36_501)
    yield "a level for ever", "levels[0].valid_days", put("catalogue.levels[0].valid_days", 2**32 - 1)
    yield from _faults_of_confirmations()
    for basis in ("CLASS", "CONFIRMATION_REQUEST"):
        number = decision_pb2.Basis.Value(f"BASIS_{basis}")
        yield f"a rule of basis {basis}", "bases[0].basis", put("catalogue.bases[0].basis", number)
    for kind in ("SERVICE", "LEGAL", "SAFETY", "CONFIRMATION"):
        number = catalogue_pb2.PurposeClass.Value(f"PURPOSE_CLASS_{kind}")
        yield f"a rule of class {kind}", "bases[0].purpose_class", put("catalogue.bases[0].purpose_class", number)
    yield "a cap of 401 days", "caps[0].days", put("catalogue.caps[0].days", 401)
    yield "a silence of 401 days", "cool_downs[0].days", put("catalogue.cool_downs[0].days", 401)
    windows = {
        "from midnight's end": ("24:00", "06:00"),
        "that is empty": ("08:00", "08:00"),
        "of 25 hours": ("00:00", "25:00"),
        "of words": ("noon", "06:00"),
        "of one digit": ("8:00", "9:00"),
    }
    for label, (start, end) in windows.items():
        yield f"a window {label}", "hours[0].windows[0]", _window(0, start, end)
    yield "lawful hours past midnight", "hours[1].windows[0]", _window(1, "22:00", "06:00")
    yield "an eighth day", "hours[0].windows[0].days", put("catalogue.hours[0].windows[0].days", [8])
    yield "a day 0", "hours[0].windows[0].days", put("catalogue.hours[0].windows[0].days", [0])
    closed = "hours[0].closed_on_public_holidays"
    yield "quiet hours on holidays", closed, put(f"catalogue.{closed}", value=True)
    yield "a notice that is gone", "notices", lambda request, _: request.catalogue.notices.pop()
    yield "a notice with other words", "notices[0]", put("catalogue.notices[0].texts[0].text", "Autre chose.")
    yield "a notice with other purposes", "notices[0]", put("catalogue.notices[0].purposes", ["marketing.birthday"])
    yield "a notice with other channels", "notices[0]", put("catalogue.notices[0].channels", ["email"])
    changed = put("catalogue.purposes[1].purpose_class", catalogue_pb2.PURPOSE_CLASS_SERVICE)
    yield "a purpose of another class", "purposes[1].purpose_class", changed


def _faults_of_the_details() -> Iterator[tuple[str, str, Change]]:
    details = "controller_details"
    for name in ("address", "contact", "rights_url"):
        yield f"{details} {name} of spaces", f"{details}.{name}", put(f"catalogue.{details}.{name}", " ")
    yield (
        "a rights_url in the clear",
        f"{details}.rights_url",
        put(f"catalogue.{details}.rights_url", "http://a.example"),
    )
    stored = f"{details}.storage_countries"
    yield "stored in Europe", f"{stored}[0]", put(f"catalogue.{stored}", ["EU"])
    kept = f"{details}.retention_days"
    yield "kept for ever", kept, put(f"catalogue.{kept}", 36_501)


def _reports() -> Iterator[Case]:
    method = "AuditService/ExplainContact"
    yield from _texts(method, "contact_id", required=True)
    made = _case(method, "contact unknown", ["contact_id"], put("contact_id", f"never-{MARK}"))
    yield made._replace(reason=Reason.CONTACT_UNKNOWN)
    method = "AuditService/GetAccessReport"
    yield from _keys(method, "customer")
    yield _unknown_customer(method)
    yield _ambiguous(method, "customer")
    method = "AuditService/Report"
    for path in ("recorded_from", "recorded_until"):
        yield from _instants(method, path)
    yield from _enums(method, "period", required=False)
    for number in (0, 99, -1):
        change = put("dimensions", [number])
        yield _case(method, f"a dimension of number {number}", ["dimensions[0]"], change)
    yield _case(method, "six dimensions", ["dimensions"], put("dimensions", [1, 2, 3, 4, 5, 1]))
    for zone in ("Mars/Olympus", "../../etc/localtime", f"{MARK}\n"):
        yield _case(method, f"time_zone {zone!r}", ["time_zone"], put("time_zone", zone))
    yield _case(method, "page_token made up", ["page_token"], put("page_token", "bWFkZSB1cA"))._replace(
        reason=Reason.PAGE_TOKEN_INVALID
    )


def _forecasts() -> Iterator[Case]:
    method = "AuditService/ForecastLapses"
    yield _case(method, "within_days missing", ["within_days"], clear("within_days"), missing="within_days")
    for days in (401, 2**32 - 1):
        yield _case(method, f"{days} days ahead", ["within_days"], put("within_days", days))
    yield _case(method, "eleven samples", ["samples"], put("samples", 11))
    yield _case(method, "language de", ["language"], put("language", "de"))
    yield from _texts(method, "purpose")
    yield from _texts(method, "channel")
    purpose = _case(method, "a purpose not in the catalogue", ["purpose"], put("purpose", f"marketing.{MARK}"))
    yield purpose._replace(reason=Reason.PURPOSE_UNKNOWN)
    channel = _case(method, "a channel not in the catalogue", ["channel"], put("channel", MARK))
    yield channel._replace(reason=Reason.CHANNEL_UNKNOWN)


def _replays() -> Iterator[Case]:
    method = "AuditService/Replay"
    for path in ("recorded_from", "recorded_until", "law_time"):
        yield from _instants(method, path)
    yield _case(method, "today and another catalogue", ["today"], put("today", value=True))
    yield _case(method, "two catalogues", ["catalogue_version"], put("catalogue_version", 1))
    yield _case(method, "an edition made up", ["rules_edition"], put("rules_edition", MARK))
    version = _case(
        method,
        "a version never applied",
        ["catalogue_version"],
        _both(clear("catalogue"), put("catalogue_version", 99)),
    )
    yield version._replace(reason=Reason.CATALOGUE_VERSION_UNKNOWN)
    for path, change in _required_in_a_catalogue().items():
        field = f"catalogue.{path}"
        at = field.rsplit(".", 1)[0] if field.endswith((".from", ".until")) else field
        yield _fault(f"{field} missing", at, change, missing=field)._replace(method=method)
    yield _case(method, "page_token made up", ["page_token"], put("page_token", "bWFkZSB1cA"))._replace(
        reason=Reason.PAGE_TOKEN_INVALID
    )


def _positions() -> Iterator[Case]:
    for method in ("LedgerService/GetEntry", "LedgerService/ProveInclusion", "AuditService/GetReceipt"):
        changes = {"the size of the ledger": _put_found("position", lambda ground: ground.server.size(BRAND))}
        changes |= {str(position): put("position", position) for position in BEYOND}
        for label, change in changes.items():
            made = _case(method, f"position {label}", ["position"], change)
            yield made._replace(reason=Reason.ENTRY_UNKNOWN)
    made = _case("AuditService/GetReceipt", "the entry of a catalogue", ["position"], put("position", 0))
    yield made._replace(reason=Reason.RECEIPT_UNKNOWN)

    method = "LedgerService/ProveConsistency"
    for size in (0, *BEYOND):
        yield _case(method, f"old_size {size}", ["old_size"], put("old_size", size))._replace(
            reason=Reason.ENTRY_UNKNOWN
        )
    for size in BEYOND:
        yield _case(method, f"size {size}", ["size"], put("size", size))._replace(reason=Reason.ENTRY_UNKNOWN)
    shrunk = _case(method, "sizes out of order", ["old_size"], put("size", 1))
    yield shrunk._replace(reason=Reason.ENTRY_UNKNOWN)


# Exports


def _exports() -> Iterator[Case]:
    method, everybody = "AuditService/Export", clear("customer")
    yield from _texts(method, "request_id", required=True)
    yield from _enums(method, "redaction")
    yield from (case for case in _keys(method, "customer") if case.missing != "customer")
    yield _unknown_customer(method)
    yield _ambiguous(method, "customer")
    yield _case(method, "a history held back", ["redaction"], put("redaction", 2))
    for field in ("first_position", "end_position"):
        yield _case(method, f"{field} of one customer", [field], put(field, 1))
    for field in ("recorded_from", "recorded_until"):
        yield _case(method, f"{field} of one customer", [field], put(field, at(-9)))
        yield from (case._replace(change=_both(everybody, case.change)) for case in _instants(method, field))
        mixed = _both(everybody, put("first_position", 1), put(field, at(-9)))
        yield _case(method, f"{field} beside positions", [field], mixed)
    for number in (2, 3):
        held_back = _both(everybody, put("redaction", number), put("receipts", value=True))
        yield _case(method, f"receipts of what is held back by {number}", ["receipts"], held_back)
    for field in ("purposes", "channels"):
        yield _case(method, f"{field} of one customer", [field], put(field, ["email"]))
        yield from (case._replace(change=_both(everybody, case.change)) for case in _lists(method, field))
    turned = _both(everybody, put("recorded_from", at(-1)), put("recorded_until", at(-2)))
    yield _case(method, "a period that ends first", ["recorded_until"], turned)
    past = _both(everybody, put("first_position", 3), put("end_position", 2))
    yield _case(method, "a range that ends first", ["first_position"], past)._replace(reason=Reason.ENTRY_UNKNOWN)
    for number in BEYOND:
        for field in ("first_position", "end_position", "checkpoint_size"):
            beyond = _case(method, f"{field} {number}", [field], _both(everybody, put(field, number)))
            yield beyond._replace(reason=Reason.ENTRY_UNKNOWN)


def _suppressions() -> Iterator[Case]:
    method = "ImportService/ImportSuppressions"
    yield _case(method, "list missing", ["list.code", "list.kind"], clear("list"), missing="list", also=True)
    yield from _texts(method, "list.code", required=True)
    yield from _enums(method, "list.kind", required=True)
    yield _case(method, "list_time missing", ["list.list_time"], clear("list.list_time"), missing="list.list_time")
    yield from _instants(method, "list.list_time")
    yield _case(method, "list_time of tomorrow", ["list.list_time"], put("list.list_time", at(86_400)))
    for digest in (b"", b"\x09" * 31, b"\x09" * 33):
        missing = "" if digest else "list.sha256"
        yield _case(method, f"{len(digest)} bytes of sha256", ["list.sha256"], put("list.sha256", digest), missing)
    yield from _lists(method, "list.purposes")
    many = [email(f"{number}.{MARK}@example.com") for number in range(1001)]
    yield _case(method, "1,001 addresses", ["contact_points"], put("contact_points", many))
    for number in BEYOND:
        yield _case(method, f"lines {number}", ["list.lines"], put("list.lines", number))
        yield _case(method, f"limit {number}", ["end.ending_limit"], put("end.ending_limit", number))


def _imports() -> Iterator[Case]:
    method = "ImportService/ImportRecords"
    yield _case(method, "source missing", ["source.partner"], clear("source"), missing="source", also=True)
    for path in ("source.partner", "source.media_type"):
        yield from _texts(method, path, required=True)
    yield _case(method, "a partner of 65 characters", ["source.partner"], put("source.partner", "p" * 65))
    for path in ("source.sha256", "source.mapping_sha256"):
        for digest in (b"", b"\x0a" * 31, b"\x0a" * 33):
            yield _case(method, f"{path} of {len(digest)} bytes", [path], put(path, digest), "" if digest else path)
    yield _case(method, "no record", ["records"], clear("records"))
    many = [import_service_pb2.ImportRecord(row=number) for number in range(1, 1002)]
    yield _case(method, "1,001 records", ["records"], put("records", many))


# Making cases and changing messages


def _case(method: str, label: str, fields: list[str], change: Change, missing: str = "", *, also: bool = False) -> Case:
    return Case(method, label, INVALID, frozenset(fields), change, missing, also)


def _unknown(method: str, reason: Reason, path: str, value: str) -> Case:
    return _case(method, f"{path} {value!r}", [path], put(path, value))._replace(reason=reason)


def _unknown_customer(method: str) -> Case:
    made = _case(method, "customer unknown", ["customer"], put("customer", by_id(STRANGER)))
    return made._replace(reason=Reason.CUSTOMER_UNKNOWN)


def _ambiguous(method: str, path: str, named: str = "") -> Case:
    change = put(path, by_point(email(SHARED_EMAIL)))
    made = _case(method, f"{path} of two", [named or path], change)
    return made._replace(reason=Reason.CUSTOMER_AMBIGUOUS)


def _fault(label: str, field: str, change: Change, missing: str) -> Case:
    enum = field.endswith(("_kind", "_class", ".basis"))
    reason = INVALID if enum else Reason.CATALOGUE_INVALID
    made = _case("CatalogueService/Apply", label, [field], change, missing, also=True)
    return made._replace(reason=reason)


def _spoilt(label: str, path: str, change: Change, reason: Reason = Reason.CATALOGUE_INVALID) -> Case:
    made = _case("CatalogueService/Apply", label, [f"catalogue.{path}"], change, also=True)
    return made._replace(reason=reason)


def _reuse(method: str) -> Change:
    def change(request: Any, ground: Ground) -> None:
        used = reused(method, ground)
        request.brand, request.request_id = used.brand, used.request_id
        if request != used:
            return
        if "expected_version" in request.DESCRIPTOR.fields_by_name:
            request.expected_version = 5
        elif "customer" in request.DESCRIPTOR.fields_by_name:
            request.customer.CopyFrom(by_id(STRANGER))
        elif "justification" in request.DESCRIPTOR.fields_by_name:
            request.justification.reason = f"other-{MARK}"
        elif "text" in request.DESCRIPTOR.fields_by_name:
            request.text = f"stop it {MARK}"
        else:
            field = "fact" if "fact" in request.DESCRIPTOR.fields_by_name else "outcome"
            setattr(request, field, 2)

    return change


def put(path: str, value: Any) -> Change:
    """Return the change that sets what stands at a path; a list replaces a repeated field."""

    def change(request: Any, _: Ground) -> None:
        holder, name = _holder(request, path)
        if name.endswith("]"):
            name, index = _STEP.fullmatch(name).groups()  # type: ignore[union-attr]
            getattr(holder, name)[int(index)].CopyFrom(value)
        elif isinstance(value, list):
            holder.ClearField(name)
            getattr(holder, name).extend(value)
        elif hasattr(value, "DESCRIPTOR"):
            getattr(holder, name).CopyFrom(value)
        else:
            setattr(holder, name, value)

    return change


def _put_found(path: str, find: Callable[[Ground], Any]) -> Change:
    """Return the change that sets at a path what is found on the ground."""
    return lambda request, ground: put(path, find(ground))(request, ground)


def clear(path: str) -> Change:
    """Return the change that leaves out what stands at a path."""

    def change(request: Any, _: Ground) -> None:
        holder, name = _holder(request, path)
        holder.ClearField(name)

    return change


def _both(*changes: Change) -> Change:
    def change(request: Any, ground: Ground) -> None:
        for each in changes:
            each(request, ground)

    return change


def _holder(message: Any, path: str) -> tuple[Any, str]:
    *steps, last = path.split(".")
    for step in steps:
        name, index = _STEP.fullmatch(step).groups()  # type: ignore[union-attr]
        message = getattr(message, name)
        if index is not None:
            message = message[int(index)]
    return message, last


def _twice(name: str) -> Change:
    def change(request: Any, _: Ground) -> None:
        items = getattr(request.catalogue, name)
        items.insert(1, items[0])

    return change


def _append(name: str, **fields: Any) -> Change:
    return lambda request, _: getattr(request.catalogue, name).add(**fields)


def _many(name: str, count: int) -> Change:
    def change(request: Any, _: Ground) -> None:
        items = getattr(request.catalogue, name)
        key = "id" if name == "caps" else "code"
        form = "more.purpose_{}" if name == "purposes" else "more-{}"
        while len(items) < count:
            made = items.add()
            made.CopyFrom(items[0])
            setattr(made, key, form.format(len(items)))

    return change


def _window(hours: int, start: str, end: str) -> Change:
    made = catalogue_pb2.DayWindow(**{"from": start, "until": end})
    return put(f"catalogue.hours[{hours}].windows", [made])


CASES = list(cases())

BATCH = "PermissionService/BatchRecord"

BATCHED = {
    "PermissionService/Grant": "grant",
    "PermissionService/Confirm": "confirm",
    "PermissionService/Refuse": "refuse",
    "PermissionService/Withdraw": "withdraw",
    "PermissionService/Object": "object",
    "PermissionService/RecordReply": "reply",
}
"""Methods whose requests are records of a batch as well."""


def batch(*records: Any) -> permission_service_pb2.BatchRecordRequest:
    """Return one message of a stream with these requests."""
    names = {type(getattr(permission_service_pb2.BatchRecord(), name)): name for name in BATCHED.values()}
    made = permission_service_pb2.BatchRecordRequest()
    for record in records:
        made.records.add(**{names[type(record)]: record})
    return made
