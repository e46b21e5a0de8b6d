"""One word for each concept: the glossary is complete enough to be used, and its synonyms are not."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for path in (ROOT / "src" / "accord").rglob("*.py") if "v1" not in path.parts]
PROTOS = sorted((ROOT / "protos").rglob("*.proto"))

INSTEAD = {
    "consent": "permission",
    "tenant": "brand",
    "subscriber": "customer",
    "user": "customer or caller",
    "revoke": "withdraw",
    "revocation": "withdrawal",
    "optout": "refusal",
    "blacklist": "registry",
    "whitelist": "permission",
    "timestamptz": "instant",
    "util": "the name of what it does",
    "utils": "the name of what it does",
    "helper": "the name of what it does",
    "manager": "the name of what it does",
}


def _rows() -> list[str]:
    lines = (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
    return [line.split("|")[1].strip() for line in lines if line.startswith("| ") and "meaning" not in line]


def _identifiers(path: Path) -> set[str]:
    found = {path.stem}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.add(name)
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case _:
                pass
    return found


def _words(identifier: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)}


def test_the_glossary_lists_each_word_once_in_order() -> None:
    words = [word.lower() for word in _rows()]
    assert len(words) > 60
    assert words == sorted(set(words))


def test_every_word_of_the_glossary_is_used() -> None:
    text = " ".join(path.read_text("utf-8") for path in [*SOURCES, *PROTOS]).lower()
    assert [word for word in _rows() if word.lower() not in text and word.lower().replace(" ", "_") not in text] == []


def test_no_identifier_uses_a_second_word_for_a_concept() -> None:
    wrong = {
        f"{path.relative_to(ROOT)}: {identifier}: say {INSTEAD[word]}"
        for path in SOURCES
        for identifier in _identifiers(path)
        for word in _words(identifier) & INSTEAD.keys()
    }
    assert wrong == set()


def test_no_message_or_field_uses_a_second_word_for_a_concept() -> None:
    declared = re.compile(r"^\s*(?:message|enum|service|rpc|optional|repeated)?\s*([A-Za-z_]+)", re.MULTILINE)
    wrong = {
        f"{path.name}: {name}"
        for path in PROTOS
        for name in declared.findall(re.sub(r"//.*", "", path.read_text("utf-8")))
        if _words(name) & INSTEAD.keys()
    }
    assert wrong == set()
