"""Says what the signed receipt of an erasure shows, to whoever holds it and the ledger's key, and what it cannot show.

There is one way to write a receipt: its lines, an empty line, one signature. A file with anything before or after is
refused. Keys follow each other as in exports, and an earlier one is believed for the entries it may have signed.
"""

import re
from typing import NamedTuple

from accord.proof.verify import (
    LANGUAGES,
    Conclusion,
    NotValidError,
    Said,
    TamperedError,
    TrustedKey,
    UndecidableError,
    read_handovers,
    read_note,
    refused,
    trusted_keys,
)

TITLE = "accord erasure receipt v1"
_TIME = r"([0-9T:.-]+Z)"
_BODY = re.compile(
    rf"{TITLE}\nledger: ([^\n]+)\nerasure: ([0-9a-f]+)\n((?:customer: [0-9a-f]+\n)+)"
    r"(?:entry: ([0-9]{1,19})\nleaf hash: ([0-9a-f]{64})\n)?reason: ([A-Z_]+)\n"
    rf"requested: {_TIME}\nerased at: {_TIME}\nirrecoverable by: {_TIME}\n"
    r"suppressed addresses: ([0-9]+)\n((?:left: [^\n]+\n)+)"
)
_SIGNED = re.compile(r"[^ \n]+ [^ \n]+ [^ \n]+\n")

GROUNDS = {
    "NO_LONGER_NEEDED": (
        "the data were no longer needed, GDPR art. 17(1)(a)",
        "les données n'étaient plus nécessaires, art. 17(1)(a) du RGPD",
    ),
    "PERMISSION_WITHDRAWN": (
        "the permission was withdrawn, GDPR art. 17(1)(b)",
        "la permission a été retirée, art. 17(1)(b) du RGPD",
    ),
    "OBJECTED": ("the customer objected, GDPR art. 17(1)(c)", "le client s'est opposé, art. 17(1)(c) du RGPD"),
    "UNLAWFUL": (
        "the processing was unlawful, GDPR art. 17(1)(d)",
        "le traitement était illicite, art. 17(1)(d) du RGPD",
    ),
    "LEGAL_OBLIGATION": ("the law demanded it, GDPR art. 17(1)(e)", "la loi l'exigeait, art. 17(1)(e) du RGPD"),
    "CHILD": (
        "the data were collected from a child, GDPR art. 17(1)(f)",
        "les données ont été collectées auprès d'un enfant, art. 17(1)(f) du RGPD",
    ),
    "RETENTION_ENDED": (
        "the retention period had passed, GDPR art. 5(1)(e)",
        "la durée de conservation était écoulée, art. 5(1)(e) du RGPD",
    ),
}
"""Each ground a receipt may name, in the languages of LANGUAGES."""

LEFT = {
    "the leaves of the customer's entries (catalogue codes, instants, positions, hashes)": (
        "les feuilles des écritures du client (codes du catalogue, instants, positions, empreintes)"
    ),
    "their sealed payloads, without the key that opens them, and a reference that leads to nobody": (
        "leurs contenus scellés, sans la clé qui les ouvre, et une référence qui ne mène à personne"
    ),
    "backups of before, which the fences outside the databases erase again before they are served": (
        "les sauvegardes antérieures, que les barrières tenues hors des bases effacent à nouveau avant tout service"
    ),
    "their wrapped keys in those backups, until the key they are wrapped under is rotated and every copy destroyed": (
        "leurs clés enveloppées dans ces sauvegardes, jusqu'à ce que la clé qui les enveloppe soit changée et toute"
        " copie détruite"
    ),
    "the reference in any entry of the brand that tells of an export of this customer alone": (
        "la référence dans toute écriture de la marque qui relate un export de ce seul client"
    ),
    "any copy handed out before, such as an export, which shows what it showed": (
        "toute copie déjà remise, comme un export, qui montre ce qu'elle montrait"
    ),
}
"""What a receipt says is left, with its French. Earlier receipts have the first three."""

