"""Generated from protos/accord/v1 by `make proto`."""
