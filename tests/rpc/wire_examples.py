"""A catalogue that uses every field, a valid request for every method, and a ledger for them to be valid on.

Everything personal bears MARK (a phone number cannot: it is PHONE), so that a test can look for it
where it must not be.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from support.grpc_server import GrpcServer
from support.installations import START

from accord.domain.terms import SECOND
from accord.v1 import (
    audit_service_pb2,
    catalogue_pb2,
    catalogue_service_pb2,
    contact_service_pb2,
    customer_pb2,
    customer_service_pb2,
    decision_pb2,
    decision_service_pb2,
    evidence_pb2,
    import_service_pb2,
    ledger_service_pb2,
    permission_pb2,
    permission_service_pb2,
)

BRAND, OTHER_BRAND = "maison", "autre-maison"
MARK = "zq7"
PHONE, OTHER_PHONE = "+33698765407", "+33698765408"
PERSONAL = (MARK, PHONE.removeprefix("+"), OTHER_PHONE.removeprefix("+"), "98 76 54 07")

KNOWN, STRANGER = f"customer-{MARK}", f"stranger-{MARK}"
LEAVER = f"leaver-{MARK}"
CONTACT = f"contact-{MARK}"
EMAIL, SHARED_EMAIL = f"ada.{MARK}@example.com", f"shared.{MARK}@example.com"

EMAIL_KIND, PHONE_KIND = customer_pb2.CONTACT_POINT_KIND_EMAIL, customer_pb2.CONTACT_POINT_KIND_PHONE


def catalogue() -> catalogue_pb2.Catalogue:
    """Return a catalogue in which every field of every message is set somewhere."""
    return catalogue_pb2.Catalogue(
        controller="Maison Exemple SAS",
        country="FR",
        controller_details=catalogue_pb2.ControllerDetails(
            address="1 rue de l'Exemple, 75001 Paris",
            contact="privacy@maison.example",
            rights_url="https://maison.example/privacy",
            storage_countries=["FR", "DE"],
            retention_days=1095,
        ),
        channels=[
            catalogue_pb2.Channel(
                code="email",
                contact_point_kind=EMAIL_KIND,
                obligations=[
                    decision_pb2.OBLIGATION_ONE_CLICK_UNSUBSCRIBE,
                    decision_pb2.OBLIGATION_OFFER_OBJECTION,
                ],
            ),
            catalogue_pb2.Channel(code="sms", contact_point_kind=PHONE_KIND),
            catalogue_pb2.Channel(code="old_mail", contact_point_kind=EMAIL_KIND, one_click_missing=True),
            catalogue_pb2.Channel(code="push", contact_point_kind=customer_pb2.CONTACT_POINT_KIND_PUSH_TOKEN),
            catalogue_pb2.Channel(
                code="voice",
                contact_point_kind=PHONE_KIND,
                verification_required=True,
                obligations=[decision_pb2.OBLIGATION_IDENTIFY_BRAND],
            ),
        ],
        purposes=[
            _purpose("alert.back_in_stock", "MARKETING", outside_brand_caps=True),
            _purpose("marketing.birthday", "MARKETING", title="Anniversaire"),
            _purpose("marketing.recommendation", "MARKETING"),
            _purpose("profiling.social_listening", "PROCESSING"),
            _purpose("safety.recall", "SAFETY"),
            _purpose("legal.notice", "LEGAL"),
            _purpose("service.opt_in", "CONFIRMATION"),
            _purpose("service.order", "SERVICE"),
            _purpose("sharing.partner", "PROCESSING"),
        ],
        levels=[
            catalogue_pb2.Level(code="ongoing"),
            catalogue_pb2.Level(code="contact_once", uses=1, valid_days=30),
            catalogue_pb2.Level(code="alert", valid_days=365, topics_required=True),
            catalogue_pb2.Level(code="in_store", places_required=True),
            catalogue_pb2.Level(code="partner", recipients_required=True),
            catalogue_pb2.Level(code="double", confirmation_hours=48, confirmed_otherwise=True),
            catalogue_pb2.Level(code="linked", confirmation_hours=48),
            catalogue_pb2.Level(code="century", valid_days=36_500),
        ],
        notices=[
            _notice("newsletter-1", ["marketing.birthday", "marketing.recommendation"], ["email", "sms"]),
            _notice("once-1", ["marketing.recommendation"], ["email", "sms", "voice"]),
            _notice("alert-1", ["alert.back_in_stock"], ["email", "push"]),
            _notice("store-1", ["marketing.recommendation"], ["push"]),
            _notice("partner-1", ["sharing.partner"], []),
            _notice("old-1", ["marketing.birthday"], ["email"], stale=True),
        ],
        touchpoints=[
            catalogue_pb2.Touchpoint(code="web_form", title="Web", level="ongoing", notice="newsletter-1"),
            catalogue_pb2.Touchpoint(code="till", level="contact_once", notice="once-1"),
            catalogue_pb2.Touchpoint(code="alert_form", level="alert", notice="alert-1"),
            catalogue_pb2.Touchpoint(code="beacon", level="in_store", notice="store-1"),
            catalogue_pb2.Touchpoint(code="partner_page", level="partner", notice="partner-1"),
            catalogue_pb2.Touchpoint(code="double_form", level="double", notice="newsletter-1"),
            catalogue_pb2.Touchpoint(code="link_form", level="linked", notice="newsletter-1"),
            catalogue_pb2.Touchpoint(code="century_form", level="century", notice="newsletter-1"),
        ],
        places=[
            catalogue_pb2.Place(code="store:lyon", title="Lyon Part-Dieu"),
            catalogue_pb2.Place(code="store:paris"),
        ],
        bases=[
            catalogue_pb2.BasisRule(
                id="permission",
                basis=decision_pb2.BASIS_PERMISSION,
                purpose_class=catalogue_pb2.PURPOSE_CLASS_MARKETING,
                guardian_below_age=15,
                legal_source="CPCE art. L34-5",
            ),
            catalogue_pb2.BasisRule(
                id="similar-products",
                basis=decision_pb2.BASIS_SOFT_OPT_IN,
                channels=["email"],
                purpose_class=catalogue_pb2.PURPOSE_CLASS_MARKETING,
                purposes=["marketing.recommendation"],
                purchase_within_days=1095,
                registry_binds=True,
                legal_source="CPCE art. L34-5",
            ),
            catalogue_pb2.BasisRule(
                id="processing",
                basis=decision_pb2.BASIS_PERMISSION,
                purpose_class=catalogue_pb2.PURPOSE_CLASS_PROCESSING,
            ),
        ],
        caps=[
            catalogue_pb2.Cap(id="week", limit=100, days=7, channels=["email", "sms"], purposes=["marketing"]),
            catalogue_pb2.Cap(
                id="calls",
                limit=4,
                days=30,
                calendar_days=True,
                channels=["voice"],
                legal=True,
                counts_attempts=True,
                legal_source="decree 2022-1313",
            ),
        ],
        hours=[
            catalogue_pb2.Hours(
                id="night",
                channels=["email", "sms", "push"],
                windows=[_window("22:00", "05:00")],
            ),
            catalogue_pb2.Hours(
                id="calling",
                channels=["voice"],
                lawful=True,
                windows=[_window("10:00", "13:00", 1, 2, 3, 4, 5), _window("14:00", "20:00", 1, 2, 3, 4, 5)],
                closed_on_public_holidays=True,
                legal_source="decree 2022-1313",
            ),
        ],
        cool_downs=[
            catalogue_pb2.CoolDown(id="voice-no", channels=["voice"], days=60, legal_source="decree 2022-1313")
        ],
        retention_days=1095,
    )


def email(value: str = EMAIL) -> customer_pb2.ContactPoint:
    return customer_pb2.ContactPoint(kind=EMAIL_KIND, value=value)


def phone(value: str = PHONE) -> customer_pb2.ContactPoint:
    return customer_pb2.ContactPoint(kind=PHONE_KIND, value=value)


def by_id(customer_id: str = KNOWN) -> customer_pb2.CustomerKey:
    return customer_pb2.CustomerKey(customer_id=customer_id)


def by_point(point: customer_pb2.ContactPoint) -> customer_pb2.CustomerKey:
    return customer_pb2.CustomerKey(contact_point=point)


def at(seconds_from_start: int = 0) -> Timestamp:
    """Return an instant on the wire, counted from where the clock stands."""
    return Timestamp(seconds=START // SECOND + seconds_from_start)


def evidence(touchpoint: str = "web_form", **fields: Any) -> evidence_pb2.Evidence:
    told: dict[str, Any] = {
        "touchpoint": touchpoint,
        "language": "fr",
        "method": evidence_pb2.DECLARATION_METHOD_TICKED_BOX,
        "declarant": evidence_pb2.DECLARANT_CUSTOMER,
        "recorder": evidence_pb2.RECORDER_SYSTEM,
        "recorder_id": f"recorder-{MARK}",
        "artefacts": [evidence_pb2.Artefact(sha256=b"\x07" * 32, media_type="image/png")],
    }
    return evidence_pb2.Evidence(**told | fields)


def question(customer_id: str = KNOWN, **fields: Any) -> decision_pb2.Question:
    told: dict[str, Any] = {"customer": by_id(customer_id), "channel": "email", "purpose": "marketing.birthday"}
    return decision_pb2.Question(**told | fields)


def grant(request_id: str, customer_id: str = KNOWN, **fields: Any) -> permission_service_pb2.GrantRequest:
    told: dict[str, Any] = {
        "brand": BRAND,
        "request_id": request_id,
        "customer": by_id(customer_id),
        "evidence": evidence(),
    }
    return permission_service_pb2.GrantRequest(**told | fields)


def withdraw(request_id: str, customer_id: str = KNOWN, **fields: Any) -> permission_service_pb2.WithdrawRequest:
    told: dict[str, Any] = {
        "brand": BRAND,
        "request_id": request_id,
        "customer": by_id(customer_id),
        "evidence": evidence(),
    }
    return permission_service_pb2.WithdrawRequest(**told | fields)


def reply(request_id: str, text: str, **fields: Any) -> permission_service_pb2.RecordReplyRequest:
    told: dict[str, Any] = {
        "brand": BRAND,
        "request_id": request_id,
        "contact_point": email(f"replier.{MARK}@example.com"),
        "text": text,
        "evidence": evidence(method=evidence_pb2.DECLARATION_METHOD_MESSAGE),
    }
    return permission_service_pb2.RecordReplyRequest(**told | fields)


def authorize(contact_id: str, customer_id: str = KNOWN, **fields: Any) -> contact_service_pb2.AuthorizeContactRequest:
    return contact_service_pb2.AuthorizeContactRequest(
        brand=BRAND, contact_id=contact_id, question=question(customer_id, **fields)
    )


def report(
    request_id: str, contact_id: str, outcome: contact_service_pb2.ContactOutcome.ValueType
) -> contact_service_pb2.ReportContactRequest:
    return contact_service_pb2.ReportContactRequest(
        brand=BRAND, request_id=request_id, contact_id=contact_id, outcome=outcome
    )


def link(request_id: str, customer_id: str, point: customer_pb2.ContactPoint) -> customer_service_pb2.LinkRequest:
    return customer_service_pb2.LinkRequest(
        brand=BRAND, request_id=request_id, customer=by_id(customer_id), contact_point=point
    )


def apply(request_id: str, brand: str = BRAND, **fields: Any) -> catalogue_service_pb2.ApplyRequest:
    told: dict[str, Any] = {"brand": brand, "request_id": request_id, "catalogue": catalogue()}
    return catalogue_service_pb2.ApplyRequest(**told | fields)


class Ground:
    """A ledger with a bit of everything; every request of VALID is valid on it. `laid` is one that the folder copies.

    Two brands; KNOWN holds permissions, a pending one, linked addresses and an open contact; two
    others share SHARED_EMAIL; `request_id` RE-<method> was used once by every method that writes.
    """

    def __init__(self, server: GrpcServer, laid: "Ground | None" = None) -> None:
        self.server = server
        if laid is None:
            self._lay(server.ask)
        else:
            vars(self).update({name: value for name, value in vars(laid).items() if name != "server"})

    def _lay(self, ask: Callable[..., Any]) -> None:
        ask("CatalogueService/Apply", reused("CatalogueService/Apply", self))
        ask("CatalogueService/Apply", apply("first", OTHER_BRAND))
        granted = ask("PermissionService/Grant", grant("grant-1", contact_point=email()))
        self.token = granted.receipt.token
        self.granted = granted.receipt.position
        ask("CustomerService/Link", link("link-1", KNOWN, phone()))
        ask("CustomerService/Link", link("link-2", KNOWN, phone(OTHER_PHONE)))
        double = evidence("double_form")
        self.pending = self._granted("grant-2", purposes=["marketing.birthday"], evidence=double)
        self.confirmed = self._granted("grant-3", purposes=["marketing.recommendation"], evidence=double)
        authorized = ask("ContactService/AuthorizeContact", authorize(CONTACT))
        assert authorized.decision.verdict == decision_pb2.VERDICT_ALLOW, authorized
        for number in (1, 2):
            ask("CustomerService/Link", link(f"shared-{number}", f"holder-{number}-{MARK}", email(SHARED_EMAIL)))
        for number in (1, 2, 3, 4, 5):
            point = email(f"merged.{number}.{MARK}@example.com")
            ask("CustomerService/Link", link(f"merged-{number}", f"merged-{number}-{MARK}", point))
        ask("CustomerService/Merge", _merged("merging", 3, 4, 5))
        for number, leaver in enumerate((LEAVER, f"second-{LEAVER}")):
            ask("CustomerService/Link", link(f"leaver-{number}", leaver, email(f"leaver-{number}.{MARK}@example.com")))
        other = grant("other-1", brand=OTHER_BRAND)
        self.other_token = ask("PermissionService/Grant", other).receipt.token
        linked = f"linked-{MARK}"
        point = email(f"linked.{MARK}@example.com")
        self.linked = self._granted("grant-5", linked, contact_point=point, evidence=evidence("link_form"))
        carried = ask("ContactService/AuthorizeContact", ask_to_confirm(f"carried-{MARK}", self.linked))
        self.confirmation_token = carried.confirmation_token
        assert len(self.confirmation_token) == 64, carried
        self.other_pending = self._granted("grant-4", f"holder-1-{MARK}", evidence=double)
        for name in WRITES:
            if name != "CatalogueService/Apply":
                ask(name, reused(name, self))
        self.erasure = ask("CustomerService/Erase", reused("CustomerService/Erase", self)).erasure.erasure_id
        ask("CustomerService/Erase", _erase(f"leaver-{MARK}", f"second-{LEAVER}"))
        self.pages = {name: ask(name, _page(name)).next_page_token for name in PAGED if name != "CatalogueService/List"}
        assert all(self.pages.values())

    def _granted(self, request_id: str, customer_id: str = KNOWN, **fields: Any) -> int:
        response = self.server.ask("PermissionService/Grant", grant(request_id, customer_id, **fields))
        position: int = response.receipt.position
        return position


Make = Callable[[Ground], Any]


def justification() -> customer_service_pb2.Justification:
    return customer_service_pb2.Justification(
        reason=f"reason-{MARK}",
        officer_id=f"officer-{MARK}",
        artefacts=[evidence_pb2.Artefact(sha256=b"\x08" * 32, media_type="application/pdf")],
    )


def _merged(request_id: str, *numbers: int) -> customer_service_pb2.MergeRequest:
    customers = [by_id(f"merged-{number}-{MARK}") for number in numbers]
    return customer_service_pb2.MergeRequest(
        brand=BRAND, request_id=request_id, customers=customers, justification=justification()
    )


def _grant(_: Ground) -> Any:
    return grant(
        f"valid-{MARK}",
        contact_point=email(),
        purposes=["marketing.birthday"],
        channels=["email"],
        topics=[f"topic-{MARK}"],
        places=["store:lyon"],
        valid_from=at(-60),
        valid_until=at(86_400),
    )


def _confirm(ground: Ground) -> Any:
    return permission_service_pb2.ConfirmRequest(
        brand=BRAND,
        request_id=f"valid-{MARK}",
        customer=by_id(),
        permission_position=ground.pending,
        evidence=evidence(method=evidence_pb2.DECLARATION_METHOD_SIGNATURE),
    )


def click(request_id: str, token: str, **fields: Any) -> permission_service_pb2.ConfirmRequest:
    told: dict[str, Any] = {
        "brand": BRAND,
        "request_id": request_id,
        "evidence": evidence("link_form", method=evidence_pb2.DECLARATION_METHOD_CONFIRMATION_LINK),
        "confirmation_token": token,
    }
    return permission_service_pb2.ConfirmRequest(**told | fields)


def ask_to_confirm(
    contact_id: str, position: int, customer_id: str = f"linked-{MARK}", **fields: Any
) -> contact_service_pb2.AuthorizeContactRequest:
    asked = decision_pb2.Question(customer=by_id(customer_id), channel="email", purpose="service.opt_in")
    told: dict[str, Any] = {"brand": BRAND, "contact_id": contact_id, "question": asked, "confirms_position": position}
    return contact_service_pb2.AuthorizeContactRequest(**told | fields)


def _no(kind: type[Any]) -> Make:
    return lambda _: kind(
        brand=BRAND,
        request_id=f"valid-{MARK}",
        customer=by_id(),
        evidence=evidence(),
        scope=permission_pb2.RefusalScope(
            purpose="marketing",
            channel="email",
            contact_point=email(),
            topic=f"topic-{MARK}",
            place="store:lyon",
            recipient=f"partner-{MARK}",
        ),
    )


def _batch(ground: Ground) -> Any:
    names = ("Grant", "Confirm", "Refuse", "Withdraw", "Object", "RecordReply")
    batch = permission_service_pb2.BatchRecordRequest()
    for name in names:
        record = valid(f"PermissionService/{name}", ground)
        record.request_id = f"batched-{name}-{MARK}"
        batch.records.add(**{name.removeprefix("Record").lower(): record})
    return batch


def _question() -> decision_pb2.Question:
    return question(topic=f"topic-{MARK}", place="store:lyon", recipient=f"partner-{MARK}", contact_point=email())


def _erase(request_id: str = f"valid-{MARK}", customer_id: str = LEAVER) -> Any:
    """Return an erasure on hold: it can be asked for again and again, and takes nothing from other tests."""
    return customer_service_pb2.EraseRequest(
        brand=BRAND,
        request_id=request_id,
        customer=by_id(customer_id),
        mode=customer_service_pb2.ERASURE_MODE_ON_HOLD_UNTIL,
        not_before=at(366 * 86_400),
        keep_suppression=True,
        reason=customer_service_pb2.ERASURE_REASON_OBJECTED,
        evidence=evidence(),
    )


def _listed(kind: type[Any], **fields: Any) -> Make:
    return lambda _: kind(brand=BRAND, **fields)


def valid(name: str, ground: Ground) -> Any:
    """Return a valid request of the method that was never sent."""
    request = VALID[name](ground)
    if "request_id" in request.DESCRIPTOR.fields_by_name:
        request.request_id = f"valid-{name}-{MARK}"
    return request


def _suppressions(_: Ground) -> Any:
    return import_service_pb2.ImportSuppressionsRequest(
        brand=BRAND,
        list=import_service_pb2.SuppressionList(
            code="fr.bloctel",
            kind=import_service_pb2.LIST_KIND_REGISTRY,
            list_time=at(-86_400),
            sha256=b"\x09" * 32,
            lines=2,
            complete=True,
            purposes=["marketing"],
        ),
        contact_points=[email(f"listed.{MARK}@example.com"), phone("+33698765410")],
        end=import_service_pb2.SuppressionsEnd(ending_limit=1),
    )


def imported(record: Any, **fields: Any) -> Any:
    """Return a record as an import tells it, from the request that tells the same alone."""
    for field in ("brand", "request_id"):
        record.ClearField(field)
    record.evidence.recorder = evidence_pb2.RECORDER_IMPORT
    record.evidence.ClearField("recorder_id")
    for name, value in fields.items():
        setattr(record.evidence, name, value)
    return record


def _records(ground: Ground) -> Any:
    kinds = {name.lower(): imported(VALID[f"PermissionService/{name}"](ground)) for name in _IMPORTED}
    records = [
        import_service_pb2.ImportRecord(row=number + 1, **{kind: kinds[kind]}) for number, kind in enumerate(kinds)
    ]
    return import_service_pb2.ImportRecordsRequest(
        brand=BRAND,
        source=import_service_pb2.ImportSource(
            partner=f"partner-{MARK}", sha256=b"\x0a" * 32, media_type="text/csv", mapping_sha256=b"\x0b" * 32
        ),
        records=records,
    )


_IMPORTED = ("Grant", "Refuse", "Withdraw", "Object")

VALID: dict[str, Make] = {
    "DecisionService/Check": lambda ground: decision_service_pb2.CheckRequest(
        brand=BRAND,
        question=_question(),
        view=decision_pb2.DECISION_VIEW_FULL,
        at_least_as_fresh=ground.token,
    ),
    "DecisionService/BatchCheck": lambda ground: decision_service_pb2.BatchCheckRequest(
        brand=BRAND,
        questions=[_question(), question(STRANGER)],
        view=decision_pb2.DECISION_VIEW_BASIC,
        at_least_as_fresh=ground.token,
    ),
    "DecisionService/ListReach": lambda ground: decision_service_pb2.ListReachRequest(
        brand=BRAND,
        customer=by_id(),
        purpose="marketing.birthday",
        topic=f"topic-{MARK}",
        place="store:lyon",
        view=decision_pb2.DECISION_VIEW_FULL,
        at_least_as_fresh=ground.token,
    ),
    "ContactService/AuthorizeContact": lambda _: contact_service_pb2.AuthorizeContactRequest(
        brand=BRAND,
        contact_id=f"valid-{MARK}",
        question=_question(),
        view=decision_pb2.DECISION_VIEW_FULL,
    ),
    "ContactService/ReportContact": lambda _: contact_service_pb2.ReportContactRequest(
        brand=BRAND,
        request_id=f"valid-{MARK}",
        contact_id=CONTACT,
        outcome=contact_service_pb2.CONTACT_OUTCOME_SENT,
        outcome_time=at(-5),
    ),
    "ContactService/GetContact": _listed(contact_service_pb2.GetContactRequest, contact_id=CONTACT),
    "PermissionService/Grant": _grant,
    "PermissionService/Confirm": _confirm,
    "PermissionService/Refuse": _no(permission_service_pb2.RefuseRequest),
    "PermissionService/Withdraw": _no(permission_service_pb2.WithdrawRequest),
    "PermissionService/Object": _no(permission_service_pb2.ObjectRequest),
    "PermissionService/RecordReply": lambda _: reply(f"valid-{MARK}", f"stop {MARK}"),
    "PermissionService/BatchRecord": _batch,
    "PermissionService/ListPermissions": _listed(
        permission_service_pb2.ListPermissionsRequest, customer=by_id(), page_size=10
    ),
    "PermissionService/GetHistory": _listed(permission_service_pb2.GetHistoryRequest, customer=by_id(), page_size=10),
    "CustomerService/Link": lambda _: link(f"valid-{MARK}", KNOWN, phone("+33698765409")),
    "CustomerService/Unlink": lambda _: customer_service_pb2.UnlinkRequest(
        brand=BRAND, request_id=f"valid-{MARK}", customer=by_id(), contact_point=phone()
    ),
    "CustomerService/RecordFacts": lambda _: customer_service_pb2.RecordFactsRequest(
        brand=BRAND,
        request_id=f"valid-{MARK}",
        customer=by_id(),
        facts=customer_service_pb2.CustomerFacts(
            country="FR",
            region="67",
            time_zone="Europe/Paris",
            language="fr",
            kind=customer_service_pb2.CUSTOMER_KIND_CONSUMER,
            birth_year=1985,
            guardian_known=False,
            deceased=False,
            contract_current=True,
            membership_current=False,
            preferred_channel="email",
            paused_until=at(-3600),
        ),
    ),
    "CustomerService/ReportActivity": lambda _: customer_service_pb2.ReportActivityRequest(
        brand=BRAND,
        request_id=f"valid-{MARK}",
        customer=by_id(),
        kind=customer_service_pb2.ACTIVITY_KIND_PURCHASE,
        act_time=at(-30),
        place="store:lyon",
        objection_offered=True,
    ),
    "CustomerService/ReportContactPoint": lambda _: customer_service_pb2.ReportContactPointRequest(
        brand=BRAND,
        request_id=f"valid-{MARK}",
        contact_point=email(),
        fact=customer_service_pb2.CONTACT_POINT_FACT_VERIFIED,
        act_time=at(-30),
    ),
    "CustomerService/Merge": lambda _: customer_service_pb2.MergeRequest(
        brand=BRAND,
        request_id=f"valid-{MARK}",
        customers=[by_id(f"merged-1-{MARK}"), by_id(f"merged-2-{MARK}")],
        justification=justification(),
    ),
    "CustomerService/Split": lambda _: customer_service_pb2.SplitRequest(
        brand=BRAND, request_id=f"valid-{MARK}", customer=by_id(f"merged-3-{MARK}"), justification=justification()
    ),
    "CustomerService/Overlay": lambda _: customer_service_pb2.OverlayRequest(
        brand=BRAND,
        request_id=f"valid-{MARK}",
        customers=[by_id(f"merged-1-{MARK}")],
        add=customer_service_pb2.NewOverlay(kind=customer_service_pb2.OVERLAY_KIND_CONTRACT_PAUSE, until=at(86_400)),
        justification=justification(),
    ),
    "CustomerService/Restrict": lambda _: customer_service_pb2.RestrictRequest(
        brand=BRAND,
        request_id=f"valid-{MARK}",
        customer=by_id(f"merged-1-{MARK}"),
        begin=customer_service_pb2.NewRestriction(ground=customer_service_pb2.RESTRICTION_GROUND_LEGAL_CLAIMS),
        justification=justification(),
    ),
    "CustomerService/Erase": lambda _: _erase(),
    "CustomerService/GetErasure": lambda ground: customer_service_pb2.GetErasureRequest(
        brand=BRAND, erasure_id=ground.erasure
    ),
    "CustomerService/ListErasures": _listed(customer_service_pb2.ListErasuresRequest, page_size=10),
    "ImportService/ImportSuppressions": _suppressions,
    "ImportService/ImportRecords": _records,
    "CatalogueService/Apply": lambda _: apply(f"valid-{MARK}", expected_version=1),
    "CatalogueService/Simulate": lambda _: catalogue_service_pb2.SimulateRequest(
        brand=BRAND,
        catalogue=catalogue(),
        decision_time=at(3_600),
        topic=f"topic-{MARK}",
        place="store:lyon",
        recipient=f"partner-{MARK}",
        samples=2,
        language="fr",
    ),
    "CatalogueService/Get": _listed(catalogue_service_pb2.GetRequest, version=1),
    "CatalogueService/List": _listed(catalogue_service_pb2.ListRequest, page_size=10),
    "AuditService/GetReceipt": lambda ground: audit_service_pb2.GetReceiptRequest(
        brand=BRAND, position=ground.confirmed
    ),
    "AuditService/ExplainContact": _listed(audit_service_pb2.ExplainContactRequest, contact_id=CONTACT),
    "AuditService/GetAccessReport": _listed(audit_service_pb2.GetAccessReportRequest, customer=by_id(), page_size=10),
    "AuditService/Report": lambda _: audit_service_pb2.ReportRequest(
        brand=BRAND,
        recorded_from=at(-3600),
        recorded_until=at(3600),
        period=audit_service_pb2.PERIOD_WEEK,
        time_zone="Europe/Paris",
        dimensions=[audit_service_pb2.DIMENSION_TOUCHPOINT, audit_service_pb2.DIMENSION_REASON],
    ),
    "AuditService/Replay": lambda _: audit_service_pb2.ReplayRequest(
        brand=BRAND,
        recorded_from=at(-3600),
        recorded_until=at(3600),
        catalogue=catalogue(),
        rules_edition="2026-11",
        law_time=at(86_400),
    ),
    "AuditService/ForecastLapses": lambda _: audit_service_pb2.ForecastLapsesRequest(
        brand=BRAND, within_days=30, purpose="marketing", channel="email", samples=2, language="fr"
    ),
    "LedgerService/GetEntry": _listed(ledger_service_pb2.GetEntryRequest, position=1),
    "LedgerService/ListEntries": _listed(ledger_service_pb2.ListEntriesRequest, start_position=1, page_size=10),
    "LedgerService/GetCheckpoint": _listed(ledger_service_pb2.GetCheckpointRequest),
    "LedgerService/ProveInclusion": _listed(ledger_service_pb2.ProveInclusionRequest, position=1),
    "LedgerService/ProveConsistency": _listed(ledger_service_pb2.ProveConsistencyRequest, old_size=2, size=3),
    "AuditService/Export": _listed(
        audit_service_pb2.ExportRequest,
        request_id=f"valid-{MARK}",
        redaction=audit_service_pb2.REDACTION_NONE,
        customer=by_id(),
        checkpoint_size=3,
        offset=10,
    ),
}
"""One valid request for every method, with as many fields set as go together."""

WRITES = (
    *(f"PermissionService/{name}" for name in ("Grant", "Confirm", "Refuse", "Withdraw", "Object", "RecordReply")),
    *(f"CustomerService/{name}" for name in ("Link", "Unlink", "RecordFacts", "ReportActivity", "ReportContactPoint")),
    *(f"CustomerService/{name}" for name in ("Merge", "Split", "Overlay", "Restrict")),
    "CustomerService/Erase",
    "ContactService/ReportContact",
    "CatalogueService/Apply",
)
"""Methods that take a request_id."""

PAGED: dict[str, type[Any]] = {
    "PermissionService/ListPermissions": permission_service_pb2.ListPermissionsRequest,
    "PermissionService/GetHistory": permission_service_pb2.GetHistoryRequest,
    "CustomerService/ListErasures": customer_service_pb2.ListErasuresRequest,
    "AuditService/GetAccessReport": audit_service_pb2.GetAccessReportRequest,
    "CatalogueService/List": catalogue_service_pb2.ListRequest,
    "LedgerService/ListEntries": ledger_service_pb2.ListEntriesRequest,
}
"""Methods that answer by pages, with their requests."""


def reused(name: str, ground: Ground) -> Any:
    """Return the request by which the ground used up a request_id of the method."""
    request = valid(name, ground) if name != "PermissionService/Confirm" else _confirm_other(ground)
    request.request_id = f"RE-{name}-{MARK}"
    if name == "CustomerService/Unlink":
        request.contact_point.CopyFrom(phone(OTHER_PHONE))
    if name == "CustomerService/Split":
        request.customer.CopyFrom(by_id(f"merged-5-{MARK}"))
    if name == "CatalogueService/Apply":
        request.expected_version = 0
    if name.split("/")[1] in {"Refuse", "Withdraw", "Object"}:
        request.customer.CopyFrom(by_id(f"refuser-{MARK}"))
        request.scope.ClearField("contact_point")
    return request


def _confirm_other(ground: Ground) -> Any:
    request = _confirm(ground)
    request.permission_position = ground.confirmed
    return request


def _page(name: str) -> Any:
    request = PAGED[name](brand=BRAND, page_size=1)
    if "customer" in request.DESCRIPTOR.fields_by_name:
        request.customer.CopyFrom(by_id())
    return request


def _purpose(code: str, kind: str, **fields: Any) -> catalogue_pb2.Purpose:
    return catalogue_pb2.Purpose(code=code, purpose_class=f"PURPOSE_CLASS_{kind}", **fields)  # type: ignore[arg-type]


def _notice(code: str, purposes: list[str], channels: list[str], *, stale: bool = False) -> catalogue_pb2.Notice:
    texts = [
        catalogue_pb2.NoticeText(language="fr", text=f"Nous vous écrirons. ({code})"),
        catalogue_pb2.NoticeText(language="en", text=f"We shall write to you. ({code})"),
    ]
    return catalogue_pb2.Notice(code=code, purposes=purposes, channels=channels, texts=texts, stale=stale)


def _window(start: str, end: str, *days: int) -> catalogue_pb2.DayWindow:
    return catalogue_pb2.DayWindow(**{"from": start, "until": end}, days=days)
