"""The use cases: load, ask the domain, commit. One thin file for each; the writer in the middle."""
