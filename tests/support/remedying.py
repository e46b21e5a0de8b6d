"""Does what a no says would make it allowed, by the commands that serve, and asks again.

Whoever follows the remedies of an answer in their order must be allowed: the products of these steps are
entries like any other. What no command can tell yet, such as an authority that lifts its order, is taken
off the state that the history was given.
"""

from collections.abc import Iterable

from msgspec.structs import replace
from support.histories import Act, Answer, Asked, History, StateGiven, Step, grant_of, identifier, iso

from accord.domain.catalogue import Level, Notice, NoticeText, Touchpoint
from accord.domain.commands import (
    Command,
    Confirm,
    Declaration,
    Grant,
    Link,
    RecordFacts,
    ReportActivity,
    ReportContactPoint,
    Unlink,
)
from accord.domain.decision import Decision, Remedy
from accord.domain.events import FactsRecorded
from accord.domain.problems import Problem
from accord.domain.state import PermissionMark
from accord.domain.terms import (
    ActivityKind,
    Declarant,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    PointFact,
    Position,
    Recorder,
    RemedyKind,
)

NEW = {
    IdentifierKind.EMAIL: "email:new@example.com",
    IdentifierKind.PHONE: "phone:+33699887766",
    IdentifierKind.POSTAL_ADDRESS: "post:9 new street",
    IdentifierKind.PUSH_TOKEN: "push:new",
    IdentifierKind.SOCIAL_PROFILE: "social:new",
    IdentifierKind.BEACON_DEVICE: "beacon:new",
}
ACTS = {
    RemedyKind.BUY: ActivityKind.PURCHASE,
    RemedyKind.ENQUIRE: ActivityKind.ENQUIRY,
    RemedyKind.ACT_AGAIN: ActivityKind.CLICK,
    RemedyKind.BE_PRESENT: ActivityKind.PRESENCE,
}
FACTS = {
    RemedyKind.VERIFY_CONTACT_POINT: PointFact.VERIFIED,
    RemedyKind.LEAVE_REGISTRY: PointFact.REGISTRY_REMOVED,
    RemedyKind.SETTLE_REPLY: PointFact.REPLY_SETTLED,
}


def followed(history: History, asked: Asked, found: Decision, known: Iterable[Identifier] = ()) -> Answer:
    """Do the remedies of a no, and ask again. `known` are the addresses that may be the customer's."""
    follower = _Follower(history, asked, found, tuple(known))
    for each in found.remedies:
        follower.follow(each)
    return history.ask(follower.asked, follower.now)


