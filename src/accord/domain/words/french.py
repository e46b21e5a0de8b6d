"""The words in French, printed as French is: no-break spaces before high punctuation, curved apostrophes."""

import re
from datetime import datetime
from typing import Final

from accord.domain.terms import Basis, Reason, RemedyKind
from accord.domain.words import Words

_REASONS: Final = {
    Reason.PERMITTED: "rien ne s'y oppose",
    Reason.CUSTOMER_UNKNOWN: "personne n'est connu sous cet identifiant",
    Reason.CONTACT_POINT_UNKNOWN: "l'adresse n'est pas rattachée à ce client",
    Reason.ERASED: "il a été effacé",
    Reason.RESTRICTED: "le traitement de ses données est limité",
    Reason.DECEASED: "il est décédé",
    Reason.AUTHORITY_ORDER: "une autorité l'a interdit",
    Reason.SECTOR_PROHIBITED: "ce secteur ne peut démarcher personne ainsi",
    Reason.UNRECONCILED: "des écritures ont été perdues avec la base, un refus peut-être parmi elles",
    Reason.CONTACT_POINT_BOUNCED: "les messages envoyés à cette adresse reviennent",
    Reason.CONTACT_POINT_COMPLAINED: "un message envoyé à cette adresse a été signalé comme indésirable",
    Reason.CONTACT_POINT_REASSIGNED: "l'adresse appartient désormais à quelqu'un d'autre",
    Reason.CONTACT_POINT_INVALID: "l'adresse n'existe pas",
    Reason.CONTACT_POINT_UNVERIFIED: "rien ne montre que l'adresse est bien celle du client",
    Reason.REPLY_UNSETTLED: "une réponse venue de cette adresse est peut-être un refus, et nul ne l'a encore tranché",
    Reason.OVERLAID: "un foyer, un employeur ou un compte s'y oppose",
    Reason.CONTRACT_PAUSED: "une pause prévue par contrat est en cours",
    Reason.REFUSED: "la question lui a été posée et il a refusé",
    Reason.WITHDRAWN: "il a retiré sa permission",
    Reason.OBJECTED: "il s'y est opposé",
    Reason.STOPPED: "il a demandé l'arrêt des messages à cette adresse",
    Reason.SUPPRESSED: "l'adresse est de celles qui ne doivent pas être contactées",
    Reason.NO_PERMISSION: "aucune permission n'a été donnée et rien d'autre ne l'autorise",
    Reason.PENDING_CONFIRMATION: "la permission attend sa confirmation",
    Reason.PERMISSION_EXPIRED: "la permission est arrivée à son terme",
    Reason.PERMISSION_NOT_YET_VALID: "la permission ne vaut pas encore",
    Reason.NO_PROOF: "aucune preuve de la permission n'a été conservée",
    Reason.NOTICE_STALE: "la mention qu'il a acceptée ne vaut plus",
    Reason.REGISTRY_LISTED: "l'adresse figure sur une liste d'opposition",
    Reason.GUARDIAN_MISSING: "il est mineur et toutes les permissions nécessaires n'ont pas été données",
    Reason.NO_BASIS: "les règles ne connaissent aucun fondement pour cette finalité sur ce canal",
    Reason.PENDING_EXPIRED: "personne n'a confirmé la permission à temps",
    Reason.RECIPIENT_NOT_NAMED: "aucune permission ne vaut pour ce destinataire",
    Reason.USED_UP: "tous les contacts permis ont eu lieu",
    Reason.CONTACT_ALREADY_REPORTED: "ce contact précis a déjà fait l'objet d'un compte rendu",
    Reason.CONFIRMATION_REQUESTED: "un autre contact a déjà demandé cette confirmation",
    Reason.ALREADY_CONFIRMED: "la permission est déjà confirmée",
    Reason.OUTSIDE_CALLING_HOURS: "l'heure n'est pas légale là où vit le client",
    Reason.LEGAL_CAP_REACHED: "le nombre légal de contacts est atteint",
    Reason.COOLING_DOWN: "un refus est trop récent",
    Reason.INACTIVE: "il n'a rien fait depuis trop longtemps",
    Reason.NOT_PRESENT: "il n'y a pas été vu à l'instant, ou n'a pas accepté d'être localisé",
    Reason.ONE_CLICK_MISSING: "les messages de ce canal ne peuvent porter le désabonnement en un clic exigé",
    Reason.BRAND_CAP_REACHED: "le nombre de contacts que la marque s'autorise est atteint",
    Reason.QUIET_HOURS: "c'est une heure de silence là où vit le client",
    Reason.PAUSED: "il a suspendu les messages",
    Reason.NO_SLOT: "aucun instant des 90 prochains jours ne convient à toutes les règles tant que dure le fondement",
    Reason.CONFIRMATION_CAP_REACHED: "cette adresse a reçu autant de demandes de confirmation qu'il est permis",
}

