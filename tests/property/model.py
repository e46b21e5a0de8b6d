"""What Accord should answer, from the plain list of what was said: nothing is folded, every answer scans it all."""

from typing import Any

from property.people import People, Row
from property.problems import problem_of
from property.scene import KINDS, VERSIONS, offer, version_of

from accord.domain import commands as say
from accord.domain.terms import DAY, Identifier


class Model:
    def __init__(self) -> None:
        self.people, self.permissions, self.refusals = People(), list[Row](), list[Row]()
        self.contacts, self.answered = dict[str, Row](), dict[str, tuple[Any, Any]]()
        self.clock = self.recorded = self.size = self.version = 0

    def do(self, it: Any, request_id: str = "", *, rewritten: bool = False) -> Any:
        """Return the positions written, or (verdict, repeat, positions), or the name of the problem."""
        if isinstance(it, say.AuthorizeContact):
            return self.authorize(it, rewritten=rewritten)
        content, answer = self.answered.get(request_id, (it, None))
        if not answer:
            answer = self.judge(it)
            if request_id and not isinstance(answer, str):
                self.answered[request_id] = (it, answer)
        return answer if content == it else "REQUEST_ID_REUSED"

    def judge(self, it: Any) -> Any:
        if isinstance(it, say.ApplyCatalogue):
            self.version = version_of(it.catalogue)
            return [self.write()]
        if isinstance(it, say.ReportContact):
            known = it.contact_id in self.contacts
            return [self.close(self.contacts[it.contact_id], it.outcome.value)] if known else "CONTACT_UNKNOWN"
        named = [each for each in (getattr(it, "customer", None), getattr(it, "contact_point", None)) if each]
        people = self.people.holders(named[0])
        if not people and isinstance(it, say.Grant | say.Link):
            people = self.people.recognised(named)
        now = max(self.clock, self.recorded + 1)
        act = getattr(getattr(it, "evidence", it), "act_time", 0) or now
        if problem := problem_of(it, people, self.waiting(people), act, now):
            return problem
        return [self.take(it, who, min(act, now), named) for who in people or [self.people.new()]]

    def take(self, it: Any, who: Row, act: int, named: list[Identifier]) -> int:
        position, last = self.write(), named[-1]
        self.people.name(who, named)
        match it:
            case say.Grant():
                self.give(it, who, act, (last, who.held[last]) if it.contact_point else None)
            case say.Confirm():
                (given,) = (p for p in self.waiting([who]) if p.position == it.permission)
                if self.recorded < given.waits:
                    given.waits, given.recorded = 0, self.recorded
            case say.Refuse():
                no = Row(purpose=it.purpose, channel=it.channel, act=act, recorded=self.recorded, address=last)
                no.who, no.stop = None if it.contact_point else who, bool(it.contact_point and not it.purpose)
                self.refusals.append(no)
            case say.Unlink():
                del who.held[last]
            case say.RecordFacts():
                facts = {name: getattr(it.facts, name) for name in ("deceased", "paused_until")}
                vars(who).update({name: value for name, value in facts.items() if value is not None})
            case say.ReportContactPoint():
                self.people.tell(who, (last, who.held[last]), it.fact.value, act)
        return position

    def give(self, it: say.Grant, who: Row, act: int, point: Any) -> None:
        offered = offer(it, act, self.recorded)
        cells = (who, offered["purposes"], offered["channels"], point)
        new = Row(cells=cells, who=who, point=point, position=self.size - 1, act=act, recorded=self.recorded, **offered)
        for old in [old for old in self.permissions if new.once and old.once and old.cells == cells]:
            if old.act >= act and old.lifts >= new.lifts:
                return  # told again: no new use
            if old.act <= act and old.lifts <= new.lifts and old.until <= new.until:
                self.permissions.remove(old)  # asked again later: the newer one counts
        self.permissions.append(new)

    def authorize(self, it: say.AuthorizeContact, *, rewritten: bool) -> Any:
        people, own, q = self.people.holders(it.customer), self.contacts.get(it.contact_id), it.question
        if len(people) > 1:
            return "CUSTOMER_AMBIGUOUS"
        if own and ([own.who] != people or own.asked != (q.purpose, q.channel)):
            return "CONTACT_ID_REUSED"
        verdict, ground = self.decide(q, max(self.clock, self.recorded + 1), own)
        if verdict != "ALLOW":
            return verdict, False, []
        held, named = self.people.points(people[0], KINDS[q.channel]), q.contact_point or q.customer
        point = next((each for each in held if len(held) == 1 or each[0] == named), None)
        if own and point and own.point not in (None, point):
            return "CONTACT_ID_REUSED"
        # Whether a contact that moves between unlimited permissions is written again is the ledger's choice.
        if own and (own.ground, own.point) == (ground, point) and (ground or not rewritten):
            return verdict, True, []
        new = Row(who=people[0], asked=(q.purpose, q.channel), point=point, ground=ground, status="AUTHORIZED")
        new.marketing = q.purpose.startswith("marketing")
        self.contacts[it.contact_id], written, new.time = new, [self.write()], self.recorded
        return verdict, own is not None, written

    def decide(self, q: say.Question, now: int = 0, own: Row | None = None) -> tuple[str, int]:
        """Return the verdict and the position of the contact-once permission it takes, 0 for none."""
        holders, named, kind = self.people.holders(q.customer), q.contact_point or q.customer, KINDS[q.channel]
        if len(holders) != 1:
            return "CUSTOMER_AMBIGUOUS" if holders else "DENY", 0
        who = holders[0]
        if who.deceased or (q.contact_point and q.contact_point not in who.held):
            return "DENY", 0
        points = [each for each in self.people.points(who, kind) if named.kind is not kind or each[0] == named]
        addresses = [address for address, _ in points]
        # Who got an address from another must have permitted marketing since; who wrote back unclearly may be served.
        cured = {"REPLY_UNCLEAR"} if q.purpose.startswith("service") else {"REASSIGNED"}
        if any(self.people.faults.get(at, set()) - cured for at in addresses) or (own and own.status != "AUTHORIZED"):
            return "DENY", 0
        noes = [no for no in self.refusals if no.who is who or no.address in addresses]
        noes = [no for no in noes if no.channel in ("", q.channel) and q.purpose.startswith(no.purpose)]
        if q.purpose.startswith("service"):
            return "DENY" if any(no.purpose or no.stop for no in noes) else "ALLOW", 0
        (stale, limit), now = VERSIONS[self.version], now or max(self.clock, self.recorded)
        others = [each for each in self.contacts.values() if each is not own and each.who is who]
        others = [each for each in others if each.marketing and each.status not in ("CANCELLED", "FAILED")]
        slots = [now, who.paused_until, *(each.time + 7 * DAY for each in others)]
        slots = [at for at in slots if max(now, who.paused_until) <= at <= now + 90 * DAY]
        slots = [at for at in slots if sum(each.time > at - 7 * DAY for each in others) < limit]
        grounds = [
            p
            for p in self.permissions
            if p.who is who and not p.waits and p.notice not in stale and q.purpose in p.purposes
            if q.channel in p.channels and (not p.point or (points and all(each == p.point for each in points)))
            if all(p.lifts and p.act > no.act and p.recorded > no.recorded for no in noes)
            if all(p.lifts and p.act > moved for each in addresses if (moved := self.people.moved.get(each)))
            if not (p.once and any(each.ground == p.position for each in others))
            if slots and max(now, min(slots)) < p.until
        ]
        it = min(grounds, key=lambda p: (p.once, p.until, p.position), default=None)
        return "DENY" if not it else "ALLOW" if min(slots) == now else "DEFER", it.position if it and it.once else 0

    def close(self, contact: Row, outcome: str) -> int:
        contact.status = outcome
        self.people.tell(contact.who, contact.point, outcome)
        return self.write()

    def write(self) -> int:
        self.recorded, self.size = max(self.clock, self.recorded + 1), self.size + 1
        return self.size - 1

    def waiting(self, people: list[Row]) -> list[Row]:
        return [p for p in self.permissions if p.waits and p.who in people]
