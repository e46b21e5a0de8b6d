"""Proofs over bytes: Merkle trees, checkpoints. Nothing here knows Accord's words, waits, or reads a clock."""
