"""A made-up year of the sample brand's customers, told in full before anything is written.

Deterministic: the same end, number of customers and seed tell the same year, act by act. Each life
draws its chances from a generator of its own, so a smaller sample is the beginning of a larger one.

Acts are gathered into sittings, one a day, at which they are recorded together: everything that
happened since the sitting before. An act that rests on another one's answer waits for a later
sitting, and happens after the one that gave the answer. What would happen after the end of the year
is left out.
"""

from bisect import bisect_left
from collections.abc import Iterator
from operator import attrgetter
from random import Random

from msgspec import Struct

from accord.domain.events import FactsRecorded
from accord.domain.terms import (
    DAY,
    HOUR,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    Outcome,
    PointFact,
    Recorder,
    RefusalKind,
)
from accord.sample import life as made_up
from accord.sample.life import MAX_CUSTOMERS, Act, Life, between
from accord.sample.stories import STORIES, tell

YEAR = 365 * DAY
SEED = 1887
SITTING_HOURS = (8.0, 10.5, 14.5, 18.0)
"""When a day's sitting is, in UTC, one day after the other: in France, from breakfast to closing time."""


class Sitting(Struct, frozen=True):
    """Acts that are recorded together at one instant, in their order."""

    time: Instant
    acts: tuple[Act, ...]


def tell_year(end: Instant, customers: int = MAX_CUSTOMERS, seed: int = SEED) -> tuple[Sitting, ...]:
    """Return the sittings of the year that ends at `end`, earliest first, none of them empty.

    The first customers are those of `STORIES`. Raises ValueError for too few or too many customers.
    """
    if not len(STORIES) <= customers <= MAX_CUSTOMERS:
        raise ValueError(f"a sample has {len(STORIES)} to {MAX_CUSTOMERS} customers")
    instants = _instants(end)
    gathered: list[list[Act]] = [[] for _ in instants]
    for life in _lives(end, customers, seed):
        _gather(life, instants, gathered)
    for acts in gathered:
        acts.sort(key=attrgetter("time"))
    return tuple(Sitting(time, tuple(acts)) for time, acts in zip(instants, gathered, strict=True) if acts)


