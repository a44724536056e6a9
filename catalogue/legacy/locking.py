"""The lock: the table becomes read-only in PostgreSQL, and every later read of it is counted.

The table is renamed, and a view of the old name stands where it was, so that readers notice nothing. The view
asks `…_count_read()` once for each statement. Beside the view stand, for a table `products`:

    products_locked           the rows, with a trigger that refuses every write, also from replication
    products_lock             one row: when and by whom it was locked
    products_reads            one row for each read: when, which login, role, program and address
    products_count_read()     writes that row with the rights of its owner, for readers have none
    products_refuse_write()   the trigger's function

A read must never fail, or wait, because it is counted: rows are only added, nothing is updated. A read whose
row cannot be written (in a READ ONLY transaction, as PostgREST's are) or is undone with its transaction (many
programs roll back when they have read) leaves a trace all the same: each read looks once into the primary key
of the log, which nothing else does, and PostgreSQL's statistics count that for good.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg.sql import SQL, Composable, Identifier, Literal

from catalogue.legacy.source import LegacyTrouble, Session, Table

# Room for the longest suffix within PostgreSQL's 63 characters.
LONGEST_NAME = 63 - len("_refuse_write")
LOCK_SECONDS = 10
_SECURITY_INVOKER = 15_00_00

_GUARD = """
CREATE FUNCTION {schema}.{refuse_write}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = format(
        '%s is read-only since %s: products live in the catalogue now, %s refused', {shown}, {since}, TG_OP);
