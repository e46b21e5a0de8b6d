"""The law, as pure functions over plain values: admit, fold, decide. Nothing here waits, logs, or reads a clock."""
