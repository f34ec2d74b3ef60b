"""What `manage.py up` runs on one machine: an embedded PostgreSQL and broker, the secrets, and every process.

Nothing here is imported by the gate itself, and nothing here imports Django.
"""
