"""README.txt of an export: what it is, how to check it, what is proven. In English, then in French."""

from accord.domain.events import Exported
from accord.domain.terms import Redaction

_TEXT = """\
AUDIT EXPORT of the ledger {ledger}
{rule}

What it is. What a brand recorded of the permissions its customers gave and took back, in a ledger of {size}
entries, the first of which is entry 0. Scope: {scope}. Held back: {held_back}.

How to check it. Trust nothing in this file. Get the verifier key of the ledger by another way (from the officer who
handed it over, in person or on paper; `accord key` prints it), and run, on a machine without network:

    python3 -I verify.py EXPORT.zip --pin KEY                    (Python 3.10 or newer, and `cryptography`)
    python3 -I verify.py EXPORT.zip --pin KEY --previous EARLIER   (a checkpoint or export you kept from before)

Do not trust the verify.py of this file either: take it from the published source, where it stands as
src/accord/proof/verify.py, or compare their digests. docs/audit-export.md there tells the format, so that you can
write a verifier of your own. The answer is VALID, TAMPERED or CANNOT DECIDE (exit code 0, 1, 2), and names what is
proven and what is not.

What is in it.
    manifest.json, manifest.note   every file with its digest, the scope and the counts, signed
    checkpoint                     the size and root of the ledger, signed (C2SP tlog-checkpoint)
    entries.jsonl                  the entries: what was hashed, and what was recorded where it is shown
    leaves.bin, edges.json         hashes of entries that are not shown, where there are any
    proofs/, heads.json            of one customer: a proof for each entry, the signed end of the history
    policies/, notices/            the catalogues that counted, the exact texts that were shown
    report.csv, timeline.html      the same for people; the verifier makes them anew and compares
    receipts.jsonld                a receipt of what a customer said (ISO/IEC TS 27560, W3C DPV), where there are any
    report.parquet                 the entries for machines, where it was asked for
    keys.json                      the keys so far, and how each followed the one before

What is not proven. That what was recorded is true; that the operator's clock was right; what was recorded later.
What was erased stays unreadable, and still stands where it stood.


EXPORT D'AUDIT du registre {ledger}
{rule}

Ce que c'est. Ce qu'une marque a enregistré des permissions que ses clients ont données et reprises, dans un registre
dont le nombre d'écritures est {size}, la première étant l'écriture 0. Périmètre : {scope_fr}. Retenu : {held_back_fr}.

Comment le vérifier. Ne vous fiez à rien de ce fichier. Obtenez la clé de vérification du registre par une autre voie
(de la personne qui le remet, en main propre ou sur papier ; `accord key` l'affiche), et lancez, sans réseau :

    python3 -I verify.py EXPORT.zip --pin CLE --lang fr          (Python 3.10 ou plus, et `cryptography`)
    python3 -I verify.py EXPORT.zip --pin CLE --lang fr --previous AVANT     (un point de contrôle ou export antérieur)

Ne vous fiez pas non plus au verify.py de ce fichier : prenez-le dans la source publiée (src/accord/proof/verify.py),
ou comparez leurs empreintes. La réponse est VALIDE, ALTÉRÉ ou INDÉCIDABLE (code de sortie 0, 1, 2), et dit ce qui est
prouvé et ce qui ne l'est pas. docs/audit-export.md, à la même source, décrit le format.

Ce qu'il contient.
    manifest.json, manifest.note   chaque fichier avec son empreinte, le périmètre et les décomptes, signés
    checkpoint                     la taille et la racine du registre, signées (C2SP tlog-checkpoint)
    entries.jsonl                  les écritures : ce qui a été haché, et le contenu là où il est montré
    leaves.bin, edges.json         les empreintes des écritures qui ne sont pas montrées, s'il y en a
    proofs/, heads.json            pour un client : une preuve par écriture, la fin signée de l'historique
    policies/, notices/            les catalogues en vigueur, le texte exact des mentions présentées
    report.csv, timeline.html      la même chose pour les personnes ; le vérificateur les refait et compare
    receipts.jsonld                un reçu de ce qu'un client a dit (ISO/IEC TS 27560, W3C DPV), s'il y en a
    report.parquet                 les écritures pour les machines, sur demande
    keys.json                      les clés successives, et comment chacune a remplacé la précédente

Ce qui n'est pas prouvé. Que ce qui est écrit est vrai ; que l'horloge de l'exploitant était juste ; ce qui a été
enregistré ensuite. Ce qui a été effacé reste illisible, et se trouve toujours à sa place.
"""
_HELD_BACK = {
    Redaction.NONE: ("nothing", "rien"),
    Redaction.PERSONAL: ("what entries tell of customers", "ce que les écritures disent des clients"),
    Redaction.COUNTS: ("every entry; only counts are shown", "toutes les écritures ; seuls restent les décomptes"),
}


_ENGLISH = ("customer {}", "entries {} to {}", "no entry", "purpose {}", "channel {}")
_FRENCH = ("client {}", "écritures {} à {}", "aucune écriture", "finalité {}", "canal {}")


def readme(ledger: str, it: Exported) -> bytes:
    """Return the text for one export."""
    held_back, held_back_fr = _HELD_BACK[it.redaction]
    return _TEXT.format(
        ledger=ledger,
        rule="=" * (29 + len(ledger)),
        size=it.size,
        scope=_scope(it, _ENGLISH),
        scope_fr=_scope(it, _FRENCH),
        held_back=held_back,
        held_back_fr=held_back_fr,
    ).encode()


def _scope(it: Exported, words: tuple[str, str, str, str, str]) -> str:
    """Return what was asked for, in the words of one language."""
    customer, entries, none, purpose, channel = words
    within = entries.format(it.first, it.end - 1) if it.first < it.end else none
    filters = [purpose.format(code) for code in it.purposes] + [channel.format(code) for code in it.channels]
    return ", ".join([customer.format(it.customer) if it.customer else within, *filters])
