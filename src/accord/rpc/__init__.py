"""The gRPC edge: the only place, with the client, that knows grpc. Translates the wire and judges nothing."""
