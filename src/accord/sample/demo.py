"""The demo: the stories of the product on the sample brand, each a few acts and the questions they decide.

A scene only tells what its people do and what the brand asks; every verdict is the service's own. It
begins on a Monday morning of its own, so it is the same whenever it is played. Everybody is made up.
"""

from collections.abc import Callable

from accord.domain.commands import (
    ApplyCatalogue,
    Command,
    Declaration,
    Grant,
    Link,
    Question,
    RecordFacts,
    Refuse,
    ReportActivity,
    ReportContact,
    ReportContactPoint,
)
from accord.domain.events import FactsRecorded
from accord.domain.terms import (
    DAY,
    HOUR,
    ActivityKind,
    Declarant,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    Outcome,
    PointFact,
    Recorder,
    RefusalKind,
)
from accord.ledger.lookup import Lookups
from accord.sample.life import beacon_device, email, mobile, push_token, social_profile
from accord.sample.load import SAMPLE_BRAND, sample_catalogue
from accord.sample.stage import Scene, Stage
from accord.service.questions import Questions
from accord.service.records import Remembered
from accord.service.writer import Writer

BEGIN = Instant(1_772_442_000_000_000)
"""Monday, 2 March 2026, 09:00 UTC: 10 o'clock in France."""


def play_demo(
    writer: Writer,
    lookups: Lookups,
    questions: Questions,
    remembered: Remembered,
    set_time: Callable[[Instant], None],
) -> tuple[Scene, ...]:
    """Play every scene on a brand without ledger, on a clock that `set_time` moves; return them in order."""
    stage = Stage(writer, lookups, questions, remembered, SAMPLE_BRAND, set_time, BEGIN)
    stage.tells("The brand applies its catalogue.", ApplyCatalogue(catalogue=sample_catalogue()))
    stage.scene("")
    scenes = []
    for title, play in _SCENES:
        stage.waits(HOUR // 6)
        play(stage)
        scenes.append(stage.scene(title))
    return tuple(scenes)


def _contact_me_once(stage: Stage) -> None:
    ada = _Person("ada")
    stage.tells(
        "Ada asks for advice on the website, and leaves her address for one answer.",
        ada.grants("web_advice_form", address=email(1)),
    )
    stage.asks("May the newsletter go to her too?", ada.question("email", "marketing.newsletter"))
    stage.authorizes("May the adviser write?", "advice-ada-1", ada.question("email", "marketing.advice"))
    stage.tells("The advice is sent.", ReportContact(contact_id="advice-ada-1", outcome=Outcome.SENT))
    stage.waits(DAY)
    stage.authorizes(
        "A day later: may the adviser write again?", "advice-ada-2", ada.question("email", "marketing.advice")
    )


def _why_did_you_write(stage: Stage) -> None:
    stage.explains("Ada asks: why did you write to me?", "advice-ada-1")


def _one_article(stage: Stage) -> None:
    basile = _Person("basile")
    stage.tells(
        "Basile wants to know when article 1042 is back in stock.",
        basile.grants("web_back_in_stock", address=email(2), topics=("sku:1042",), channels=("email",)),
    )
    stage.asks("It is back: may he be told?", basile.question("email", "alert.back_in_stock", topic="sku:1042"))
    stage.asks("So is article 2207: and of that?", basile.question("email", "alert.back_in_stock", topic="sku:2207"))


def _one_store(stage: Stage) -> None:
    camille = _Person("camille")
    stage.tells(
        "Camille accepts offers by beacon in the store of Lyon.",
        Link(customer=camille.id, contact_point=beacon_device(3)),
        camille.grants("beacon_welcome", places=("store:lyon",)),
    )
    for store, words in (("store:lyon", "in Lyon: may the beacon offer"), ("store:paris", "in Paris: and there")):
        stage.waits(HOUR)
        presence = ReportActivity(customer=beacon_device(3), kind=ActivityKind.PRESENCE, place=store)
        stage.tells(f"A beacon sees Camille's phone in {store.removeprefix('store:').title()}.", presence)
        stage.asks(
            f"She is {words}?",
            Question(customer=beacon_device(3), channel="in_store", purpose="offer.in_store", place=store),
        )


def _another_channel(stage: Stage) -> None:
    dora = _Person("dora")
    stage.tells(
        "Dora joins the birthday club at the till, by e-mail and by SMS.",
        Link(customer=dora.id, contact_point=email(4)),
        Link(customer=dora.id, contact_point=mobile(4)),
        RecordFacts(customer=dora.id, facts=_IN_PARIS),
        dora.grants("birthday_club", method=Method.SIGNATURE, recorder=Recorder.CLERK),
    )
    stage.tells(
        "In her preferences she unticks the SMS.",
        dora.says_no(RefusalKind.WITHDRAWN, "preference_centre", purpose="marketing.birthday", channel="sms"),
    )
    stage.asks("Her birthday: may she be wished well by SMS?", dora.question("sms", "marketing.birthday"))
    stage.asks("And by e-mail?", dora.question("email", "marketing.birthday"))


def _one_rhythm(stage: Stage) -> None:
    elio = _Person("elio")
    stage.tells(
        "Elio ticks invitations, sales and loyalty in his preferences, by SMS and by notification.",
        Link(customer=elio.id, contact_point=mobile(5)),
        Link(customer=elio.id, contact_point=push_token(5)),
        RecordFacts(customer=elio.id, facts=_IN_PARIS),
        elio.grants(
            "preference_centre",
            purposes=("marketing.event", "marketing.loyalty", "marketing.sale"),
            channels=("push", "sms"),
        ),
    )
    week = (
        ("sms", "marketing.sale"),
        ("push", "marketing.event"),
        ("sms", "marketing.loyalty"),
        ("push", "marketing.sale"),
    )
    for day, (channel, purpose) in enumerate(week, 1):
        name = f"week-elio-{day}"
        stage.authorizes(f"Message {day} of his week, by {_BY[channel]}?", name, elio.question(channel, purpose))
        stage.tells("It is sent.", ReportContact(contact_id=name, outcome=Outcome.SENT))
        stage.waits(DAY)
    stage.authorizes("A fifth, by SMS?", "week-elio-5", elio.question("sms", "marketing.event"))
    stage.authorizes("The same by notification?", "week-elio-6", elio.question("push", "marketing.event"))
    stage.asks("His order is on its way: may he be told by SMS?", elio.question("sms", "service.delivery"))


def _the_address_for_a_partner(stage: Stage) -> None:
    flore = _Person("flore")
    stage.tells("Flore opens an account and takes the newsletter.", flore.grants("web_account", address=email(6)))
    stage.asks("A partner asks for her address: may it be handed over?", flore.shares_with("atelier-brume"))
    stage.tells(
        "On the partners page she ticks Atelier Brume, and nobody else.",
        flore.grants("partner_form", recipients=("atelier-brume",)),
    )
    stage.asks("May Atelier Brume have it now?", flore.shares_with("atelier-brume"))
    stage.asks("And Café Ondine?", flore.shares_with("cafe-ondine"))


def _a_like(stage: Stage) -> None:
    gaspard = _Person("gaspard")
    stage.tells(
        "Gaspard signs in with his social profile, and likes a post of the brand.",
        Link(customer=gaspard.id, contact_point=social_profile(7)),
        ReportContactPoint(contact_point=social_profile(7), fact=PointFact.VERIFIED),
        ReportActivity(customer=gaspard.id, kind=ActivityKind.ENGAGEMENT),
    )
    stage.tells(
        "A zealous tool records the like as a permission.",
        gaspard.grants("social_profile_link", method=Method.ENGAGEMENT),
    )
    stage.asks("May the new collection be sent to his profile?", gaspard.question("social", "marketing.new_collection"))


def _a_reply_to_a_comment(stage: Stage) -> None:
    hilda = _Person("hilda")
    stage.tells(
        "Hilda has objected to all marketing.",
        Link(customer=hilda.id, contact_point=social_profile(8)),
        ReportContactPoint(contact_point=social_profile(8), fact=PointFact.VERIFIED),
        RecordFacts(customer=hilda.id, facts=_IN_PARIS),
        hilda.says_no(RefusalKind.OBJECTED, "call_centre", method=Method.SPOKEN, recorder=Recorder.AGENT),
    )
    stage.tells(
        "Under a post she asks how to wash a scarf.",
        ReportActivity(customer=hilda.id, kind=ActivityKind.ENQUIRY),
    )
    stage.asks("May the community manager answer her?", hilda.question("social", "service.comment_reply"))
    stage.asks("And add what else is new?", hilda.question("social", "marketing.new_collection"))


def _a_race(stage: Stage) -> None:
    isidore = _Person("isidore")
    reminder = isidore.question("email", "marketing.abandoned_cart")
    stage.tells(
        "Isidore agrees to be reminded of his cart, and leaves one behind.",
        isidore.grants("web_cart", address=email(9)),
    )
    stage.authorizes("May the reminder be sent?", "cart-isidore-1", reminder)
    stage.tells(
        "Before it leaves, he withdraws from all marketing.",
        isidore.says_no(RefusalKind.WITHDRAWN, "preference_centre", purpose="marketing"),
    )
    stage.authorizes("The sender asks again before it sends.", "cart-isidore-1", reminder)
    stage.tells("It is not sent.", ReportContact(contact_id="cart-isidore-1", outcome=Outcome.CANCELLED))


_SCENES: tuple[tuple[str, Callable[[Stage], None]], ...] = (
    ("Contact me once", _contact_me_once),
    ("Why did you write to me?", _why_did_you_write),
    ("An alert for one article", _one_article),
    ("Offers in one store", _one_store),
    ("A no on one channel", _another_channel),
    ("One rhythm across channels", _one_rhythm),
    ("The address for a partner", _the_address_for_a_partner),
    ("A like is no permission", _a_like),
    ("A reply to a comment", _a_reply_to_a_comment),
    ("A withdrawal races a send", _a_race),
)

_BY = {"push": "notification", "sms": "SMS"}
_IN_PARIS = FactsRecorded(country="FR", time_zone="Europe/Paris")


class _Person:
    """Makes the acts and questions of one customer."""

    def __init__(self, name: str) -> None:
        self.id = Identifier(IdentifierKind.CUSTOMER_ID, name)

    def grants(  # noqa: PLR0913 - a permission has this many sides
        self,
        touchpoint: str,
        *,
        method: Method = Method.BUTTON,
        recorder: Recorder = Recorder.SYSTEM,
        address: Identifier | None = None,
        purposes: tuple[str, ...] = (),
        channels: tuple[str, ...] = (),
        topics: tuple[str, ...] = (),
        places: tuple[str, ...] = (),
        recipients: tuple[str, ...] = (),
    ) -> Command:
        """Return the act by which the customer gives what a touchpoint asks for."""
        return Grant(
            customer=self.id,
            evidence=_said(touchpoint, method, recorder, language="fr"),
            contact_point=address,
            purposes=purposes,
            channels=channels,
            topics=topics,
            places=places,
            recipients=recipients,
        )

    def says_no(  # noqa: PLR0913 - a refusal has this many sides
        self,
        kind: RefusalKind,
        touchpoint: str,
        *,
        method: Method = Method.BUTTON,
        recorder: Recorder = Recorder.SYSTEM,
        purpose: str = "",
        channel: str = "",
    ) -> Command:
        """Return the act by which the customer refuses, withdraws or objects."""
        evidence = _said(touchpoint, method, recorder)
        return Refuse(kind=kind, customer=self.id, evidence=evidence, purpose=purpose, channel=channel)

    def question(self, channel: str, purpose: str, topic: str = "") -> Question:
        """Return the question whether the customer may be contacted."""
        return Question(customer=self.id, channel=channel, purpose=purpose, topic=topic)

    def shares_with(self, recipient: str) -> Question:
        """Return the question whether a third party may have the customer's address."""
        return Question(customer=self.id, purpose="sharing.partner", recipient=recipient)


def _said(touchpoint: str, method: Method, recorder: Recorder, language: str = "") -> Declaration:
    return Declaration(
        touchpoint=touchpoint, method=method, declarant=Declarant.CUSTOMER, recorder=recorder, language=language
    )
