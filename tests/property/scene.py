"""The small brand of random histories: what its touchpoints offer, and what a version of its catalogue changes."""

from typing import Any

from accord.domain.catalogue import BasisRule, Cap, Catalogue, Channel, Level, Notice, NoticeText, Purpose, Touchpoint
from accord.domain.commands import Grant
from accord.domain.terms import DAY, FAR, HOUR, Basis, IdentifierKind, PurposeClass, Recorder

KINDS = {"email": IdentifierKind.EMAIL, "sms": IdentifierKind.PHONE}

NOTICES = {
    "wide": (("marketing.cart", "marketing.news"), ("email", "sms")),
    "narrow": (("marketing.news",), ("email",)),
}
OFFERS = {  # touchpoint: contact once?, days, hours to confirm, notice
    "web": (False, 0, 0, "wide"),
    "qr": (True, 0, 0, "wide"),
    "fair": (False, 30, 0, "narrow"),
    "form": (False, 0, 24, "narrow"),
}
VERSIONS = (({""}, 2), ({"wide"}, 2), ({""}, 1))
"""Stale notices and marketing contacts in seven days, by catalogue."""


def catalogue(number: int) -> Catalogue:
    """Return a catalogue of `VERSIONS`."""
    stale, limit = VERSIONS[number]
    return Catalogue(
        controller="Maison Accord",
        country="FR",
        channels=tuple(Channel(code, kind) for code, kind in KINDS.items()),
        purposes=(
            Purpose("marketing.cart", PurposeClass.MARKETING),
            Purpose("marketing.news", PurposeClass.MARKETING),
            Purpose("service.order", PurposeClass.SERVICE),
        ),
        levels=tuple(
            Level(code, uses=int(once), valid_days=days, confirmation_hours=hours, confirmed_otherwise=hours > 0)
            for code, (once, days, hours, _) in OFFERS.items()
        ),
        notices=tuple(
            Notice(code, purposes, (NoticeText("fr", "Oui."),), channels, stale=code in stale)
            for code, (purposes, channels) in NOTICES.items()
        ),
        touchpoints=tuple(Touchpoint(code, code, notice) for code, (_, _, _, notice) in OFFERS.items()),
        bases=(BasisRule("permission", Basis.PERMISSION, PurposeClass.MARKETING),),
        caps=(Cap("week", limit, 7),),
    )


def version_of(it: Catalogue) -> int:
    """Return which of `VERSIONS` a catalogue is."""
    return next(number for number in range(len(VERSIONS)) if catalogue(number) == it)


def offer(it: Grant, act: int, recorded: int) -> dict[str, Any]:
    """Return what a touchpoint gives for an act: the cells of its notice or those chosen, on its level's terms."""
    once, days, hours, notice = OFFERS[it.evidence.touchpoint]
    purposes, channels = NOTICES[notice]
    return {
        "purposes": it.purposes or purposes,
        "channels": it.channels or channels,
        "notice": notice,
        "once": once,
        "until": min(it.valid_until or FAR, act + days * DAY if days else FAR),
        "waits": recorded + hours * HOUR if hours else 0,
        "lifts": it.evidence.recorder is not Recorder.IMPORT,
    }
