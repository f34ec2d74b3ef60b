"""Random transitions by everybody at once, with workers that die and write late, then a calm, then the reckoning.

`python -m tests.record.storm --seconds 200` for as long as you like; half a minute of it is in the tests.
"""
