"""What stands in deploy/, read: the Dockerfile as instructions, everything else as YAML."""

import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
IMAGE = "accord"
"""The name of our own image, with any tag."""


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, its lines joined."""

    word: str
    rest: str


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage of our Dockerfile, each beginning with its FROM."""
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
    joined = re.sub(r"\\\n\s*", "", "\n".join(line for line in lines if not line.lstrip().startswith("#")))
    found: list[list[Instruction]] = []
    for line in filter(None, joined.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append(Instruction(word, rest))
    return found


def said(stage: list[Instruction], word: str) -> list[str]:
    """Return what follows a word, each time it is said."""
    return [each.rest for each in stage if each.word == word]


def variables(stage: list[Instruction]) -> dict[str, str]:
    """Return the variables a stage sets."""
    return dict(pair.split("=", 1) for rest in said(stage, "ENV") for pair in shlex.split(rest))  # type: ignore[misc]


def command(text: str) -> list[str]:
    """Return a command in exec form, whatever options stand before it."""
    words: list[str] = json.loads(text[text.index("[") :])
    return words


def load(path: str) -> Any:
    """Return the one document of a file in deploy/."""
    return yaml.safe_load((DEPLOY / path).read_text("utf-8"))


def resources() -> dict[str, Any]:
    """Return every manifest for Kubernetes that a kustomization lists, by its path below deploy/kubernetes."""
    found = {}
    for kustomization in sorted((DEPLOY / "kubernetes").rglob("kustomization.yaml")):
        for name in yaml.safe_load(kustomization.read_text("utf-8"))["resources"]:
            path = kustomization.parent / name
            found[str(path.relative_to(DEPLOY / "kubernetes"))] = yaml.safe_load(path.read_text("utf-8"))
    return found


def pods() -> dict[str, Any]:
    """Return the pod's specification of every manifest that has one."""
    found = resources().items()
    return {path: each["spec"]["template"]["spec"] for path, each in found if "template" in each.get("spec", {})}
