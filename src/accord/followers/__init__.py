"""What follows the ledger while no caller waits for it, and which of several servers does it."""
