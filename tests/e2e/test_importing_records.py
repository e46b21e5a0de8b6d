"""`accord import`: killed in the middle and started again, a file adds what it would have without a fault."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.databases import Databases, Kind
from support.importing import Cost, content, end_import, make_file, measured, start_import
from support.serving import Server, Site, wait_for

ROWS = 2500
MILLION = int(os.environ.get("ACCORD_IMPORT_ROWS", "1000000"))
LONG_SECONDS = 3600
MOST_KIB = 500 * 1024


def serve(site: Site) -> Server:
    server = site.start()
    site.apply_catalogue(server)
    return server


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_file(tmp_path_factory.mktemp("partner"), ROWS)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, file: tuple[Path, Path]) -> Iterator[tuple[Site, bytes]]:
    """A site on which the file was rehearsed, then imported without a fault; and what the rehearsal told."""
    with Site(tmp_path_factory.mktemp("undisturbed")) as site:
        server = serve(site)
        rehearsed = end_import(start_import(site, server, *file, "--dry-run", "--output", str(site.data / "dry.csv")))
        assert content(site)[0] == 1, "a rehearsal appends nothing"
        end_import(start_import(site, server, *file, "--output", str(site.data / "real.csv")))
        server.stop()
        yield site, rehearsed


def verdicts(path: Path) -> list[str]:
    """Return the lines of an output without positions, in order of rows."""
    lines = [line.split(",") for line in path.read_text("utf-8").splitlines()[1:]]
    lines.sort(key=lambda line: (int(line[0]), int(line[1])))
    return [",".join(line[:3] + line[4:]) for line in lines]


def test_a_rehearsal_tells_of_each_row_what_the_import_does(undisturbed: tuple[Site, bytes]) -> None:
    site, rehearsed = undisturbed
    dry, real = verdicts(site.data / "dry.csv"), verdicts(site.data / "real.csv")
    assert dry == real
    assert len(real) == ROWS
    counts = json.loads(rehearsed)["verdicts"]
    assert counts["imported"] > ROWS // 2
    assert min(counts["refusal_recorded"], counts["invalid"]) > 0


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_killed_in_the_middle_and_started_again_it_gives_the_same_ledger(
    kind: Kind, databases: Databases, tmp_path: Path, file: tuple[Path, Path], undisturbed: tuple[Site, bytes]
) -> None:
    output = tmp_path / "out.csv"
    with Site.fresh(kind, databases, tmp_path) as site:
        server = serve(site)
        _kill_in_the_middle(site, server, file, output, victim="client")
        _kill_in_the_middle(site, server, file, output, victim="server")
        server = site.start(server.address)
        end_import(start_import(site, server, *file, "--output", str(output)))
        server.stop()
        assert content(site) == content(undisturbed[0])
        assert verdicts(output) == verdicts(undisturbed[0].data / "real.csv")
        assert site.audit().faults == ()


def _kill_in_the_middle(
    site: Site, server: Server, file: tuple[Path, Path], output: Path, victim: str, records: int = 1
) -> None:
    """Kill a side of an import once so many more records were answered."""
    before = _answered(output)
    started = start_import(site, server, *file, "--output", str(output))
    wait_for(lambda: _answered(output) >= before + records, "records that are answered", LONG_SECONDS)
    if victim == "server":
        server.kill()
    else:
        started.send_signal(signal.SIGKILL)
    started.communicate()
    # An import that came to its end takes this away.
    assert output.with_name(f"{output.name}.progress").exists()


def _answered(output: Path) -> int:
    """Return how many records an import noted as answered."""
    noted = output.with_name(f"{output.name}.progress")
    return int(json.loads(noted.read_bytes())["items"]) if noted.exists() else 0


@pytest.mark.long
@pytest.mark.timeout(2 * LONG_SECONDS)
def test_a_million_rows_give_the_same_ledger_on_both_databases_whoever_is_killed_meanwhile(
    databases: Databases, tmp_path: Path
) -> None:
    """SQLite imports them undisturbed; PostgreSQL loses the client after a third and the server after two."""
    file = make_file(tmp_path, MILLION)
    with Site(tmp_path) as site:
        server = serve(site)
        _tell("sqlite", MILLION, measured(site, server, *file, LONG_SECONDS))
        server.stop()
        whole = content(site)
    (tmp_path / "again").mkdir()
    with Site.fresh("postgres", databases, tmp_path / "again") as site:
        server = serve(site)
        output = file[0].with_name(f"{file[0].name}.verdicts.csv")
        output.unlink()
        _kill_in_the_middle(site, server, file, output, "client", MILLION // 3)
        _kill_in_the_middle(site, server, file, output, "server", MILLION // 3)
        server = site.start(server.address)
        left = MILLION - _answered(output)
        _tell("postgres", left, measured(site, server, *file, LONG_SECONDS))
        server.stop()
        assert content(site) == whole


def _tell(kind: str, records: int, cost: Cost) -> None:
    print(f"{kind}: {records} records, {records / cost.wall_seconds:.0f}/s, {cost}")  # noqa: T201 - read by people
    assert max(cost.client_peak_kib, cost.server_peak_kib) < MOST_KIB
