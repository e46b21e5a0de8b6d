"""The table: each figure, its floor, their ratio, and what must be true of it."""

import os
import platform
import sqlite3
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any

import grpc
from msgspec import Struct
from rich.table import Table

from tests.bench.measure import (
    ANSWERS,
    DATABASES,
    ECHO,
    FEW,
    MANY,
    POSTGRES,
    QUESTIONS,
    RECORDS,
    SQLITE,
    VERDICTS,
    Measured,
)

_BYTES_PER_CUSTOMER, _BYTES_PER_ENTRY = 500, 600
_ECHO_OF_TARGET_US = 80
"""What a bare echo cost on the machine that the targets in calls per second were set on."""


class Row(Struct, frozen=True, kw_only=True):
    """One line. `value` is what is judged against `must`: a ratio where there is a floor. `must` None: told only."""

    quantity: str
    value: float
    unit: str = ""
    measured: str = ""
    floor: str = ""
    must: float | None = None
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        """Say whether it is as it must be."""
        if self.must is None:
            return None
        return self.value <= self.must if self.at_most else self.value >= self.must


def rows(it: Measured) -> list[Row]:
    """Return every line."""
    return [*_checks(it), *_batch_checks(it), *_writes(it), *_storage(it)]


def table(lines: list[Row]) -> Table:
    """Return the lines as they are printed."""
    made = Table(title="Each figure beside its floor, medians of one run", title_justify="left")
    for title in ("quantity", "floor", "measured", "value", "must", ""):
        made.add_column(title, justify="left" if title == "quantity" else "right", no_wrap=True)
    for line in lines:
        sign = "" if line.must is None else f"{'≤' if line.at_most else '≥'} {line.must:g} {line.unit}".rstrip()
        mark = {None: "", True: "[green]ok[/]", False: "[bold red]MISSED[/]"}[line.met]
        made.add_row(line.quantity, line.floor, line.measured, f"{line.value:,.4g} {line.unit}".rstrip(), sign, mark)
    return made


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "grpcio": grpc.__version__,
        "protobuf": metadata.version("protobuf"),
        "sqlite": sqlite3.sqlite_version,
        "psycopg": metadata.version("psycopg"),
        "sqlalchemy": metadata.version("sqlalchemy"),
    }


def figures(it: Measured, lines: list[Row]) -> dict[str, Any]:
    """Return everything for a program to read."""
    return {
        "machine": machine(),
        "rows": [{**{name: getattr(line, name) for name in line.__struct_fields__}, "met": line.met} for line in lines],
        "samples": {f"{act} {where}": samples for (act, where), samples in it.samples.items()},
        "floors": it.floors,
        "load_entries_per_second": it.load_rates,
        "memory_bytes": it.memory_bytes,
        "reasons": it.verdicts,
    }


def _checks(it: Measured) -> list[Row]:
    made = []
    at_many, at_few = f"check@{MANY}", f"check@{FEW}"
    floor = it.median(at_many, ECHO, "cpu_us")
    for where, must in ((SQLITE, 0.55), (POSTGRES, 0.40)):
        cpu, backend = it.median(at_many, where, "cpu_us"), it.median(at_many, where, "backend_us")
        told = _micro(cpu) + (f" + {backend:.0f}" if where == POSTGRES else "")
        made.append(
            Row(
                quantity=f"Check, {where}: CPU, echo ÷ it",
                floor=_micro(floor),
                measured=told,
                value=1 / it.against(at_many, where, "cpu_us", it.echoes(at_many)),
                must=must,
            )
        )
    floor = it.median(at_few, ECHO, "cpu_us")
    for where in DATABASES:
        cpu = it.median(at_few, where, "cpu_us")
        made.append(
            Row(
                quantity=f"  the same at {FEW} concurrent, {where}",
                floor=_micro(floor),
                measured=_micro(cpu),
                value=1 / it.against(at_few, where, "cpu_us", it.echoes(at_few)),
            )
        )
    for where in DATABASES:
        # The target was set where a bare echo cost 80 µs: here every call costs what this machine makes of it.
        rate = 1e6 / _ECHO_OF_TARGET_US / it.against(at_many, where, "cpu_us", it.echoes(at_many))
        must = 6000.0 if where == SQLITE else None
        wall = f"{1e6 / it.median(at_many, where, 'cpu_us'):,.0f}/s here"
        quantity = f"Check per core, were an echo {_ECHO_OF_TARGET_US} µs, {where}"
        made.append(Row(quantity=quantity, measured=wall, value=rate, unit="/s", must=must))
    for where in (ECHO, *DATABASES):
        p99 = it.median(at_few, where, "p99_ms")
        made.append(
            Row(
                quantity=f"Check p99 at {FEW} concurrent, {where}",
                floor=f"{it.median(at_few, ECHO, 'p99_ms'):.2f} ms",
                measured=f"p50 {it.median(at_few, where, 'p50_ms'):.2f} ms",
                value=p99,
                unit="ms",
                must=None if where == ECHO else 5.0,
                at_most=True,
            )
        )
    return made


