"""Parameters as declared data: each is declared once, with what it admits, and parsed here and nowhere else.

    parsing.py  Kind, Parameter, and from a query string to Values
    kinds.py    kinds of values: names, lengths of time, instants …
    shared.py   parameters of every subject, and the budget of one answer
    lists.py    filters, sort, limit, offset, metrics
    series.py   window, start, end, step, agg, stats, kind

A route says which it takes (``facade.context.takes``).
"""
