"""Says what an audit export proves: offline, from one pinned key, trusting nobody who made it.

One file on purpose. It stands in every export as `verify.py`, byte for byte the file that `accord
verify` runs, and needs Python 3.10 and `cryptography`, nothing of Accord. It shares no code with
what grows and proves the tree, so that a mistake there is not repeated here. The format is told in
docs/audit-export.md. Every byte is hostile until shown otherwise: one way to write each thing,
sizes are bounded before they are read, and what is not understood is refused.

Exit codes: 0 valid, 1 tampered, 2 cannot decide.
"""

import argparse
import base64
import binascii
import html
import io
import json
import re
import sys
import zipfile
import zlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from hashlib import sha256
from itertools import compress, islice, pairwise
from multiprocessing import cpu_count, get_context
from operator import lt
from signal import SIG_IGN, SIGINT, signal
from struct import Struct
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeVar

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:  # a traceback would end with 1, which says tampered
    sys.stderr.write("CANNOT DECIDE: this verifier needs the package cryptography: pip install cryptography\n")
    sys.exit(2)

FORMAT = "accord-export/1"
FORMAT_WITH_RECEIPTS = "accord-export/2"
"""The same with receipts.jsonld, which who reads only the first would not know."""

_FORMATS = (FORMAT, FORMAT_WITH_RECEIPTS)
HEAD_FORMAT = "accord-customer-head/1"
PROOF_FORMAT = "c2sp.org/tlog-proof@v1"
HANDOVER_FORMAT = "accord-handover/1"
COMMITMENT_LABEL = b"accord/v1/payload\x00"
BRAND_REF = "0" * 32
_BRAND = BRAND_REF.encode()
SAID = frozenset({"PermissionConfirmed", "PermissionGranted", "PermissionRefused"})
"""What there are receipts of."""

RECEIPTS_HEAD = (
    b'{"@context":{"dct":"http://purl.org/dc/terms/","dpv":"https://w3id.org/dpv#",'
    b'"eu-gdpr":"https://w3id.org/dpv/legal/eu/gdpr#","legal-eu":"https://w3id.org/dpv/legal/eu#",'
    b'"loc":"https://w3id.org/dpv/loc#","pd":"https://w3id.org/dpv/pd#",'
    b'"rdf":"http://www.w3.org/1999/02/22-rdf-syntax-ns#","schema":"https://schema.org/",'
    b'"skos":"http://www.w3.org/2004/02/skos/core#"},"@graph":['
)
"""How receipts.jsonld begins: no other words than those of the published vocabularies."""

REPORT_COLUMNS = (
    "position",
    "recorded",
    "what",
    "status",
    "purposes",
    "channels",
    "notice",
    "customer",
    "version",
    "caller",
    "acted",
    "touchpoint",
)

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_SMALL_BYTES = 64 * 1024 * 1024
MAX_NOTE_BYTES = 65_536
MAX_MEMBERS = 250_000
MAX_DIRECTORY_BYTES = 32 * 1024 * 1024
MAX_JSON_ITEMS = 1_000_000
MAX_JSON_DIGITS = 20
MAX_INFLATION = 200
"""How many times its packed size a large member may have: lines full of digests have a tenth of that."""
_BLOCK_BYTES = 1024 * 1024
_PIECE_BYTES = 384 * 1024
"""What so many bytes of lines say is less than what a pipe holds, so that no process waits to tell it."""
_PACKED_BYTES = 64 * 1024
_LEAVES_AT_ONCE = 4096
_EMPTY_ROOT = sha256(b"").digest()
_DASH = "\u2014"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - Python 3.10 has no datetime.UTC

_INNER, _OUTER = (bytes(each ^ pad for each in range(256)) for pad in (0x36, 0x5C))
_INNER_REST, _OUTER_REST = b"\x36" * 32 + COMMITMENT_LABEL, b"\x5c" * 32
"""The pads of HMAC, over a key of half a block and over the zeros that follow it; then the label."""
_INCARNATION = re.compile(r"/incarnation-[0-9]+")
LOST, RECOVERED = "EntryLost", "LedgerRecovered"
_SEAMED = frozenset({LOST, RECOVERED})

_HASH = rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
_CODE = rb"[a-z0-9_.:\-]{1,256}"
_CODES = rb'(?:"' + _CODE + rb'"(?:,"' + _CODE + rb'"){0,1023})?'
_NUMBER = rb"0|[1-9][0-9]{0,15}"
_LEAF = (
    rb'\{"ch":"(' + _HASH + rb')","channel":\[(' + _CODES + rb')\],"ledger":"([a-z0-9/\-]{1,160})",'
    rb'"notice":"(|' + _CODE + rb')","pc":"(' + _HASH + rb')","position":(' + _NUMBER + rb"),"
    rb'"purpose":\[(' + _CODES + rb')\],"recorded_at":(' + _NUMBER + rb'),"type":"([A-Z][A-Za-z]{0,63})","v":1\}'
)
_PAYLOAD = (
    rb'\{"caller":"([^"\\\n]*(?:\\.[^"\\\n]*){0,16384})","customer":"([0-9a-f]{32})","event":(\{.*\}),'
    rb'"previous":"(|[0-9a-f]{64})","version":(' + _NUMBER + rb")\}"
)
_LEAF_FORM, _PAYLOAD_FORM = re.compile(_LEAF), re.compile(_PAYLOAD)
_LINE = re.compile(
    rb'\{"leaf":(' + _LEAF + rb')(?:,"payload":(' + _PAYLOAD + rb'))?,"position":(' + _NUMBER + rb")"
    rb'(?:,"r":"(' + _HASH + rb')")?,"status":"(disclosed|redacted|erased|outside)"\}'
)
"""No line feed, and nothing that repeats without end: each time costs a regular expression half a kilobyte."""
_LINES = re.compile(rb"^" + _LINE.pattern + rb"$", re.MULTILINE)
_MEMBER = re.compile(
    r"README\.txt|manifest\.(json|note)|checkpoint|entries\.jsonl|leaves\.bin|edges\.json|heads\.json|keys\.json"
    r"|report\.(csv|parquet)|receipts\.jsonld|timeline\.html|verify\.py|proofs/[0-9]{1,16}\.tlog-proof|policies/[0-9]{1,9}\.json"
    r"|notices/[a-z0-9_~\-]{1,64}\.[A-Za-z0-9\-]{2,255}\.txt"
)
_LARGE = {"entries.jsonl", "leaves.bin", "report.csv", "report.parquet", "receipts.jsonld"}
"""What grows with the ledger, and is read piece by piece where it is not of one customer."""

_ALWAYS = {"README.txt", "checkpoint", "entries.jsonl", "keys.json", "report.csv", "verify.py"}
_REF = re.compile(r"[0-9a-f]{32}")
_BODY = re.compile(r"([a-z0-9/\-]{1,160})\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n")
_SIZED = r"(0|[1-9][0-9]{0,15}) ([A-Za-z0-9+/]{43}=)"
_HANDOVER = re.compile(
    rf"{HANDOVER_FORMAT}\n([a-z0-9/\-]{{1,160}})\nkept {_SIZED}\nlast {_SIZED}\nfirst (0|[1-9][0-9]{{0,15}})\n"
    r"before ([^\n]{1,300})\nafter ([^\n]{1,300})\n"
)

# --- what is said, in English and in French ------------------------------------------------------

_TOLD = """\
# what was asked for
asked_ledger
  Of the ledger {ledger}, as it stood with {size} {size:entry|entries}. When it was asked for is recorded after {size:that|those}, as Exported.
  Du registre {ledger}, tel qu'il était avec {size} {size:écriture|écritures}. L'instant de la demande est enregistré après, sous Exported.
asked_customer
  The history of the customer {customer}.
  L'historique du client {customer}.
asked_whole
  All of its entries.
  Toutes ses écritures.
asked_range
  Entries {first} to {last}; the first of the ledger is entry 0.
  Les écritures {first} à {last} ; la première du registre est l'écriture 0.
asked_nothing
  No entry: the range is empty.
  Aucune écriture : l'intervalle est vide.
asked_period
  What was recorded from {start} up to, not including, {end}.
  Ce qui a été enregistré du {start} inclus au {end} exclu.
asked_from
  What was recorded from {start} on.
  Ce qui a été enregistré à partir du {start} inclus.
asked_until
  What was recorded up to, not including, {end}.
  Ce qui a été enregistré jusqu'au {end} exclu.
asked_purposes
  Only what is about the purposes {purposes}.
  Seulement ce qui porte sur les finalités {purposes}.
asked_channels
  Only what is about the channels {channels}.
  Seulement ce qui porte sur les canaux {channels}.
asked_none
  Entries shown: {entries}. Held back: nothing.
  Écritures montrées : {entries}. Retenu : rien.
asked_personal
  Entries shown: {entries}. Held back: what they tell of customers.
  Écritures montrées : {entries}. Retenu : ce qu'elles disent des clients.
asked_counts
  Entries counted: {entries}; none is shown. Held back: everything but the counts.
  Écritures comptées : {entries} ; aucune n'est montrée. Retenu : tout sauf les décomptes.
asked_outside
  Beside them {outside} {outside:neighbour|neighbours} of the period, which {outside:lies|lie} outside it.
  En plus, {outside} {outside:voisine|voisines} de la période, qui {outside:est|sont} en dehors.
# what is proven
signed
  The export and its checkpoint are signed with the key you pinned, of the ledger {ledger}.
  L'export et son point de contrôle sont signés par la clé que vous avez épinglée, du registre {ledger}.
followed
  Your key and the one that signed this are keys of one ledger: {handovers} {handovers:handover between them says|handovers between them say} so.
  Votre clé et celle qui a signé ceci sont des clés d'un même registre : {handovers} {handovers:passation entre elles le dit|passations entre elles le disent}.
recovered
  The ledger was recovered at entry {first}: its keys say so, and {lost} {lost:entry before that one is|entries before that one are} told as lost.
  Le registre a été rétabli à l'écriture {first} : ses clés le disent, et {lost} {lost:écriture avant elle est dite perdue|écritures avant elle sont dites perdues}.
whole
  The {size} {size:entry leads|entries lead} to the root that was signed: none is missing, none was added or changed.
  {size:L'écriture|Les {size} écritures} {size:mène|mènent} à la racine signée : aucune ne manque, aucune n'a été ajoutée ni modifiée.
window
  Entries {first} to {last} of the {size} lead to the root that was signed: none of them is missing, added or changed.
  Les écritures {first} à {last}, sur {size}, mènent à la racine signée : aucune d'elles ne manque, n'a été ajoutée ni modifiée.
period
  No entry of the period was left out at its ends: the neighbours on both sides lie outside it.
  Aucune écriture de la période n'a été omise à ses bornes : les voisines de part et d'autre sont en dehors.
included
  {listed:The entry shown|Each of the {listed} entries shown} is one of the {size} that lead to the root that was signed.
  {listed:L'écriture montrée|Chacune des {listed} écritures montrées} est l'une des {size} qui mènent à la racine signée.
opened
  What {disclosed} {disclosed:entry tells|entries tell} is what was committed to when {disclosed:it was|they were} recorded.
  Ce que {disclosed:dit|disent} {disclosed} {disclosed:écriture|écritures} est bien ce dont l'empreinte a été enregistrée.
chains
  {customers:The history of {customers} customer is|The histories of {customers} customers are} unbroken: each entry names the one before it.
  {customers:L'historique de {customers} client est|Les historiques de {customers} clients sont} sans rupture : chaque écriture nomme la précédente.
history
  The history of customer {customer} is whole: {version} {version:entry|entries}, from the first to the last that the ledger signed for.
  L'historique du client {customer} est complet : {version} {version:écriture|écritures}, de la première à la dernière pour laquelle le registre a signé.
texts
  The {notices} {notices:text of a notice is|texts of notices are} word for word {notices:that|those} of the catalogues recorded, {policies} of which {policies:is|are} shown.
  {notices:Le {notices} texte de mention est|Les {notices} textes de mentions sont} mot pour mot {notices:celui|ceux} des catalogues enregistrés, dont {policies} {policies:est montré|sont montrés}.
report
  report.csv says the same as the entries.
  report.csv dit la même chose que les écritures.
timeline
  timeline.html says the same as the entries.
  timeline.html dit la même chose que les écritures.
receipts
  receipts.jsonld has one receipt of each permission, confirmation and refusal disclosed ({receipts} in all), and names its entry.
  receipts.jsonld a un reçu pour chaque permission, confirmation et refus montré ({receipts} en tout), et nomme son écriture.
extends
  The ledger extends your earlier checkpoint of {previous} {previous:entry|entries}: nothing of it was changed.
  Le registre prolonge votre point de contrôle antérieur de {previous} {previous:écriture|écritures} : rien n'y a été changé.
# what is not
truth
  That what was recorded happened: the ledger proves what was written, not that it is true.
  Que ce qui est écrit a eu lieu : le registre prouve ce qui a été écrit, non que c'est vrai.
clock
  That the clock was right: instants are those of the operator's clock; only their order is fixed.
  Que l'horloge était juste : les instants sont ceux de l'exploitant ; seul leur ordre est établi.
later
  Anything recorded after the first {size:entry|{size} entries}.
  Ce qui a été enregistré après {size:la première écriture|les {size} premières écritures}.
one_view
  That others are shown the same ledger: compare checkpoints, and give an earlier one with --previous.
  Que d'autres voient le même registre : comparez les points de contrôle, donnez-en un antérieur par --previous.
unextended
  That the ledger extends your earlier checkpoint of {previous} {previous:entry|entries}.
  Que le registre prolonge votre point de contrôle antérieur de {previous} {previous:écriture|écritures}.
lost
  What the {lost} lost {lost:entry|entries} told, and that no more was lost than is told: it is the operator's signed word.
  Ce que {lost:disait|disaient} {lost:l'écriture perdue|les {lost} écritures perdues}, et que rien de plus ne le soit : c'est la parole signée de l'exploitant.
key_safe
  That nobody else ever had one of these keys: whoever had the earlier one could have named another successor.
  Que personne d'autre n'ait jamais eu l'une de ces clés : qui avait la première aurait pu nommer une autre suivante.
left_out
  What {left_out} {left_out:entry of the range is about: it is shown by its hash only. That it does not match|entries of the range are about: they are shown by their hash only. That none of them matches} the filter is the operator's word.
  L'objet de {left_out} {left_out:écriture de l'intervalle : elle n'est montrée que par son empreinte. Qu'elle ne réponde pas|écritures de l'intervalle : elles ne sont montrées que par leur empreinte. Qu'aucune ne réponde} au filtre est la parole de l'exploitant.
counted
  The counts: no entry is shown, so they are the operator's signed word.
  Les décomptes : aucune écriture n'est montrée, ils sont donc la parole signée de l'exploitant.
counted_period
  That the entries counted are those of the period, and all of them: nothing in the export shows when an entry was recorded.
  Que les écritures comptées sont celles de la période, et toutes : rien dans l'export ne montre quand une écriture a été enregistrée.
counted_purposes
  That the entries counted are those about the purposes {purposes}, and all of them: nothing in the export shows what an entry is about.
  Que les écritures comptées sont celles des finalités {purposes}, et toutes : rien dans l'export ne montre l'objet d'une écriture.
counted_channels
  That the entries counted are those about the channels {channels}, and all of them: nothing in the export shows what an entry is about.
  Que les écritures comptées sont celles des canaux {channels}, et toutes : rien dans l'export ne montre l'objet d'une écriture.
redacted
  What {redacted} {redacted:entry tells|entries tell}: it was held back as personal; the operator can still open {redacted:it|them one by one}.
  Ce que {redacted:dit|disent} {redacted} {redacted:écriture|écritures} : retenu comme personnel ; l'exploitant peut encore {redacted:l'ouvrir|les ouvrir une à une}.
erased
  What {erased} {erased:entry|entries} told: {erased:its key was|their keys were} destroyed. {erased:It still stands where it|They still stand where they} stood.
  Ce que {erased:disait|disaient} {erased} {erased:écriture|écritures} : {erased:sa clé a été détruite. Elle est|leurs clés ont été détruites. Elles sont} toujours à {erased:sa|leur} place.
last
  That nothing was recorded for this customer under another reference; the end of the history is the operator's signed word.
  Que rien n'a été enregistré pour ce client sous une autre référence ; la fin de l'historique est la parole signée de l'exploitant.
receipt_words
  What receipts.jsonld says beyond that: it is signed as it is, and not made anew from the entries.
  Ce que receipts.jsonld dit de plus : il est signé tel quel, et n'est pas refait à partir des écritures.
parquet
  report.parquet: it is signed, and not compared with the entries.
  report.parquet : il est signé, mais n'est pas comparé aux écritures.
# why it is refused
foreign_origin
  It is of the ledger {found}, not of {pinned}.
  Il vient du registre {found}, non {pinned}.
unknown_key
  {file} bears no signature of the key you pinned.
  {file} ne porte aucune signature de la clé que vous avez épinglée.
key_ended
  {file} has {size} {size:entry|entries}, and its key was followed by another after {until}.
  {file} compte {size} {size:écriture|écritures}, et sa clé a été remplacée par une autre après {until}.
signature_false
  The signature of {file} does not fit what it says.
  La signature de {file} ne correspond pas à ce qu'il dit.
malformed
  {file} is not in its one form: {why}.
  {file} n'a pas la forme prescrite : {why}.
archive_before
  What the archive has before {file}, from byte {at} on, is not what an export has there.
  Ce que l'archive a avant {file}, à partir de l'octet {at}, n'est pas ce qu'un export a à cet endroit.
archive_after
  What the archive has after {file}, from byte {at} on, is not what an export has there.
  Ce que l'archive a après {file}, à partir de l'octet {at}, n'est pas ce qu'un export a à cet endroit.
archive_lists
  The directory of the archive does not tell of {file} what an export tells.
  Le répertoire de l'archive ne dit pas de {file} ce qu'en dit un export.
archive_ends
  The archive does not end as an export does: its end was changed, or something follows it.
  L'archive ne finit pas comme un export : sa fin a été changée, ou quelque chose la suit.
archive_packs
  The packed bytes of {file} are broken, or more than those of the file.
  Les octets compressés de {file} sont abîmés, ou ne sont pas seulement ceux du fichier.
file_differs
  {file} is not the file that was signed.
  {file} n'est pas le fichier qui a été signé.
file_missing
  {file} is missing.
  {file} manque.
file_unexpected
  {file} does not belong here.
  {file} n'a rien à faire ici.
checkpoint_differs
  The manifest names another size or root than the checkpoint.
  Le manifeste nomme une autre taille ou racine que le point de contrôle.
root_differs
  The entries do not lead to the root that was signed.
  Les écritures ne mènent pas à la racine signée.
leaf_differs
  Entry {position} is not the one whose hash stands there.
  L'écriture {position} n'est pas celle dont l'empreinte se trouve à cette place.
entry_missing
  Entry {position} is missing.
  L'écriture {position} manque.
entry_repeated
  Entry {position} is there twice, or out of order.
  L'écriture {position} est répétée.
entry_misplaced
  Entry {position} calls itself entry {found}.
  L'écriture {position} se dit écriture {found}.
entry_unasked
  Entry {position} is not one that was asked for.
  L'écriture {position} ne fait pas partie de ce qui a été demandé.
seam_differs
  Entry {position} is not what the keys of the ledger say of the place where it was recovered.
  L'écriture {position} n'est pas ce que disent les clés du registre de l'endroit où il a été rétabli.
seam_missing
  It is of the incarnation {found}, and no handover tells of how the ledger was recovered.
  Il vient de l'incarnation {found}, et aucune passation ne dit comment le registre a été rétabli.
entry_foreign
  Entry {position} is of the ledger {found}.
  L'écriture {position} vient du registre {found}.
payload_differs
  What entry {position} tells is not what was committed to.
  Ce que dit l'écriture {position} n'est pas ce dont l'empreinte a été enregistrée.
codes_differ
  The codes of entry {position} are not those of what it tells.
  Les codes de l'écriture {position} ne sont pas ceux de ce qu'elle dit.
time_reversed
  Entry {position} was recorded no later than the one before it.
  L'écriture {position} n'est pas postérieure à la précédente.
chain_broken
  Entry {position} does not continue the history of its customer: something was left out or put in.
  L'écriture {position} ne continue pas l'historique de son client : quelque chose a été omis ou ajouté.
other_customer
  Entry {position} is of another customer.
  L'écriture {position} est d'un autre client.
history_cut
  The history has {found} {found:entry|entries}, the ledger signed for {version}, with another last one perhaps.
  L'historique a {found} {found:écriture|écritures} ; le registre a signé pour {version}, la dernière étant peut-être autre.
proof_false
  The proof of entry {position} does not lead to the root that was signed.
  La preuve de l'écriture {position} ne mène pas à la racine signée.
proof_misplaced
  The proof of entry {position} is of entry {found}, or of another checkpoint.
  La preuve de l'écriture {position} est celle de l'écriture {found}, ou d'un autre point de contrôle.
period_open
  Entries of the period may be missing at its ends.
  Des écritures de la période manquent peut-être à ses bornes.
counts_differ
  The counts of the manifest are not those of the entries.
  Les décomptes du manifeste ne sont pas ceux des écritures.
report_differs
  {file} does not say what the entries say.
  {file} ne dit pas ce que disent les écritures.
receipts_differ
  {file} is not of what is shown to have been said, one receipt for each.
  {file} ne contient pas un reçu, et un seul, pour chaque acte montré.
notice_differs
  {file} is not the text of a catalogue shown, or of a notice named.
  {file} n'est pas le texte d'un catalogue montré, ou d'une mention nommée.
rollback
  Your checkpoint has {previous} {previous:entry|entries}, this ledger only {size}: something was taken back.
  Votre point de contrôle a {previous} {previous:écriture|écritures}, ce registre seulement {size} : des écritures ont été retirées.
fork
  The first {previous:entry is not that|{previous} entries are not those} of your checkpoint: there are two histories.
  {previous:La première écriture n'est pas celle|Les {previous} premières écritures ne sont pas celles} de votre point de contrôle : il y a deux histoires.
# why it cannot be decided
unreadable
  It cannot be read: {why}.
  Il est illisible : {why}.
pin_malformed
  The pinned key is not a verifier key, written name+id+key.
  La clé épinglée n'est pas une clé de vérification, écrite nom+id+clé.
format_unknown
  It is written in the form {found}; this program reads {known}.
  Il est écrit sous la forme {found} ; ce programme lit {known}.
previous_unusable
  What you gave as the earlier checkpoint is none that the pinned key signed, nor an export that holds one. To decide it, give the file checkpoint of an earlier export, or that export.
  Ce que vous donnez comme point de contrôle antérieur n'en est pas un que la clé épinglée a signé, ni un export qui en contient un. Pour en décider, donnez le fichier checkpoint d'un export antérieur, ou cet export.
previous_lost
  The ledger was recovered since your checkpoint of {previous} {previous:entry|entries}, and what this export shows does not lead to it: some of what you know may be lost, as the recovery tells. Only of what was kept can an export of all entries decide it.
  Le registre a été rétabli depuis votre point de contrôle de {previous} {previous:écriture|écritures}, et ce que montre cet export n'y mène pas : une partie de ce que vous connaissez peut être perdue, comme le dit le rétablissement. Un export de toutes les écritures ne peut en décider que de ce qui a été gardé.
previous_elsewhere
  This export does not show whether the ledger extends your checkpoint of {previous} {previous:entry|entries}. To decide it, ask for `accord prove-consistency` from your checkpoint, or for an export of all entries (`accord export --all`; with `--redact counts` none is shown).
  Cet export ne montre pas si le registre prolonge votre point de contrôle de {previous} {previous:écriture|écritures}. Pour en décider, demandez `accord prove-consistency` depuis votre point de contrôle, ou un export de toutes les écritures (`accord export --all` ; avec `--redact counts`, aucune n'est montrée).
"""  # noqa: E501 - a sentence stays on its line