class _Follower:
    def __init__(self, history: History, asked: Asked, found: Decision, known: tuple[Identifier, ...]) -> None:
        self.history = history
        self.asked = asked
        self.now = found.time
        self._given: Position | None = None
        means = history.policy.channels.get(asked.channel)
        self._kind = means.contact_point_kind if means else None
        named = [identifier(each) for each in (asked.contact_point, asked.customer) if each]
        self._addresses = [each for each in (*named, *known) if each.kind is self._kind]

    def follow(self, told: Remedy) -> None:
        """Do one remedy."""
        kind = told.kind
        if kind in ACTS:
            place = self.asked.place if kind is RemedyKind.BE_PRESENT else ""
            self._do(ReportActivity(customer=self._customer, kind=ACTS[kind], place=place, objection_offered=True))
        elif kind in FACTS:
            self._tell_of_addresses(FACTS[kind])
        else:
            {
                RemedyKind.WAIT_UNTIL: self._wait,
                RemedyKind.GIVE_PERMISSION: self._give,
                RemedyKind.GIVE_PERMISSION_AS_GUARDIAN: self._give,
                RemedyKind.CONFIRM_PERMISSION: self._confirm,
                RemedyKind.LINK_CONTACT_POINT: self._link,
                RemedyKind.USE_OTHER_CONTACT_POINT: self._use_other,
                RemedyKind.LIFT_OVERLAY: self._lift,
                RemedyKind.LIFT_RESTRICTION: self._lift,
                RemedyKind.LIFT_ORDER: self._lift,
                RemedyKind.BEGIN_CONTRACT: self._begin_contract,
                RemedyKind.NAME_NEW_CONTACT: self._name_new_contact,
                RemedyKind.ADD_TOUCHPOINT: self._add_touchpoint,
                RemedyKind.CARRY_ONE_CLICK: self._carry_one_click,
            }[kind](told)

    def _wait(self, told: Remedy) -> None:
        self.now = told.time

    def _begin_contract(self, _told: Remedy) -> None:
        self._do(RecordFacts(customer=self._customer, facts=FactsRecorded(contract_current=True)))

    def _name_new_contact(self, _told: Remedy) -> None:
        self.asked = replace(self.asked, contact_id="another-contact")

    @property
    def _customer(self) -> Identifier:
        return identifier(self.asked.customer)

    def _do(self, command: Command) -> None:
        self.now = Instant(max(self.now, self.history.now) + 1)
        done = self.history.at(self.now).command(command)
        assert not isinstance(done, Problem), done

    def _give(self, told: Remedy) -> None:
        touchpoint = told.touchpoints[0] if told.touchpoints else "added"
        policy = self.history.policy
        level = policy.levels[policy.touchpoints[touchpoint].level]
        asks = bool(self.asked.confirms)
        tracked = not asks and told.purpose != self.asked.purpose
        guardian = told.kind is RemedyKind.GIVE_PERMISSION_AS_GUARDIAN
        command = grant_of(
            Act(
                customer=self.asked.customer,
                at=touchpoint,
                declarant=Declarant.GUARDIAN if guardian else Declarant.CUSTOMER,
                topics=_of(self.asked.topic) if not tracked else (),
                places=_of(self.asked.place),
                recipients=_of(self.asked.recipient) if not tracked else (),
                contact_point=self.asked.contact_point,
            )
        )
        if level.confirmation_hours and command.contact_point is None:
            assert self._kind is not None
            address = self._addresses[0] if self._addresses else identifier(NEW[self._kind])
            command = replace(command, contact_point=address)
        if self.history.given:
            # The state strips every permission of its notice; the one given now has one.
            self.history.give(replace(self.history.given, unproved=False))
        before = self.history.size
        self._do(_on_its_notice(command, touchpoint, self.history))
        self._given = Position(before)
        if asks:
            self.history.positions["given anew"] = self._given
            self.asked = replace(self.asked, confirms="given anew", contact_id="asked-anew")

    def _confirm(self, told: Remedy) -> None:
        """Confirm by a signature where that will do, else by the link that was sent, or is sent now."""
        marks = [mark for state in self.history.world.states.values() for mark in state.permissions]
        position = told.position or self._given
        mark = next(each for each in marks if each.position == position)
        level = self.history.policy.levels[mark.level]
        evidence = _evidence("web_form", Method.SIGNATURE)
        if level.confirmed_otherwise:
            self._do(Confirm(customer=self._customer, evidence=evidence, permission=position))
            return
        sent = [name for name, token in self.history.tokens.items() if token]
        if not sent:
            self._send(mark)
            sent = ["the mail"]
        self.now = Instant(max(self.now, self.history.now) + 1)
        click = Act(customer=self.asked.customer, token_of=sent[-1])
        self.history.tell([Step(time=iso(self.now), confirm=click)])

    def _send(self, mark: PermissionMark) -> None:
        self.history.positions["waits"] = mark.position
        known, channels = self.history.policy.channels, mark.granted.channels
        mail = Asked(
            customer=self.asked.customer,
            purpose="service.opt_in_confirmation",
            channel=next(each for each in channels if each and known[each].contact_point_kind is IdentifierKind.EMAIL),
            contact_id="the-mail-that-asks",
            confirms="waits",
        )
        self.now = Instant(max(self.now, self.history.now) + 1)
        self.history.tell([Step(time=iso(self.now), name="the mail", authorize=mail)])

    def _link(self, _told: Remedy) -> None:
        point = identifier(self.asked.contact_point) if self.asked.contact_point else None
        if point is None:
            assert self._kind is not None
            point = identifier(NEW[self._kind])
        self._addresses.append(point)
        self._do(Link(customer=self._customer, contact_point=point))

    def _tell_of_addresses(self, fact: PointFact) -> None:
        assert self._addresses
        for each in dict.fromkeys(self._addresses):
            self._do(ReportContactPoint(contact_point=each, fact=fact))

    def _use_other(self, _told: Remedy) -> None:
        assert self._kind is not None
        for each in dict.fromkeys(self._addresses):
            holders = self.history.world.customers_of(each)
            if each != self._customer and set(holders) & set(self.history.world.customers_of(self._customer)):
                self._do(Unlink(customer=self._customer, contact_point=each))
        new = NEW[self._kind]
        self._addresses = [identifier(new)]
        self._do(Link(customer=self._customer, contact_point=identifier(new)))
        self.asked = replace(self.asked, contact_point=new)

    def _lift(self, told: Remedy) -> None:
        given = self.history.given or StateGiven()
        changed: dict[RemedyKind, dict[str, object]] = {
            RemedyKind.LIFT_OVERLAY: {"overlays": tuple(each for each in given.overlays if each.until)},
            RemedyKind.LIFT_RESTRICTION: {"restricted": False},
            RemedyKind.LIFT_ORDER: {"authority_order": False},
        }
        self.history.give(replace(given, **changed[told.kind]))

    def _add_touchpoint(self, told: Remedy) -> None:
        catalogue = self.history.policy.catalogue
        level = Level(
            "added",
            topics_required=bool(self.asked.topic),
            places_required=bool(self.asked.place),
            recipients_required=bool(self.asked.recipient),
        )
        channels = _of(self.asked.channel)
        notice = Notice("added", (told.purpose,), (NoticeText("en", "Yes to this too."),), channels)
        self.now = Instant(max(self.now, self.history.now) + 1)
        self.history.at(self.now).apply(
            replace(
                catalogue,
                levels=(*catalogue.levels, level),
                notices=(*catalogue.notices, notice),
                touchpoints=(*catalogue.touchpoints, Touchpoint("added", "added", "added")),
            )
        )

    def _carry_one_click(self, _told: Remedy) -> None:
        catalogue = self.history.policy.catalogue
        channels = tuple(replace(each, one_click_missing=False) for each in catalogue.channels)
        self.now = Instant(max(self.now, self.history.now) + 1)
        self.history.at(self.now).apply(replace(catalogue, channels=channels))


def _of(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def _evidence(touchpoint: str, method: Method) -> Declaration:
    return Declaration(
        touchpoint=touchpoint,
        method=method,
        declarant=Declarant.CUSTOMER,
        recorder=Recorder.SYSTEM,
        language="en",
        act_time=Instant(0),
    )


def _on_its_notice(command: Grant, touchpoint: str, history: History) -> Grant:
    """Return the permission in a language its notice is written in."""
    notice = history.policy.notices[history.policy.touchpoints[touchpoint].notice]
    return replace(command, evidence=replace(command.evidence, language=notice.languages[0]))
