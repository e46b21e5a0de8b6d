"""Named customers whose stories the documentation tells, each with the answers it must give.

Their stories are counted back from the end of the year, which is when the sample is loaded, so they
are true then, whatever the date; a few days later some have moved on, as they should: confirmations
run out, caps empty. The automation leaves these customers alone but for what is told here.

An answer that depends on the hour of the day where the customer lives names the reason that may
stand in its place (`unless`).
"""

from collections.abc import Callable

from msgspec import Struct

from accord.domain.calendar import year_of
from accord.domain.commands import Question
from accord.domain.events import FactsRecorded
from accord.domain.terms import (
    DAY,
    HOUR,
    Declarant,
    Instant,
    Method,
    Outcome,
    Reason,
    Recorder,
    RefusalKind,
    Verdict,
)
from accord.sample.life import (
    Life,
    beacon_device,
    customer_id,
    email,
    landline,
    mobile,
    postal_address,
    push_token,
)


class Answer(Struct, frozen=True):
    """What a question must be answered when the year ends. `unless`: the DEFER that the hour may bring instead."""

    question: Question
    verdict: Verdict
    reason: Reason
    unless: Reason | None = None


class Story(Struct, frozen=True):
    """One customer: what happened, in a sentence, how it is told, and what follows from it."""

    number: int
    summary: str
    tell: Callable[[Life, Instant], None]
    answers: tuple[Answer, ...]


def tell(story: Story, end: Instant) -> Life:
    """Return the customer's life in a year that ends at `end`."""
    life = Life(story.number)
    story.tell(life, end)
    return life


def _ago(end: Instant, days: int, hours: int = 0) -> int:
    return end - days * DAY - hours * HOUR


def _adult(life: Life, time: int, *, country: str = "FR", zone: str = "Europe/Paris", born: int = 1984) -> None:
    told = FactsRecorded(country=country, time_zone=zone, language="fr", birth_year=born)
    life.facts(time, told)


def _subscribes(life: Life, time: int) -> None:
    address = email(life.number)
    grant = life.grants(time, "web_newsletter_form", address=address)
    asked = life.is_asked_to_confirm(time, grant)
    life.clicks(time + 6 * HOUR, asked, "web_newsletter_form")


def _ticks(life: Life, time: int, *purposes: str, channels: tuple[str, ...] = ("email",)) -> None:
    life.grants(time, "preference_centre", method=Method.BUTTON, purposes=purposes, channels=channels)


# --- The stories, in the order of the customers' numbers -------------------------------------------------


def _reads_the_newsletter(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 300))
    _subscribes(life, _ago(end, 300))
    for days in (240, 120, 20):
        life.is_to_be_contacted(_ago(end, days), "email", "marketing.newsletter", Outcome.SENT)


def _waits_for_one_message(life: Life, end: Instant) -> None:
    life.links(_ago(end, 4), email(life.number))
    life.grants(_ago(end, 4), "web_advice_form", method=Method.BUTTON)


def _had_one_message(life: Life, end: Instant) -> None:
    life.links(_ago(end, 12), email(life.number))
    life.grants(_ago(end, 12), "web_advice_form", method=Method.BUTTON)
    life.is_to_be_contacted(_ago(end, 10), "email", "marketing.advice", Outcome.SENT)


def _let_one_message_lapse(life: Life, end: Instant) -> None:
    life.links(_ago(end, 75), email(life.number))
    life.grants(_ago(end, 75), "appointment_desk", method=Method.SPOKEN, recorder=Recorder.CLERK, recorder_id="desk-2")


def _withdrew_from_marketing(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 250))
    _subscribes(life, _ago(end, 250))
    life.is_to_be_contacted(_ago(end, 200), "email", "marketing.newsletter", Outcome.SENT)
    life.says_no(_ago(end, 40), RefusalKind.WITHDRAWN, "preference_centre", purpose="marketing")
    life.buys(_ago(end, 6))
    life.is_to_be_contacted(_ago(end, 5), "email", "service.order", Outcome.SENT)


