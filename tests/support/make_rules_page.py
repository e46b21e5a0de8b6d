"""Makes docs/rules.md from the rule packs, always the same: `make rules`."""

from collections.abc import Iterator
from pathlib import Path

from accord.domain.packs import EDITIONS, edition
from accord.domain.rules import LawRule, Pack, Reach, ReplyRule, kind_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"

BEFORE = """\
# The rules of law

Made from the rule packs (`src/accord/domain/packs`) by `make rules`; change the packs, not this page. None of it is
legal advice. A rule not yet *reviewed* was written down from memory or is our inference: have it read before you rely
on it. Each rule is held by golden vectors on both sides of its boundaries (`tests/golden/decisions/law`), and a test
changes every parameter of every rule and finds that a vector tells.

A brand takes up an edition by naming it in its catalogue (`rules_edition`). Which packs bind a contact is not chosen:
the customer's country and region say it, or every candidate where they are unknown (decisions
[0010](decisions/0010-an-unknown-country-is-home-and-overseas.md) and
[0016](decisions/0016-the-law-is-not-chosen.md)). Packs speak of these purposes by name, so a brand that needs the rule
uses the name: `marketing.professional` (what relates to a professional's work), `marketing.stay_in_touch` (asking once
whether to go on), `marketing.permission_request` (asking for a permission), `location.proximity` (being located by a
beacon), `calls.other_hours` (being called outside the lawful hours), `sharing` and `ads` (branches of processing).

A ground other than a permission counts only where the catalogue claims it (`bases`) and the law accepts it: the brand
alone can say that an offer is similar to what was bought, or has to do with the contract that runs.

Replies are read by the words of every jurisdiction, whoever wrote: in small letters, without accents and punctuation.
What they do not tell is held for a person to read (decision
[0046](decisions/0046-a-reply-nobody-is-sure-of-holds-marketing.md)).

A date is the start of that day in the pack's own time zone; an answer given before it says so in `valid_until`.
"""


def page() -> str:
    """Return the text of the page."""
    name = EDITIONS[-1]
    parts = [BEFORE, f"Edition {name}.\n"]
    parts += ["\n".join(_section(pack)) for pack in sorted(edition(name).packs.values(), key=_order)]
    return "\n".join(parts)


def _order(pack: Pack) -> tuple[bool, str]:
    return pack.elsewhere or pack.everywhere, pack.jurisdiction


def _section(pack: Pack) -> Iterator[str]:
    yield f"## {pack.title[0].upper()}{pack.title[1:]} (`{pack.jurisdiction}`)\n"
    yield f"{_where(pack)} Its dates begin in {pack.time_zone}.\n"
    for rule in pack.rules:
        yield from _rule(rule)
    if pack.not_covered:
        yield "Not covered:\n"
        yield from (f"- {each}" for each in pack.not_covered)
        yield ""


def _where(pack: Pack) -> str:
    if pack.everywhere:
        return "Counts everywhere."
    if pack.elsewhere:
        return "Counts for customers in every country that no other pack names."
    parts = f", in {', '.join(pack.regions)}" if pack.regions else ""
    within = f" Its rules stand beside those of `{pack.within}`." if pack.within else ""
    return f"Counts for customers in {', '.join(pack.countries)}{parts}.{within}"


def _rule(rule: LawRule) -> Iterator[str]:
    dates = [f"from {rule.effective_from}" if rule.effective_from else ""]
    dates += [f"until {rule.effective_to}" if rule.effective_to else ""]
    sides = [
        kind_of(rule).replace("_", " "),
        " ".join(filter(None, dates)),
        "reviewed" if rule.reviewed else "**not reviewed**",
        f"in place of {', '.join(f'`{each}`' for each in rule.replaces)}" if rule.replaces else "",
        "follows the brand to customers elsewhere" if rule.reach is Reach.BRAND_TOO else "",
    ]
    yield f"### `{rule.id}`\n"
    yield f"{rule.en}\\\n*{rule.fr}*\n"
    yield f"{rule.legal_source} ({'; '.join(filter(None, sides))})\n"
    if isinstance(rule, ReplyRule):
        yield from _words(rule)


def _words(rule: ReplyRule) -> Iterator[str]:
    for said, words in (
        ("the whole reply", rule.alone),
        ("its first words", rule.first),
        ("anywhere in it", rule.within),
        ("in doubt with", rule.unless),
    ):
        if words:
            yield f"- {said}: {', '.join(words)}"
    yield ""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
