"""An answer in a sentence for a person, and what would make it allowed, in the language asked for.

Says what is concrete in the answer: the channel, the purpose by its title, the instant where the customer
lives, the rule with its source and what it says. Nothing personal is ever said: no identifier, no address, no
time zone by name. Needs the full view of an answer; the words themselves stand in `words`.
"""

from collections.abc import Iterator

from accord.domain import calendar
from accord.domain.decide import ORDER
from accord.domain.decision import Background, Decision, Finding, Remedy, Step
from accord.domain.lane import Assumed, Rule
from accord.domain.packs import Edition, edition
from accord.domain.terms import SECOND, Basis, Instant, Reason, Verdict
from accord.domain.words import Words, english, french

_MINUTE = 60 * SECOND
WORDS = {words.language: words for words in (english.WORDS, french.WORDS)}
"""The words of each language."""


class Explainer:
    """The words of one answer in one language."""

    def __init__(self, found: Decision, language: str) -> None:
        """Explain the full view of an answer; the language is one of `words.LANGUAGES`."""
        if found.background is None:
            raise ValueError("only the full view of an answer can be explained")
        self._found = found
        self._background: Background = found.background
        self._words: Words = WORDS[language]

    def why(self) -> str:
        """Return the ground of an ALLOW, or what speaks against it, in a few words."""
        return self._words.typeset(self._why())

    def sentence(self) -> str:
        """Return the answer in a sentence, followed by one for each rule of a no that has something to say."""
        found, words = self._found, self._words
        form = (words.contact if self._background.channel else words.processing)[found.verdict.name]
        told = form.format(
            channel=self._channel(self._background.channel),
            purpose=self._titled(self._background.purpose),
            why=self._why(),
            time=self._instant(found.not_before, up=True) if found.not_before else "",
        )
        rules = () if found.verdict is Verdict.ALLOW else found.rules
        return words.typeset(" ".join((told, *filter(None, map(self._rule, rules)))))

    def what_would_allow(self) -> str:
        """Return what would have to happen, in order; empty when it is allowed."""
        return self._words.typeset(self._words.then.join(map(self._remedy, self._found.remedies)))

    def remedy(self, told: Remedy) -> str:
        """Return one change in words."""
        return self._words.typeset(self._remedy(told))

    def gate(self, step: Step) -> str:
        """Return the name of a gate."""
        return self._words.gates[step.number]

    def step(self, step: Step) -> str:
        """Return what one gate said."""
        return self._words.typeset(self._words.besides.join(self._said(step)))

    def _why(self) -> str:
        found, words = self._found, self._words
        return words.bases[found.basis] if found.verdict is Verdict.ALLOW else self._reason(found.reason)

    def _reason(self, reason: Reason) -> str:
        own, words = self._background.own_list, self._words
        if reason is not Reason.SUPPRESSED or own is None:
            return words.reasons[reason]
        # That somebody who held the address was erased is told in neither case: it is nobody else's to know.
        return words.own_list.format(
            code=words.quoted.format(text=own.list), time=self._instant(own.listed_time, up=False)
        )

    def _said(self, step: Step) -> Iterator[str]:
        words = self._words
        if step.finding:
            yield self._finding(step.finding)
        elif step.skipped:
            yield words.skipped
        elif step.name == ORDER[6].name and self._found.basis is not Basis.NONE:
            yield words.passes_on.format(basis=words.bases[self._found.basis])
        else:
            yield words.passes
        if step.assumed:
            yield words.assumed[step.assumed.missing].format(places=self._places(step.assumed))

    def _finding(self, finding: Finding) -> str:
        told = self._reason(finding.reason)
        said = self._rule(finding.rule) if finding.rule else ""
        return f"{told} [{said.rstrip('.')}]" if said else told

    def _remedy(self, told: Remedy) -> str:
        words = self._words
        names = ", ".join(map(self._titled, told.touchpoints))
        return words.remedies[told.kind].format(
            time=self._instant(told.time, up=True),
            before=words.before.format(time=self._instant(told.time, up=False)) if told.time else "",
            purpose=self._permission(told.purpose) if told.purpose else words.this,
            touchpoints=words.at_touchpoints.format(names=names) if names else "",
        )

    def _permission(self, purpose: str) -> str:
        """Return what a permission must list. One to locate the customer has no channel, and no limit but the place."""
        background, told = self._background, self._titled(purpose)
        asked = purpose == background.purpose
        if asked and background.channel:
            told = f"{told} {self._channel(background.channel)}"
        limits = [side for side in background.limits if asked or side == "place"]
        return "".join((told, *(self._words.limits[side] for side in limits)))

    def _titled(self, code: str) -> str:
        return self._words.quoted.format(text=self._background.titles.get(code) or code)

    def _channel(self, code: str) -> str:
        return self._words.channels.get(code) or self._words.other_channel.format(code=code)

    def _rule(self, rule: Rule) -> str:
        brand, _, name = rule.id.partition(":")
        if brand == "catalogue":
            return self._words.brand_rule.format(id=name)
        says = self._says(rule.id)
        return self._words.rule.format(id=rule.id, source=rule.legal_source, says=says) if says else ""

    def _says(self, rule_id: str) -> str:
        texts = self._edition.texts.get(rule_id) if self._edition else None
        return texts[self._words.language] if texts else ""

    def _places(self, assumed: Assumed) -> str:
        if self._edition is None:
            return ", ".join(assumed.jurisdictions)
        packs = self._edition.packs
        return ", ".join(packs[name].titles[self._words.language] for name in assumed.jurisdictions)

    @property
    def _edition(self) -> Edition | None:
        return edition(self._background.edition) if self._background.edition else None

    def _instant(self, time: Instant, *, up: bool) -> str:
        """Return an instant for people, to the minute; `up` to the next one, so that it is never told too early."""
        rounded = -(-time // _MINUTE) * _MINUTE if up else time // _MINUTE * _MINUTE
        zone = self._background.time_zone
        return self._words.instant(calendar.local(Instant(rounded), zone or "UTC"), not zone)
