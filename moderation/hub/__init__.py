"""Checkers with a model of somebody else: whatever `transformers` loads, chosen by configuration."""
