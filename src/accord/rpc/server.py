"""The gRPC server: pools, limits, health, reflection, and a graceful end.

Sync, as measured cheaper and simpler than asyncio. Whatever waits has threads of its own (`pools`),
so checks never stand behind it. Everything beyond `max_concurrent` is told RESOURCE_EXHAUSTED at
once.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from msgspec import Struct

from accord.config import Config
from accord.keys.callers import Callers
from accord.ledger.lookup import Lookups
from accord.rpc.audits import AuditService
from accord.rpc.catalogue_versions import CatalogueService
from accord.rpc.ceiling import Ceiling
from accord.rpc.contacts import ContactService
from accord.rpc.customers import CustomerService
from accord.rpc.decisions import DecisionService
from accord.rpc.door import Door, Tracing
from accord.rpc.imports import ImportService
from accord.rpc.ledgers import LedgerService
from accord.rpc.parsing import CarefulServer
from accord.rpc.permissions import PermissionService
from accord.rpc.pools import Pools
from accord.rpc.submit import Submitter
from accord.service.access import Access
from accord.service.catalogues import Catalogues
from accord.service.erasures import Erasures
from accord.service.explanations import Explanations
from accord.service.exports import Exports
from accord.service.forecasts import Forecasts
from accord.service.past_questions import PastQuestions
from accord.service.proofs import Proofs
from accord.service.questions import Questions
from accord.service.receipts import Receipts
from accord.service.records import Remembered
from accord.service.replay import Replay
from accord.service.reports import Reports
from accord.service.simulations import Simulations
from accord.service.suppression_lists import SuppressionLists
from accord.service.writer import Writer
from accord.telemetry.tally import Tally
from accord.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    catalogue_service_pb2,
    catalogue_service_pb2_grpc,
    contact_service_pb2,
    contact_service_pb2_grpc,
    customer_service_pb2,
    customer_service_pb2_grpc,
    decision_service_pb2,
    decision_service_pb2_grpc,
    import_service_pb2,
    import_service_pb2_grpc,
    ledger_service_pb2,
    ledger_service_pb2_grpc,
    permission_service_pb2,
    permission_service_pb2_grpc,
)

MAX_MESSAGE_BYTES = 4 * 1024 * 1024

_AFTER_DRAIN_SECONDS = 5
"""How long calls that were cut off may take to notice."""

_LOOK_SECONDS = 0.05
"""How often a server that stops looks whether anything is under way."""

_MODULES = (
    audit_service_pb2,
    catalogue_service_pb2,
    contact_service_pb2,
    customer_service_pb2,
    decision_service_pb2,
    import_service_pb2,
    ledger_service_pb2,
    permission_service_pb2,
)

SERVICE_NAMES = tuple(
    service.full_name for module in _MODULES for service in module.DESCRIPTOR.services_by_name.values()
)


class Services(Struct, frozen=True):
    """The use cases a server serves."""

    questions: Questions
    past_questions: PastQuestions
    writer: Writer
    remembered: Remembered
    proofs: Proofs
    catalogues: Catalogues
    simulations: Simulations
    erasures: Erasures
    exports: Exports
    receipts: Receipts
    explanations: Explanations
    access: Access
    reports: Reports
    replay: Replay
    forecasts: Forecasts
    lists: SuppressionLists
    lookups: Lookups
    callers: Callers
    tally: Tally
    traces: Tracing | None = None


class Server:
    """A server that is started and stopped once."""

    def __init__(
        self, server: grpc.Server, writer: Writer, port: int, statuses: health.HealthServicer, pools: Pools
    ) -> None:
        """Hold what `serve` built."""
        self._server = server
        self.pools = pools
        self._writer = writer
        self._statuses = statuses
        self._told_serving: bool | None = None
        self.port = port

    def start(self) -> None:
        """Begin to serve; health says SERVING from here on."""
        self._writer.start()
        self._server.start()
        self.tell_health(serving=True)

    def tell_health(self, *, serving: bool) -> None:
        """Let health say whether anything is served; once stopping it never is. Watchers are told of changes alone."""
        if serving == self._told_serving:
            return
        self._told_serving = serving
        told = health_pb2.HealthCheckResponse
        for name in ("", *SERVICE_NAMES):
            self._statuses.set(name, told.SERVING if serving else told.NOT_SERVING)

    def stop(self, drain_seconds: float) -> None:
        """Say NOT_SERVING, let calls under way finish, write what is queued, and end.

        Watchers of health and reflection are cut off once nothing else is under way.
        """
        self._statuses.enter_graceful_shutdown()
        stopped = self._server.stop(drain_seconds)
        while not stopped.wait(_LOOK_SECONDS):
            if not self.pools.busy():
                self._server.stop(None).wait(_AFTER_DRAIN_SECONDS)
                break
        self._writer.stop()


def serve(config: Config, services: Services, credentials: grpc.ServerCredentials | None = None) -> Server:
    """Return a server bound to its address, by TLS with `credentials`. Raises RuntimeError where it is taken."""
    pools = Pools(config)
    server = grpc.server(
        pools.reading,
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", 4 * MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", int(config.workers > 1)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ],
        maximum_concurrent_rpcs=Ceiling(config.max_concurrent, lambda: services.tally.turned_away.add(())),
    )
    _add_services(server, pools, services)
    statuses = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(statuses, server)
    describing = reflection.ReflectionServicer((*SERVICE_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME))
    _use_pool(describing, pools.describing)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(describing, server)
    port = (
        server.add_secure_port(config.listen, credentials) if credentials else server.add_insecure_port(config.listen)
    )
    return Server(server, services.writer, port, statuses, pools)


def _add_services(server: grpc.Server, pools: Pools, it: Services) -> None:
    # Generated code calls two methods of it, and CarefulServer has both.
    careful = cast("grpc.Server", CarefulServer(server, Door(it.tally, it.traces)))
    submitter = Submitter(it.writer, it.lookups)
    permissions = PermissionService(submitter, it.remembered, it.lookups, it.callers)
    ledgers = LedgerService(it.proofs, it.remembered, it.lookups, it.callers)
    versions = CatalogueService(submitter, it.catalogues, it.simulations, it.lookups, it.callers)
    contacts = ContactService(submitter, it.remembered, it.callers, it.tally)
    customers = CustomerService(submitter, it.erasures, it.lookups, it.callers)
    audits = AuditService(
        it.exports,
        it.receipts,
        it.explanations,
        it.access,
        it.reports,
        it.replay,
        it.forecasts,
        submitter,
        it.lookups,
        it.callers,
    )
    imports = ImportService(submitter, it.lists, it.lookups, it.callers)
    for servicer in (permissions, ledgers, versions, contacts, customers, audits):
        _use_pool(servicer, pools.writing)
    PermissionService.BatchRecord.experimental_thread_pool = pools.streaming  # type: ignore[attr-defined] # read by grpc
    AuditService.Export.experimental_thread_pool = pools.streaming  # type: ignore[attr-defined] # the same
    AuditService.ForecastLapses.experimental_thread_pool = pools.streaming  # type: ignore[attr-defined] # the same
    CatalogueService.Simulate.experimental_thread_pool = pools.streaming  # type: ignore[attr-defined] # the same
    _use_pool(imports, pools.streaming)
    decisions = DecisionService(it.questions, it.past_questions, it.callers, it.tally)
    decision_service_pb2_grpc.add_DecisionServiceServicer_to_server(decisions, careful)
    permission_service_pb2_grpc.add_PermissionServiceServicer_to_server(permissions, careful)
    contact_service_pb2_grpc.add_ContactServiceServicer_to_server(contacts, careful)
    customer_service_pb2_grpc.add_CustomerServiceServicer_to_server(customers, careful)
    catalogue_service_pb2_grpc.add_CatalogueServiceServicer_to_server(versions, careful)
    ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(ledgers, careful)
    import_service_pb2_grpc.add_ImportServiceServicer_to_server(imports, careful)
    audit_service_pb2_grpc.add_AuditServiceServicer_to_server(audits, careful)


def _use_pool(servicer: object, pool: ThreadPoolExecutor) -> None:
    """Let every method of a servicer run in a pool: grpc reads the attribute off the handler."""
    for name in dir(type(servicer)):
        if name[0].isupper():
            method = getattr(servicer, name)
            method.__func__.experimental_thread_pool = pool
