"""Telling people that work waits, by e-mail and by a webhook of the installation: counts, queues, ages and a link.

Never a prompt, a picture, a requester, an organization or a category; what is sealed is in no queue and so in no
notice. Nobody is told anything who did not ask for it.
"""