def _came_back(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 280))
    _subscribes(life, _ago(end, 280))
    life.says_no(_ago(end, 100), RefusalKind.WITHDRAWN, "preference_centre", purpose="marketing")
    _subscribes(life, _ago(end, 15))


def _wants_one_article(life: Life, end: Instant) -> None:
    life.links(_ago(end, 30), email(life.number))
    life.grants(_ago(end, 30), "web_back_in_stock", method=Method.BUTTON, topics=("sku:1042",), channels=("email",))


def _wants_offers_in_one_store(life: Life, end: Instant) -> None:
    life.links(_ago(end, 60), beacon_device(life.number))
    life.grants(_ago(end, 60), "beacon_welcome", method=Method.BUTTON, places=("store:lyon",))
    life.is_seen(end - HOUR // 12, "store:lyon")


def _has_not_confirmed(life: Life, end: Instant) -> None:
    life.grants(_ago(end, 0, hours=1), "web_footer_form", address=email(life.number))


def _has_a_dead_mailbox(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 220))
    _subscribes(life, _ago(end, 220))
    life.is_to_be_contacted(_ago(end, 30), "email", "marketing.newsletter", Outcome.BOUNCED)


def _complained(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 180))
    _subscribes(life, _ago(end, 180))
    life.is_to_be_contacted(_ago(end, 25), "email", "marketing.newsletter", Outcome.SENT, Outcome.COMPLAINED)


def _objected(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 90))
    life.links(_ago(end, 90), email(life.number), postal_address(life.number))
    life.buys(_ago(end, 90), "store:lille")
    life.says_no(_ago(end, 50), RefusalKind.OBJECTED, "call_centre", method=Method.SPOKEN, recorder=Recorder.AGENT)


def _sent_stop(life: Life, end: Instant) -> None:
    phone = mobile(life.number)
    _adult(life, _ago(end, 150))
    life.links(_ago(end, 150), email(life.number), phone)
    life.grants(_ago(end, 150), "till", recorder=Recorder.CLERK, recorder_id="till-3")
    life.is_to_be_contacted(_ago(end, 35), "sms", "marketing.sale", Outcome.SENT)
    life.says_no(_ago(end, 33), RefusalKind.WITHDRAWN, "sms_keyword", method=Method.MESSAGE, address=phone)


def _bought_last_month(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 30))
    life.links(_ago(end, 30), email(life.number), postal_address(life.number))
    life.buys(_ago(end, 30), "store:nantes")


def _is_thirteen(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 70), born=year_of(end) - 13)
    _subscribes(life, _ago(end, 70))


def _is_thirteen_with_a_guardian(life: Life, end: Instant) -> None:
    _is_thirteen(life, end)
    life.grants(
        _ago(end, 65), "paper_form", method=Method.SIGNATURE, declarant=Declarant.GUARDIAN, recorder=Recorder.CLERK
    )
    life.grants(_ago(end, 65), "paper_form", method=Method.SIGNATURE, recorder=Recorder.CLERK)


def _takes_calls_in_reunion(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 110), country="RE", zone="Indian/Reunion")
    life.links(_ago(end, 110), landline(life.number))
    life.grants(_ago(end, 110), "call_centre", method=Method.SPOKEN, recorder=Recorder.AGENT, recorder_id="agent-17")


def _had_a_full_week(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 160))
    life.links(_ago(end, 160), email(life.number))
    _ticks(life, _ago(end, 160), "marketing.event", "marketing.loyalty", "marketing.newsletter", "marketing.sale")
    life.grants(_ago(end, 20), "web_price_alert", method=Method.BUTTON, topics=("sku:2207",))
    for days, purpose in enumerate(("marketing.sale", "marketing.event", "marketing.loyalty", "marketing.newsletter")):
        life.is_to_be_contacted(_ago(end, 2 + days), "email", purpose, Outcome.SENT)


