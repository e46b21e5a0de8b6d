"""A document of headed sections, told twice from the same values: as lines on a terminal, as a page to print.

Whatever callers, customers and catalogues chose is text, never markup: everything is escaped in one place,
and the page runs no script and loads nothing.
"""

import os
from collections.abc import Iterable
from html import escape
from pathlib import Path

import click
from msgspec import Struct

from accord.cli import tell

_STYLE = (
    "body{font:15px/1.5 Georgia,serif;max-width:50em;margin:2em auto;padding:0 1em;color:#111}"
    "h1{font-size:1.5em}h2{font-size:1.15em;margin:1.6em 0 .4em;border-bottom:1px solid #999}"
    "table{border-collapse:collapse;width:100%;font-size:.87em}th,td{text-align:left;vertical-align:top;"
    "padding:.2em .8em .2em 0;border-bottom:1px solid #ddd;overflow-wrap:anywhere}"
    "th{font-weight:normal;color:#555;white-space:nowrap}"
    "blockquote{margin:.5em 0;padding:.5em 1em;border-left:4px solid #888;white-space:pre-wrap}"
    "@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


class Section(Struct, frozen=True):
    """A heading, and under it sentences, sides with labels, words quoted exactly, and a table."""

    heading: str
    sentences: tuple[str, ...] = ()
    sides: tuple[tuple[str, str], ...] = ()
    quotes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


class Document(Struct, frozen=True):
    """A title, the language it is written in, and its sections."""

    title: str
    language: str
    sections: tuple[Section, ...]


def show(document: Document) -> None:
    """Print a document."""
    click.secho(tell.printable(document.title), bold=True)
    for section in document.sections:
        click.secho(f"\n{tell.printable(section.heading)}", bold=True)
        for sentence in section.sentences:
            click.echo(f"  {tell.printable(sentence)}")
        width = max((len(label) for label, text in section.sides if text), default=0)
        for label, text in section.sides:
            if text:
                click.echo(f"  {label:<{width}}  {tell.printable(text)}")
        for quote in section.quotes:
            for line in quote.splitlines():
                click.echo(f"  | {tell.printable(line)}")
        if section.columns:
            tell.table(section.columns, section.rows)


def as_html(document: Document) -> str:
    """Return a document as one page that stands by itself."""
    body = "".join(_section(section) for section in document.sections)
    title = escape(document.title)
    return (
        f'<!doctype html>\n<html lang="{escape(document.language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    )


def write(path: Path, text: str) -> None:
    """Write a file that only its owner reads: it may tell of a person."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    click.echo(f"written: {path}", err=True)


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.heading)}</h2>\n"]
    parts += [f"<p>{escape(sentence)}</p>\n" for sentence in section.sentences]
    sides = [(label, text) for label, text in section.sides if text]
    if sides:
        parts.append(_table(f"<tr><th>{escape(label)}</th><td>{escape(text)}</td></tr>" for label, text in sides))
    parts += [f"<blockquote>{escape(quote)}</blockquote>\n" for quote in section.quotes]
    if section.columns:
        head = f"<tr>{''.join(f'<th>{escape(each)}</th>' for each in section.columns)}</tr>"
        rows = (f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in section.rows)
        parts.append(_table([head, *rows]))
    return "".join(parts)


def _table(rows: Iterable[str]) -> str:
    return "<table>\n" + "\n".join(rows) + "\n</table>\n"
