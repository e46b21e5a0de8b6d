"""TLS of the server: every new connection is met with the newest certificate, and perhaps asked for its own."""

from collections.abc import Iterable

import grpc

from accord.keys.certificates import CertificateFiles, Certificates


def server_credentials(files: CertificateFiles) -> grpc.ServerCredentials:
    """Return credentials that follow the files. grpc asks before each handshake whether there is something new."""

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        found = files.renewed()
        return None if found is None else _configuration(found)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(files.current),
        renewed,  # type: ignore[arg-type] # None says that nothing is new; grpc's types forget it
        require_client_authentication=files.asks_for_certificates,
    )


def certificate_names(context: grpc.ServicerContext) -> list[str]:
    """Return the alternative names of the caller's certificate; none where none was shown.

    grpc has verified the certificate against our CAs before the call came. The common name does not
    count (RFC 9525, section 2).
    """
    names: Iterable[bytes] = context.auth_context().get("x509_subject_alternative_name", ())  # type: ignore[assignment]
    return [name.decode("utf-8", "replace") for name in names]


def _configuration(it: Certificates) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(it.key, it.chain)], it.client_ca)
