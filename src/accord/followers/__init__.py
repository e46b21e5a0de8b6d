"""What follows the ledger without a caller waiting for it: one place where it runs, and who of several servers runs it."""
