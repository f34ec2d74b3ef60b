"""What a worker child does: one module a kind, and the worker that all three are."""