SENTENCES = {
    "by_pinned": (
        "The key you keep signed this receipt, and nothing of it was changed since.",
        "La clé que vous détenez a signé ce reçu, et rien n'en a été changé depuis.",
    ),
    "by_other": (
        "Another key of the same ledger signed this receipt, and nothing of it was changed since.",
        "Une autre clé du même registre a signé ce reçu, et rien n'en a été changé depuis.",
    ),
    "asked": (
        "It tells of erasure {erasure} of the ledger {ledger}, asked for on {requested}. The ground: {ground}.",
        "Il porte sur l'effacement {erasure} du registre {ledger}, demandé le {requested}. Le motif : {ground}.",
    ),
    "customer": (
        "The ledger knew them by the reference {customer}.",
        "Le registre les connaissait par la référence {customer}.",
    ),
    "erased": (
        "It says that since {erased_at} nothing in the installation opens their entries.",
        "Il déclare que depuis le {erased_at}, rien dans l'installation n'ouvre leurs écritures.",
    ),
    "entry": (
        "It names the entry that tells of the erasure: {entry}, with the leaf hash {leaf_hash}.",
        "Il nomme l'écriture qui relate l'effacement : {entry}, dont la feuille a pour empreinte {leaf_hash}.",
    ),
    "suppressed": (
        "It says how many of their addresses are kept as digests, so that no list wakes them up: {suppressed}.",
        (
            "Il dit combien de leurs adresses restent sous forme d'empreintes, pour qu'aucune liste ne les"
            " réveille : {suppressed}."
        ),
    ),
    "left": (
        "It says what is left: {left}.",
        "Il dit ce qui reste : {left}.",
    ),
    "rests": (
        (
            "That nobody can bring it back from {by} on: this holds if whoever runs the ledger rotates the"
            " key-encryption key by then, and every copy of the old one is destroyed, backups too. No signature"
            " shows that; ask for what `accord keys status` tells of it."
        ),
        (
            "Que personne ne puisse le rétablir à partir du {by} : cela suppose que l'exploitant du registre"
            " change d'ici là la clé de chiffrement des clés, et que toute copie de l'ancienne soit détruite,"
            " sauvegardes comprises. Aucune signature ne le montre ; demandez ce qu'en dit `accord keys status`."
        ),
    ),
    "copies": (
        (
            "That copies handed out before, such as exports, are gone: they still show what they showed. And the"
            " brand's entries that tell of an export of this customer alone keep the reference."
        ),
        (
            "Que les copies déjà remises, comme les exports, aient disparu : elles montrent ce qu'elles"
            " montraient. Et les écritures de la marque qui relatent un export de ce seul client en gardent la"
            " référence."
        ),
    ),
    "whose": (
        "Whose erasure it was: the receipt names nobody. Who handed it over must say so.",
        "De qui il s'agissait : le reçu ne nomme personne. C'est à celui qui l'a remis de le dire.",
    ),
    "in_ledger": (
        (
            "That entry {entry} stands in the ledger: `accord prove {entry} --leaf-hash {leaf_hash}"
            " --verifier-key KEY` shows it."
        ),
        (
            "Que l'écriture {entry} figure au registre : `accord prove {entry} --leaf-hash {leaf_hash}"
            " --verifier-key CLÉ` le montre."
        ),
    ),
    "no_receipt": (
        (
            "{file} is not the signed text of an erasure receipt. It begins with `accord erasure receipt v1` and"
            " ends with its one signature; `accord erasures show ERASURE_ID -o FILE` writes it so."
        ),
        (
            "{file} n'est pas le texte signé d'un reçu d'effacement. Celui-ci commence par `accord erasure"
            " receipt v1` et finit par son unique signature ; `accord erasures show ERASURE_ID -o FICHIER` l'écrit"
            " ainsi."
        ),
    ),
    "other_key": (
        (
            "{file} bears no signature of the key you keep. If another key followed it or went before it, add"
            " what `accord key --handovers` prints with --handovers."
        ),
        (
            "{file} ne porte aucune signature de la clé que vous détenez. Si une autre l'a suivie ou précédée,"
            " ajoutez par --handovers ce qu'affiche `accord key --handovers`."
        ),
    ),
    "past_its_key": (
        "{file} tells of entry {entry}, and its key was followed by another after {until} entries.",
        "{file} porte sur l'écriture {entry}, et sa clé a été remplacée par une autre après {until} écritures.",
    ),
    "unbounded": (
        "{file} is signed by an earlier key and names no entry: nothing shows that it was signed in that key's time.",
        (
            "{file} est signé par une clé antérieure et ne nomme aucune écriture : rien ne montre qu'il l'ait été"
            " du temps de cette clé."
        ),
    ),
}
"""Each sentence, in the languages of LANGUAGES."""


class Erased(NamedTuple):
    """What a receipt tells, as it is written there. `entry` is None where the ledger never knew the customer."""

    ledger: str
    erasure: str
    customers: tuple[str, ...]
    entry: int | None
    leaf_hash: str
    reason: str
    requested: str
    erased_at: str
    irrecoverable_by: str
    suppressed: int
    left: tuple[str, ...]