def _pauses(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 210))
    _subscribes(life, _ago(end, 210))
    life.facts(_ago(end, 2), FactsRecorded(paused_until=Instant(end + 14 * DAY), preferred_channel="push"))


def _shares_with_one_partner(life: Life, end: Instant) -> None:
    _adult(life, _ago(end, 130))
    life.links(_ago(end, 130), email(life.number), push_token(life.number))
    life.grants(_ago(end, 130), "partner_form", recipients=("atelier-brume",))
    life.grants(_ago(end, 8), "purchase_mandate", method=Method.BUTTON, topics=("sku:3310",))


def _asked(  # noqa: PLR0913 - a question has this many sides
    number: int, channel: str, purpose: str, topic: str = "", place: str = "", recipient: str = ""
) -> Question:
    return Question(
        customer=customer_id(number), channel=channel, purpose=purpose, topic=topic, place=place, recipient=recipient
    )


def _yes(question: Question, unless: Reason | None = None) -> Answer:
    return Answer(question, Verdict.ALLOW, Reason.PERMITTED, unless)


def _no(question: Question, reason: Reason) -> Answer:
    return Answer(question, Verdict.DENY, reason)


def _later(question: Question, reason: Reason) -> Answer:
    return Answer(question, Verdict.DEFER, reason)


