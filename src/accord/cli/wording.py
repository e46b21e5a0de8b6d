"""The words of documents for people who read no English: headings, labels, and the members of enumerations.

English is the key. A word that has no French yet is an error, found by a test, never shown half translated.
"""

from typing import Final

from accord.proof import verify
from accord.proof.verify import NAMES

LANGUAGES: Final = verify.LANGUAGES

CHANNELS: Final = (
    "email", "sms", "mms", "push", "voice", "automated_call", "fax", "post", "chat", "social", "in_store", "in_app",
)  # fmt: skip
"""The channels that have words: those of the rule packs, named here since the domain takes long to load."""

_FRENCH: Final = {
    # proof of use
    "Why were you contacted?": "Pourquoi avez-vous été contacté ?",
    "The message": "Le message",
    "The decision": "La décision",
    "The permission behind it": "La permission qui la fonde",
    "The words that were shown": "Le texte exact qui a été présenté",
    "What else it rested on": "Ce sur quoi elle reposait aussi",
    "The entries": "Les écritures",
    "What is proven": "Ce qui est prouvé",
    "What is not proven": "Ce qui n'est pas prouvé",
    "How to say no": "Comment vous y opposer",
    "from": "de",
    "name": "nom",
    "reference": "référence",
    "status": "état",
    "authorized": "autorisé",
    "authorized at": "autorisation",
    "reported": "compte rendu",
    "ground": "fondement",
    "rules": "règles",
    "catalogue version": "version du catalogue",
    "entry": "écriture",
    "given": "donnée le",
    "third parties": "tiers",
    "recorded": "enregistrement",
    "handed in by": "transmission par",
    "contacts allowed": "contacts permis",
    "confirmed": "confirmation",
    "position": "position",
    "what": "nature",
    "leaf hash": "empreinte de la feuille",
    "path": "chemin",
    "hashes": "empreintes",
    "root": "racine",
    "signed by": "signature par",
    "told": "contenu",
    "the key you keep": "la clé que vous détenez",
    "as the server says: compare it": "selon le serveur : à comparer",
    "Each entry is one of the {size} of {origin}: its path was verified here up to the root that was signed.": (
        "Chaque écriture est l'une des {size} de {origin} : son chemin a été vérifié ici jusqu'à la racine signée."
    ),
    "What they tell fits what was hashed when they were recorded; this page says the same.": (
        "Leur contenu correspond à ce qui a été haché lors de l'enregistrement ; cette page dit la même chose."
    ),
    "The key of an entry is gone: what it told cannot be read any more. That it was recorded, and when, is proven.": (
        "La clé d'une écriture n'existe plus : son contenu est illisible à jamais. Son existence et sa date sont"
        " prouvées."
    ),
    "That what was recorded is true: the ledger proves what was written, and that nothing was changed since.": (
        "Que ce qui est enregistré est vrai : le registre prouve ce qui a été écrit, et que rien n'y a été modifié."
    ),
    "That the clock of whoever recorded it was right, or that the message reached you.": (
        "Que l'horloge de l'exploitant était juste, ni que le message vous est parvenu."
    ),
    "That the law was read rightly: the rules named are those that were applied.": (
        "Que le droit a été bien appliqué : les règles nommées sont celles qui ont été appliquées."
    ),
    "That others are shown the same ledger: compare the checkpoint with one you kept, or that somebody else has.": (
        "Que d'autres voient le même registre : comparez le point de contrôle avec celui que vous ou d'autres détenez."
    ),
    "You may refuse further messages like this one at any time, free of charge and without giving a reason.": (
        "Vous pouvez refuser à tout moment d'autres messages de ce type, sans frais et sans donner de motif."
    ),
    "This message needed no permission of yours. You may object to it for reasons of your own, or have it explained.": (
        "Ce message se passe de votre permission. Vous pouvez vous y opposer pour des raisons qui vous sont propres, ou"
        " demander des explications."
    ),
    "You may also complain to the authority that supervises the protection of personal data where you live.": (
        "Vous pouvez aussi saisir l'autorité de protection des données du lieu où vous vivez."
    ),
    # access reports
    "What we hold about you": "Ce que nous conservons à votre sujet",
    "Who answers for it": "Le responsable du traitement",
    "How you are recognised": "Comment vous êtes reconnu",
    "What is known of you": "Ce que l'on sait de vous",
    "What you permitted": "Ce que vous avez permis",
    "What you refused": "Ce que vous avez refusé",
    "What else keeps you from being contacted": "Ce qui empêche aussi de vous contacter",
    "among those not to be contacted": "parmi les adresses à ne pas contacter",
    "date of the list": "date de la liste",
    "the rest concerns somebody else": "le reste concerne une autre personne",
    "How you were contacted": "Comment vous avez été contacté",
    "Who else is named": "Les destinataires",
    "Why your data is used": "Pourquoi vos données sont utilisées",
    "Every entry": "Toutes les écritures",
    "address": "adresse",
    "contact": "contact",
    "your rights": "vos droits",
    "stored in": "conservé dans",
    "kept": "durée de conservation",
    "{days} days after the relation with you ends": "{days} jours après la fin de la relation avec vous",
    "until you take your permission back": "jusqu'au retrait de votre permission",
    "ledger": "registre",
    "read at": "lu le",
    "entries": "écritures",
    "since": "depuis",
    "acted": "date de l'acte",
    "reaches": "portée",
    "limits": "limites",
    "code": "code",
    "title": "intitulé",
    "services of ours": "nos services",
    "source": "source",
    "everything": "tout",
    "one address": "une seule adresse",
    "Your key was destroyed: the entries below remain, and nobody can read what they told any more.": (
        "Votre clé a été détruite : les écritures ci-dessous demeurent, et plus personne ne peut en lire le contenu."
    ),
    "true": "oui",
    "false": "non",
    # what a permission may be, besides
    "withdrawn": "retirée",
    "refused": "refus",
    "email": "e-mail",
} | dict(NAMES.values())


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        """Speak it; one of LANGUAGES."""
        self.language = language

    def __call__(self, english: str) -> str:
        """Return the words. Raises KeyError for words that were never translated."""
        return english if self.language == "en" else _FRENCH[english]

    @property
    def colon(self) -> str:
        """What stands between a name and what is said of it."""
        return ": " if self.language == "en" else "\N{NO-BREAK SPACE}: "

    def number(self, count: int) -> str:
        """Return a count with its thousands apart, as the language writes them."""
        return f"{count:,}" if self.language == "en" else f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")

    def side(self, field: str) -> str:
        """Return the label of a side of an event, by the name of its field."""
        return NAMES[field][LANGUAGES.index(self.language)]

    def refusal(self, name: str, prefix: str = "") -> str:
        """Return the kind of a refusal for people, as a noun: of a permission the same word is said otherwise."""
        return self.side(name.removeprefix(prefix).lower())

    def channel(self, code: str) -> str:
        """Return a channel for people; one that the law does not know stands as the catalogue has it."""
        return self.side(code) if code in CHANNELS else code

    def member(self, name: str, prefix: str) -> str:
        """Return the name of a member of an enumeration for people."""
        return self(name.removeprefix(prefix).lower().replace("_", " "))

    def entry(self, kind: str) -> str:
        """Return what an entry tells. A type that has no words yet is shown as the ledger names it."""
        return NAMES[kind][LANGUAGES.index(self.language)] if kind in NAMES else kind
