"""The gRPC server: pools, limits, health, reflection, and a graceful end.

Sync, as measured cheaper and simpler than asyncio. Writes wait for a commit, so they and streams
have a pool of their own: checks never stand behind them. Everything beyond `max_concurrent` is told
RESOURCE_EXHAUSTED at once.
"""

from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from msgspec import Struct

from accord.config import Config
from accord.keys.callers import Callers
from accord.ledger.lookup import Lookups
from accord.rpc.catalogue_versions import CatalogueService
from accord.rpc.contacts import ContactService
from accord.rpc.customers import CustomerService
from accord.rpc.decisions import DecisionService
from accord.rpc.ledgers import LedgerService
from accord.rpc.permissions import PermissionService
from accord.rpc.submit import Submitter
from accord.service.catalogues import Catalogues
from accord.service.proofs import Proofs
from accord.service.questions import Questions
from accord.service.records import Remembered
from accord.service.writer import Writer
from accord.v1 import (
    catalogue_service_pb2,
    catalogue_service_pb2_grpc,
    contact_service_pb2,
    contact_service_pb2_grpc,
    customer_service_pb2,
    customer_service_pb2_grpc,
    decision_service_pb2,
    decision_service_pb2_grpc,
    ledger_service_pb2,
    ledger_service_pb2_grpc,
    permission_service_pb2,
    permission_service_pb2_grpc,
)

MAX_MESSAGE_BYTES = 4 * 1024 * 1024

_MODULES = (
    catalogue_service_pb2,
    contact_service_pb2,
    customer_service_pb2,
    decision_service_pb2,
    ledger_service_pb2,
    permission_service_pb2,
)

SERVICE_NAMES = tuple(
    service.full_name for module in _MODULES for service in module.DESCRIPTOR.services_by_name.values()
)


class Services(Struct, frozen=True):
    """The use cases a server serves."""

    questions: Questions
    writer: Writer
    remembered: Remembered
    proofs: Proofs
    catalogues: Catalogues
    lookups: Lookups
    callers: Callers


class Server:
    """A server that is started and stopped once."""

    def __init__(self, server: grpc.Server, writer: Writer, port: int, statuses: health.HealthServicer) -> None:
        """Hold what `serve` built."""
        self._server = server
        self._writer = writer
        self._statuses = statuses
        self.port = port

    def start(self) -> None:
        """Begin to serve; health says SERVING from here on."""
        self._writer.start()
        self._server.start()
        for name in ("", *SERVICE_NAMES):
            self._statuses.set(name, health_pb2.HealthCheckResponse.SERVING)

    def stop(self, drain_seconds: float) -> None:
        """Say NOT_SERVING, let calls under way finish, write what is queued, and end."""
        self._statuses.enter_graceful_shutdown()
        self._server.stop(drain_seconds).wait()
        self._writer.stop()


def serve(config: Config, services: Services) -> Server:
    """Return a server bound to its address. Raises RuntimeError when the address is taken."""
    server = grpc.server(
        ThreadPoolExecutor(config.read_threads, thread_name_prefix="read"),
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", 4 * MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ],
        maximum_concurrent_rpcs=config.max_concurrent,
    )
    _add_services(server, config, services)
    statuses = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(statuses, server)
    reflection.enable_server_reflection((*SERVICE_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    port = server.add_insecure_port(config.listen)
    return Server(server, services.writer, port, statuses)


def _add_services(server: grpc.Server, config: Config, it: Services) -> None:
    submitter = Submitter(it.writer, it.lookups)
    waiting = ThreadPoolExecutor(config.write_threads, thread_name_prefix="write")
    permissions = PermissionService(submitter, it.remembered, it.lookups, it.callers)
    ledgers = LedgerService(it.proofs, it.remembered, it.lookups, it.callers)
    versions = CatalogueService(submitter, it.catalogues, it.lookups, it.callers)
    contacts = ContactService(submitter, it.remembered, it.callers)
    customers = CustomerService(submitter, it.callers)
    for servicer in (permissions, ledgers, versions, contacts, customers):
        _use_pool(servicer, waiting)
    decision_service_pb2_grpc.add_DecisionServiceServicer_to_server(DecisionService(it.questions, it.callers), server)
    permission_service_pb2_grpc.add_PermissionServiceServicer_to_server(permissions, server)
    contact_service_pb2_grpc.add_ContactServiceServicer_to_server(contacts, server)
    customer_service_pb2_grpc.add_CustomerServiceServicer_to_server(customers, server)
    catalogue_service_pb2_grpc.add_CatalogueServiceServicer_to_server(versions, server)
    ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(ledgers, server)


def _use_pool(servicer: object, pool: ThreadPoolExecutor) -> None:
    """Let every method of a servicer run in a pool: grpc reads the attribute off the handler."""
    for name in dir(type(servicer)):
        if name[0].isupper():
            method = getattr(servicer, name)
            method.__func__.experimental_thread_pool = pool