STORIES: tuple[Story, ...] = (
    Story(
        1,
        "Confirmed the newsletter by double opt-in, and reads it.",
        _reads_the_newsletter,
        (
            _yes(_asked(1, "email", "marketing.newsletter")),
            _no(_asked(1, "email", "marketing.birthday"), Reason.NO_PERMISSION),
            _no(_asked(1, "sms", "marketing.sale"), Reason.NO_PERMISSION),
        ),
    ),
    Story(
        2,
        "Asked for one message of advice, which has not been sent.",
        _waits_for_one_message,
        (_yes(_asked(2, "email", "marketing.advice")),),
    ),
    Story(
        3,
        "Asked for one message of advice, and got it.",
        _had_one_message,
        (_no(_asked(3, "email", "marketing.advice"), Reason.USED_UP),),
    ),
    Story(
        4,
        "Asked for one message of advice 75 days ago; nobody wrote within the 30 days.",
        _let_one_message_lapse,
        (_no(_asked(4, "email", "marketing.advice"), Reason.PERMISSION_EXPIRED),),
    ),
    Story(
        5,
        "Withdrew from all marketing, and still orders.",
        _withdrew_from_marketing,
        (
            _no(_asked(5, "email", "marketing.newsletter"), Reason.WITHDRAWN),
            _no(_asked(5, "email", "marketing.recommendation"), Reason.WITHDRAWN),
            _yes(_asked(5, "email", "service.order")),
            _yes(_asked(5, "email", "safety.recall")),
        ),
    ),
    Story(
        6,
        "Withdrew from all marketing, then subscribed to the newsletter again.",
        _came_back,
        (
            _yes(_asked(6, "email", "marketing.newsletter")),
            _no(_asked(6, "email", "marketing.birthday"), Reason.WITHDRAWN),
        ),
    ),
    Story(
        7,
        "Wants to know when article 1042 is back in stock.",
        _wants_one_article,
        (
            _yes(_asked(7, "email", "alert.back_in_stock", topic="sku:1042")),
            _no(_asked(7, "email", "alert.back_in_stock", topic="sku:2207"), Reason.NO_PERMISSION),
        ),
    ),
    Story(
        8,
        "Wants offers by beacon in the store of Lyon.",
        _wants_offers_in_one_store,
        (
            _yes(_asked(8, "in_store", "offer.in_store", place="store:lyon")),
            _no(_asked(8, "in_store", "offer.in_store", place="store:paris"), Reason.NO_PERMISSION),
        ),
    ),
    Story(
        9,
        "Subscribed an hour ago and has not clicked in the confirmation yet.",
        _has_not_confirmed,
        (
            _no(_asked(9, "email", "marketing.newsletter"), Reason.PENDING_CONFIRMATION),
            _yes(_asked(9, "email", "service.order")),
        ),
    ),
    Story(
        10,
        "Has a mailbox that no longer exists: messages come back.",
        _has_a_dead_mailbox,
        (
            _no(_asked(10, "email", "marketing.newsletter"), Reason.CONTACT_POINT_BOUNCED),
            _no(_asked(10, "email", "service.order"), Reason.CONTACT_POINT_BOUNCED),
        ),
    ),
    Story(
        11,
        "Reported the newsletter as unwanted.",
        _complained,
        (_no(_asked(11, "email", "marketing.newsletter"), Reason.CONTACT_POINT_COMPLAINED),),
    ),
    Story(
        12,
        "Bought in Lille, then objected to all marketing by phone.",
        _objected,
        (
            _no(_asked(12, "email", "marketing.recommendation"), Reason.OBJECTED),
            _no(_asked(12, "post", "marketing.new_collection"), Reason.OBJECTED),
            _yes(_asked(12, "email", "service.return")),
        ),
    ),
    Story(
        13,
        "Said yes at the till, then sent STOP by SMS.",
        _sent_stop,
        (
            _no(_asked(13, "sms", "marketing.sale"), Reason.STOPPED),
            _no(_asked(13, "sms", "service.delivery"), Reason.STOPPED),
            _yes(_asked(13, "email", "marketing.sale")),
        ),
    ),
    Story(
        14,
        "Bought in Nantes last month, was told of similar offers and did not say no; never gave a permission.",
        _bought_last_month,
        (
            _yes(_asked(14, "email", "marketing.recommendation")),
            _yes(_asked(14, "post", "marketing.new_collection")),
            _no(_asked(14, "email", "marketing.birthday"), Reason.NO_PERMISSION),
        ),
    ),
    Story(
        15,
        "Is thirteen and subscribed alone.",
        _is_thirteen,
        (_no(_asked(15, "email", "marketing.newsletter"), Reason.GUARDIAN_MISSING),),
    ),
    Story(
        16,
        "Is thirteen and signed the loyalty form together with a guardian.",
        _is_thirteen_with_a_guardian,
        (
            _yes(_asked(16, "email", "marketing.loyalty")),
            _no(_asked(16, "email", "marketing.newsletter"), Reason.GUARDIAN_MISSING),
        ),
    ),
    Story(
        17,
        "Lives in Réunion and agreed to be called.",
        _takes_calls_in_reunion,
        (
            _yes(_asked(17, "voice", "marketing.sale"), unless=Reason.OUTSIDE_CALLING_HOURS),
            _no(_asked(17, "voice", "marketing.loyalty"), Reason.NO_PERMISSION),
        ),
    ),
    Story(
        18,
        "Got four messages this week, as many as the brand allows itself, and waits for a price to drop.",
        _had_a_full_week,
        (
            _later(_asked(18, "email", "marketing.newsletter"), Reason.BRAND_CAP_REACHED),
            _yes(_asked(18, "email", "alert.price_drop", topic="sku:2207")),
        ),
    ),
    Story(
        19,
        "Asked for two weeks of silence.",
        _pauses,
        (
            _later(_asked(19, "email", "marketing.newsletter"), Reason.PAUSED),
            _yes(_asked(19, "email", "service.order")),
        ),
    ),
    Story(
        20,
        "Lets one partner have the e-mail address, and has one article bought.",
        _shares_with_one_partner,
        (
            _yes(_asked(20, "", "sharing.partner", recipient="atelier-brume")),
            _no(_asked(20, "", "sharing.partner", recipient="cafe-ondine"), Reason.RECIPIENT_NOT_NAMED),
            _yes(_asked(20, "", "agency.purchase", topic="sku:3310")),
            _no(_asked(20, "", "profiling.social_listening"), Reason.NO_PERMISSION),
        ),
    ),
)
"""Their customers are `customer-00001` and so on; random lives begin after the last."""
