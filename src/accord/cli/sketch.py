"""`accord import --sketch`: a mapping to begin with, from the columns of a file. It guesses, and says so."""

from pathlib import Path

import msgspec

from accord.cli.mapping import FileForm, RowError
from accord.cli.rows import FileError, Table

_GUESSES = {
    "customer_id": ("customer_id", "customerid", "client_id", "id", "crm_id"),
    "email": ("email", "e-mail", "mail", "courriel", "email_address"),
    "phone": ("phone", "mobile", "tel", "telephone", "phone_number", "portable"),
    "language": ("language", "lang", "langue", "locale"),
    "act_time": ("act_time", "optin_date", "opt_in_date", "consent_date", "date", "created_at", "timestamp"),
    "opt_in": ("opt_in", "optin", "consent", "newsletter", "subscribed", "permission"),
}


def sketch(file: Path) -> str:
    """Return a mapping in TOML for the columns of a file. Raises FileError."""
    form = FileForm(delimiter=_delimiter(file)) if file.suffix.lower() == ".csv" else FileForm()
    table = Table(file, form)
    columns = table.columns() or _of_first_row(table)
    found = {name: _guess(columns, names) for name, names in _GUESSES.items()}
    lines = [
        f"# A sketch for the columns: {', '.join(columns)}. Look at every line; what is guessed may be wrong.",
        'partner = "who-handed-it-over"',
        *(["", "[file]", f"delimiter = {_quoted(form.delimiter)}"] if form.delimiter != "," else []),
        "",
        "[customer]",
        *(f"{name} = {_quoted(found[name])}" for name in ("customer_id", "email", "phone") if found[name]),
        *(['phone_country = "FR"'] if found["phone"] else []),
    ]
    opt_in = found["opt_in"] or "the column that says yes or no"
    time = found["act_time"] or "the column that says when the customer acted"
    language = f"{{ column = {_quoted(found['language'])} }}" if found["language"] else '"fr"'
    point = next((name for name in ("email", "phone") if found[name]), "")
    common = [
        'touchpoint = "a touchpoint of the catalogue"',
        *([f"contact_point = {_quoted(point)}"] if point else []),
        f'act_time = {{ column = {_quoted(time)}, time_zone = "Europe/Paris" }}',
    ]
    for says, texts in (("permission", '["1", "yes", "true"]'), ("refusal", '["0", "no", "false"]')):
        lines += ["", "[[records]]", f"says = {_quoted(says)}", f"when = {{ {_quoted(opt_in)} = {texts} }}"]
        lines += [*common, 'method = "ticked_box"']
        lines += [f"language = {language}"] if says == "permission" else []
    return "\n".join(lines)


def _of_first_row(table: Table) -> tuple[str, ...]:
    for row in table.rows():
        if not isinstance(row, RowError):
            return tuple(row)
    raise FileError("the file has no row that can be read")


def _delimiter(file: Path) -> str:
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        heading = lines.readline()
    return max(",;\t|", key=heading.count)


def _guess(columns: tuple[str, ...], names: tuple[str, ...]) -> str:
    by_name = {column.casefold().strip().replace(" ", "_"): column for column in columns}
    return next((by_name[name] for name in names if name in by_name), "")


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
