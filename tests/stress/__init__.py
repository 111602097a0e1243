"""The stress test of ``make stress``: every route of a running facade, called by many at once, each answer checked.

settings.py  the environment's wishes, and the help
declared.py  which routes there are and what they take, from the facade itself
entities.py  names to ask for, from the facade's lists
calls.py     the calls: every route in all its variants, and the mistakes that must be refused
checks.py    whether an answer is what the call must get; frames.py: the same of the frames of JSON
record.py    what happened, and the report
load.py      the users, which are locust's
"""
