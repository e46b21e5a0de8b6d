"""A brand and its customers for tests that need some: two channels, three purposes, five touchpoints."""

from typing import Any

from msgspec.structs import replace

from accord.domain.catalogue import (
    BasisRule,
    Cap,
    Catalogue,
    Channel,
    Level,
    Notice,
    NoticeText,
    Purpose,
    Touchpoint,
)
from accord.domain.commands import AuthorizeContact, Confirm, Declaration, Grant, Question, Refuse
from accord.domain.terms import (
    Basis,
    Declarant,
    ErasureMode,
    ErasureReason,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    Position,
    PurposeClass,
    Recorder,
    RefusalKind,
)
from accord.service import confirmation_tokens
from accord.service.erasures import AskedErasure

CATALOGUE = Catalogue(
    controller="Maison Accord",
    country="FR",
    channels=(Channel("email", IdentifierKind.EMAIL), Channel("sms", IdentifierKind.PHONE)),
    purposes=(
        Purpose("marketing.cart", PurposeClass.MARKETING),
        Purpose("marketing.birthday", PurposeClass.MARKETING),
        Purpose("service.order", PurposeClass.SERVICE),
        Purpose("service.opt_in", PurposeClass.CONFIRMATION),
    ),
    levels=(Level("ongoing"), Level("contact_once", uses=1), Level("double", confirmation_hours=24)),
    notices=(
        Notice(
            "n1", ("marketing.cart", "marketing.birthday"), (NoticeText("fr", "Oui, écrivez-moi."),), ("email", "sms")
        ),
    ),
    touchpoints=(
        Touchpoint("web", "ongoing", "n1"),
        Touchpoint("qr", "contact_once", "n1"),
        Touchpoint("form", "double", "n1"),
    ),
    bases=(BasisRule("permission", Basis.PERMISSION, PurposeClass.MARKETING),),
    caps=(Cap("week", 3, 7),),
)

CONFIRMED_OTHERWISE = replace(
    CATALOGUE,
    levels=tuple(replace(each, confirmed_otherwise=bool(each.confirmation_hours)) for each in CATALOGUE.levels),
)
"""The same, where another act than the click on the link confirms as well."""

ADA_ID = Identifier(IdentifierKind.CUSTOMER_ID, "ada")
ADA_MAIL = Identifier(IdentifierKind.EMAIL, "ada@example.com")
BOB_ID = Identifier(IdentifierKind.CUSTOMER_ID, "bob")
BOB_MAIL = Identifier(IdentifierKind.EMAIL, "bob@example.com")


def said(touchpoint: str = "web", method: Method = Method.BUTTON, **told: object) -> Declaration:
    """Return evidence of an act of the customer."""
    return Declaration(
        touchpoint=touchpoint,
        method=method,
        declarant=Declarant.CUSTOMER,
        recorder=Recorder.SYSTEM,
        language="fr",
        **told,  # type: ignore[arg-type]
    )


def grant(customer: Identifier = ADA_ID, touchpoint: str = "web", point: Identifier | None = ADA_MAIL) -> Grant:
    """Return the permission that a touchpoint asks for."""
    return Grant(customer=customer, contact_point=point, evidence=said(touchpoint))


def ask_to_confirm(position: int, contact_id: str = "mail", customer: Identifier = ADA_ID) -> AuthorizeContact:
    """Return the contact that asks to confirm what was given at a position."""
    question = Question(customer=customer, purpose="service.opt_in", channel="email")
    return AuthorizeContact(contact_id=contact_id, question=question, confirms=Position(position))


def click(token: str) -> Confirm:
    """Return a click on the link that carried a token."""
    return Confirm(evidence=said("form", Method.CONFIRMATION_LINK), token=confirmation_tokens.read(token))


def withdraw(customer: Identifier = ADA_ID, purpose: str = "") -> Refuse:
    """Return a withdrawal."""
    return Refuse(kind=RefusalKind.WITHDRAWN, customer=customer, purpose=purpose, evidence=said())


def asked_erasure(customer: Identifier = ADA_ID, **told: Any) -> AskedErasure:
    """Return what an officer asks who erases somebody now, since they objected."""
    asked = AskedErasure(
        customer=customer,
        mode=ErasureMode.NOW,
        reason=ErasureReason.OBJECTED,
        not_before=Instant(0),
        keep_suppression=False,
        evidence=None,
        caller="officer",
        erasure_id=bytes(16),
        content=b"content",
    )
    return replace(asked, **told)
