"""Where the secrets in force come from, for whoever operates an installation; never what they are."""

import re
from collections.abc import Mapping
from pathlib import Path

from accord.ledger.lookup import FIRST_EPOCH

_LATER_PEPPER = re.compile(r"ACCORD_PEPPER_[0-9]+")


def sources(folder: Path, environment: Mapping[str, str], files: Mapping[str, str]) -> dict[str, str]:
    """Return, by the variable that would tell each secret, where it is taken from; the epoch of the KEK as it stands.

    `folder` is that of the secrets, which nothing is made in. `files` are the files that variables were read from, by
    variable. Empty: there is none.
    """

    def told(name: str) -> str:
        if not environment.get(name):
            return ""
        return f"file {files[name]}, by {name}_FILE" if name in files else "environment"

    def kept(prefix: str) -> tuple[int, str]:
        numbers = [path.name.removeprefix(prefix) for path in folder.glob(f"{prefix}*")]
        epoch = max([int(number) for number in numbers if number.isascii() and number.isdigit()] or [FIRST_EPOCH])
        path = folder / f"{prefix}{epoch}"
        return epoch, f"data folder: {path}" + ("" if path.exists() else ", made when it is needed")

    epoch, kek = kept("kek-")
    if told("ACCORD_KEK"):
        keks = {"ACCORD_KEK": told("ACCORD_KEK"), "ACCORD_KEK_EPOCH": environment.get("ACCORD_KEK_EPOCH") or "1"}
        keks["ACCORD_KEK_NEXT"] = told("ACCORD_KEK_NEXT")
    else:
        keks = {"ACCORD_KEK": kek, "ACCORD_KEK_EPOCH": str(epoch), "ACCORD_KEK_NEXT": ""}
    peppers = {"ACCORD_PEPPER": told("ACCORD_PEPPER") or kept("pepper-")[1]}
    if told("ACCORD_PEPPER"):
        peppers |= {name: told(name) for name in sorted(environment) if _LATER_PEPPER.fullmatch(name) and told(name)}
    suppression = told("ACCORD_SUPPRESSION_PEPPER") or kept("suppression-pepper-")[1]
    return keks | peppers | {"ACCORD_SUPPRESSION_PEPPER": suppression}
