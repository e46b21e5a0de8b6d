"""The floor of every call: a bare sync gRPC server that answers each Check with the same bytes.

Run as a program with the answer's bytes in hexadecimal; it prints its port. Like `accord serve` it
has four threads, one core, and EventEngine off. It parses the request and writes the answer, which
every server must, and does nothing else.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from accord.__main__ import EVENT_ENGINE_OFF
from accord.v1 import decision_service_pb2 as pb

PATH = "/accord.v1.DecisionService/Check"
THREADS = 4


def main() -> None:
    os.environ.setdefault("GRPC_EXPERIMENTS", EVENT_ENGINE_OFF)
    import grpc

    from accord.v1 import decision_service_pb2_grpc

    response = pb.CheckResponse.FromString(bytes.fromhex(sys.argv[1]))

    class Echo(decision_service_pb2_grpc.DecisionServiceServicer):
        def Check(self, _request: pb.CheckRequest, _context: Any) -> pb.CheckResponse:  # noqa: N802 - the proto's name
            return response

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    server = grpc.server(ThreadPoolExecutor(THREADS), options=[("grpc.so_reuseport", 0)])
    decision_service_pb2_grpc.add_DecisionServiceServicer_to_server(Echo(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
