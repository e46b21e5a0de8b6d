"""Makes src/accord/v1 from protos/, always the same; with --check only says whether it is up to date."""

import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STUBS = ROOT / "src" / "accord" / "v1"


def make(into: Path) -> None:
    """Write every stub under `into`, as the package accord.v1."""
    protos = sorted(str(path.relative_to(ROOT / "protos")) for path in (ROOT / "protos").rglob("*.proto"))
    plugins = Path(sys.executable).parent
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            "-I.",
            f"--python_out={into}",
            f"--grpc_python_out={into}",
            f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
            f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
            f"--mypy_out=quiet:{into}",
            f"--mypy_grpc_out=quiet:{into}",
            *protos,
        ],
        cwd=ROOT / "protos",
        check=True,
    )
    made = into / "accord" / "v1"
    for path in made.glob("*_pb2_grpc.py*"):
        # Files that declare no service have nothing to serve.
        if "_service_pb2_grpc" not in path.name:
            path.unlink()
    (made / "__init__.py").write_text('"""Generated from protos/accord/v1 by `make proto`."""\n')


def main() -> int:
    """Make the stubs, or compare; return an exit code."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        made = Path(folder) / "accord" / "v1"
        names = sorted(path.name for path in made.iterdir())
        if "--check" in sys.argv:
            kept = sorted(path.name for path in STUBS.iterdir() if path.is_file())
            _, differing, missing = filecmp.cmpfiles(made, STUBS, names, shallow=False)
            stale = [*differing, *missing, *(set(kept) - set(names))]
            if stale:
                sys.stdout.write(f"run `make proto`: not up to date: {', '.join(sorted(stale))}\n")
            return 1 if stale else 0
        shutil.rmtree(STUBS, ignore_errors=True)
        shutil.copytree(made, STUBS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