_lines = [line.strip() for line in _TOLD.splitlines() if not line.startswith("#")]
SENTENCES = {name: (english, french) for name, english, french in zip(*[iter(_lines)] * 3, strict=True)}
"""Every sentence by its name."""

_NAMED = """\
# types of entries
PermissionGranted | permission given | permission donnée
PermissionConfirmed | permission confirmed | permission confirmée
PermissionRefused | refusal | refus
IdentifierLinked | identifier linked | identifiant rattaché
IdentifierUnlinked | identifier taken off | identifiant détaché
FactsRecorded | facts recorded | faits enregistrés
ActivityReported | activity | activité
ContactPointReported | fact of an address | fait d'une adresse
ContactPointRetold | state of an address, told again | état d'une adresse, redit
ContactPointSuppressed | address blocked | adresse bloquée
ContactPointListed | address put on a list | adresse inscrite sur une liste
ContactPointUnlisted | address taken off a list | adresse retirée d'une liste
ErasureRequested | erasure asked for | effacement demandé
ContactAuthorized | contact authorised | contact autorisé
ContactReported | report of a contact | compte rendu d'un contact
CatalogueApplied | catalogue applied | catalogue appliqué
OverlayAdded | no of a household, employer or account | opposition d'un foyer, d'un employeur ou d'un compte
OverlayLifted | no of a third party lifted | opposition d'un tiers levée
CustomerRestricted | processing restricted | traitement limité
RestrictionLifted | restriction lifted | limitation levée
CustomerMerged | merged with another customer | réunion avec un autre client
CustomerSplit | split from another customer | séparation d'un autre client
CustomersErased | customers erased | clients effacés
Exported | export | export
SuppressionsImported | list of addresses imported | liste d'adresses importée
SuppressionsEnded | list of addresses ended | liste d'adresses close
SigningKeyRotated | signing key replaced | clé de signature remplacée
EntryLost | entry lost | écriture perdue
LedgerRecovered | ledger recovered | registre rétabli
LossAccepted | loss accepted | perte admise
# sides and choices of entries, and channels
account | account | compte
accuracy_contested | accuracy contested | exactitude contestée
act_time | act time | date de l'acte
active | active | en vigueur
after_retention | after retention | après la durée de conservation
agent | agent | conseiller
artefacts | artefacts | pièces
asked_time | asked time | date de la question
automated_call | automated call | automate d'appel
basis | ground | fondement
beacon_device | beacon device | appareil reconnu en magasin
birth_year | birth year | année de naissance
bounced | bounced | revenu
bundled_terms | bundled terms | conditions générales
button | button | bouton
caller | handed in by | transmission par
cancelled | cancelled | annulé
channel | channel | canal
channels | channels | canaux
chat | chat | messagerie
child | child | enfant
class | class | classe de la finalité
clerk | clerk | vendeur
click | click | clic
complained | complained | signalé comme indésirable
confirm_until | confirm until | à confirmer avant le
confirmation_link | confirmation link | lien de confirmation
confirmation_request | confirmation request | demande de confirmation
confirms | confirms | confirme l'écriture
consumer | consumer | consommateur
contact_id | contact id | référence du contact
contract_current | contract current | contrat en cours
contract_end | contract end | fin de contrat
contract_pause | contract pause | pause prévue au contrat
country | country | pays
current_contract | current contract | contrat en cours d'exécution
customer | customer | client
customer_id | customer id | identifiant client
deceased | deceased | décédé
declarant | declarant | déclarant
donation | donation | don
email | e-mail | e-mail
employer | employer | employeur
engagement | engagement | engagement
enquiry | enquiry | demande
erased_time | erased time | date de l'effacement
evidence | evidence | preuve
existing_relationship | existing relationship | relation existante
expired | expired | expirée
fact | fact | fait
failed | failed | échoué
fax | fax | télécopie
generic | generic | générique
ground | reason | motif
group | group | groupe
guardian | guardian | représentant légal
guardian_known | guardian known | représentant légal connu
household | household | foyer
import | import | import
imported | imported | import, écriture
in_app | in app | dans l'application
in_store | in store | en magasin
informed_time | informed time | date de l'information
invalid | invalid | invalide
justification | justification | justification
kind | kind | type
language | language | langue
legal_claims | legal claims | droits en justice
legal_obligation | legal obligation | obligation légale
legitimate_interest | legitimate interest | intérêt légitime
level | level | niveau
link_only | link only | par le lien seulement
links | links | identifiants rattachés
list | list | liste
listed_time | listed time | date de la liste
loyalty_card | loyalty card | carte de fidélité
media_type | media type | type de fichier
membership_current | membership current | adhésion en cours
membership_end | membership end | fin d'adhésion
message | message | message
method | method | expression
mms | mms | MMS
mode | mode | modalité
no_longer_needed | no longer needed | plus nécessaire
none | none | aucune
not_before | not before | pas avant le
not_yet_valid | not yet valid | pas encore valable
notice | notice | mention
now | now | maintenant
number | number | numéro
objected | objected | opposition
objection_offered | objection offered | opposition proposée
objection_pending | objection pending | opposition à l'examen
officer_id | officer id | agent responsable
on_hold_until | on hold until | suspendu jusqu'à une date
outcome | outcome | issue
outcome_time | outcome time | date de l'issue
overlay | overlay | opposition d'un tiers, écriture
overlays | overlays | oppositions de tiers
own | own | liste propre
paused_until | paused until | suspendu jusqu'au
pending | pending | en attente de confirmation
permission | permission | permission
permission_withdrawn | permission withdrawn | permission retirée
personal | personal | personnelle
phone | phone | téléphone
place | place | lieu
position | entry | écriture
places | places | lieux
point | point | adresse numéro
policy_version | policy version | version du catalogue
positions | positions | écritures
post | post | courrier
postal_address | postal address | adresse postale
pre_ticked_box | pre ticked box | case précochée
preferred_channel | preferred channel | canal préféré
presence | presence | présence
professional | professional | professionnel
published | published | publiée à titre professionnel
purchase | purchase | achat
purpose | purpose | finalité
purposes | purposes | finalités
push | push | notification
push_token | push token | jeton d'application
reason | reason | motif
reassigned | reassigned | réattribuée
recipient | recipient | tiers
recipients | recipients | tiers
recorded_time | recorded time | enregistré le
recorder | recorder | consignation par
recorder_id | recorder id | poste
refusals | refusals | refus
refused | refusal | refus
region | region | région
registry | registry | registre d'opposition
registry_listed | registry listed | inscrite à un registre d'opposition
registry_removed | registry removed | retirée d'un registre d'opposition
reply_settled | reply settled | réponse tranchée
reply_unclear | reply unclear | réponse qui est peut-être un refus
retention_ended | retention ended | durée de conservation écoulée
sent | sent | envoyé
sha256 | sha256 | empreinte SHA-256
signature | signature | signature
silence | silence | silence
sms | sms | SMS
social | social | réseau social
social_profile | social profile | profil social
soft_opt_in | soft opt in | client existant, produits analogues
spoken | spoken | de vive voix
state | state | état
suppressed | suppressed | adresse bloquée
system | system | système
ticked_box | ticked box | case cochée
time_zone | time zone | fuseau horaire
token_sha256 | token sha256 | empreinte du jeton
topic | topic | sujet
topics | topics | sujets
touchpoint | touchpoint | point de contact
unlawful | unlawful | illicite
unpublished | unpublished | non publiée, ou publiée sans invitation à écrire
unspecified | unspecified | inconnu
until | until | jusqu'au
used_up | used up | épuisée
uses | uses | contacts permis
valid_from | valid from | valable à partir du
valid_until | valid until | valable jusqu'au
value | value | valeur
verified | verified | vérifiée
version | version | version
via | via | par l'adresse numéro
voice | voice | téléphone
volunteering | volunteering | bénévolat
withdrawn | withdrawal | retrait
# counts, and why an entry is not shown
by_channel | by channel | par canal
by_purpose | by purpose | par finalité
by_type | by what they tell | par nature
disclosed | shown whole | montrées en entier
erased | keys destroyed | clés détruites
left_out | shown by hash only | montrées par leur empreinte
listed | listed | listées
outside | outside the period | hors de la période
size | entries of the ledger | écritures du registre
redacted | held back as personal | retenues comme personnelles
"""
NAMES = {
    code: (english, french)
    for code, english, french in (line.split(" | ") for line in _NAMED.splitlines() if not line.startswith("#"))
}
"""What entries tell, their sides and choices, and counts, for people: by the code, in English and in French."""