class ErasureConclusion(Conclusion):
    """What a receipt of an erasure shows; told as that of an export is."""

    @staticmethod
    def sentences(said: list[Said], language: str) -> list[str]:
        """Return sentences; those that receipts do not have are those of exports."""
        at = LANGUAGES.index(language)
        return [
            SENTENCES[name][at].format(**{side: _shown(each, at) for side, each in told.items()})
            if name in SENTENCES
            else Conclusion.sentences([(name, told)], language)[0]
            for name, told in said
        ]


def verify(raw: bytes, file: str, pin: str, handovers: bytes | None = None) -> Conclusion:
    """Return what a receipt shows to who keeps the key `pin`. Never raises.

    `file` is what sentences call it; `handovers` is a keys.json, for a receipt that an earlier or later key signed.
    """
    try:
        erased, key = _read(raw, file, trusted_keys(pin, read_handovers(handovers) if handovers else []))
    except NotValidError as error:
        return ErasureConclusion(**vars(refused(error)))
    return ErasureConclusion(proven=_proven(erased, key), unproven=_unproven(erased, key))


def beyond(by: str) -> list[Said]:
    """Return what no receipt can show of what is left, and on what its instant `by` rests."""
    return [("rests", {"by": by}), ("copies", {})]


def _read(raw: bytes, file: str, keys: list[TrustedKey]) -> tuple[Erased, TrustedKey]:
    # (1) It has the form of a receipt.  (2) One of the keys signed it, under the name of its ledger.
    # (3) An earlier key did so for an entry of its time: whoever has it now must not erase by it.
    body, signature = _split(raw)
    found = _BODY.fullmatch(body)
    if found is None or not _SIGNED.fullmatch(signature):
        raise UndecidableError("no_receipt", file=file)
    ledger, erasure, customers, entry, leaf, reason, requested, at, by, suppressed, left = found.groups()
    erased = Erased(
        ledger=ledger,
        erasure=erasure,
        customers=_values(customers),
        entry=None if entry is None else int(entry),
        leaf_hash=leaf or "",
        reason=reason,
        requested=requested,
        erased_at=at,
        irrecoverable_by=by,
        suppressed=int(suppressed),
        left=_values(left),
    )
    key = next((each for each in reversed(keys) if _signed_by(raw, each, file)), None)
    if key is None or key.key.name != ledger:
        raise TamperedError("other_key", file=file)
    if key.until is not None and erased.entry is None:
        raise UndecidableError("unbounded", file=file)
    if key.until is not None and erased.entry is not None and erased.entry >= key.until:
        raise TamperedError("past_its_key", file=file, entry=entry, until=key.until)
    return erased, key


def _split(raw: bytes) -> tuple[str, str]:
    body, _, signature = raw.decode("utf-8", "replace").partition("\n\n")
    return body + "\n", signature


def _values(lines: str) -> tuple[str, ...]:
    return tuple(line.partition(": ")[2] for line in lines.splitlines())


def _signed_by(raw: bytes, key: TrustedKey, file: str) -> bool:
    try:
        read_note(raw, key.key, file)
    except TamperedError as error:
        if error.name != "unknown_key":
            raise TamperedError("signature_false", file=file) from error
        return False
    return True


def _proven(erased: Erased, key: TrustedKey) -> list[Said]:
    said: list[Said] = [("by_pinned", {})]
    if key.handovers:
        said = [("by_other", {}), ("followed", {"handovers": key.handovers})]
    asked = {"ledger": erased.ledger, "erasure": erased.erasure, "requested": erased.requested}
    said.append(("asked", asked | {"ground": GROUNDS.get(erased.reason, (erased.reason,) * 2)}))
    said += [("customer", {"customer": each}) for each in erased.customers]
    said.append(("erased", {"erased_at": erased.erased_at}))
    if erased.entry is not None:
        said.append(("entry", {"entry": erased.entry, "leaf_hash": erased.leaf_hash}))
    said.append(("suppressed", {"suppressed": erased.suppressed}))
    return said + [("left", {"left": (each, LEFT.get(each, each))}) for each in erased.left]


def _unproven(erased: Erased, key: TrustedKey) -> list[Said]:
    said = [*beyond(erased.irrecoverable_by), ("whose", {})]
    if key.handovers:
        said.append(("key_safe", {}))
    if erased.entry is not None:
        said.append(("in_ledger", {"entry": erased.entry, "leaf_hash": erased.leaf_hash}))
    return said


def _shown(told: object, at: int) -> str:
    """Return what a sentence quotes, in its language where it has several; it cannot steer a terminal."""
    text = str(told[at] if isinstance(told, tuple) else told)
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