_REMEDIES: Final = {
    RemedyKind.NOTHING: "rien ne le permettrait",
    RemedyKind.WAIT_UNTIL: "il faut attendre le {time}",
    RemedyKind.GIVE_PERMISSION: (
        "il faut que le client, de sa propre initiative, donne une permission pour {purpose}{touchpoints}"
    ),
    RemedyKind.GIVE_PERMISSION_AS_GUARDIAN: (
        "il faut qu'un titulaire de l'autorité parentale donne une permission pour {purpose}{touchpoints}"
    ),
    RemedyKind.CONFIRM_PERMISSION: "il faut que le client confirme la permission{before}",
    RemedyKind.LINK_CONTACT_POINT: "il faut rattacher au client une adresse qui est la sienne",
    RemedyKind.VERIFY_CONTACT_POINT: "il faut que son titulaire fasse vérifier l'adresse",
    RemedyKind.USE_OTHER_CONTACT_POINT: "il faut utiliser une autre adresse du client",
    RemedyKind.SETTLE_REPLY: "il faut que quelqu'un lise la réponse, enregistre le refus s'il y en a un et la tranche",
    RemedyKind.LIFT_OVERLAY: (
        "il faut que le délégué à la protection des données lève l'opposition du foyer, de l'employeur ou du compte"
    ),
    RemedyKind.LIFT_RESTRICTION: (
        "il faut que le délégué à la protection des données lève la limitation, après en avoir informé le client"
    ),
    RemedyKind.LIFT_ORDER: "il faut que l'autorité lève son interdiction",
    RemedyKind.LEAVE_REGISTRY: "il faut que son titulaire retire l'adresse de la liste d'opposition",
    RemedyKind.BEGIN_CONTRACT: "il faut qu'un contrat soit en cours avec le client",
    RemedyKind.BUY: "il faut que le client achète, soit informé de tels messages et ne les refuse pas",
    RemedyKind.ENQUIRE: "il faut que le client fasse une demande",
    RemedyKind.ACT_AGAIN: "il faut que le client agisse de nouveau : un clic, une demande, un achat",
    RemedyKind.BE_PRESENT: "il faut que le client y soit vu",
    RemedyKind.TELL_TIME_ZONE: (
        "il faut savoir dans quel fuseau horaire vit le client, puis poser de nouveau la question"
    ),
    RemedyKind.NAME_NEW_CONTACT: "il faut désigner un autre contact",
    RemedyKind.CARRY_ONE_CLICK: "il faut que les messages de ce canal portent un désabonnement en un clic",
    RemedyKind.ADD_TOUCHPOINT: "il faut que la marque ajoute un point de contact qui propose {purpose}",
}

_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip

