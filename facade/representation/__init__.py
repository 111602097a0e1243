"""How an answer travels: which form it takes, and what HTTP is told about it.

    negotiation.py  JSON or CSV: ``format=``, else the Accept header
    columns.py      the columns of a table, from the catalogue and the request
    table.py        an answer as CSV, safe to open in a spreadsheet
    response.py     the response, its ETag and Cache-Control, and 304

An answer is the dictionary that is given as JSON; everything here is a pure function of it, but for ``response.py`` and
``negotiation.py``, which know the request.
"""