_WHY = """\
the file | le fichier
the earlier checkpoint | le point de contrôle antérieur
another compression | une autre compression
it is packed to blow up | il est compressé de façon à déborder
too large a directory | un répertoire trop grand
too many members | trop de fichiers
too large | trop grand
too deep | trop d'imbrications
a line is too long | une ligne est trop longue
the last line does not end | la dernière ligne n'a pas de fin
no handover | ce n'est pas une passation
a root | une racine
a key | une clé
a handover that cannot be | une passation impossible
handovers that do not follow each other | des passations qui ne se suivent pas
not UTF-8 | ce n'est pas de l'UTF-8
no signed note | ce n'est pas une note signée
a signature line | une ligne de signature
no checkpoint | ce n'est pas un point de contrôle
the root | la racine
no strict JSON | ce n'est pas du JSON strict
written in another way | l'écriture diffère de la forme prescrite
unknown or missing fields | des champs inconnus ou manquants
a line is no entry | une ligne n'est pas une écriture
a status that does not fit its line | un état qui ne correspond pas à sa ligne
no catalogue | ce n'est pas un catalogue
a line is no receipt | une ligne n'est pas un reçu
no statement of an export | ce n'est pas la déclaration d'un export
more than one signature | plus d'une signature
it names another format or ledger | il nomme un autre format ou registre
its form does not fit its files | sa forme ne correspond pas à ses fichiers
a scope that cannot be | un périmètre impossible
too many hashes | trop d'empreintes
a hash | une empreinte
another number of hashes | un autre nombre d'empreintes
not one head | pas une fin d'historique, et une seule
a head of something else | la fin d'autre chose
no catalogue of this version | ce n'est pas un catalogue de cette version
no document of receipts | ce n'est pas un document de reçus
something follows its end | quelque chose suit sa fin
it takes more memory than there is | il demande plus de mémoire qu'il n'y en a
there is no such file | aucun fichier ne porte ce nom
it may not be read | la lecture n'en est pas permise
it is a directory | c'est un dossier
the system cannot read it | le système ne peut pas le lire
it is no ZIP archive | ce n'est pas une archive ZIP
"""
_IN_FRENCH = dict(line.split(" | ") for line in _WHY.splitlines())
"""What sentences quote, in French by the English."""

_TITLES = {
    0: ("VALID", "VALIDE"),
    1: ("TAMPERED", "ALTÉRÉ"),
    2: ("CANNOT DECIDE", "INDÉCIDABLE"),
}
_ASKED, _PROVEN, _UNPROVEN = ("Asked for", "Demandé"), ("Proven", "Prouvé"), ("Not proven", "Non prouvé")
LANGUAGES = ("en", "fr")


class NotValidError(Exception):
    """Why an export is not valid, by a name of SENTENCES."""

    exit_code = 1

    def __init__(self, name: str, **told: object) -> None:
        """Hold the name and what its sentence tells."""
        super().__init__(name)
        self.name = name
        self.told = told


class TamperedError(NotValidError):
    """Something contradicts what was signed, or was never signed."""


class UndecidableError(NotValidError):
    """Nothing can be said: what was given is no export, no key, or of another form."""

    exit_code = 2


Said = tuple[str, dict[str, object]]


@dataclass
class Conclusion:
    """What an export proves. `name` says why it is not valid; empty when it is."""

    exit_code: int = 0
    name: str = ""
    why: list[Said] = field(default_factory=list)
    proven: list[Said] = field(default_factory=list)
    unproven: list[Said] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    scope: dict[str, Any] = field(default_factory=dict)
    """What was asked for, as the manifest has it, with the redaction and the size of the checkpoint."""

    asked: list[Said] = field(default_factory=list)

    def decide_no_more(self, why: Said) -> None:
        """Say that what was asked beside the export cannot be decided; what is proven of the export stays so."""
        self.exit_code, self.name, self.why = UndecidableError.exit_code, why[0], [why]

    def text(self, language: str) -> str:
        """Return the conclusion for people."""
        at = LANGUAGES.index(language)
        lines = [_TITLES[self.exit_code][at], *(f"  {said}" for said in self.sentences(self.why, language))]
        for heading, said in ((_ASKED, self.asked), (_PROVEN, self.proven), (_UNPROVEN, self.unproven)):
            if said:
                lines += ["", heading[at], *(f"  - {each}" for each in self.sentences(said, language))]
        if self.counts:
            lines += ["", *(f"  {name:<12} {value}" for name, value in _flat(self.counts, at))]
        return "\n".join(lines) + "\n"

    def document(self, language: str) -> dict[str, Any]:
        """Return the conclusion for programs."""
        return {
            "conclusion": _TITLES[self.exit_code][0].lower().replace(" ", "_"),
            "exit_code": self.exit_code,
            "name": self.name,
            "why": self.sentences(self.why, language),
            "asked_for": {**self.scope, "sentences": self.sentences(self.asked, language)},
            "proven": self.sentences(self.proven, language),
            "not_proven": self.sentences(self.unproven, language),
            "counts": self.counts,
        }

    @staticmethod
    def sentences(said: list[Said], language: str) -> list[str]:
        """Return sentences; what they quote cannot steer a terminal."""
        at = LANGUAGES.index(language)
        return [
            SENTENCES[name][at].format(**{key: _put(each, at) for key, each in told.items()}) for name, told in said
        ]


class _Number(NamedTuple):
    """A number in a sentence: `{n}` is itself, `{n:word|words}` the words that go with it in the language."""

    number: int
    language: int

    def __format__(self, words: str) -> str:
        one, both, several = words.partition("|")
        alone = self.number == 1 or (self.number == 0 and LANGUAGES[self.language] == "fr")
        return (one if alone else several) if both else str(self.number)


def _put(told: object, language: int) -> object:
    """Return what stands for what a sentence quotes."""
    if isinstance(told, list):
        return ", ".join(map(_shown, told))
    if isinstance(told, int):
        return _Number(told, language)
    return _in_french(told) if LANGUAGES[language] == "fr" else _shown(told)


def _in_french(told: object) -> str:
    """Return what a sentence quotes. Words of a program beneath, such as those of a ZIP, are left as they are."""
    text = _shown(told)
    entry, _, position = text.partition(" ")
    return f"l'écriture {position}" if entry == "entry" and position.isdecimal() else _IN_FRENCH.get(text, text)


def _shown(told: object) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in str(told)[:300])


def _flat(counts: Mapping[str, Any], at: int, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in counts.items():
        told = NAMES.get(name, (name, name))[at]
        if isinstance(value, dict):
            yield from _flat(value, at, f"{told} ")
        else:
            yield before + told, value


# --- bundles ------------------------------------------------------------------------------------


class Bundle(Protocol):
    """The members of an export, by name."""

    def sizes(self) -> dict[str, int]:
        """Return the size of every member."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Return a member to be read once."""
        ...


class MemoryBundle:
    """An export in memory."""

    def __init__(self, members: Mapping[str, bytes]) -> None:
        """Hold the members."""
        self._members = members

    def sizes(self) -> dict[str, int]:
        """Return the size of every member."""
        return {name: len(content) for name, content in self._members.items()}

    def open(self, name: str) -> BinaryIO:
        """Return a member to be read once."""
        return io.BytesIO(self._members[name])


class ZipBundle:
    """An export in a file. Names are only compared, never used as paths; nothing is unpacked to disk."""

    def __init__(self, file: BinaryIO) -> None:
        """Read the directory of the file. Raises UndecidableError, TamperedError."""
        try:
            infos = zipfile.ZipFile(_Directory(file)).infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, OverflowError) as error:
            none = isinstance(error, zipfile.BadZipFile)
            raise UndecidableError("unreadable", why="it is no ZIP archive" if none else str(error)) from None
        self._file = file
        self._sizes: dict[str, int] = {}
        for info in infos:
            strange = info.orig_filename != info.filename or not info.filename.isascii() or info.flag_bits & 1
            if info.filename in self._sizes or strange:
                raise TamperedError("file_unexpected", file=info.filename)
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise TamperedError("malformed", file=info.filename, why="another compression")
            self._sizes[info.filename] = info.file_size
        places = _Packing(file).check(infos)
        self._packed = {info.filename: (info, place) for info, place in zip(infos, places, strict=True)}

    def sizes(self) -> dict[str, int]:
        """Return the size of every member."""
        return self._sizes

    def open(self, name: str) -> BinaryIO:
        """Return a member to be read once; no more is read of it than its size. Raises TamperedError."""
        told, place = self._packed[name]
        if told.file_size > max(MAX_SMALL_BYTES, MAX_INFLATION * told.compress_size):
            raise TamperedError("malformed", file=name, why="it is packed to blow up")
        return _Packed(self._file, told, place)  # type: ignore[return-value] # it is read, and no more


_BEFORE, _AFTER = Struct("<4s5HL8s2H"), Struct("<4sL2Q")
"""What stands before a member, and after it, where its digest and sizes are known."""
_LISTED, _END = Struct("<4s6H3L5H2L"), Struct("<4s4H2LH")
_LONG_END, _LONG_END_PLACE = Struct("<4sQ2H2L4Q"), Struct("<4sLQL")
_NO_SIZES = Struct("<2H2Q").pack(1, 16, 0, 0)
_FORMS = ((20, bytes(8)), (45, b"\xff" * 8))
"""The version that members need, and their sizes before them: of Python before 3.11.4, and of later ones."""
_MAX_SHORT, _MAX_COUNT = 2**31 - 1, 2**16 - 1
_DAY, _READABLE = 33, 0o644 << 16
"""The first of January 1980, as an archive has it; and a file that everyone may read."""


class _Packing:
    """What stands around the members of an archive, against what the one writer of exports makes of them.

    So no byte of the file is passed over: each is of a member, or one that another program finds there as well.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def check(self, infos: list[zipfile.ZipInfo]) -> list[int]:
        """Return where the bytes of each member begin. Raises TamperedError."""
        size = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        version, untold = _FORMS[self._file.read(26)[18:] == _FORMS[1][1]]
        self._file.seek(0)
        starts, places = [], []
        for info in infos:
            name = info.filename.encode()
            before = _BEFORE.pack(b"PK\3\4", version, 8, info.compress_type, 0, _DAY, 0, untold, len(name), 20)
            after = _AFTER.pack(b"PK\7\x08", info.CRC, info.compress_size, info.file_size)
            starts.append(self._file.tell())
            self._meet(before + name + _NO_SIZES, "archive_before", info)
            places.append(self._file.tell())
            self._file.seek(min(info.compress_size, size), io.SEEK_CUR)
            self._meet(after, "archive_after", info)
        listed = self._file.tell()
        for info, start in zip(infos, starts, strict=True):
            self._meet(_listing(info, start, version), "archive_lists", info)
        ending = _ending(len(infos), listed, self._file.tell())
        if self._file.read(len(ending) + 1) != ending:
            raise TamperedError("archive_ends")
        return places

    def _meet(self, made: bytes, fault: str, info: zipfile.ZipInfo) -> None:
        at = self._file.tell()
        if self._file.read(len(made)) != made:
            raise TamperedError(fault, file=info.filename, at=at)


def _listing(info: zipfile.ZipInfo, start: int, version: int) -> bytes:
    """Return what the directory says of a member: what is large stands at the end."""
    name, large = info.filename.encode(), list[int]()
    packed, size, place = info.compress_size, info.file_size, start
    if max(size, packed) > _MAX_SHORT:
        large += (size, packed)
        packed = size = 2**32 - 1
    if start > _MAX_SHORT:
        large.append(start)
        place = 2**32 - 1
    extra = Struct(f"<2H{len(large)}Q").pack(1, 8 * len(large), *large) if large else b""
    version = 45 if large else version
    versions_and_flags, lengths = (3 << 8 | version, version, 8), (len(name), len(extra), 0)
    told = (*versions_and_flags, info.compress_type, 0, _DAY, info.CRC, packed, size, *lengths, 0, 0, _READABLE, place)
    return _LISTED.pack(b"PK\1\2", *told) + name + extra


def _ending(count: int, listed: int, end: int) -> bytes:
    """Return how an archive ends, whose directory lists so many members between two places."""
    size, long = end - listed, b""
    if count > _MAX_COUNT or listed > _MAX_SHORT:
        long = _LONG_END.pack(b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, listed)
        long += _LONG_END_PLACE.pack(b"PK\6\7", 0, end, 1)
    few = min(count, _MAX_COUNT)
    return long + _END.pack(b"PK\5\6", 0, 0, few, few, size, min(listed, 2**32 - 1), 0)


class _Directory:
    """A zip while its directory is read, which `zipfile` reads whole whatever its size. Raises TamperedError."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(min(size, MAX_DIRECTORY_BYTES + 1) if size >= 0 else MAX_DIRECTORY_BYTES + 1)
        if len(found) > MAX_DIRECTORY_BYTES:
            raise TamperedError("malformed", file="the file", why="too large a directory")
        if found.count(b"PK\x01\x02") > MAX_MEMBERS:
            raise TamperedError("malformed", file="the file", why="too many members")
        return found


class _Packed:
    """A member while it is unpacked: no more is given than its size, and nothing may be hidden after its end."""

    def __init__(self, file: BinaryIO, told: zipfile.ZipInfo, place: int) -> None:
        self._file, self._told = file, told
        self._next, self._end = place, place + told.compress_size
        self._left, self._digest = told.file_size, 0
        self._inflating = zlib.decompressobj(-zlib.MAX_WBITS) if told.compress_type == zipfile.ZIP_DEFLATED else None

    def read(self, size: int) -> bytes:
        """Return the next bytes: so many, or fewer where the member ends. Raises TamperedError."""
        parts = []
        while size and (part := self._part(size)):
            size -= len(part)
            self._left -= len(part)
            self._digest = zlib.crc32(part, self._digest)
            if self._left < 0:
                raise self._broken()
            parts.append(part)
        if size and not self._whole():
            raise self._broken()
        return b"".join(parts)

    def _part(self, size: int) -> bytes:
        inflating = self._inflating
        if inflating is None:
            return self._packed(size)
        while not inflating.eof:
            packed = inflating.unconsumed_tail or self._packed(_PACKED_BYTES)
            try:
                part = inflating.decompress(packed, size)
            except zlib.error:
                raise self._broken() from None
            if part or not packed:
                return part
        return b""

    def _packed(self, size: int) -> bytes:
        # Several members are read by turns.
        self._file.seek(self._next)
        found = self._file.read(min(size, self._end - self._next))
        self._next += len(found)
        return found

    def _whole(self) -> bool:
        ended = self._inflating is None or (self._inflating.eof and not self._inflating.unused_data)
        return ended and self._next == self._end and not self._left and self._digest == self._told.CRC

    def _broken(self) -> TamperedError:
        return TamperedError("archive_packs", file=self._told.filename)


class _Members:
    """Members as they are read: each against its size and digest in the manifest."""

    def __init__(self, bundle: Bundle, files: dict[str, dict[str, Any]]) -> None:
        self._bundle = bundle
        self._files = files

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def named(self, folder: str) -> list[str]:
        return sorted(name for name in self._files if name.startswith(folder))

    def size(self, name: str) -> int:
        return int(self._files[name]["size"])

    def check_small(self) -> None:
        """Read what is quickly read: most of what is broken shows here, before any long work."""
        for name, told in self._files.items():
            if told["size"] <= _BLOCK_BYTES:
                for _ in self.blocks(name):
                    pass

    def small(self, name: str) -> bytes:
        if name not in self._files:
            raise TamperedError("file_missing", file=name)
        if self._files[name]["size"] > MAX_SMALL_BYTES:
            raise TamperedError("malformed", file=name, why="too large")
        return b"".join(self.blocks(name))

    def blocks(self, name: str) -> Iterator[bytes]:
        if name not in self._files:
            raise TamperedError("file_missing", file=name)
        file, digest, size = self._bundle.open(name), sha256(), 0
        while block := file.read(_PIECE_BYTES):
            digest.update(block)
            size += len(block)
            if size > self._files[name]["size"]:
                break
            yield block
        if size != self._files[name]["size"] or digest.hexdigest() != self._files[name]["sha256"]:
            raise TamperedError("file_differs", file=name)

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield whole lines, about a block of them at a time, without the line feed of the last."""
        rest = b""
        for block in self.blocks(name):
            whole, end, begun = block.rpartition(b"\n")
            if end:
                yield rest + whole
                rest = begun
            else:
                rest += begun
            if len(rest) > MAX_LINE_BYTES:
                raise TamperedError("malformed", file=name, why="a line is too long")
        if rest:
            raise TamperedError("malformed", file=name, why="the last line does not end")

    def lines(self, name: str) -> Iterator[bytes]:
        for piece in self.pieces(name):
            yield from piece.split(b"\n")


Extract = tuple[int, bytes]
"""Of some bytes how many they are, and their SHA-256."""


def extract(made: bytes) -> Extract:
    """Return what of some bytes is enough to know them again."""
    return len(made), sha256(made).digest()


class _Comparison:
    """A member against extracts of what is made anew of it, part by part."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._unmet = b""
        self._same = True

    def meet(self, made: Extract) -> None:
        size, _ = made
        while len(self._unmet) < size and (block := next(self._blocks, b"")):
            self._unmet += block
        self._same = self._same and extract(self._unmet[:size]) == made
        self._unmet = self._unmet[size:]

    def holds(self) -> bool:
        """Say, once all is made, whether the member is the same and no longer."""
        return self._same and not self._unmet and not next(self._blocks, b"")


# --- signed notes and documents -----------------------------------------------------------------


class Key(NamedTuple):
    """A verifier key: the name of the ledger, the id that signatures bear, the key."""

    name: str
    identity: bytes
    public: Ed25519PublicKey


