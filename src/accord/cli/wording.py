"""The words of documents for people who read no English: headings, labels, and the members of enumerations.

English is the key. A word that has no French yet is an error, found by a test, never shown half translated.
"""

from typing import Final

LANGUAGES: Final = ("en", "fr")

_FRENCH: Final = {
    # proof of use
    "Why were you contacted?": "Pourquoi avez-vous été contacté ?",
    "The message": "Le message",
    "The decision": "La décision",
    "The permission behind it": "La permission qui le fonde",
    "The words that were shown": "Le texte exact qui a été présenté",
    "What else it rested on": "Ce sur quoi il reposait aussi",
    "The entries": "Les écritures",
    "What is proven": "Ce qui est prouvé",
    "from": "de",
    "name": "nom",
    "status": "état",
    "channel": "canal",
    "purpose": "finalité",
    "authorized": "autorisé",
    "reported": "rapporté",
    "basis": "base légale",
    "rules": "règles",
    "catalogue version": "version du catalogue",
    "entry": "écriture",
    "given": "donnée",
    "touchpoint": "point de contact",
    "level": "niveau",
    "purposes": "finalités",
    "channels": "canaux",
    "topics": "sujets",
    "places": "lieux",
    "third parties": "tiers",
    "method": "expression",
    "declarant": "déclarant",
    "recorder": "enregistré par",
    "recorded": "enregistré",
    "handed in by": "transmis par",
    "valid until": "valable jusqu'au",
    "contacts allowed": "contacts permis",
    "confirmed": "confirmée",
    "artefacts": "pièces",
    "notice": "mention",
    "position": "position",
    "what": "nature",
    "leaf hash": "empreinte de la feuille",
    "path": "chemin",
    "hashes": "empreintes",
    "root": "racine",
    "signed by": "signé par",
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
    # access reports
    "What we hold about you": "Ce que nous conservons à votre sujet",
    "Who answers for it": "Le responsable du traitement",
    "How you are recognised": "Comment vous êtes reconnu",
    "What is known of you": "Ce que l'on sait de vous",
    "What you permitted": "Ce que vous avez permis",
    "What you refused": "Ce que vous avez refusé",
    "How you were contacted": "Comment vous avez été contacté",
    "Who else is named": "Les destinataires",
    "Why your data is used": "Pourquoi vos données sont utilisées",
    "Every entry": "Toutes les écritures",
    "address": "adresse",
    "contact": "contact",
    "your rights": "vos droits",
    "stored in": "conservé dans",
    "kept": "durée de conservation",
    "days after its end": "jours après son terme",
    "until you take it back": "jusqu'à ce que vous le retiriez",
    "ledger": "registre",
    "read at": "lu le",
    "entries": "écritures",
    "kind": "nature",
    "value": "valeur",
    "since": "depuis",
    "until": "jusqu'au",
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
    "country": "pays",
    "region": "région",
    "time zone": "fuseau horaire",
    "language": "langue",
    "birth year": "année de naissance",
    "guardian known": "représentant légal connu",
    "deceased": "décédé",
    "contract current": "contrat en cours",
    "preferred channel": "canal préféré",
    "paused until": "suspendu jusqu'au",
    "true": "oui",
    "false": "non",
    # members of enumerations
    "customer id": "identifiant client",
    "email": "courriel",
    "phone": "téléphone",
    "postal address": "adresse postale",
    "push token": "jeton d'application",
    "social profile": "profil social",
    "loyalty card": "carte de fidélité",
    "beacon device": "appareil reconnu en magasin",
    "unspecified": "inconnu",
    "sent": "envoyé",
    "failed": "échoué",
    "cancelled": "annulé",
    "bounced": "revenu",
    "complained": "signalé comme indésirable",
    "permission": "permission",
    "soft opt in": "client existant, produits analogues",
    "current contract": "contrat en cours d'exécution",
    "legitimate interest": "intérêt légitime",
    "existing relationship": "relation existante",
    "confirmation request": "demande de confirmation",
    "class": "classe de la finalité",
    "ticked box": "case cochée",
    "button": "bouton",
    "spoken": "de vive voix",
    "signature": "signature",
    "message": "message",
    "confirmation link": "lien de confirmation",
    "pre ticked box": "case précochée",
    "silence": "silence",
    "bundled terms": "conditions générales",
    "engagement": "engagement",
    "customer": "client",
    "guardian": "représentant légal",
    "system": "système",
    "clerk": "vendeur",
    "agent": "conseiller",
    "import": "import",
    "consumer": "consommateur",
    "professional": "professionnel",
    "pending": "en attente de confirmation",
    "active": "en vigueur",
    "used up": "épuisée",
    "expired": "expirée",
    "withdrawn": "retirée",
    "not yet valid": "pas encore valable",
    "refused": "refusé",
    "objected": "opposition",
    "suppressed": "adresse bloquée",
    # types of entries
    "PermissionGranted": "permission donnée",
    "PermissionConfirmed": "permission confirmée",
    "PermissionRefused": "refus",
    "IdentifierLinked": "identifiant rattaché",
    "IdentifierUnlinked": "identifiant détaché",
    "FactsRecorded": "faits enregistrés",
    "ActivityReported": "activité",
    "ContactPointReported": "fait d'une adresse",
    "ContactPointRetold": "état d'une adresse, redit",
    "ContactPointSuppressed": "adresse bloquée",
    "ContactPointListed": "adresse inscrite sur une liste",
    "ContactPointUnlisted": "adresse retirée d'une liste",
    "ErasureRequested": "effacement demandé",
    "ContactAuthorized": "contact autorisé",
    "ContactReported": "suite d'un contact",
    "CatalogueApplied": "catalogue appliqué",
    "OverlayAdded": "opposition d'un foyer, d'un employeur ou d'un compte",
    "OverlayLifted": "opposition d'un tiers levée",
    "CustomerRestricted": "traitement limité",
    "RestrictionLifted": "limitation levée",
    "CustomerMerged": "réunion avec un autre client",
    "CustomerSplit": "séparation d'un autre client",
}


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        """Speak it; one of LANGUAGES."""
        self.language = language

    def __call__(self, english: str) -> str:
        """Return the words. Raises KeyError for words that were never translated."""
        return english if self.language == "en" else _FRENCH[english]

    def member(self, name: str, prefix: str) -> str:
        """Return the name of a member of an enumeration for people."""
        return self(name.removeprefix(prefix).lower().replace("_", " "))

    def entry(self, kind: str) -> str:
        """Return what an entry tells. A type that has no words yet is shown as the ledger names it."""
        return kind if self.language == "en" else _FRENCH.get(kind, kind)
