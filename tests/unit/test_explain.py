"""The words of an answer: whole in every language, printed as it is printed there, and never personal."""

import re
import string
from functools import lru_cache

import pytest
from support.histories import GOLDEN, Asked, History, Step, ToldFacts, themes, vectors
from support.histories import Act as Told

from accord.domain.decide import ORDER
from accord.domain.decision import Decision
from accord.domain.explain import WORDS, Explainer
from accord.domain.packs import EDITIONS, edition
from accord.domain.rules import CHANNELS
from accord.domain.terms import Basis, Reason, RemedyKind, Verdict
from accord.domain.words import LANGUAGES, Words, language_of
from accord.domain.words.french import WORDS as FRENCH

_ALL = [vector for file in (*themes(GOLDEN), *themes(GOLDEN / "law")) for vector in vectors(file)]
_SPACES = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
MEMBERS = {
    "reasons": set(Reason),
    "remedies": set(RemedyKind),
    "bases": set(Basis),
    "channels": set(CHANNELS),
    "contact": {each.name for each in Verdict},
    "processing": {each.name for each in Verdict},
    "assumed": {"country", "region"},
    "limits": {"topic", "place", "recipient"},
}


@lru_cache
def explained() -> tuple[Decision, ...]:
    """Return the full view of the answer to every golden vector that is no error."""
    asked = [(History(each.catalogue).tell(each.history).give(each.state), each) for each in _ALL]
    found = (history.ask(vector.ask, vector.time, full=True).decision for history, vector in asked)
    return tuple(decision for decision in found if decision is not None)


def said(decision: Decision, language: str) -> list[str]:
    """Return all that is told of an answer in words."""
    say = Explainer(decision, language)
    told = [say.why(), say.sentence(), say.what_would_allow(), *map(say.remedy, decision.remedies)]
    return [*told, *(text for step in decision.trace for text in (say.gate(step), say.step(step)))]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def every_text(words: Words) -> dict[str, str]:
    """Return each text of a language by a name that is the same in all."""
    found: dict[str, str] = {}
    for field in words.__struct_fields__:
        value = getattr(words, field)
        if isinstance(value, str):
            found[field] = value
        elif isinstance(value, tuple):
            found |= {f"{field}.{number}": each for number, each in enumerate(value)}
        elif not callable(value):
            found |= {f"{field}.{key}": each for key, each in value.items()}
    return found


def test_there_are_words_in_each_language_and_in_no_other() -> None:
    assert set(WORDS) == set(LANGUAGES)
    assert all(words.language == language for language, words in WORDS.items())


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_a_word_for_everything(language: str) -> None:
    words = WORDS[language]
    for field, members in MEMBERS.items():
        assert set(getattr(words, field)) == members
    assert len(words.gates) == len(ORDER)
    assert all(text.strip() for name, text in every_text(words).items() if name != "besides")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_what_the_others_say(language: str) -> None:
    mine, english = every_text(WORDS[language]), every_text(WORDS["en"])
    assert {name: placeholders(text) for name, text in mine.items()} == {
        name: placeholders(text) for name, text in english.items()
    }


def test_no_two_reasons_are_told_alike() -> None:
    for words in WORDS.values():
        assert len(set(words.reasons.values())) == len(words.reasons)


@pytest.mark.parametrize(
    ("tag", "language"),
    [("", "en"), ("en", "en"), ("fr", "fr"), ("fr-CA", "fr"), ("FR-fr", "fr"), ("en-GB-oxendict", "en"),
     ("de", None), ("french", None), ("f", None), ("fr_FR", None), ("fr FR", None)],
)  # fmt: skip
def test_a_language_is_asked_for_by_the_first_subtag_of_its_tag(tag: str, language: str | None) -> None:
    assert language_of(tag) == language


def test_what_is_told_of_an_answer_is_nothing_personal() -> None:
    """Histories of the vectors name customers and addresses; no word of an answer repeats one."""
    personal = re.compile(r"\bada\b|\bbob\b|@\w|\+33|\+1|acme|sku-1|Europe/|America/|Indian/", re.IGNORECASE)
    found = [
        text
        for decision in explained()
        for language in LANGUAGES
        for text in said(decision, language)
        if personal.search(text) or "{" in text
    ]
    assert found == []


