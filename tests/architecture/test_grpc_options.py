"""grpc ignores an option it does not know without a word, so each one we set must stand in grpc itself."""

import re
from pathlib import Path

from grpc._cython import cygrpc

ROOT = Path(__file__).resolve().parents[2]


def test_grpc_knows_every_option_that_is_set() -> None:
    library = Path(cygrpc.__file__).read_bytes()
    sources = [ROOT / "src" / "accord" / folder for folder in ("client", "rpc")]
    text = "".join(path.read_text("utf-8") for folder in sources for path in sorted(folder.glob("*.py")))
    options = set(re.findall(r'"(grpc\.[a-z0-9_.]+)",', text))
    assert {"grpc.keepalive_time_ms", "grpc.so_reuseport"} <= options
    assert [option for option in sorted(options) if option.encode() not in library] == []