def _instants(end: Instant) -> list[Instant]:
    """Return when sittings are, ascending: one on each day of the year, and one at its end."""
    days = range((end - YEAR) // DAY, end // DAY + 1)
    times = [day * DAY + int(SITTING_HOURS[day % len(SITTING_HOURS)] * HOUR) for day in days]
    return [*(Instant(time) for time in times if end - YEAR < time < end), end]


def _gather(life: Life, instants: list[Instant], gathered: list[list[Act]]) -> None:
    placed: dict[str, int] = {}
    told = {act.id: act.time for act in life.acts}
    for act in life.acts:
        first = placed.get(act.rests_on, len(instants)) + 1 if act.rests_on else 0
        index = max(bisect_left(instants, act.time), first)
        if index < len(instants):
            placed[act.id] = index
            if first:
                act = between(act, told[act.rests_on], instants[first - 1], instants[first])  # noqa: PLW2901 - as it may happen
            gathered[index].append(act)


def _lives(end: Instant, customers: int, seed: int) -> Iterator[Life]:
    for story in STORIES:
        yield tell(story, end)
    for number in range(len(STORIES) + 1, customers + 1):
        yield _Chance(number, end, Random(f"{seed}/{number}")).life()  # noqa: S311 - chance, not a secret


# --- A life by chance ----------------------------------------------------------------------------------


class _Home(Struct, frozen=True):
    country: str
    zone: str
    weight: int


_HOMES = (
    _Home("FR", "Europe/Paris", 880),
    _Home("RE", "Indian/Reunion", 35),
    _Home("MQ", "America/Martinique", 15),
    _Home("BE", "Europe/Brussels", 35),
    _Home("GB", "Europe/London", 20),
    _Home("CH", "Europe/Zurich", 15),
)
_HOME_WEIGHTS = [home.weight for home in _HOMES]

_STORES = (
    "store:paris",
    "store:lyon",
    "store:marseille",
    "store:lille",
    "store:nantes",
    "store:bordeaux",
    "store:strasbourg",
)
_SKUS = tuple(f"sku:{number}" for number in range(1001, 4001, 137))


class _Door(Struct, frozen=True):
    """A touchpoint by which customers come: what they leave there, and what they may then be sent."""

    touchpoint: str
    weight: int
    leaves: tuple[IdentifierKind, ...]
    sends: tuple[tuple[str, str], ...]
    method: Method = Method.TICKED_BOX
    recorder: Recorder = Recorder.SYSTEM
    confirmed: bool = False
    topic: bool = False
    place: bool = False
    partner: bool = False
    once: bool = False


_NEWSLETTER = (("email", "marketing.newsletter"), ("email", "marketing.new_collection"), ("email", "marketing.sale"))
_LOYALTY = (("email", "marketing.loyalty"), ("email", "marketing.birthday"), ("post", "marketing.loyalty"))
_TILL = (("email", "marketing.thanks"), ("sms", "marketing.sale"), ("email", "marketing.newsletter"))
_APP = (("push", "marketing.sale"), ("push", "marketing.recommendation"), ("in_app", "marketing.recommendation"))

_EMAIL, _PHONE, _POST = IdentifierKind.EMAIL, IdentifierKind.PHONE, IdentifierKind.POSTAL_ADDRESS
_PUSH, _PROFILE = IdentifierKind.PUSH_TOKEN, IdentifierKind.SOCIAL_PROFILE
_CARD, _BEACON = IdentifierKind.LOYALTY_CARD, IdentifierKind.BEACON_DEVICE
_CLERK, _AGENT = Recorder.CLERK, Recorder.AGENT

_DOORS = (
    _Door("web_newsletter_form", 110, (_EMAIL,), _NEWSLETTER, confirmed=True),
    _Door("web_footer_form", 40, (_EMAIL,), _NEWSLETTER, confirmed=True),
    _Door("store_wifi", 25, (_EMAIL,), _NEWSLETTER, confirmed=True),
    _Door("store_tablet", 25, (_EMAIL,), _NEWSLETTER, recorder=_CLERK, confirmed=True),
    _Door("social_contest", 20, (_EMAIL,), _NEWSLETTER[:1], confirmed=True),
    _Door("web_account", 100, (_EMAIL,), (("email", "marketing.newsletter"), ("email", "marketing.recommendation"))),
    _Door("web_checkout", 110, (_EMAIL, _PHONE), (("email", "marketing.thanks"), ("sms", "marketing.thanks"))),
    _Door("web_cart", 40, (_EMAIL,), (("email", "marketing.abandoned_cart"),)),
    _Door("web_back_in_stock", 35, (_EMAIL,), (("email", "alert.back_in_stock"),), Method.BUTTON, topic=True),
    _Door("web_price_alert", 25, (_EMAIL,), (("email", "alert.price_drop"),), Method.BUTTON, topic=True),
    _Door("web_wish_list", 20, (_EMAIL,), (("email", "alert.new_arrival"),), Method.BUTTON, topic=True),
    _Door("web_advice_form", 25, (_EMAIL,), (("email", "marketing.advice"),), Method.BUTTON, once=True),
    _Door("web_call_back", 15, (_PHONE,), (("voice", "marketing.advice"),), Method.BUTTON, once=True),
    _Door("click_to_call", 15, (_PHONE,), (("voice", "marketing.advice"),), Method.BUTTON, once=True),
    _Door("click_to_chat", 15, (_PHONE,), (("chat", "marketing.advice"),), Method.BUTTON, once=True),
    _Door("till", 120, (_EMAIL, _PHONE), _TILL, Method.SPOKEN, _CLERK),
    _Door("till_receipt", 25, (_EMAIL,), (("email", "marketing.opinion"),), Method.SPOKEN, _CLERK, once=True),
    _Door("loyalty_desk", 80, (_CARD, _EMAIL), _LOYALTY[:2], Method.SPOKEN, _CLERK),
    _Door("paper_form", 30, (_CARD, _POST), _LOYALTY[2:], Method.SIGNATURE, _CLERK),
    _Door("birthday_club", 15, (_EMAIL,), (("email", "marketing.birthday"),), Method.SIGNATURE, _CLERK),
    _Door("event_desk", 15, (_EMAIL, _PHONE), (("sms", "marketing.event"), ("email", "marketing.event"))),
    _Door("appointment_desk", 10, (_EMAIL,), (("email", "marketing.advice"),), Method.SPOKEN, _CLERK, once=True),
    _Door("repair_desk", 10, (_PHONE,), (("voice", "marketing.care_plan"),), Method.SIGNATURE, _CLERK),
    _Door("catalogue_request", 10, (_POST,), (("post", "marketing.new_collection"),), Method.SIGNATURE),
    _Door("parcel_qr", 10, (_EMAIL,), (("email", "marketing.opinion"),), Method.BUTTON, once=True),
    _Door("shop_window_qr", 15, (_PHONE,), (("sms", "alert.new_arrival"),), Method.BUTTON, topic=True),
    _Door("shelf_qr", 10, (_PHONE,), (("sms", "alert.back_in_stock"),), Method.BUTTON, topic=True),
    _Door("fitting_room_tablet", 10, (_PHONE,), (("sms", "alert.size_available"),), Method.BUTTON, topic=True),
    _Door("beacon_welcome", 20, (_BEACON,), (("in_store", "offer.in_store"),), Method.BUTTON, place=True),
    _Door("beacon_door", 10, (_BEACON,), (("in_store", "offer.in_store"),), Method.BUTTON, place=True, once=True),
    _Door("call_centre", 20, (_PHONE,), (("voice", "marketing.sale"),), Method.SPOKEN, _AGENT),
    _Door("sms_keyword", 25, (_PHONE,), (("sms", "marketing.sale"), ("sms", "marketing.event")), Method.MESSAGE),
    _Door("messaging_app", 10, (_PHONE,), (("chat", "marketing.new_collection"),), Method.MESSAGE),
    _Door("social_profile_link", 20, (_PROFILE,), (("social", "marketing.new_collection"),), Method.BUTTON),
    _Door("comment_reply", 10, (_PROFILE,), (("social", "marketing.advice"),), Method.MESSAGE, _AGENT, once=True),
    _Door("app_onboarding", 70, (_PUSH,), _APP, Method.BUTTON),
    _Door("app_cart", 15, (_PUSH,), (("push", "marketing.abandoned_cart"),), Method.BUTTON),
    _Door("app_nearby", 15, (_PUSH,), (("push", "offer.nearby"),), Method.BUTTON, place=True),
    _Door("app_store_map", 5, (_PUSH,), (), Method.BUTTON),
    _Door("profile_settings", 10, (_EMAIL,), (), Method.BUTTON),
    _Door("social_listening_form", 5, (_PROFILE,), (), Method.BUTTON),
    _Door("partner_form", 10, (_EMAIL,), (), partner=True),
    _Door("purchase_mandate", 5, (_EMAIL,), (), Method.BUTTON, topic=True),
    _Door("account_closing", 5, (_EMAIL,), (("email", "marketing.win_back"),), once=True),
)
_DOOR_WEIGHTS = [door.weight for door in _DOORS]

_BETWEEN_DOORS = 4 * DAY
"""Longer than a confirmation is waited for: who gives again in between has nothing left to confirm."""

_ENDINGS: tuple[tuple[Outcome, ...], ...] = (
    (Outcome.SENT,),
    (Outcome.FAILED,),
    (Outcome.CANCELLED,),
    (Outcome.BOUNCED,),
    (Outcome.SENT, Outcome.COMPLAINED),
    (),
)
_ENDING_WEIGHTS = [925, 25, 20, 12, 3, 15]


class _Chance:
    """Draws one customer's life: where they live, by which doors they come, what they are sent, how they leave."""

    def __init__(self, number: int, end: Instant, chance: Random) -> None:
        """Draw whom it is about; everybody is known for a week at least."""
        self._number = number
        self._end = end
        self._chance = chance
        self._life = Life(number)
        self._home = chance.choices(_HOMES, _HOME_WEIGHTS)[0]
        self._language = "en" if self._home.country == "GB" else "fr"
        self._store = "store:saint-denis" if self._home.country == "RE" else chance.choice(_STORES)
        self._known: set[Identifier] = set()
        self._came: list[int] = []
        self._joined = end - YEAR + int(chance.random() * (YEAR - 7 * DAY))

    def life(self) -> Life:
        """Tell it."""
        if self._chance.random() < 0.6:
            self._is_described()
        self._comes_by(self._chance.choices(_DOORS, _DOOR_WEIGHTS)[0], self._joined)
        if self._chance.random() < 0.2:
            self._comes_by(self._chance.choices(_DOORS, _DOOR_WEIGHTS)[0], self._after(self._joined, 200))
        for _ in range(self._chance.choices((0, 1, 2, 3), (50, 34, 12, 4))[0]):
            self._buys(self._after(self._joined, 200))
        if self._chance.random() < 0.15:
            self._says_no(self._after(self._joined, 250))
        if self._chance.random() < 0.05:
            self._is_tried_without_permission(self._after(self._joined, 100))
        return self._life

    def _is_described(self) -> None:
        chance, home = self._chance, self._home
        preferred = chance.choices((None, "email", "sms", "push"), (70, 18, 8, 4))[0]
        told = FactsRecorded(
            country=home.country,
            time_zone=home.zone if chance.random() < 0.7 else None,
            language=self._language,
            birth_year=1945 + int(chance.random() * 66) if chance.random() < 0.6 else None,
            preferred_channel=preferred,
        )
        self._life.facts(self._joined, told)

    def _comes_by(self, door: _Door, time: int) -> None:
        addresses = [address for kind in door.leaves if (address := self._address(kind)) is not None]
        if not addresses or any(abs(time - other) < _BETWEEN_DOORS for other in self._came):
            return
        self._came.append(time)
        if door.recorder is not Recorder.SYSTEM and self._chance.random() < 0.08:
            self._declines(door, time, addresses)
            return
        if not door.confirmed:
            self._leaves(time, addresses)
        topic = self._chance.choice(_SKUS) if door.topic else ""
        grant = self._grants(door, time, addresses[0], topic)
        if door.confirmed:
            self._is_asked_to_confirm(door, time, grant)
        self._is_sent(door, time, topic)
        if not door.once and self._chance.random() < 0.03:
            self._is_wanted_by_all(door, self._after(time + DAY, 100), topic)

    def _is_asked_to_confirm(self, door: _Door, time: int, grant: str) -> None:
        asked = self._life.is_asked_to_confirm(time, grant)
        if self._chance.random() < 0.85:
            self._life.clicks(time + int(self._chance.random() * 40 * HOUR), asked, door.touchpoint)

    def _leaves(self, time: int, addresses: list[Identifier]) -> None:
        for address in addresses:
            if address in self._known:
                continue
            self._known.add(address)
            self._life.links(time, address)
            if address.kind is IdentifierKind.SOCIAL_PROFILE:
                self._life.learns(time, address, PointFact.VERIFIED)

    def _grants(self, door: _Door, time: int, address: Identifier, topic: str) -> str:
        return self._life.grants(
            time,
            door.touchpoint,
            method=door.method,
            recorder=door.recorder,
            recorder_id=f"{door.touchpoint}-{1 + self._number % 9}" if door.recorder is not Recorder.SYSTEM else "",
            language=self._language,
            address=address if door.confirmed else None,
            topics=(topic,) if topic else (),
            places=(self._store,) if door.place else (),
            recipients=("atelier-brume",) if door.partner else (),
        )

    def _declines(self, door: _Door, time: int, addresses: list[Identifier]) -> None:
        """Tell a no to the question of a clerk or an agent; on the phone it begins the silence the law asks for."""
        self._leaves(time, addresses)
        channel = "voice" if door.touchpoint == "call_centre" else ""
        self._life.says_no(
            time,
            RefusalKind.REFUSED,
            door.touchpoint,
            method=Method.SPOKEN,
            recorder=door.recorder,
            purpose="marketing",
            channel=channel,
        )

    def _is_sent(self, door: _Door, time: int, topic: str) -> None:
        if not door.sends:
            return
        count = 1 if door.once else self._chance.choices((0, 1, 2, 3, 4), (42, 36, 14, 5, 3))[0]
        for _ in range(count):
            channel, purpose = self._chance.choice(door.sends)
            when = self._after(time + HOUR, 20 if door.once else 150)
            if channel == "in_store":
                self._life.is_seen(when, self._store)
            self._life.is_to_be_contacted(
                when,
                channel,
                purpose,
                *self._chance.choices(_ENDINGS, _ENDING_WEIGHTS)[0],
                topic=topic,
                place=self._store if door.place else "",
            )

    def _is_wanted_by_all(self, door: _Door, time: int, topic: str) -> None:
        """Tell a week in which one department after the other wants to write to the same customer."""
        for day in range(6 if door.sends else 0):
            channel, purpose = door.sends[day % len(door.sends)]
            place = self._store if door.place else ""
            self._life.is_to_be_contacted(time + day * DAY, channel, purpose, Outcome.SENT, topic=topic, place=place)

    def _buys(self, time: int) -> None:
        self._leaves(time, [made_up.email(self._number)])
        in_store = self._chance.random() < 0.5
        self._life.buys(time, self._store if in_store else "", objection_offered=self._chance.random() < 0.8)
        if not in_store:
            self._life.is_to_be_contacted(time + HOUR, "email", "service.order", Outcome.SENT)
        if self._chance.random() < 0.2:
            self._life.is_to_be_contacted(time + 9 * DAY, "email", "marketing.recommendation", Outcome.SENT)

    def _says_no(self, time: int) -> None:
        """Tell a no, and that the automation, which has not heard of it, tries once more."""
        draw = self._chance.random()
        phone = self._address(_PHONE)
        if draw < 0.2 and phone in self._known:
            self._life.says_no(time, RefusalKind.WITHDRAWN, "sms_keyword", method=Method.MESSAGE, address=phone)
        elif draw < 0.35:
            self._life.says_no(time, RefusalKind.OBJECTED, "call_centre", method=Method.SPOKEN, recorder=Recorder.AGENT)
        else:
            branch = "marketing" if draw < 0.8 else "marketing.newsletter"
            self._life.says_no(time, RefusalKind.WITHDRAWN, "preference_centre", purpose=branch)
        self._life.is_to_be_contacted(time + 2 * DAY, "email", "marketing.newsletter", Outcome.SENT)
        if self._chance.random() < 0.1:
            self._comes_by(_DOORS[0], self._after(time, 90))

    def _is_tried_without_permission(self, time: int) -> None:
        channel = self._chance.choice(("sms", "voice", "push"))
        self._life.is_to_be_contacted(time, channel, "marketing.sale", Outcome.SENT)

    def _address(self, kind: IdentifierKind) -> Identifier | None:
        """Return the customer's address of a kind; None where no range of numbers is kept for fiction."""
        if kind is not IdentifierKind.PHONE:
            return _ADDRESSES[kind](self._number)
        if self._home.country in {"FR", "RE", "MQ"}:
            return made_up.mobile(self._number)
        return made_up.british_mobile(self._number) if self._home.country == "GB" and self._number < 1000 else None

    def _after(self, time: int, days: int) -> int:
        """Return an instant from `time` to so many days later; what lies past the end of the year falls away."""
        return time + int(self._chance.random() * days * DAY)


_ADDRESSES = {
    IdentifierKind.EMAIL: made_up.email,
    IdentifierKind.LOYALTY_CARD: made_up.loyalty_card,
    IdentifierKind.PUSH_TOKEN: made_up.push_token,
    IdentifierKind.BEACON_DEVICE: made_up.beacon_device,
    IdentifierKind.SOCIAL_PROFILE: made_up.social_profile,
    IdentifierKind.POSTAL_ADDRESS: made_up.postal_address,
}