def _batch_checks(it: Measured) -> list[Row]:
    made = []
    for where, (act, must) in product(DATABASES, ((VERDICTS, 20.0), (ANSWERS, None))):
        unary, each = it.median(f"check@{MANY}", where, "cpu_us"), it.median(act, where, "cpu_us")
        made.append(
            Row(
                quantity=f"BatchCheck of {QUESTIONS}, {act} ({where}): CPU, Check ÷ question",
                floor=_micro(unary),
                measured=_micro(each),
                value=unary / each,
                must=must,
            )
        )
    return made


def _writes(it: Measured) -> list[Row]:
    made = []
    names = {
        "grant": (f"Grant at {MANY} concurrent", 0.5),
        "authorize": (f"AuthorizeContact at {MANY} concurrent", 0.5),
        "batch_record": (f"BatchRecord of {RECORDS} at {FEW} concurrent", 1.5),
        "first_grant": (f"  Grant by new customers at {MANY}", None),
    }
    echo = it.median(f"check@{MANY}", ECHO, "cpu_us")
    for where, floor_name in ((SQLITE, "one insert per commit"), (POSTGRES, "TPC-B")):
        floor = it.floor(where)
        made.append(Row(quantity=f"{floor_name}, {where}", value=floor, unit="/s"))
        for act, (name, must) in names.items():
            rate, cpu = it.median(act, where, "rate"), it.median(act, where, "cpu_us")
            made.append(
                Row(
                    quantity=f"{name}, {where}, ÷ floor",
                    floor=f"{floor:,.0f}/s",
                    measured=f"{rate:,.0f}/s, {_micro(cpu)}, {cpu / echo:.1f} echoes",
                    value=it.against(act, where, "rate", it.floors[where]),
                    must=must,
                )
            )
    return made


def _storage(it: Measured) -> list[Row]:
    if it.storage is None:
        return []
    found = it.storage
    payload = f"payload {found.payloads / found.entries:.0f} B"
    made = [
        Row(
            quantity="SQLite, for each customer",
            measured=f"state {found.states / found.customers:.0f} B",
            value=found.per_customer,
            unit="B",
            must=_BYTES_PER_CUSTOMER,
            at_most=True,
        ),
        Row(
            quantity="SQLite, for each entry beyond its payload",
            measured=payload,
            value=found.per_entry,
            unit="B",
            must=_BYTES_PER_ENTRY,
            at_most=True,
        ),
    ]
    made += [
        Row(quantity=f"  {name}, for each customer", value=found.each(found.customers, name), unit="B")
        for name in ("customer", "identity", "point")
    ]
    made += [
        Row(quantity=f"  {name}, for each entry", value=found.each(found.entries, name), unit="B")
        for name in ("entry", "request")
    ]
    for where in DATABASES:
        made.append(Row(quantity=f"Memory of the process, {where}", value=it.memory_bytes[where] / 1e6, unit="MB"))
        made.append(Row(quantity=f"Loading in process, {where}", value=it.load_rates[where], unit="entries/s"))
    return made


def _micro(value: float) -> str:
    return f"{value:,.1f} µs"