END $$;
CREATE TRIGGER {refuse_write} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {schema}.{locked}
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.{refuse_write}();
ALTER TABLE {schema}.{locked} ENABLE ALWAYS TRIGGER {refuse_write};
"""

_LOG = """
CREATE TABLE {schema}.{lock} (locked_at timestamptz NOT NULL, locked_by text NOT NULL);
INSERT INTO {schema}.{lock} VALUES ({at}, {by});
CREATE TABLE {schema}.{reads} (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT {reads_key} PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    login text NOT NULL, role text, program text, address inet
);
CREATE INDEX {reads_at} ON {schema}.{reads} (at);
REVOKE ALL ON {schema}.{lock}, {schema}.{reads} FROM PUBLIC;
"""

# The look into the key of the log is by index or not at all: a scan would be what pg_dump does too.
_COUNTER = """
CREATE FUNCTION {schema}.{count_read}() RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    PERFORM 1 FROM {schema}.{reads} WHERE id = 0;
    IF NOT current_setting('transaction_read_only')::boolean THEN
        INSERT INTO {schema}.{reads} (login, role, program, address) VALUES (
            session_user, nullif(current_setting('role'), 'none'),
            nullif(current_setting('application_name'), ''), inet_client_addr());
    END IF;
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION {schema}.{count_read}() TO PUBLIC;
"""

# An uncorrelated subquery is asked once for each statement, before the first row, however many rows there are.
_VIEW = """
CREATE VIEW {schema}.{name} {options} AS SELECT {columns} FROM {schema}.{locked} WHERE (SELECT {schema}.{count_read}());
ALTER VIEW {schema}.{name} OWNER TO {owner};
"""


@dataclass(frozen=True)
class LockFacts:
    locked_at: datetime
    locked_by: str


@dataclass(frozen=True)
class Locked:
    """`not_counted` are views that read the table itself and not the name, so that no read of theirs is counted."""

    table: Table
    facts: LockFacts
    not_counted: list[str]


def names(table: Table) -> dict[str, Composable]:
    """The identifiers that stand in the statements of lock, unlock, counting and drop."""
    own = ("locked", "lock", "reads", "reads_key", "reads_at", "count_read", "refuse_write")
    return {
        "schema": Identifier(table.schema),
        "name": Identifier(table.name),
        "stored": Identifier(table.stored_as),
        **{suffix: Identifier(f"{table.name}_{suffix}") for suffix in own},
    }


def lock_facts(session: Session, table: Table) -> LockFacts | None:
    if not table.is_locked:
        return None
    row = session.one("SELECT locked_at, locked_by FROM {schema}.{lock}", **names(table))
    return LockFacts(*row) if row else None


def lock_table(session: Session, table: Table, *, by: str, at: datetime) -> Locked:
    """Raises LegacyTrouble when the table cannot be locked. Lock twice and the second changes nothing."""
    if facts := lock_facts(session, table):
        return Locked(table, facts, dependent_views(session, table))
    _ensure_lockable(session, table)
    parts = names(table)
    session.run(SQL("SET LOCAL lock_timeout = {}").format(Literal(f"{LOCK_SECONDS}s")))
    session.run("LOCK TABLE {schema}.{name} IN ACCESS EXCLUSIVE MODE", **parts)
    not_counted = dependent_views(session, table)
    session.run("ALTER TABLE {schema}.{name} RENAME TO {locked}", **parts)
    words = {"shown": Literal(f"{table.schema}.{table.name}"), "since": Literal(f"{at:%Y-%m-%d %H:%M} UTC")}
    session.run(_GUARD, **parts, **words)
    session.run(_LOG, **parts, at=Literal(at), by=Literal(by))
    session.run(_COUNTER, **parts)
    session.run(_VIEW, **parts, **_view_parts(session, table))
    _copy_grants(session, table)
    return Locked(table, LockFacts(at, by), not_counted)


def unlock_table(session: Session, table: Table) -> None:
    """Everything as it was before the lock; the counted reads go with it. Raises LegacyTrouble."""
    if not table.is_locked:
        raise LegacyTrouble(f"{table} is not locked.")
    session.run(SQL("SET LOCAL lock_timeout = {}").format(Literal(f"{LOCK_SECONDS}s")))
    session.run(
        """LOCK TABLE {schema}.{locked} IN ACCESS EXCLUSIVE MODE;
        DROP VIEW {schema}.{name};
        DROP TRIGGER {refuse_write} ON {schema}.{locked};
        DROP FUNCTION {schema}.{refuse_write}(), {schema}.{count_read}();
        DROP TABLE {schema}.{reads}, {schema}.{lock};
        ALTER TABLE {schema}.{locked} RENAME TO {name}""",
        **names(table),
    )


def dependent_views(session: Session, table: Table) -> list[str]:
    """Other views over the rows, by their names. They follow the table when it is renamed."""
    rows = session.all(
        """SELECT DISTINCT v.oid::regclass::text FROM pg_depend d
           JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class
           WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
             AND d.refobjid = {stored}::regclass AND NOT (v.relname = {name} AND v.relnamespace = {schema}::regnamespace)
           ORDER BY 1""",
        stored=_regclass(table, table.stored_as),
        name=Literal(table.name),
        schema=Literal(Identifier(table.schema).as_string(None)),
    )
    return [row[0] for row in rows]


def _ensure_lockable(session: Session, table: Table) -> None:
    if table.kind != "r":
        raise LegacyTrouble(
            f"{table} is a view, or a table in parts or elsewhere; only a plain table is locked."
        )
    if len(table.name.encode()) > LONGEST_NAME:
        raise LegacyTrouble(f"The name {table.name} is too long: at most {LONGEST_NAME} characters.")
    taken = [
        suffix
        for suffix in ("locked", "lock", "reads")
        if session.one(SQL("SELECT 1 WHERE to_regclass({}) IS NOT NULL").format(
            Literal(_qualified(table, f"{table.name}_{suffix}"))
        ))
    ]  # fmt: skip
    if taken:
        there = ", ".join(f"{table.schema}.{table.name}_{suffix}" for suffix in taken)
        raise LegacyTrouble(f"{table} cannot be locked: {there} exists already and is not ours.")
    version, secured, parts = session.all(
        """SELECT current_setting('server_version_num')::int, c.relrowsecurity,
                  EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid OR inhrelid = c.oid)
           FROM pg_class c WHERE c.oid = {stored}::regclass""",
        stored=_regclass(table, table.name),
    )[0]
    if parts:
        raise LegacyTrouble(f"{table} has tables that inherit from it; only a plain table is locked.")
    if secured and version < _SECURITY_INVOKER:
        raise LegacyTrouble(f"{table} has row security, which a view keeps only from PostgreSQL 15 on.")


def _view_parts(session: Session, table: Table) -> dict[str, Composable]:
    version, owner = session.all(
        """SELECT current_setting('server_version_num')::int, pg_get_userbyid(relowner)
           FROM pg_class WHERE oid = {stored}::regclass""",
        stored=_regclass(table, f"{table.name}_locked"),
    )[0]
    # With the reader's own rights, so that row security and column grants stay in force.
    options = "WITH (security_invoker = true)" if version >= _SECURITY_INVOKER else ""
    columns = SQL(", ").join(Identifier(column.name) for column in table.columns)
    return {"options": SQL(options), "columns": columns, "owner": Identifier(owner)}


def _copy_grants(session: Session, table: Table) -> None:
    """Whoever might read or write the table may ask the view; a write is then refused with our words."""
    granted = session.all(
        """WITH acl AS (
             SELECT (aclexplode(relacl)).*, NULL::name AS col FROM pg_class WHERE oid = {stored}::regclass
             UNION ALL
             SELECT (aclexplode(attacl)).*, attname FROM pg_attribute WHERE attrelid = {stored}::regclass AND attnum > 0
           )
           SELECT acl.privilege_type, acl.col::text, CASE WHEN acl.grantee <> 0 THEN pg_get_userbyid(acl.grantee)::text END
           FROM acl WHERE acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')""",
        stored=_regclass(table, f"{table.name}_locked"),
    )
    for privilege, column, grantee in granted:
        session.run(
            "GRANT {privilege} ON {schema}.{name} TO {grantee}",
            privilege=SQL(f"{privilege} ({{}})").format(Identifier(column)) if column else SQL(privilege),
            grantee=Identifier(grantee) if grantee else SQL("PUBLIC"),
            **names(table),
        )


def _qualified(table: Table, name: str) -> str:
    return Identifier(table.schema, name).as_string(None)


def _regclass(table: Table, name: str) -> Composable:
    return Literal(_qualified(table, name))