class Checkpoint(NamedTuple):
    """The size and root that were signed, and under which name."""

    size: int
    root: bytes
    origin: str = ""


def read_key(text: str) -> Key:
    """Return a verifier key in the text form of signed notes. Raises UndecidableError."""
    try:
        name, identity, encoded = text.strip().split("+", 2)
        raw = _base64(encoded)
        known = sha256(name.encode() + b"\n" + raw).digest()[:4]
        if raw[:1] != b"\x01" or len(raw) != 33 or identity != known.hex() or not name:
            return _no_key()
        return Key(name, known, Ed25519PublicKey.from_public_bytes(raw[1:]))
    except ValueError:
        raise UndecidableError("pin_malformed") from None


def _no_key() -> Key:
    raise UndecidableError("pin_malformed")


class TrustedKey(NamedTuple):
    """A key that follows from the pinned one by so many handovers, and the largest size it is believed for."""

    key: Key
    until: int | None = None
    handovers: int = 0


class Handover(NamedTuple):
    """One key followed another; see docs/audit-export.md."""

    kept: Checkpoint
    last: Checkpoint
    first: int
    before: str
    after: str
    endorsed: bool
    note: str = ""

    @property
    def name(self) -> str:
        """Under which name the ledger was signed for before."""
        return self.before.partition("+")[0]

    @property
    def recovers(self) -> bool:
        """Whether the ledger goes on as another incarnation, with a loss perhaps."""
        return self.name != self.after.partition("+")[0]


def ledger_of(origin: str) -> str:
    """Return the ledger that an incarnation is of, which entries name."""
    return _INCARNATION.sub("", origin)


def read_handover(note: str) -> Handover:
    """Return a handover that the key after signed. Raises TamperedError."""
    file = "keys.json"
    found = _HANDOVER.fullmatch(note.rpartition("\n\n")[0] + "\n")
    if found is None:
        raise TamperedError("malformed", file=file, why="no handover")
    origin, kept, kept_root, last, last_root, first, before, after = found.groups()
    try:
        told = Handover(
            Checkpoint(int(kept), _base64(kept_root)),
            Checkpoint(int(last), _base64(last_root)),
            int(first),
            before,
            after,
            endorsed=False,
            note=note,
        )
    except ValueError:
        raise TamperedError("malformed", file=file, why="a root") from None
    try:
        older, newer = read_key(before), read_key(after)
    except UndecidableError:
        raise TamperedError("malformed", file=file, why="a key") from None
    if older.name != origin or told.first < max(told.kept.size, told.last.size):
        raise TamperedError("malformed", file=file, why="a handover that cannot be")
    read_note(note.encode(), newer, file)
    try:
        read_note(note.encode(), older, file)
    except TamperedError as error:
        if error.name != "unknown_key":
            raise
        return told
    return told._replace(endorsed=True)


def trusted_keys(pin: str, notes: list[str]) -> list[TrustedKey]:
    """Return every key that follows from the pinned one, oldest first: earlier ones, and later ones it vouches for.

    Raises TamperedError, and UndecidableError for the pin. One that no handover names is believed alone.
    """
    handovers = [read_handover(note) for note in notes]
    chain = [told.before for told in handovers[:1]] + [told.after for told in handovers]
    if any(told.before != key for told, key in zip(handovers, chain)):  # noqa: B905 - one key more than handovers
        raise TamperedError("malformed", file="keys.json", why="handovers that do not follow each other")
    if pin.strip() not in chain:
        return [TrustedKey(read_key(pin))]
    at = end = chain.index(pin.strip())
    while end < len(handovers) and handovers[end].endorsed:
        end += 1
    untils = [*(told.last.size for told in handovers), None]
    return [TrustedKey(read_key(chain[each]), untils[each], abs(each - at)) for each in range(end + 1)]


def keys_document(key: str, handovers: tuple[str, ...]) -> bytes:
    """Return keys.json: the keys with the position each began at, and the handovers between them."""
    told = [read_handover(note) for note in handovers]
    keys = [{"first": 0, "key": told[0].before if told else key}]
    keys += [{"first": each.first, "key": each.after} for each in told]
    return document({"handovers": list(handovers), "keys": keys} if told else {"keys": keys})


def read_handovers(raw: bytes) -> list[str]:
    """Return the handovers of a keys.json; none where it is of a first key. Raises TamperedError."""
    shape: dict[str, Any] = {"keys": [{"first": int, "key": str}]}
    if b'"handovers"' in raw:
        shape["handovers"] = [str]
    found = _read_document(raw, "keys.json", shape)
    return list(found.get("handovers", []))