_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_THIN: Final = "\N{NARROW NO-BREAK SPACE}"
_SPACES: Final = (
    (re.compile(" ([;!?])"), rf"{_THIN}\1"),
    (re.compile(" ([:»])"), rf"{_NO_BREAK}\1"),
    (re.compile("« "), f"«{_NO_BREAK}"),
    (re.compile(r"(\d) (h|jours|mois|ans|heures)\b"), rf"\1{_NO_BREAK}\2"),
    (re.compile(r"\bh (\d)"), rf"h{_NO_BREAK}\1"),
    (re.compile(r"\b(art\.|s\.|reg\.) (\d)"), rf"\1{_NO_BREAK}\2"),
    (re.compile("'"), "\N{RIGHT SINGLE QUOTATION MARK}"),
)


def _typeset(text: str) -> str:
    for found, put in _SPACES:
        text = found.sub(put, text)
    return text


def _instant(time: datetime, in_utc: bool) -> str:  # noqa: FBT001 - as told in Words
    day = "1er" if time.day == 1 else str(time.day)
    where = "UTC" if in_utc else "heure locale du client"
    return f"{day} {_MONTHS[time.month - 1]} {time.year} à {time.hour} h {time:%M} ({where})"


WORDS: Final = Words(
    language="fr",
    reasons=_REASONS,
    own_list="l'adresse figure sur la liste {code}, où la marque tient celles qu'elle ne contacte pas, datée du {time}",
    remedies=_REMEDIES,
    bases={
        Basis.PERMISSION: "il a donné une permission qui le prévoit",
        Basis.SOFT_OPT_IN: "il a acheté quelque chose d'analogue, en a été informé et n'a pas refusé",
        Basis.CURRENT_CONTRACT: "un contrat est en cours avec lui",
        Basis.LEGITIMATE_INTEREST: "un intérêt légitime, auquel il ne s'est pas opposé",
        Basis.EXISTING_RELATIONSHIP: "un achat, une demande ou un autre lien assez récents",
        Basis.CLASS: "un message de service, de droit ou de sécurité se passe de permission",
        Basis.CONFIRMATION_REQUEST: "le message demande de confirmer une permission en attente",
        Basis.NONE: "rien",
    },
    channels={
        "email": "par e-mail",
        "sms": "par SMS",
        "mms": "par MMS",
        "push": "par notification",
        "voice": "par téléphone",
        "automated_call": "par automate d'appel",
        "fax": "par télécopie",
        "post": "par courrier",
        "chat": "par messagerie",
        "social": "sur un réseau social",
        "in_store": "en magasin",
        "in_app": "dans l'application",
    },
    other_channel="par le canal {code}",
    limits={
        "topic": " sur ce sujet",
        "place": " en ce lieu",
        "recipient": " qui nomme ce tiers",
    },
    gates=(
        "reconnaissance", "interdictions absolues", "adresse", "oppositions de tiers", "classe", "refus", "fondement",
        "destinataire", "usages", "heures et volumes légaux", "pression et préférences",
    ),
    contact={
        "ALLOW": "Le client peut être contacté {channel} pour {purpose} : {why}.",
        "DEFER": "Le client ne peut être contacté {channel} pour {purpose} qu'à partir du {time} : {why}.",
        "DENY": "Le client ne peut pas être contacté {channel} pour {purpose} : {why}.",
    },
    processing={
        "ALLOW": "Les données du client peuvent servir à {purpose} : {why}.",
        "DEFER": "Les données du client ne peuvent servir à {purpose} qu'à partir du {time} : {why}.",
        "DENY": "Les données du client ne peuvent pas servir à {purpose} : {why}.",
    },
    rule="Règle {id} ({source}) : {says}",
    brand_rule="Règle de la marque : {id}.",
    quoted="« {text} »",
    passes="laisse passer",
    passes_on="laisse passer : {basis}",
    skipped="sans objet : la classe de la finalité",
    until="à partir du {time}",
    assumed={
        "country": "le pays est inconnu : les règles de tous ces territoires comptent ({places})",
        "region": "la région est inconnue : les règles de tous ces territoires comptent ({places})",
    },
    besides=" ; ",
    then=" ; puis ",
    before=" avant le {time}",
    at_touchpoints=" (points de contact : {names})",
    this="cela",
    instant=_instant,
    typeset=_typeset,
)  # fmt: skip