def test_french_is_printed_as_french_is() -> None:
    texts = [text for decision in explained()[::7] for text in said(decision, "fr")]
    texts += [FRENCH.typeset(rule.fr) for pack in edition(EDITIONS[-1]).packs.values() for rule in pack.rules]
    assert len(texts) > 500
    for text in texts:
        assert "'" not in text, text
        # Sources stand in brackets, and as they are written, semicolons and all.
        own = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "", text.replace("RFC 8058;", ""))
        assert not re.search(r"\S[;!?»]|[^\s\d]:(?!\w)", own), text
        assert not re.search(r" [;:!?»]|« ", text), text
        assert not re.search(rf"[{_SPACES} ]{{2}}", text), text


def test_only_a_full_view_can_be_explained() -> None:
    history = History("boutique")
    decision = history.ask(_NEWS, "2026-01-03T09:00Z").decision
    assert decision is not None
    with pytest.raises(ValueError, match="only the full view"):
        Explainer(decision, "en")


# --- sentences, word for word -------------------------------------------------------------------------

_NEWS = Asked(customer="ada", channel="email", purpose="marketing.newsletter")
_CALL = Asked(customer="ada", channel="voice", purpose="marketing.newsletter")
_PARIS = (
    Step(time="2026-08-20T09:00Z", facts=ToldFacts(customer="ada", country="FR", time_zone="Europe/Paris")),
    Step(time="2026-08-20T09:00Z", link=Told(customer="ada", contact_point="phone:+33612345678")),
)
_TITLED = {
    "extends": "law",
    "purposes": [
        {"code": "marketing.newsletter", "purpose_class": "MARKETING", "title": "La lettre de la maison"},
        {"code": "sharing.partner", "purpose_class": "PROCESSING"},
    ],
    "notices": [
        {"code": "all", "purposes": ["marketing.newsletter"], "channels": ["email", "voice"],
         "texts": [{"language": "en", "text": "Yes."}]},
    ],
    "touchpoints": [
        {"code": "web_form", "level": "ongoing", "notice": "all", "title": "Formulaire en ligne"},
        {"code": "till", "level": "ongoing", "notice": "all"},
    ],
    "bases": [{"id": "permission", "basis": "PERMISSION", "purpose_class": "MARKETING"}],
}  # fmt: skip


def plainly(text: str) -> str:
    """Return a text with marks that the eye can tell apart: ~ and ^ for the two spaces that break no line."""
    marks: dict[str, str | int | None] = {
        "\N{NO-BREAK SPACE}": "~",
        "\N{NARROW NO-BREAK SPACE}": "^",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    }
    return text.translate(str.maketrans(marks))


def words_of(history: History, asked: Asked, time: str, language: str) -> tuple[str, str]:
    decision = history.ask(asked, time, full=True).decision
    assert decision is not None
    say = Explainer(decision, language)
    return plainly(say.sentence()), plainly(say.what_would_allow())


def called() -> History:
    return History(_TITLED).tell((*_PARIS, Step(time="2026-08-21T09:00Z", grant=Told(customer="ada", at="web_form"))))


def test_a_wait_is_told_where_the_customer_lives_with_the_rule_and_its_source() -> None:
    sentence, wait = words_of(called(), _CALL, "2026-11-25T13:30+01:00", "en")
    assert sentence == (
        'The customer may be contacted by telephone for "La lettre de la maison" only from 25 November 2026 at 14:00 '
        "where the customer lives: it is outside the lawful hours where the customer lives. Rule fr.call_hours "
        "(C. conso D223-9 (décret 2022-1313); C. trav. L3133-1): Marketing calls are made Monday to Friday, 10:00 to "
        "13:00 and 14:00 to 20:00 where the consumer is, never on a public holiday, unless the consumer permitted "
        "other hours and it can be proved."
    )
    assert wait == "wait until 25 November 2026 at 14:00 where the customer lives"


def test_the_same_in_french() -> None:
    sentence, wait = words_of(called(), _CALL, "2026-11-25T13:30+01:00", "fr")
    assert sentence == (
        "Le client ne peut être contacté par téléphone pour «~La lettre de la maison~» qu'à partir du 25 novembre 2026 "
        "à 14~h~00 (heure locale du client)~: l'heure n'est pas légale là où vit le client. Règle fr.call_hours "
        "(C. conso D223-9 (décret 2022-1313); C. trav. L3133-1)~: Les appels de prospection ont lieu du lundi au "
        "vendredi, de 10~h à 13~h et de 14~h à 20~h chez le consommateur, jamais un jour férié, sauf permission "
        "expresse d'autres horaires, dont la preuve est apportée."
    )
    assert wait == "il faut attendre le 25 novembre 2026 à 14~h~00 (heure locale du client)"


