"""The ledger: how an entry is written, sealed and found again, and what a store of entries must do."""
