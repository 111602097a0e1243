#!/usr/bin/env bash
# Calls every route of a running facade by many at once; --help says what the environment can ask for.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python
if ! "$python" -c 'import importlib.util as u, sys; sys.exit(not (u.find_spec("locust") and u.find_spec("requests")))' 2>/dev/null; then
    echo "stress: the environment in .venv is not complete; running make setup" >&2
    make setup >&2
fi
exec "$python" -X utf8 -m tests.stress "$@"