def test_a_permission_is_told_with_the_touchpoints_that_ask_for_it_by_their_titles() -> None:
    history = History(_TITLED).tell(_PARIS)
    _, permission = words_of(history, _CALL, "2026-11-25T15:00+01:00", "en")
    assert permission == (
        'the customer, by an act of their own, gives a permission for "La lettre de la maison" by telephone, at one of '
        'these touchpoints: "Formulaire en ligne", "till"'
    )


def test_a_permission_is_told_with_all_that_limits_it() -> None:
    history = History("boutique").tell([Step(time="2026-08-20T09:00Z", facts=ToldFacts(customer="ada"))])
    asked = Asked(
        customer="ada",
        channel="email",
        purpose="alert.back_in_stock",
        topic="sku-1",
        place="store:lyon",
        recipient="acme",
    )
    told = " on this topic at this place that names this third party"
    assert told in words_of(history, asked, "2026-11-25T15:00+01:00", "en")[1]
    assert " sur ce sujet en ce lieu qui nomme ce tiers" in words_of(history, asked, "2026-11-25T15:00+01:00", "fr")[1]


def test_what_lies_further_is_told_after_what_lies_nearer() -> None:
    history = called().tell([Step(time="2026-11-24T09:00Z", withdraw=Told(customer="ada", purpose="marketing"))])
    _, changes = words_of(history, _CALL, "2026-11-25T13:30+01:00", "fr")
    first, then = changes.split("^; puis ")
    assert first.startswith("il faut que le client, de sa propre initiative, donne une permission pour «~La lettre")
    assert then == "il faut attendre le 25 novembre 2026 à 14~h~00 (heure locale du client)"


def test_where_the_time_zone_is_unknown_instants_are_told_in_utc() -> None:
    steps = [
        Step(time="2026-08-20T09:00Z", link=Told(customer="ada", contact_point="phone:+33612345678")),
        Step(time="2026-08-21T09:00Z", grant=Told(customer="ada", at="web_form")),
        Step(time="2026-08-21T09:00Z", facts=ToldFacts(customer="ada", paused_until="2026-12-01T08:00:20Z")),
    ]
    _, wait = words_of(History("boutique").tell(steps), _CALL, "2026-11-25T15:00+01:00", "en")
    assert wait == "wait until 1 December 2026 at 08:01 UTC"


def test_an_answer_about_data_speaks_of_data() -> None:
    history = History("law").tell(_PARIS)
    asked = Asked(customer="ada", purpose="location.proximity")
    assert words_of(history, asked, "2026-11-25T15:00+01:00", "en")[0].startswith(
        'The customer\'s data may not be used for "location.proximity": no permission was given for it'
    )
    assert words_of(history, asked, "2026-11-25T15:00+01:00", "fr")[0].startswith(
        "Les données du client ne peuvent pas servir à"
    )


def test_a_yes_is_told_with_its_ground() -> None:
    sentence, changes = words_of(called(), _CALL, "2026-11-25T15:00+01:00", "fr")
    assert sentence == (
        "Le client peut être contacté par téléphone pour «~La lettre de la maison~»~: "
        "il a donné une permission qui le prévoit."
    )
    assert changes == ""


def test_a_channel_the_law_does_not_know_is_told_by_its_code() -> None:
    channels = [{"code": "pigeon", "contact_point_kind": "POSTAL_ADDRESS"}]
    notices = [{"code": "all", "purposes": ["marketing.newsletter"], "channels": ["pigeon"],
                "texts": [{"language": "en", "text": "Yes."}]}]  # fmt: skip
    history = History(
        _TITLED | {"rules_edition": "", "channels": channels, "notices": notices, "bases": _TITLED["bases"]}
    ).tell([Step(time="2026-08-20T09:00Z", facts=ToldFacts(customer="ada"))])
    asked = Asked(customer="ada", channel="pigeon", purpose="marketing.newsletter")
    assert "on the channel pigeon" in words_of(history, asked, "2026-11-25T15:00+01:00", "en")[0]
    assert "par le canal pigeon" in words_of(history, asked, "2026-11-25T15:00+01:00", "fr")[0]


def test_the_plain_answer_carries_no_words() -> None:
    history = called()
    decision = history.ask(_CALL, "2026-11-25T13:30+01:00").decision
    assert decision is not None
    assert (decision.remedies, decision.background, decision.trace) == ((), None, ())
