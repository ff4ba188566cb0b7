"""The gateway's store seen from outside: rows of its tables, whichever database it is."""

import datetime
import re
import sqlite3
import uuid

LIMIT = 60


def as_sqlite(value):
    """As SQLite keeps it: what a test compares with."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        value = value.astimezone(datetime.timezone.utc)
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    return value


def rows(store, sql, **values):
    """The rows as dicts. sql: with :name for values."""
    if store.startswith("sqlite:"):
        db = sqlite3.connect(f"file:{store[len('sqlite:'):]}?mode=ro", uri=True, timeout=LIMIT)
        db.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in db.execute(sql, values).fetchall()]
        finally:
            db.close()
    sql = re.sub(r"(?<!:):(\w+)", r"%(\1)s", sql.replace("%", "%%"))
    import psycopg  # the soak tests use SQLite, and no more than the standard library

    with psycopg.connect(store, row_factory=psycopg.rows.dict_row) as db:
        return [{name: as_sqlite(value) for name, value in row.items()}
                for row in db.execute(sql, values).fetchall()]


def insert(store, table, row, before=None):
    """Adds a row; before: what PostgreSQL must do first."""
    names = ", ".join(row)
    if store.startswith("sqlite:"):
        with sqlite3.connect(store[len("sqlite:"):], timeout=LIMIT) as db:
            marks = ", ".join(":" + name for name in row)
            db.execute(f"insert into {table} ({names}) values ({marks})", row)
        db.close()
        return
    import psycopg

    with psycopg.connect(store) as db:
        if before:
            db.execute(before)
        marks = ", ".join(f"%({name})s" for name in row)
        db.execute(f"insert into {table} ({names}) values ({marks})", row)