def read_note(raw: bytes, key: Key, file: str) -> str:
    """Return the body of a note that the key signed. Lines of other signers are passed over. Raises TamperedError."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise TamperedError("malformed", file=file, why="not UTF-8") from None
    body, gap, signatures = text.rpartition("\n\n")
    if len(raw) > MAX_NOTE_BYTES or not gap or not signatures.endswith("\n") or "\r" in text:
        raise TamperedError("malformed", file=file, why="no signed note")
    body += "\n"
    found = False
    for line in signatures[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != _DASH:
            raise TamperedError("malformed", file=file, why="a signature line")
        try:
            signature = _base64(parts[2])
        except ValueError:
            raise TamperedError("malformed", file=file, why="a signature line") from None
        if parts[1] != key.name or signature[:4] != key.identity:
            continue
        try:
            key.public.verify(signature[4:], body.encode())
        except InvalidSignature:
            raise TamperedError("signature_false", file=file) from None
        found = True
    if not found:
        raise TamperedError("unknown_key", file=file)
    return body


def read_checkpoint(raw: bytes, key: Key, file: str = "checkpoint") -> Checkpoint:
    """Return the checkpoint of a note. Raises TamperedError."""
    origin = raw.partition(b"\n")[0]
    if origin != key.name.encode():
        raise TamperedError("foreign_origin", found=origin.decode("utf-8", "replace"), pinned=key.name)
    match = _BODY.fullmatch(read_note(raw, key, file))
    if match is None:
        raise TamperedError("malformed", file=file, why="no checkpoint")
    try:
        return Checkpoint(int(match[2]), _base64(match[3]), match[1])
    except ValueError:
        raise TamperedError("malformed", file=file, why="the root") from None


def document(value: Any) -> bytes:  # noqa: ANN401 - anything JSON has
    """Return the one form of a JSON document: sorted, indented by two, UTF-8, one line feed at the end."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def read_json(raw: bytes, file: str) -> Any:  # noqa: ANN401 - anything JSON has
    """Return what strict JSON says: no key twice, no fraction, no constant. Raises TamperedError."""
    try:
        return _strict(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise TamperedError("malformed", file=file, why="no strict JSON") from None


def _read_document(raw: bytes, file: str, shape: dict[str, Any]) -> Any:  # noqa: ANN401 - of that shape
    found = read_json(raw, file)
    _check_shape(found, shape, file)
    # As `document` has it, which would hold each part of a large one at once.
    written = sha256()
    for part in json.JSONEncoder(ensure_ascii=False, indent=2, sort_keys=True).iterencode(found):
        written.update(part.encode())
    written.update(b"\n")
    if written.digest() != sha256(raw).digest():
        raise TamperedError("malformed", file=file, why="written in another way")
    return found


def _check_shape(found: Any, shape: Any, file: str) -> None:  # noqa: ANN401 - anything JSON has
    """Compare with a shape: a type, a list of one shape, keys with their shapes, or {str: shape} for any keys."""
    good: bool
    if isinstance(shape, dict):
        anything = set(shape) == {str}
        good = isinstance(found, dict) and (anything or found.keys() == shape.keys())
        if good:
            for key, value in found.items():
                _check_shape(value, shape[str if anything else key], file)
    elif isinstance(shape, list):
        good = isinstance(found, list)
        if good:
            for value in found:
                _check_shape(value, shape[0], file)
    else:
        good = type(found) is shape and not (shape is int and not 0 <= found < 2**53)
    if not good:
        raise TamperedError("malformed", file=file, why="unknown or missing fields")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _refused(text: str) -> Any:  # noqa: ANN401 - it returns nothing
    raise ValueError(text)


def _whole_number(text: str) -> int:
    if len(text) > MAX_JSON_DIGITS:
        raise ValueError(text[:MAX_JSON_DIGITS])  # each digit more takes longer than the one before
    return int(text)


_decoder: Any = json.JSONDecoder(
    object_pairs_hook=_without_twins, parse_float=_refused, parse_int=_whole_number, parse_constant=_refused
)
_scan = _decoder.scan_once


def _items(text: str) -> int:
    """Return how many values a text in JSON may have."""
    return text.count(",") + text.count("[") + text.count("{")


def _strict(text: str) -> Any:  # noqa: ANN401 - anything JSON has
    if len(text) > MAX_JSON_ITEMS and _items(text) > MAX_JSON_ITEMS:
        raise ValueError("too many items")  # each takes up to hundreds of bytes
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        raise ValueError(text) from None
    if end != len(text) and text[end:] != "\n":
        raise ValueError(text)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # a UnicodeEncodeError, a ValueError, for half a surrogate pair
    return value


def _base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("malformed base64") from None
    if base64.b64encode(decoded).decode() != text:
        raise ValueError("malformed base64")
    return decoded


# --- the tree (RFC 6962 section 2.1, RFC 9162 section 2.1) ---------------------------------------


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Edge:
    """The right edge of a tree as it grows, by leaves and by perfect subtrees."""

    def __init__(self) -> None:
        """Begin empty."""
        self.size = 0
        self.roots: list[bytes] = []

    def add(self, node: bytes, level: int = 0) -> None:
        """Append the root of a perfect subtree of 2^level leaves; the size must be a multiple of that."""
        rest, roots = self.size >> level, self.roots
        while rest & 1:
            node = sha256(b"\x01" + roots.pop() + node).digest()
            rest >>= 1
        roots.append(node)
        self.size += 1 << level

    def extend(self, nodes: list[bytes], level: int = 0) -> None:
        """Append the roots of several subtrees, one after the other: the same as `add`, and most pairs at once."""
        if nodes and self.size >> level & 1:
            self.add(nodes[0], level)
            nodes = nodes[1:]
        if len(nodes) > 1:
            pairs = zip(nodes[::2], nodes[1::2])  # noqa: B905 - the last may have no other
            self.extend([sha256(b"\x01" + left + right).digest() for left, right in pairs], level + 1)
        if len(nodes) & 1:
            self.add(nodes[-1], level)

    def root(self) -> bytes:
        """Return the root of the tree so far."""
        if not self.roots:
            return _EMPTY_ROOT
        node = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            node = node_hash(left, node)
        return node


def levels_between(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield level and index of the perfect subtrees that cover [start, end), as a tree grows by them."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def root_by_proof(leaf: bytes, position: int, size: int, path: list[bytes]) -> bytes | None:
    """Return the root an inclusion proof leads to (RFC 9162 section 2.1.3.2); None for a path of another length."""
    if not 0 <= position < size:
        return None
    index, last, node = position, size - 1, leaf
    for part in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = node_hash(part, node)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            node = node_hash(node, part)
        index >>= 1
        last >>= 1
    return node if last == 0 else None


# --- entries -------------------------------------------------------------------------------------


class Shown(NamedTuple):
    """What a line shows even where nothing is disclosed, but for its place, its instant and its hashes.

    A ledger of millions of lines has a few dozens of these, so each is made once.
    """

    status: str
    type: str
    purposes: tuple[str, ...]
    channels: tuple[str, ...]
    notice: str


Text = TypeVar("Text", str, bytes)
Made = TypeVar("Made")
_MAX_REMEMBERED = 512
"""How many bytes what is remembered may be made of."""

_MAX_CODES_REMEMBERED = 8

Glimpse = tuple[str, int, str]
"""What the report says of a payload: the caller's cell, the instant somebody acted at or 0, the touchpoint's cell."""
_MAX_ALIKE = 2048
_VARYING = re.compile(
    rb'":((?:(?<=value":)|(?<=_id":))"[^"\\\x00-\x1f]*"|(?<=[a-z_]":)[1-9][0-9]{0,15}(?=[,}])'
    rb'|(?<=positions":)\[[1-9][0-9]{0,15}(?:,[1-9][0-9]{0,15}){0,63}\])'
)
"""The number, the positions, or the value or id that is a string, of a field in JSON without escapes."""


class Payload(NamedTuple):
    """What an entry tells: who recorded it, of which customer, what, after which leaf of theirs, as which of theirs."""

    caller: str
    customer: str
    event: dict[str, Any]
    previous: str
    version: int


class Line(NamedTuple):
    """One line of entries.jsonl."""

    position: int
    leaf: bytes
    recorded_at: int
    shown: Shown
    payload: Payload | None


class Opened(NamedTuple):
    """A line of entries.jsonl with its payload in parts, as they are written there."""

    position: int
    leaf: bytes
    recorded_at: int
    shown: Shown
    parts: list[bytes] | None


def _remembered(function: Callable[[Text], Made]) -> Callable[[Text], Made]:
    """Return a function that remembers what it made of short texts: long ones would fill the memory."""
    remembering = lru_cache(maxsize=4096)(function)

    def made(text: Text) -> Made:
        return remembering(text) if len(text) <= _MAX_REMEMBERED else function(text)

    return made


def shown(status: bytes, kind: bytes, purposes: bytes, channels: bytes, notice: bytes) -> Shown:
    """Return what a line shows; codes are given as its leaf lists them, in quotes, split by commas."""
    short = len(purposes) + len(channels) <= _MAX_REMEMBERED
    return (_shown_before if short else _shown_of)(status, kind, purposes, channels, notice)


def _shown_of(status: bytes, kind: bytes, purposes: bytes, channels: bytes, notice: bytes) -> Shown:
    return Shown(status.decode(), kind.decode(), _codes_in(purposes), _codes_in(channels), notice.decode())


_shown_before = lru_cache(maxsize=4096)(_shown_of)


def _codes_in(quoted: bytes) -> tuple[str, ...]:
    return tuple(quoted.decode()[1:-1].split('","')) if quoted else ()


class Leaf(NamedTuple):
    """What a leaf says, as it is written there; codes in quotes, split by commas."""

    ch: bytes
    channels: bytes
    ledger: bytes
    notice: bytes
    pc: bytes
    position: bytes
    purposes: bytes
    recorded_at: bytes
    type: bytes


def read_leaf(raw: bytes) -> Leaf | None:
    """Return what a leaf says; None where it is not in its one form."""
    match = _LEAF_FORM.fullmatch(raw)
    return Leaf(*match.groups()) if match else None


def write_line(position: int, leaf: bytes, status: str, payload: bytes = b"", opening: bytes = b"") -> bytes:
    """Return a line of entries.jsonl without its line feed; payload and opening where it is disclosed."""
    told = b',"payload":' + payload if payload else b""
    opened = b',"r":"' + base64.b64encode(opening) + b'"' if payload else b""
    return b'{"leaf":%b%b,"position":%d%b,"status":"%b"}' % (leaf, told, position, opened, status.encode())


def read_line(raw: bytes, ledger: str, file: str = "entries.jsonl") -> Line:
    """Return a line whose payload, where it is disclosed, opens what the leaf commits to. Raises TamperedError."""
    return whole_line(open_line(raw, ledger.encode(), file))


def whole_line(opened: Opened) -> Line:
    """Return a line with all that its payload tells. Raises TamperedError."""
    position, leaf, recorded_at, seen, parts = opened
    return Line(position, leaf, recorded_at, seen, None if parts is None else read_payload(parts, position, seen))


def open_line(raw: bytes, ledger: bytes, file: str = "entries.jsonl") -> Opened:
    """Return a line whose payload, where it is disclosed, opens what the leaf commits to. Raises TamperedError."""
    match = _LINE.fullmatch(raw)
    if match is None:
        raise TamperedError("malformed", file=file, why="a line is no entry")
    leaf, _, channels, name, notice, pc, own, purposes, recorded_at, kind, payload, *parts, at, r, status = (
        match.groups()
    )
    position = int(at)
    if own != at:
        raise TamperedError("entry_misplaced", position=position, found=int(own))
    if name != ledger:
        raise TamperedError("entry_foreign", position=position, found=name.decode())
    disclosed = status == b"disclosed"
    if (payload is not None) != disclosed or (r is not None) != disclosed:
        raise TamperedError("malformed", file=file, why="a status that does not fit its line")
    if disclosed and commitment(binascii.a2b_base64(r), payload) != binascii.a2b_base64(pc):
        raise TamperedError("payload_differs", position=position)
    seen = shown(status, kind, purposes, channels, notice)
    return Opened(position, leaf, int(recorded_at), seen, parts if disclosed else None)


def commitment(opening: bytes, payload: bytes) -> bytes:
    """Return HMAC-SHA256 (RFC 2104) of the payload under an opening of 32 bytes.

    Written out, since `hmac.digest` looks its hash up anew each time, which costs thrice the hashing.
    """
    inner = sha256(opening.translate(_INNER) + _INNER_REST + payload).digest()
    return sha256(opening.translate(_OUTER) + _OUTER_REST + inner).digest()


def payload_parts(raw: bytes) -> list[bytes] | None:
    """Return the parts of a payload as they are written there; None where it is not in its one form."""
    match = _PAYLOAD_FORM.fullmatch(raw)
    return list(match.groups()) if match else None


def read_payload(parts: list[bytes], position: int, seen: Shown, event: Any = None) -> Payload:  # noqa: ANN401 - JSON
    """Return what the parts of a payload say; `event` is its event where that was read. Raises TamperedError."""
    caller, customer, raw, previous, version = parts
    try:
        told = _strict(raw.decode()) if event is None else event
        by = _text(caller)
    except (ValueError, RecursionError):
        raise TamperedError("malformed", file=f"entry {position}", why="no strict JSON") from None
    if not _fit(told, seen):
        raise TamperedError("codes_differ", position=position)
    return Payload(by, customer.decode(), told, previous.decode(), int(version))


def glimpse_payload(parts: list[bytes], position: int, seen: Shown) -> Glimpse:
    """Return what the report says of a payload, which is checked as `read_payload` does. Raises TamperedError."""
    caller, _, raw, _, _ = parts
    try:
        ((acted, touchpoint),) = _glimpse_events([raw], [seen])
        return _quoted_cell(_text(caller)), _told_instant(int(acted)), touchpoint.decode()
    except (ValueError, RecursionError):
        raise TamperedError("malformed", file=f"entry {position}", why="no strict JSON") from None
    except LookupError:
        raise TamperedError("codes_differ", position=position) from None


def _glimpse_events(events: Sequence[bytes], seen: Sequence[Shown]) -> list[tuple[bytes, bytes]]:
    """Return of each event a number, which may be the instant at which somebody acted, and the touchpoint's cell.

    An event is empty where a line has no payload. Raises ValueError or RecursionError for one that is not
    strict JSON, LookupError for one that is not what its line shows.
    """
    joined = b"\n".join(events)
    if b"\\" in joined or b"\0" in joined or max(map(len, events)) > _MAX_ALIKE:
        if len(events) == 1:
            told, cell = _glimpse(_strict(joined.decode()), seen[0])
            return [(b"%d" % _told_instant(told), cell.encode())]
        return [_glimpse_events([event], [its])[0] for event, its in zip(events, seen, strict=True)]
    joined.decode()
    # One event ends where the next begins: a varying part holds no line feed.
    written = _VARYING.split(joined)
    alike, varying, at = b"\0".join(written[::2]).split(b"\n"), written[1::2], 0
    found = []
    for text, its in zip(alike, seen, strict=True):
        parts, place, acted, touchpoint = _glimpse_alike(text, its) if text else (0, 0, b"0", b"")
        found.append((varying[at + place - 1] if place else acted, touchpoint))
        at += parts
    return found


@lru_cache(maxsize=1024)
def _glimpse_alike(text: bytes, seen: Shown) -> tuple[int, int, bytes, bytes]:
    """Return what events tell that are written alike but for their varying parts, in whose places are NULs.

    Where one of them is strict JSON all of them are, with other numbers and values: before each part ends the
    name of a field, since a quote after a letter ends a string, and the part is a number, numbers or a string whole.
    Each is read as a string that no text can hold, a NUL and which of the parts it is. Returned is how many
    parts there are, and which of them is the instant at which somebody acted, from 1, or 0 where none is and
    what the text says counts; then the touchpoint's cell. Remembered is only what fits, hence no long codes.
    """
    first, *others = text.decode().split("\0")
    marked = (f'":"\\u0000{number}"{other}' for number, other in enumerate(others, 1))
    acted, touchpoint = _glimpse(_strict(first + "".join(marked)), seen)
    place = int(acted[1:]) if type(acted) is str and acted[:1] == "\0" else 0
    cell = touchpoint if touchpoint[:1] != "\0" else ""  # it is a number, which has no cell
    return len(others), place, b"%d" % _told_instant(acted), cell.encode()


def _glimpse(event: dict[str, Any], seen: Shown) -> tuple[Any, str]:
    """Return when somebody acted, as the event has it, and the cell of the touchpoint. Raises LookupError."""
    if not _fit(event, seen):
        raise LookupError
    acted, touchpoint = _act_of(event)
    return acted, _cell(touchpoint)


@_remembered
def _text(quoted: bytes) -> str:
    """Return what stands between the quotes of a JSON string."""
    return str(_strict(f'"{quoted.decode()}"'))


def _fit(event: dict[str, Any], seen: Shown) -> bool:
    """Say whether the type, purposes, channels and notice that a line shows are those of its event."""
    _, kind, purposes, channels, notice = seen
    if event.get("type") != kind:
        return False
    if kind == "PermissionGranted":
        given = event.get("channels", [])
        told = event.get("purposes", []), [code for code in given if code] if type(given) is list else given
    elif kind == "PermissionRefused":
        told = _named(event.get("purpose")), _named(event.get("channel"))
    elif kind == "ContactAuthorized":
        return ([event.get("purpose")], [event.get("channel")], "") == ([*purposes], [*channels], notice)
    else:
        return not (purposes or channels or notice)
    evidence = event.get("evidence")
    said = evidence.get("notice", "") if type(evidence) is dict else ""
    return (*told, said) == ([*purposes], [*channels], notice)


def _named(code: Any) -> list[Any]:  # noqa: ANN401 - whatever the payload has there
    return [code] if code else []


def selects(purposes: list[str], channels: list[str], seen: Shown) -> bool:
    """Say whether a filter keeps an entry, by what its leaf shows.

    A purpose keeps entries that name it, one below it or one above it; a refusal that names none, or no
    channel, reaches all of them and is kept by every filter.
    """
    reaches_all = seen.type == "PermissionRefused"
    if purposes:
        related = any(_related(asked, code) for asked in purposes for code in seen.purposes)
        if not related and not (reaches_all and not seen.purposes):
            return False
    if channels:
        common = set(channels) & set(seen.channels)
        if not common and not (reaches_all and not seen.channels):
            return False
    return True


def _related(asked: str, code: str) -> bool:
    return asked == code or code.startswith(asked + ".") or asked.startswith(code + ".")


class Seam(NamedTuple):
    """Where a ledger was recovered: what it kept, where it goes on, and the handover that says so."""

    kept: int
    first: int
    note: str


def check_seam(line: Opened, seams: tuple[Seam, ...]) -> None:
    """Raise TamperedError where an entry tells of a loss or recovery that is none, or does not tell of one."""
    kind, seam = line.shown.type, None
    for each in seams:
        if line.position >= each.kept:
            seam = each
    if seam is None or line.position > seam.first:
        good = kind not in _SEAMED
    elif line.position < seam.first:
        good = kind == LOST
    else:
        payload = whole_line(line).payload if kind == RECOVERED else None
        note = seam.note if payload is None else payload.event.get("handover")
        good = kind == RECOVERED and note == seam.note
    if not good:
        raise TamperedError("seam_differs", position=line.position)


# --- views for people ----------------------------------------------------------------------------


def instant(microseconds: int) -> str:
    """Return an instant of the ledger in ISO 8601, in UTC."""
    digits = str(microseconds).zfill(7)
    return f"{_second(digits[:-6])}.{digits[-6:]}Z"


def _moment(told: str) -> str:
    """Return an instant for people."""
    return told.replace("T", " ").replace(".000000", "").replace("Z", " UTC")


@lru_cache(maxsize=65_536)
def _second(seconds: str) -> str:
    return (_EPOCH + timedelta(seconds=int(seconds))).isoformat()[:19]


class Report:
    """The rows of report.csv (RFC 4180), written as lines come; `take` returns what is written and forgets it."""

    def __init__(self, *, headed: bool = True) -> None:
        """Begin with the headings, or in the middle."""
        self._rows = [",".join(REPORT_COLUMNS) + "\r\n"] if headed else []

    def add(self, line: Line) -> None:
        """Write the row of an entry. What the form of a leaf allows in it needs no quotes."""
        position, _, recorded_at, seen, payload = line
        if payload is None:
            self.hold_back(position, recorded_at, seen)
            return
        acted_at, touchpoint = when_and_where(payload.event)
        told = _cell(payload.caller), acted_at, _cell(touchpoint)
        self.tell(position, recorded_at, seen, payload.customer, payload.version, told)

    def hold_back(self, position: int, recorded_at: int, seen: Shown) -> None:
        """Write the row of an entry of which only its leaf is shown."""
        self._rows.append(f"{position},{instant(recorded_at)},{_cells(seen)},,,,,\r\n")

    def tell(  # noqa: PLR0913 - the columns
        self, position: int, recorded_at: int, seen: Shown, customer: str, version: int, told: Glimpse
    ) -> None:
        """Write the row of an entry that is disclosed."""
        by, acted_at, touchpoint = told
        recorded = instant(recorded_at)
        acted = recorded if acted_at == recorded_at else instant(acted_at) if acted_at else ""
        whose = customer if customer != BRAND_REF else "brand"
        row = f"{position},{recorded},{_cells(seen)},{whose},{version},{by},{acted},{touchpoint}\r\n"
        self._rows.append(row)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        made = "".join(self._rows).encode()
        self._rows.clear()
        return made


def when_and_where(event: dict[str, Any]) -> tuple[int, Any]:
    """Return the instant at which somebody acted, 0 where none is told, and the touchpoint."""
    acted, touchpoint = _act_of(event)
    return _told_instant(acted), touchpoint


def _told_instant(told: Any) -> int:  # noqa: ANN401 - whatever the payload has there
    return told if type(told) is int and 0 < told < 2**53 else 0


def _act_of(event: dict[str, Any]) -> tuple[Any, Any]:
    evidence = event.get("evidence")
    if type(evidence) is dict:
        return evidence.get("act_time"), evidence.get("touchpoint", "")
    return event.get("act_time"), ""


def _cells(seen: Shown) -> str:
    few = len(seen.purposes) + len(seen.channels) <= _MAX_CODES_REMEMBERED
    return (_cells_before if few else _cells_of)(seen)


def _cells_of(seen: Shown) -> str:
    return f"{seen.type},{seen.status},{' '.join(seen.purposes)},{' '.join(seen.channels)},{seen.notice}"


_cells_before = lru_cache(maxsize=4096)(_cells_of)


def _cell(told: Any) -> str:  # noqa: ANN401 - whatever the payload has there
    return _quoted_cell(told) if type(told) is str else ""


@_remembered
def _quoted_cell(text: str) -> str:
    """Return a cell that is one cell, and that no spreadsheet takes for a formula."""
    unarmed = "'" + text if text[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"} else text
    return '"' + unarmed.replace('"', '""') + '"' if any(each in unarmed for each in ',"\r\n') else unarmed


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#111}"
    "article{border-left:4px solid #555;margin:1.5em 0;padding:.1em 1em;break-inside:avoid}"
    "dt{font-weight:600}dd{margin:0 0 .4em 0;overflow-wrap:anywhere;white-space:pre-wrap;unicode-bidi:isolate}"
    "blockquote{background:#f3f3f3;margin:.5em 0;padding:.6em 1em;white-space:pre-wrap;unicode-bidi:isolate}"
    "code{overflow-wrap:anywhere}"
)
_DATES = {"valid_from", "valid_until", "confirm_until", "paused_until", "not_before", "until"}
_CHOICES = {
    "activity",
    "basis",
    "declarant",
    "fact",
    "ground",
    "kind",
    "method",
    "mode",
    "outcome",
    "reason",
    "recorder",
}
_CHANNELS = {"channel", "channels", "preferred_channel"}


def timeline(ledger: str, customer: str, lines: list[Line], texts: Mapping[tuple[str, str], str]) -> bytes:
    """Return the page of one customer, oldest first, with the exact words shown; `texts` by notice and language."""
    return _page(f"Customer · client {customer}", ledger, customer, (_article(line, texts) for line in lines))


def _page(title: str, ledger: str, customer: str, articles: Iterable[str]) -> bytes:
    head = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n"
        f"<h1>Customer · client <code>{customer}</code></h1>\n"
        f"<p>Ledger · registre <code>{html.escape(ledger)}</code>. Instants in UTC · instants en UTC.</p>\n"
    )
    return (head + "".join(articles) + "</html>\n").encode()


def _article(line: Line, texts: Mapping[tuple[str, str], str]) -> str:
    place = f"Entry · écriture {line.position}, {_dated(line.recorded_at)}"
    parts = [f"<article>\n<h2>{_in_both(line.shown.type)}</h2>\n<p>{place}</p>\n"]
    if line.payload is None:
        parts.append(f"<p>{_in_both(line.shown.status)}</p>\n")
    else:
        event: dict[str, Any] = dict(line.payload.event)
        evidence = event.pop("evidence", None)
        event.pop("type")
        if isinstance(evidence, dict):
            event |= evidence
        event["caller"] = line.payload.caller
        parts.append(_sides(event) + "\n")
        text = texts.get((line.shown.notice, str(event.get("language", ""))))
        if text is not None:
            parts.append(f"<blockquote>{html.escape(text)}</blockquote>\n")
    return "".join(parts) + "</article>\n"


def _sides(told: dict[str, Any]) -> str:
    rows = (f"<dt>{_in_both(key)}</dt><dd>{_told(key, value)}</dd>" for key, value in told.items())
    return "<dl>\n" + "\n".join(rows) + "\n</dl>"


def _told(key: str, value: Any) -> str:  # noqa: ANN401 - whatever the payload has there
    """Return a side for people: what holds sides is told side by side, at whatever depth a payload may have."""
    match value:
        case dict():
            return _sides(value)
        case list():
            plain = not any(isinstance(each, dict | list) for each in value)
            return (", " if plain else "").join(_told(key, each) for each in value)
        case bool():
            return "yes · oui" if value else "no · non"
        case None:
            return "-"
        case int() if (key in _DATES or key.endswith("_time")) and 0 <= value < 2**53:
            return _dated(value)
        case str() if (key in _CHOICES and value.isupper()) or key in _CHANNELS:
            return _in_both(value.lower())
        case _:
            return html.escape(str(value))


def _in_both(code: str) -> str:
    """Return the words of a code in both languages; a code that has none as it is."""
    english, french = NAMES.get(code, (code, code))
    return html.escape(english if english == french else f"{english} · {french}")


def _dated(microseconds: int) -> str:
    """Return an instant for people, to the second."""
    return f"{instant(microseconds)[:19].replace('T', ' ')} UTC"


_FIRST_LABELS = {
    "act_time": "acted · acte",
    "activity": "activity · activité",
    "artefacts": "artefacts · pièces",
    "basis": "basis · fondement",
    "caller": "recorded by · enregistré par",
    "channel": "channel · canal",
    "channels": "channels · canaux",
    "confirm_until": "to be confirmed until · à confirmer avant",
    "contact_id": "contact · contact",
    "declarant": "declared by · déclarant",
    "fact": "fact · fait",
    "kind": "kind · nature",
    "language": "language · langue",
    "level": "level · niveau",
    "links": "recognised by · reconnu par",
    "method": "how it was expressed · expression",
    "notice": "notice · information",
    "outcome": "outcome · issue",
    "outcome_time": "reported for · rapporté pour",
    "permission": "rests on entry · repose sur l'écriture",
    "policy_version": "catalogue · catalogue",
    "positions": "rests on entries · repose sur les écritures",
    "purpose": "purpose · finalité",
    "purposes": "purposes · finalités",
    "recorder": "written down by · consigné par",
    "recorder_id": "till, agent or form · caisse, agent ou formulaire",
    "touchpoint": "touchpoint · point de contact",
    "uses": "uses · utilisations",
    "valid_from": "valid from · valable dès",
    "valid_until": "valid until · valable jusqu'au",
}
_FIRST_TIMES = {"act_time", "confirm_until", "outcome_time", "paused_until", "valid_from", "valid_until"}


def first_timeline(ledger: str, customer: str, lines: list[Line], texts: Mapping[tuple[str, str], str]) -> bytes:
    """Return the page as it was written at first: exports of then hold it for ever, and it says the same."""
    return _page(f"Customer {customer}", ledger, customer, (_first_article(line, texts) for line in lines))


def _first_article(line: Line, texts: Mapping[tuple[str, str], str]) -> str:
    place = f"Entry · écriture {line.position}, {instant(line.recorded_at)}"
    parts = [f"<article>\n<h2>{line.shown.type}</h2>\n<p>{place}</p>\n"]
    if line.payload is None:
        parts.append(f"<p>{line.shown.status}</p>\n")
    else:
        event: dict[str, Any] = dict(line.payload.event)
        evidence = event.pop("evidence", None)
        event.pop("type")
        if isinstance(evidence, dict):
            event |= evidence
        event["caller"] = line.payload.caller
        rows = [
            f"<dt>{html.escape(_FIRST_LABELS.get(key, key))}</dt><dd>{_first_told(key, event[key])}</dd>"
            for key in event
        ]
        parts.append("<dl>\n" + "\n".join(rows) + "\n</dl>\n")
        text = texts.get((line.shown.notice, str(event.get("language", ""))))
        if text is not None:
            parts.append(f"<blockquote>{html.escape(text)}</blockquote>\n")
    return "".join(parts) + "</article>\n"


def _first_told(key: str, value: Any) -> str:  # noqa: ANN401 - whatever the payload has there
    if key in _FIRST_TIMES and type(value) is int and 0 <= value < 2**53:
        return instant(value)
    if isinstance(value, str | int):
        return html.escape(str(value))
    if isinstance(value, list) and all(isinstance(each, str | int) for each in value):
        return html.escape(", ".join(map(str, value)))
    return html.escape(json.dumps(value, ensure_ascii=False, sort_keys=True))


def notice_file(code: str, language: str) -> str:
    """Return the member that holds a text; a colon would trouble who unpacks it, and no code has a tilde."""
    return f"notices/{code.replace(':', '~')}.{language}.txt"


def notices_of(policy: Line) -> dict[tuple[str, str], str]:
    """Return the texts of a catalogue that was applied, by notice and language."""
    try:
        applied = policy.payload.event["catalogue"]["notices"] if policy.payload else []
        return {(str(each["code"]), str(of["language"])): str(of["text"]) for each in applied for of in each["texts"]}
    except (KeyError, TypeError):
        raise TamperedError("malformed", file=f"entry {policy.position}", why="no catalogue") from None


# --- the whole -----------------------------------------------------------------------------------

_SHAPE = {
    "checkpoint": {"root": str, "size": int},
    "counts": {
        "by_channel": {str: int},
        "by_purpose": {str: int},
        "by_type": {str: int},
        "disclosed": int,
        "erased": int,
        "left_out": int,
        "listed": int,
        "outside": int,
        "redacted": int,
    },
    "files": {str: {"sha256": str, "size": int}},
    "format": str,
    "ledger": str,
    "redaction": str,
    "scope": {
        "channels": [str],
        "customer": str,
        "end": int,
        "first": int,
        "purposes": [str],
        "recorded_from": int,
        "recorded_until": int,
    },
}
_HELD_BACK = {"none": "asked_none", "personal": "asked_personal", "counts": "asked_counts"}
Progress = Callable[[int, int], None]


class Counts:
    """What the lines of an export add up to."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.alike: Counter[Shown] = Counter()
        """How many lines show the same, of those that are not added up yet."""
        self._status, self._types = Counter[str](), Counter[str]()
        self._purposes, self._channels = Counter[str](), Counter[str]()

    def add(self, line: Line) -> None:
        """Count a line."""
        self.alike[line.shown] += 1

    def add_up(self) -> None:
        """Forget which lines show the same."""
        for seen, count in self.alike.items():
            self._status[seen.status] += count
            if seen.status == "outside":
                continue
            self._types[seen.type] += count
            self._purposes.update(dict.fromkeys(seen.purposes, count))
            self._channels.update(dict.fromkeys(seen.channels, count))
        self.alike.clear()

    def listed(self) -> int:
        """Return how many lines there are."""
        return sum(self.alike.values()) + sum(self._status.values())

    def document(self, left_out: int) -> dict[str, Any]:
        """Return the counts as the manifest has them."""
        self.add_up()
        return {
            "by_channel": dict(self._channels),
            "by_purpose": dict(self._purposes),
            "by_type": dict(self._types),
            "left_out": left_out,
            "listed": self.listed(),
            **{name: self._status[name] for name in ("disclosed", "erased", "outside", "redacted")},
        }


class Chains:
    """The history of each customer met: which entry of theirs is the newest, and its leaf."""

    def __init__(self, *, from_the_first: bool, without_gaps: bool) -> None:
        """Say what is shown: histories from their beginning, and every entry of them."""
        self._from_the_first = from_the_first
        self._without_gaps = without_gaps
        self._newest: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        """Return how many customers were met, the brand itself left out."""
        return len(self._newest) - (bytes(16) in self._newest)

    def add(self, rows: "Iterable[Row]") -> None:
        """Take the next entries. Raises TamperedError where one does not continue the history of its customer."""
        newest = self._newest
        for position, hash_, disclosed, customer, version, previous in rows:
            if not disclosed:
                continue
            known = newest.get(customer)
            if known is None:
                good = version == 1 or not self._from_the_first
            elif self._without_gaps:
                good = known == previous + (version - 1).to_bytes(4, "big")
            else:
                good = version > int.from_bytes(known[32:], "big")
            if not good:
                raise TamperedError("chain_broken", position=position)
            newest[customer] = hash_ + version.to_bytes(4, "big")


# --- lines, read by one process or by several ----------------------------------------------------

_ROW = Struct(">Q32s?16sI32s")
Row = tuple[int, bytes, bool, bytes, int, bytes]
"""Of a line its position, its leaf hash, whether it is disclosed, and its Link then."""
_MAX_VERSION = 2**32 - 1
_MAX_PROCESSES = 4
"""Each takes some thirty mebibytes, and one has to put together what the others have read."""
_PATIENCE_SECONDS = 0.0005
"""How long the threads that carry pieces to and fro wait for the one that reads: the others are idle meanwhile."""
_WORTH_SHARING_BYTES = 32 * 1024 * 1024
Link = tuple[bytes, int, bytes]
"""Whose entry it is, which of theirs, and the hash of the leaf before it; empty for the first."""
_NOTHING_DISCLOSED = False, b"", 0, b""


class Scope(NamedTuple):
    """What lines an export may show: all it takes to read some of them apart from the others."""

    ledger: str
    redaction: str
    first: int
    end: int
    purposes: list[str]
    channels: list[str]
    recorded_from: int
    recorded_until: int
    receipts: bool
    seams: tuple[Seam, ...] = ()

    def guard(self) -> Callable[[int, int, Shown], int]:
        """Return what says of position, instant and codes of a line on which side of the period it is.

        That is before it (-1), within it (0) or after it (1). It raises TamperedError for a line not asked for.
        """
        _, _, first, end, purposes, channels, recorded_from, recorded_until, _, _ = self
        until, filtered = recorded_until or 2**63, bool(purposes or channels)

        def side_of(position: int, recorded_at: int, seen: Shown) -> int:
            side = 0 if recorded_from <= recorded_at < until else -1 if recorded_at < recorded_from else 1
            good = first <= position < end and (seen.status == "outside") == (side != 0)
            if not good or (filtered and not side and not selects(purposes, channels, seen)):
                raise TamperedError("entry_unasked", position=position)
            return side

        return side_of

    def plainly_shows(self, positions: list[int], times: list[int], shows: Collection[Shown]) -> bool:
        """Say whether lines, in their order, were asked for.

        It is not said of those at the ends of a period, nor of those before the ledger was last recovered.
        """
        kept = {"disclosed", "erased"} if self.redaction == "none" else {"disclosed", "erased", "redacted"}
        filtered = self.purposes or self.channels
        return (
            self.redaction != "counts"
            and self.first <= positions[0]
            and positions[-1] < self.end
            and self.recorded_from <= times[0]
            and (not self.recorded_until or times[-1] < self.recorded_until)
            and (not self.seams or positions[0] > self.seams[-1].first)
            and all(each.status in kept and each.type not in _SEAMED for each in shows)
            and not (filtered and not all(selects(self.purposes, self.channels, each) for each in shows))
        )


class Piece(NamedTuple):
    """What some lines of a range say, up to the one that has a fault, if one has.

    `rows` holds a Row of each line; `sides` every side of the period that was met; `said` names what
    there must be receipts of, if any.
    """

    rows: bytes
    first_time: int
    last_time: int
    sides: set[int]
    report: Extract
    said: tuple[bytes, int]
    counts: Counts
    notices: set[str]
    fault: Said | None


def read_piece(raw: bytes, scope: Scope) -> Piece:
    """Return what whole lines say, each by itself and in their order. Never raises."""
    return _read_at_once(raw, scope) or _read_one_by_one(raw, scope)


def _read_at_once(raw: bytes, scope: Scope) -> Piece | None:
    """Return what lines say, each part of all of them at once; None where one may have a fault, or is of a rare kind.

    Then they are read one by one. Of each the same is asked here, in less than two thirds of the time.
    """
    found = _LINES.findall(raw)
    if len(found) != raw.count(b"\n") + 1:
        return None
    # (1) Each was asked for, is at its place, and opens what it committed to.
    leaves, _, channels, ledgers, notices, pcs, owns, purposes, recorded, types, *parts, ats, openings, statuses = zip(
        *found, strict=True
    )
    payloads, callers, customers, events, previous, numbers = parts
    alike = [*zip(statuses, types, purposes, channels, notices, strict=True)]
    shows = {each: shown(*each) for each in set(alike)}
    told, seen = [status == b"disclosed" for status in statuses], [shows[each] for each in alike]
    positions, times, versions = [*map(int, ats)], [*map(int, recorded)], [int(each or b"0") for each in numbers]
    good = (
        owns == ats
        and ledgers.count(scope.ledger.encode()) == len(found)
        and told == [*map(bool, payloads)] == [*map(bool, openings)] == [version > 0 for version in versions]
        and [version < 2 for version in versions] == [not before for before in previous]
        and max(versions) <= _MAX_VERSION
        and all(map(lt, positions, positions[1:]))
        and all(map(lt, times, times[1:]))
        and scope.plainly_shows(positions, times, shows.values())
        and _committed(openings, payloads) == [binascii.a2b_base64(each) for each in compress(pcs, told)]
    )
    if not good:
        return None
    # (2) What each tells is strict JSON, and what its leaf shows.
    try:
        by = {caller: _quoted_cell(_text(caller)).encode() for caller in set(callers)}
        glimpses = _glimpse_events(events, seen)
    except (ValueError, RecursionError, LookupError):
        return None
    # (3) So much for the report, the tree, the chains, the receipts and the counts.
    hashes, instants = [leaf_hash(leaf) for leaf in leaves], [instant(time).encode() for time in times]
    acted = [
        same if act == at else instant(int(act)).encode() if _told_instant(int(act)) else b""
        for (act, _), at, same in zip(glimpses, recorded, instants, strict=True)
    ]
    whose = [customer if customer != _BRAND else b"brand" for customer in customers]
    cells = {each: _cells(of).encode() for each, of in shows.items()}
    columns = ats, instants, map(cells.__getitem__, alike), whose, numbers, map(by.__getitem__, callers), acted
    lines = zip(*columns, (touchpoint for _, touchpoint in glimpses), strict=True)
    report = b"".join([b",".join(line) + b"\r\n" for line in lines])
    links = map(binascii.a2b_hex, customers), versions, map(binascii.a2b_hex, previous)
    rows = b"".join(map(_ROW.pack, positions, hashes, told, *links))
    said = [scope.receipts and status and of.type in SAID for status, of in zip(told, seen, strict=True)]
    names = [
        _receipt_name(scope.ledger, position, time, hash_, customer.decode())
        for position, time, hash_, customer in compress(zip(positions, times, hashes, customers, strict=True), said)
    ]
    named, counts = ("".join(names).encode(), len(names)), Counts()
    counts.alike.update(seen)
    codes = {of.notice for of in shows.values() if of.notice}
    return Piece(rows, times[0], times[-1], {0}, extract(report), named, counts, codes, None)


def _committed(openings: tuple[bytes, ...], payloads: tuple[bytes, ...]) -> list[bytes]:
    opened = zip(map(binascii.a2b_base64, openings), payloads, strict=True)
    return [commitment(opening, payload) for opening, payload in opened if payload]


def _read_one_by_one(raw: bytes, scope: Scope) -> Piece:
    rows: list[bytes] = []
    alike: list[Shown] = []
    report, counts, sides, notices = Report(headed=False), Counts(), set[int](), set[str]()
    fault, said, first_time, last_time, side_of = None, list[str](), 0, 0, scope.guard()
    try:
        for line in _in_order(raw.split(b"\n"), scope):
            position, leaf, recorded_at, seen, parts = line
            side, hash_ = side_of(position, recorded_at, seen), sha256(b"\x00" + leaf).digest()
            if seen.notice and side == 0:
                notices.add(seen.notice)
            if parts is None:
                link: tuple[bool, bytes, int, bytes] = _NOTHING_DISCLOSED
                report.hold_back(position, recorded_at, seen)
            else:
                told = glimpse_payload(parts, position, seen)
                customer, version = parts[1].decode(), int(parts[4])
                link = (True, *_link(position, customer, version, parts[3]))
                report.tell(position, recorded_at, seen, customer, version, told)
                if scope.receipts and seen.type in SAID:
                    said.append(_receipt_name(scope.ledger, position, recorded_at, hash_, customer))
            rows.append(_ROW.pack(position, hash_, *link))
            first_time, last_time = first_time or recorded_at, recorded_at
            sides.add(side)
            alike.append(seen)
    except TamperedError as error:
        fault = error.name, error.told
    counts.alike.update(alike)
    named = "".join(said).encode(), len(said)
    made = extract(report.take())
    return Piece(b"".join(rows), first_time, last_time, sides, made, named, counts, notices, fault)


def _in_order(lines: Iterable[bytes], scope: Scope) -> Iterator[Opened]:
    """Yield lines; positions and times only go up, and what may be shown is what was asked for."""
    last_position, last_time, ledger = -1, 0, scope.ledger.encode()
    counted_only, personal = scope.redaction == "counts", scope.redaction != "none"
    for raw in lines:
        line = open_line(raw, ledger)
        position, _, recorded_at, seen, _ = line
        if scope.seams or seen.type in _SEAMED:
            check_seam(line, scope.seams)
        if position <= last_position:
            raise TamperedError("entry_repeated", position=position)
        if recorded_at <= last_time:
            raise TamperedError("time_reversed", position=position)
        last_position, last_time = position, recorded_at
        if counted_only or (seen.status == "redacted") > personal:
            raise TamperedError("entry_unasked", position=position)
        yield line


def _receipt_name(ledger: str, position: int, recorded_at: int, hash_: bytes, customer: str) -> str:
    """Return what ties a receipt to an entry that is disclosed: its name, instant, leaf and customer."""
    name, created = f"urn:accord:receipt:{ledger}:{position}", instant(recorded_at)
    return f"{name}\n{created}\nurn:accord:leaf:{hash_.hex()}\nurn:accord:customer:{customer}\n"


def _receipt_told(raw: bytes) -> str:
    """Return what a receipt says that it is of, as `_receipt_name` has it. Raises TamperedError."""
    found = read_json(raw, "receipts.jsonld")
    try:
        record = found["dpv:hasRecordOfActivity"]
        told = found["@id"], found["dct:created"], record["dct:source"], record["dpv:hasDataSubject"]["@id"]
        return "".join(f"{each}\n" for each in told)
    except (KeyError, TypeError):
        raise TamperedError("malformed", file="receipts.jsonld", why="a line is no receipt") from None


def _link(position: int, customer: bytes | str, version: int, previous: bytes | str) -> Link:
    """Return the link of an entry that is disclosed. Raises TamperedError."""
    if not 0 < version <= _MAX_VERSION or (version == 1) != (not previous):
        raise TamperedError("chain_broken", position=position)
    return binascii.a2b_hex(customer), version, binascii.a2b_hex(previous)


def _read_by_several(pieces: Iterator[bytes], scope: Scope, processes: int) -> Iterator[Piece]:
    """Yield what pieces say, in order, read by this process and by others.

    Whatever they cannot do is done here, so that nothing depends on them but the time it takes. No more
    pieces are on their way than keep them busy; a piece that comes when they are is read here.
    """
    others, most = processes - 1, 8 * processes * _PIECE_BYTES
    try:
        # Started anew, since a program with threads must not be copied; a Ctrl-C is for this process alone.
        pool = ProcessPoolExecutor(others, get_context("spawn"), signal, (SIGINT, SIG_IGN))
    except (OSError, ImportError, NotImplementedError):
        yield from (read_piece(raw, scope) for raw in pieces)
        return
    waiting: deque[tuple[bytes, Future[Piece]]] = deque()
    patience = sys.getswitchinterval()
    sys.setswitchinterval(_PATIENCE_SECONDS)
    try:
        for raw in pieces:
            busy = sum(not future.done() for _, future in waiting) >= 4 * others
            waiting.append((raw, _read_here(raw, scope) if busy else _asked(pool, raw, scope)))
            while waiting and (waiting[0][1].done() or sum(len(each) for each, _ in waiting) > most):
                yield _answered(*waiting.popleft(), scope)
        while waiting:
            yield _answered(*waiting.popleft(), scope)
    finally:
        sys.setswitchinterval(patience)
        pool.shutdown(cancel_futures=True)


def _asked(pool: ProcessPoolExecutor, raw: bytes, scope: Scope) -> Future[Piece]:
    try:
        return pool.submit(read_piece, raw, scope)
    except (OSError, RuntimeError):  # a pool that broke, or that cannot start anybody
        return _read_here(raw, scope)


def _read_here(raw: bytes, scope: Scope) -> Future[Piece]:
    read = Future[Piece]()
    read.set_result(read_piece(raw, scope))
    return read


def _answered(raw: bytes, future: Future[Piece], scope: Scope) -> Piece:
    try:
        return future.result()
    except Exception:  # noqa: BLE001 - whatever befell another process, the piece is read here
        return read_piece(raw, scope)


class _Examination:
    """One look at one export, step by step."""

    def __init__(
        self, bundle: Bundle, keys: list[TrustedKey], pin: Key, progress: Progress | None, processes: int
    ) -> None:
        signed = [each for each in keys if _bears(bundle, each.key)]
        self.keys = keys
        self.signer = signed[-1] if signed else TrustedKey(pin)
        self.key = self.signer.key
        self._processes = processes
        self.progress = progress or (lambda *_: None)
        self.conclusion = Conclusion()
        self._bundle = bundle
        self.notices: set[str] = set()
        self.shown: list[Line] = []
        self.earlier_root: bytes | None = None
        self._said, self._receipts = sha256(), 0

    def run(self, previous: Checkpoint | None) -> None:
        # (1) The manifest is signed, and names every file there is.
        self.manifest, self.files = self._read_manifest()
        self.files.check_small()
        self.most_notices = len(self.files.named("notices/"))
        # (2) The checkpoint is signed, and the one the manifest names.
        self.checkpoint = self._read_checkpoint()
        if previous is not None and previous.size > self.checkpoint.size and not self.recovered_since(previous):
            raise TamperedError("rollback", previous=previous.size, size=self.checkpoint.size)
        # (3) Every entry shown stands in the tree, where it says, and opens what it committed to.
        wanted = previous.size if previous else -1
        if self.scope["customer"]:
            self._read_customer()
        else:
            self._read_window(wanted)
        # (4) Texts and views say what the entries say; whatever else there is was signed as it is.
        self._read_texts()
        if self.asked.receipts:
            self._read_receipts()
        self._read_others()
        # (5) The ledger extends the checkpoint that was known before.
        if previous is not None:
            self._compare(previous)
        self._tell_asked()
        self._conclude(asked=previous is not None)

    def _read_manifest(self) -> tuple[dict[str, Any], _Members]:
        sizes = self._bundle.sizes()
        for name in ("manifest.note", "manifest.json"):
            if name not in sizes:
                raise TamperedError("file_missing", file=name)
            if sizes[name] > MAX_SMALL_BYTES:
                raise TamperedError("malformed", file=name, why="too large")
        raw = _read_all(self._bundle, "manifest.json", MAX_SMALL_BYTES)
        note = _read_all(self._bundle, "manifest.note", MAX_NOTE_BYTES)
        lines = note.split(b"\n")
        if len(lines) > 1 and lines[0].decode("ascii", "replace") in _FORMATS and lines[1] != self.key.name.encode():
            raise TamperedError("foreign_origin", found=lines[1].decode("utf-8", "replace"), pinned=self.key.name)
        body = read_note(note, self.key, "manifest.note")
        if not body.startswith("accord-export/"):
            raise TamperedError("malformed", file="manifest.note", why="no statement of an export")
        form = body.split("\n")[0]
        if form not in _FORMATS:
            raise UndecidableError("format_unknown", found=form, known=", ".join(_FORMATS))
        if body != statement(self.key.name, raw, form):
            raise TamperedError("file_differs", file="manifest.json")
        if note.count(_DASH.encode()) != 1:
            raise TamperedError("malformed", file="manifest.note", why="more than one signature")
        found = _read_document(raw, "manifest.json", _SHAPE)
        if found["format"] != form or found["ledger"] != self.key.name:
            raise TamperedError("malformed", file="manifest.json", why="it names another format or ledger")
        self._check_names(sizes, found["files"], form, found["scope"]["customer"])
        return found, _Members(self._bundle, found["files"])

    @staticmethod
    def _check_names(sizes: dict[str, int], files: dict[str, dict[str, Any]], form: str, customer: str) -> None:
        if ("receipts.jsonld" in files) != (form == FORMAT_WITH_RECEIPTS):
            raise TamperedError("malformed", file="manifest.json", why="its form does not fit its files")
        for name in sorted(files.keys() | _ALWAYS):
            if name not in sizes or name not in files:
                raise TamperedError("file_missing", file=name)
            if not _MEMBER.fullmatch(name) or name.startswith("manifest"):
                raise TamperedError("file_unexpected", file=name)
            if sizes[name] != files[name]["size"]:
                raise TamperedError("file_differs", file=name)
            if sizes[name] > (MAX_SMALL_BYTES if customer or name not in _LARGE else sys.maxsize):
                raise TamperedError("malformed", file=name, why="too large")
        for name in sorted(sizes.keys() - files.keys() - {"manifest.json", "manifest.note"}):
            raise TamperedError("file_unexpected", file=name)

    def _read_checkpoint(self) -> Checkpoint:
        found = read_checkpoint(self.files.small("checkpoint"), self.key)
        _require_within(found, self.signer, "checkpoint")
        told = self.manifest["checkpoint"]
        if (found.size, base64.b64encode(found.root).decode()) != (told["size"], told["root"]):
            raise TamperedError("checkpoint_differs")
        self.scope = self.manifest["scope"]
        first, end, redaction = self.scope["first"], self.scope["end"], self.manifest["redaction"]
        narrowed = any(self.scope[side] for side in ("purposes", "channels", "recorded_from", "recorded_until"))
        good = first <= end <= found.size and redaction in ("none", "personal", "counts")
        if self.scope["customer"]:
            good = good and (first, end) == (0, found.size) and redaction == "none" and not narrowed
            good = good and bool(_REF.fullmatch(self.scope["customer"]))
        if not good:
            raise TamperedError("malformed", file="manifest.json", why="a scope that cannot be")
        self.filtered = bool(self.scope["purposes"] or self.scope["channels"])
        self.counted_only = redaction == "counts"
        limits = {side: self.scope[side] for side in Scope._fields if side in self.scope}
        receipts = "receipts.jsonld" in self.files
        self.handovers = self._read_recoveries()
        seams = tuple(Seam(each.kept.size, each.first, each.note) for each in self.handovers)
        self.asked = Scope(
            ledger=ledger_of(self.key.name), redaction=redaction, receipts=receipts, seams=seams, **limits
        )
        return found

    def _read_recoveries(self) -> list[Handover]:
        """Return the handovers, up to the key that signed, by which the ledger was recovered."""
        notes = read_handovers(self.files.small("keys.json"))
        if ledger_of(self.key.name) == self.key.name:
            return []
        found = [read_handover(note) for note in notes]
        if not found or read_key(found[-1].after) != self.key or ledger_of(found[0].name) != found[0].name:
            raise TamperedError("seam_missing", found=self.key.name)
        if any(told.after != after.before for told, after in pairwise(found)):
            raise TamperedError("malformed", file="keys.json", why="handovers that do not follow each other")
        return [told for told in found if told.recovers]

    def _pieces(self) -> Iterator[Piece]:
        """Yield what the lines of a range say, piece by piece; positions and times only go up."""
        pieces = self.files.pieces("entries.jsonl")
        last_position, last_time = -1, 0
        if self._processes > 1 and self.files.size("entries.jsonl") >= _WORTH_SHARING_BYTES:
            read = _read_by_several(pieces, self.asked, self._processes)
        else:
            read = (read_piece(raw, self.asked) for raw in pieces)
        for piece in read:
            if piece.rows:
                position = int.from_bytes(piece.rows[:8], "big")
                if position <= last_position:
                    raise TamperedError("entry_repeated", position=position)
                if piece.first_time <= last_time:
                    raise TamperedError("time_reversed", position=position)
                last_position, last_time = int.from_bytes(piece.rows[-_ROW.size :][:8], "big"), piece.last_time
            yield piece
            if piece.fault is not None:
                name, told = piece.fault
                raise TamperedError(name, **told)

    # One range of positions, whole or filtered: the root is made anew.

    def _read_window(self, wanted: int) -> None:  # noqa: C901 - one walk, in the order of the entries
        first, end, size = self.scope["first"], self.scope["end"], self.checkpoint.size
        edge = self._grown_until(first)
        hashes = self._hashes(end - first)
        whole = hashes is None
        chains = Chains(from_the_first=not first and whole and not self.scope["recorded_from"], without_gaps=whole)
        counts, sides, report = Counts(), set[int](), _Comparison(self.files.blocks("report.csv"))
        report.meet(extract(Report().take()))
        self.earlier_root = edge.root() if wanted == edge.size else None

        def grow(leaves: list[bytes]) -> None:
            until = wanted - edge.size
            if 0 < until <= len(leaves):
                edge.extend(leaves[:until])
                self.earlier_root = edge.root()
                leaves = leaves[until:]
            edge.extend(leaves)

        def grow_to(position: int) -> None:
            while edge.size < position:
                if hashes is None:
                    raise TamperedError("entry_missing", position=edge.size)
                grow(list(islice(hashes, min(position - edge.size, _LEAVES_AT_ONCE))))

        for piece in self._pieces():
            rows = list(_ROW.iter_unpack(piece.rows))
            if hashes is None:
                for position, row in enumerate(rows, edge.size):
                    if row[0] != position:
                        raise TamperedError("entry_missing", position=position)
                grow([row[1] for row in rows])
            else:
                for position, hash_, *_ in rows:
                    grow_to(position)
                    if next(hashes) != hash_:
                        raise TamperedError("leaf_differs", position=position)
                    grow([hash_])
            chains.add(rows)
            sides |= piece.sides
            self._count(piece, counts)
            report.meet(piece.report)
            self._note_said(*piece.said)
            self.progress(edge.size - first, end - first)
        grow_to(end)
        if hashes is not None and next(hashes, None) is not None:
            raise TamperedError("malformed", file="leaves.bin", why="too many hashes")
        self._grow_after(edge)
        if wanted == edge.size == size:
            self.earlier_root = edge.root()
        if edge.root() != self.checkpoint.root:
            raise TamperedError("root_differs")
        self._check_period(sides)
        self._check_counts(counts, end - first)
        if not report.holds():
            raise TamperedError("report_differs", file="report.csv")
        self._prove_window(chains)

    def _count(self, piece: Piece, counts: Counts) -> None:
        """Add up what a piece shows; codes beyond those of the manifest are refused before they fill the memory."""
        counts.alike.update(piece.counts.alike)
        self.notices |= piece.notices
        if len(self.notices) > self.most_notices:
            raise TamperedError("file_missing", file="notices/")
        if len(counts.alike) > _MAX_ALIKE:
            told, found = self.manifest["counts"], counts.document(0)
            if any(len(found[by]) > len(told[by]) for by in ("by_channel", "by_purpose", "by_type")):
                raise TamperedError("counts_differ")

    def _check_period(self, sides: set[int]) -> None:
        """Refuse a period whose neighbours do not show that no entry of it is missing at its ends."""
        scope = self.asked
        open_before = scope.recorded_from and scope.first > 0 and -1 not in sides
        open_after = scope.recorded_until and scope.end < self.checkpoint.size and 1 not in sides
        if not self.counted_only and (open_before or open_after):
            raise TamperedError("period_open")

    def _grown_until(self, first: int) -> Edge:
        edge = Edge()
        self._after: list[bytes] = []
        if "edges.json" in self.files:
            shape = {"after": [str], "before": [str]}
            told = _read_document(self.files.small("edges.json"), "edges.json", shape)
            try:
                before, self._after = ([_hash(each) for each in told[side]] for side in ("before", "after"))
            except ValueError:
                raise TamperedError("malformed", file="edges.json", why="a hash") from None
        else:
            before = []
        levels = list(levels_between(0, first))
        if len(levels) != len(before):
            raise TamperedError("malformed", file="edges.json", why="another number of hashes")
        for (level, _), node in zip(levels, before, strict=True):
            edge.add(node, level)
        return edge

    def _grow_after(self, edge: Edge) -> None:
        levels = list(levels_between(edge.size, self.checkpoint.size))
        if len(levels) != len(self._after):
            raise TamperedError("malformed", file="edges.json", why="another number of hashes")
        for (level, _), node in zip(levels, self._after, strict=True):
            edge.add(node, level)

    def _hashes(self, count: int) -> Iterator[bytes] | None:
        """Return the hashes of all leaves of the range where some are shown by them only; None where none is."""
        if "leaves.bin" not in self.files:
            if self.filtered or self.counted_only:
                raise TamperedError("file_missing", file="leaves.bin")
            return None
        if not (self.filtered or self.counted_only):
            raise TamperedError("file_unexpected", file="leaves.bin")
        if self._bundle.sizes()["leaves.bin"] != 32 * count:
            raise TamperedError("malformed", file="leaves.bin", why="another number of hashes")
        return self._split(self.files.blocks("leaves.bin"))

    @staticmethod
    def _split(blocks: Iterator[bytes]) -> Iterator[bytes]:
        rest = b""
        for block in blocks:
            joined = rest + block
            whole = len(joined) - len(joined) % 32
            for at in range(0, whole, 32):
                yield joined[at : at + 32]
            rest = joined[whole:]

    def _check_counts(self, counts: Counts, width: int) -> None:
        told = self.manifest["counts"]
        if self.counted_only:
            good = told["listed"] == 0 and sum(told["by_type"].values()) <= width == told["left_out"]
        else:
            good = told == counts.document(width - counts.listed())
        if not good:
            raise TamperedError("counts_differ")

    def _prove_window(self, chains: Chains) -> None:
        first, end, size = self.scope["first"], self.scope["end"], self.checkpoint.size
        proven, told = self.conclusion.proven, self.manifest["counts"]
        if (first, end) == (0, size):
            proven.append(("whole", {"size": size}))
        elif first < end:
            proven.append(("window", {"first": first, "last": end - 1, "size": size}))
        if not self.counted_only and (self.asked.recorded_from or self.asked.recorded_until):
            proven.append(("period", {}))
        if told["disclosed"]:
            proven.append(("opened", {"disclosed": told["disclosed"]}))
        if len(chains) and not self.filtered and self.manifest["redaction"] == "none":
            proven.append(("chains", {"customers": len(chains)}))

    # One customer: each entry by its proof, and the history by its chain.

    def _read_customer(self) -> None:
        customer, counts, report = self.scope["customer"], Counts(), Report()
        chains = Chains(from_the_first=True, without_gaps=True)
        newest, items = b"", 0
        for opened in _in_order(self.files.lines("entries.jsonl"), self.asked):
            items += _items(opened.leaf.decode()) + (_items(opened.parts[2].decode("latin-1")) if opened.parts else 0)
            if items > 4 * MAX_JSON_ITEMS:
                raise TamperedError("malformed", file="entries.jsonl", why="too large")
            line, newest = whole_line(opened), leaf_hash(opened.leaf)
            position, payload = line.position, line.payload
            self._check_proof(position, newest)
            if line.shown.status == "outside":
                raise TamperedError("entry_unasked", position=position)
            if payload is not None:
                if payload.customer != customer:
                    raise TamperedError("other_customer", position=position)
                link = _link(position, customer, payload.version, payload.previous)
                chains.add([(position, newest, True, *link)])
            counts.add(line)
            report.add(line)
            self._show(line, newest)
        if self.manifest["counts"] != counts.document(0):
            raise TamperedError("counts_differ")
        written = _Comparison(self.files.blocks("report.csv"))
        written.meet(extract(report.take()))
        if not written.holds():
            raise TamperedError("report_differs", file="report.csv")
        self._check_head(customer, newest)
        proven, told = self.conclusion.proven, self.manifest["counts"]
        proven.append(("included", {"listed": told["listed"], "size": self.checkpoint.size}))
        if told["disclosed"]:
            proven.append(("opened", {"disclosed": told["disclosed"]}))
        if not told["erased"]:
            proven.append(("history", {"customer": customer, "version": told["listed"]}))

    def _show(self, line: Line, hash_: bytes) -> None:
        self.shown.append(line)
        if line.shown.notice:
            self.notices.add(line.shown.notice)
        if self.asked.receipts and line.payload is not None and line.shown.type in SAID:
            name = _receipt_name(self.asked.ledger, line.position, line.recorded_at, hash_, line.payload.customer)
            self._note_said(name.encode(), 1)

    def _check_head(self, customer: str, newest: bytes) -> None:
        notes = _read_document(self.files.small("heads.json"), "heads.json", {"heads": [str]})["heads"]
        if len(notes) != 1:
            raise TamperedError("malformed", file="heads.json", why="not one head")
        body = read_note(notes[0].encode(), self.key, "heads.json")
        version = len(self.shown)
        if body == head_statement(self.key.name, self.checkpoint.size, customer, version, newest):
            return
        lines = body.split("\n")
        if lines[:4] != [HEAD_FORMAT, self.key.name, str(self.checkpoint.size), customer] or len(lines) != 7:
            raise TamperedError("malformed", file="heads.json", why="a head of something else")
        raise TamperedError("history_cut", found=version, version=lines[4])

    def _check_proof(self, position: int, hash_: bytes) -> None:
        file = f"proofs/{position}.tlog-proof"
        text, note = self.files.small(file), self.files.small("checkpoint")
        lines = text.removesuffix(b"\n" + note).split(b"\n")
        if not text.endswith(b"\n\n" + note) or lines[0] != PROOF_FORMAT.encode() or lines[-1] != b"" or len(lines) < 3:
            raise TamperedError("proof_misplaced", position=position, found="?")
        if lines[1] != b"index %d" % position:
            raise TamperedError("proof_misplaced", position=position, found=lines[1][6:].decode("ascii", "replace"))
        try:
            path = [_hash(line.decode("ascii")) for line in lines[2:-1]]
        except ValueError:
            raise TamperedError("malformed", file=file, why="a hash") from None
        if root_by_proof(hash_, position, self.checkpoint.size, path) != self.checkpoint.root:
            raise TamperedError("proof_false", position=position)

    # Texts, views, and the rest.

    def _read_texts(self) -> None:  # noqa: C901 - each kind of text against what it comes from
        policies = self.files.named("policies/")
        texts, length = dict[tuple[str, str], str](), 0
        proven = {f"proofs/{line.position}.tlog-proof" for line in self.shown}
        for name in policies:
            raw = self.files.small(name)
            line = read_line(raw.removesuffix(b"\n"), self.asked.ledger, name)
            version = line.payload.event.get("version") if line.payload else None
            if not raw.endswith(b"\n") or line.shown.type != "CatalogueApplied" or name != f"policies/{version}.json":
                raise TamperedError("malformed", file=name, why="no catalogue of this version")
            self._check_proof(line.position, leaf_hash(line.leaf))
            proven.add(f"proofs/{line.position}.tlog-proof")
            named = {of: text for of, text in notices_of(line).items() if of[0] in self.notices}
            length += sum(len(text) - len(texts.get(of, "")) for of, text in named.items())
            texts |= named
            if length > MAX_SMALL_BYTES:
                raise TamperedError("malformed", file=name, why="too large")
        for name in self.files.named("proofs/"):
            if name not in proven:
                raise TamperedError("file_unexpected", file=name)
        wanted = {notice_file(code, of): text for (code, of), text in texts.items()}
        for name in sorted(wanted.keys() | set(self.files.named("notices/"))):
            if name not in wanted or self.files.small(name) != wanted[name].encode():
                raise TamperedError("notice_differs", file=name)
        for code in sorted(self.notices - {code for code, _ in texts}):
            raise TamperedError("file_missing", file=f"notices/{code}")
        if policies:
            self.conclusion.proven.append(("texts", {"notices": len(wanted), "policies": len(policies)}))
        self.conclusion.proven.append(("report", {}))
        if not self.scope["customer"]:
            return
        pages = (make(self.key.name, self.scope["customer"], self.shown, texts) for make in (timeline, first_timeline))
        if self.files.small("timeline.html") not in pages:
            raise TamperedError("report_differs", file="timeline.html")
        self.conclusion.proven.append(("timeline", {}))

    def _note_said(self, names: bytes, count: int) -> None:
        self._said.update(names)
        self._receipts += count

    def _read_receipts(self) -> None:
        """Compare receipts.jsonld, a document with a line for each receipt, with what was said: all of it, in order."""
        file, told = "receipts.jsonld", sha256()
        lines = self.files.lines(file)
        if next(lines, b"") != RECEIPTS_HEAD:
            raise TamperedError("malformed", file=file, why="no document of receipts")
        for following in range(self._receipts - 1, -1, -1):
            line = next(lines, b"")
            if line.endswith(b",") != bool(following):
                raise TamperedError("receipts_differ", file=file)
            told.update(_receipt_told(line.removesuffix(b",")).encode())
        if next(lines, b"") != b"]}" or told.digest() != self._said.digest():
            raise TamperedError("receipts_differ", file=file)
        if next(lines, None) is not None:
            raise TamperedError("malformed", file=file, why="something follows its end")
        self.conclusion.proven.append(("receipts", {"receipts": self._receipts}))
        self.conclusion.unproven.append(("receipt_words", {}))

    def _read_others(self) -> None:
        """Read what nothing above has read to its end: it must be as it was signed."""
        customer_only = {"heads.json", "timeline.html"}
        for name in ("README.txt", "keys.json", "verify.py", "report.parquet", *sorted(customer_only)):
            if name in customer_only and name in self.files and not self.scope["customer"]:
                raise TamperedError("file_unexpected", file=name)
            if name in self.files:
                for _ in self.files.blocks(name):
                    pass
        if self.scope["customer"] and ("leaves.bin" in self.files or "edges.json" in self.files):
            raise TamperedError("file_unexpected", file="leaves.bin or edges.json")

    def _compare(self, previous: Checkpoint) -> None:
        size = self.checkpoint.size
        root = self.checkpoint.root if previous.size == size else self.earlier_root
        if previous.size == 0:
            root = _EMPTY_ROOT
        if root != previous.root and self.recovered_since(previous):
            undecided = "previous_lost"
        elif root is None:
            undecided = "previous_elsewhere"
        elif root != previous.root:
            raise TamperedError("fork", previous=previous.size)
        else:
            self.conclusion.proven.append(("extends", {"previous": previous.size}))
            return
        self.conclusion.decide_no_more((undecided, {"previous": previous.size}))
        self.conclusion.unproven.append(("unextended", {"previous": previous.size}))

    def recovered_since(self, previous: Checkpoint) -> bool:
        """Say whether a checkpoint is of an earlier incarnation."""
        return any(told.name == previous.origin for told in self.handovers)

    def _tell_asked(self) -> None:
        """Tell what was asked for, and how much of it there is."""
        scope, told, size = self.scope, self.manifest["counts"], self.checkpoint.size
        redaction = self.manifest["redaction"]
        limits = {side: instant(scope[side]) if scope[side] else "" for side in ("recorded_from", "recorded_until")}
        start, end = map(_moment, limits.values())
        entries = sum(told["by_type"].values())
        said: list[Said] = [("asked_ledger", {"ledger": self.key.name, "size": size})]
        if scope["customer"]:
            said.append(("asked_customer", {"customer": scope["customer"]}))
        elif start or end:
            name = "asked_period" if start and end else "asked_from" if start else "asked_until"
            said.append((name, {"start": start, "end": end}))
        elif scope["first"] == scope["end"]:
            said.append(("asked_nothing", {}))
        elif (scope["first"], scope["end"]) == (0, size):
            said.append(("asked_whole", {}))
        else:
            said.append(("asked_range", {"first": scope["first"], "last": scope["end"] - 1}))
        filters = (("asked_purposes", "purposes"), ("asked_channels", "channels"))
        said += [(name, {by: scope[by]}) for name, by in filters if scope[by]]
        said.append((_HELD_BACK[redaction], {"entries": entries}))
        if told["outside"]:
            said.append(("asked_outside", {"outside": told["outside"]}))
        self.conclusion.asked = said
        self.conclusion.scope = {**scope, **limits, "redaction": redaction, "checkpoint_size": size, "entries": entries}

    def _conclude(self, *, asked: bool) -> None:
        said, told = self.conclusion, self.manifest["counts"]
        said.proven.insert(0, ("signed", {"ledger": self.key.name}))
        if self.signer.handovers:
            said.proven.insert(1, ("followed", {"handovers": self.signer.handovers}))
            said.unproven.append(("key_safe", {}))
        said.unproven += [("truth", {}), ("clock", {}), ("later", {"size": self.checkpoint.size})]
        if not asked:
            said.unproven.append(("one_view", {}))
        if self.scope["customer"]:
            said.unproven.append(("last", {}))
        if self.counted_only:
            said.unproven.append(("counted", {}))
            if self.scope["recorded_from"] or self.scope["recorded_until"]:
                said.unproven.append(("counted_period", {}))
            filters = (("counted_purposes", "purposes"), ("counted_channels", "channels"))
            said.unproven += [(name, {by: self.scope[by]}) for name, by in filters if self.scope[by]]
        elif told["left_out"]:
            said.unproven.append(("left_out", {"left_out": told["left_out"]}))
        for seam in self.asked.seams:
            lost = seam.first - seam.kept
            said.proven.append(("recovered", {"first": seam.first, "lost": lost}))
            said.unproven.append(("lost", {"lost": lost}))
        said.unproven += [(name, {name: told[name]}) for name in ("redacted", "erased") if told[name]]
        if "report.parquet" in self.files:
            said.unproven.append(("parquet", {}))
        said.counts = {"size": self.checkpoint.size, **told}


def _read_all(bundle: Bundle, name: str, most: int) -> bytes:
    """Return a member of which no size was signed. Raises TamperedError where it is too large."""
    content = bundle.open(name).read(most + 1)
    if len(content) > most:
        raise TamperedError("malformed", file=name, why="too large")
    return content


def _bears(bundle: Bundle, key: Key) -> bool:
    """Say whether the manifest claims to be signed by a key; whether it is, is seen later."""
    if bundle.sizes().get("manifest.note", MAX_NOTE_BYTES + 1) > MAX_NOTE_BYTES:
        return False
    start = f"{_DASH} {key.name} {base64.b64encode(key.identity).decode()[:5]}".encode()
    return start in bundle.open("manifest.note").read(MAX_NOTE_BYTES)


def _require_within(found: Checkpoint, by: TrustedKey, file: str) -> None:
    if by.until is not None and found.size > by.until:
        raise TamperedError("key_ended", file=file, size=found.size, until=by.until)


def _keys_of(bundle: Bundle, pin: str, handovers: list[str]) -> list[TrustedKey]:
    """Return the keys that follow from the pinned one by the handovers given, else by those of the export."""
    found = trusted_keys(pin, handovers)
    size = bundle.sizes().get("keys.json", 0)
    if len(found) > 1 or not 0 < size <= _BLOCK_BYTES:
        return found
    try:
        return trusted_keys(pin, read_handovers(bundle.open("keys.json").read(_BLOCK_BYTES)))
    except TamperedError:
        if _bears(bundle, found[0].key):
            return found  # the manifest is signed by the pinned key, and says what is wrong
        raise


def _read_previous(raw: bytes, keys: list[TrustedKey]) -> Checkpoint | None:
    """Return an earlier checkpoint that one of the keys signed; None where none did."""
    for each in reversed(keys):
        try:
            found = read_checkpoint(raw, each.key, "the earlier checkpoint")
            _require_within(found, each, "the earlier checkpoint")
        except TamperedError:
            continue
        return found
    return None


def _hash(text: str) -> bytes:
    found = _base64(text)
    if len(found) != 32:
        raise ValueError("a hash has 32 bytes")
    return found


def statement(ledger: str, manifest: bytes, form: str = FORMAT) -> str:
    """Return what the ledger signs of an export: the body of manifest.note."""
    return f"{form}\n{ledger}\nsha256 {sha256(manifest).hexdigest()}\n"


def head_statement(ledger: str, size: int, customer: str, version: int, newest: bytes) -> str:
    """Return what the ledger signs of the end of a customer's history."""
    return f"{HEAD_FORMAT}\n{ledger}\n{size}\n{customer}\n{version}\n{base64.b64encode(newest).decode()}\n"


def proof_text(position: int, path: list[bytes], checkpoint: str) -> str:
    """Return an inclusion proof in the form of C2SP tlog-proof."""
    hashes = "".join(f"{base64.b64encode(part).decode()}\n" for part in path)
    return f"{PROOF_FORMAT}\nindex {position}\n{hashes}\n{checkpoint}"


def verify(  # noqa: PLR0913 - what is verified, by what, and how
    bundle: Bundle,
    pin: str,
    previous: bytes | None = None,
    progress: Progress | None = None,
    processes: int = 1,
    handovers: bytes | None = None,
) -> Conclusion:
    """Return what an export proves to who keeps the key `pin`, and perhaps an earlier checkpoint. Never raises.

    `handovers` is a later keys.json, for an export that was signed before the key that is pinned. Of a large one
    `processes` read the lines, and the conclusion is the same however many they are.
    """
    try:
        key = read_key(pin)
        keys = _keys_of(bundle, pin, read_handovers(handovers) if handovers else [])
        examination = _Examination(bundle, keys, key, progress, processes)
        earlier = None if previous is None else _read_previous(previous, examination.keys)
        examination.run(earlier)
        if previous is not None and earlier is None:
            examination.conclusion.decide_no_more(("previous_unusable", {}))
    except NotValidError as error:
        return refused(error)
    except RecursionError:
        return refused(TamperedError("malformed", file="the file", why="too deep"))
    except MemoryError:
        return refused(UndecidableError("unreadable", why="it takes more memory than there is"))
    return examination.conclusion


def refused(error: NotValidError) -> Conclusion:
    """Return why an export is not valid."""
    return Conclusion(error.exit_code, error.name, [(error.name, error.told)])


def verify_file(  # noqa: PLR0913 - the same
    path: str,
    pin: str,
    previous: str | None = None,
    progress: Progress | None = None,
    processes: int = 0,
    handovers: str | None = None,
) -> Conclusion:
    """Return what the export in a file proves; `previous` and `handovers` are files too. Never raises.

    `previous` may be an earlier export: the checkpoint in it counts, which is signed by itself.
    With `processes` 0 as many read as there are processors, but not more than four.
    """
    several = processes or min(cpu_count(), _MAX_PROCESSES)
    try:
        earlier = None if previous is None else _earlier(previous)
        later = None if handovers is None else _small_file(handovers, _BLOCK_BYTES)
        with open(path, "rb") as file:  # noqa: PTH123 - a path as it was written
            return verify(ZipBundle(file), pin, earlier, progress, several, later)
    except OSError as error:
        return refused(UndecidableError("unreadable", why=_unread(error)))
    except NotValidError as error:
        return refused(error)


def _unread(error: OSError) -> str:
    """Return why a file cannot be read, in words that have their French: a system speaks its own language."""
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case PermissionError():
            return "it may not be read"
        case IsADirectoryError():
            return "it is a directory"
        case _:
            return "the system cannot read it"


def _earlier(path: str) -> bytes:
    """Return a checkpoint that was kept, or the one of an export that was kept; nothing where there is none."""
    found = _small_file(path, MAX_NOTE_BYTES)
    if not found.startswith(b"PK"):
        return found
    with open(path, "rb") as file:  # noqa: PTH123 - a path as it was written
        try:
            bundle = ZipBundle(file)
            return bundle.open("checkpoint").read(MAX_NOTE_BYTES + 1) if "checkpoint" in bundle.sizes() else b""
        except NotValidError:
            return b""


def _small_file(path: str, size: int) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a path as it was written
        return file.read(size + 1)


def main() -> int:
    """Verify the export that the command line names, print the conclusion, return the exit code."""
    parser = argparse.ArgumentParser(description="Say what an audit export of Accord proves. Needs no network.")
    parser.add_argument("file", help="the export")
    parser.add_argument("--pin", required=True, help="the verifier key you were given, by another way than the export")
    parser.add_argument("--previous", help="a file with a checkpoint you kept from before, or an earlier export")
    parser.add_argument("--handovers", help="a later keys.json, for an export from before the key you were given")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="the language of the answer")
    parser.add_argument(
        "--processes",
        type=int,
        default=0,
        help="how many processes read a large export (0: one for each processor, at most 4)",
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    asked = parser.parse_args()
    found = verify_file(asked.file, asked.pin, asked.previous, None, asked.processes, asked.handovers)
    told = json.dumps(found.document(asked.lang), ensure_ascii=False, indent=2) + "\n"
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr] # French, on terminals that think otherwise
    sys.stdout.write(told if asked.json else found.text(asked.lang))
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
