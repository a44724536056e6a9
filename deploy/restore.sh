#!/bin/sh
# Restore FILE into the empty database in DATABASE_URL, whole or not at all: deploy/restore.sh FILE
set -eu
file=${1:?usage: DATABASE_URL=… deploy/restore.sh FILE}
: "${DATABASE_URL:?say into which database, as in .env}"
tables=$("${PSQL:-psql}" --no-psqlrc --tuples-only --no-align --dbname="$DATABASE_URL" \
	--command="SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
if [ "$tables" != 0 ]; then
	echo "The database has $tables tables already. Restore into an empty one." >&2
	exit 1
fi
"${PG_RESTORE:-pg_restore}" --no-owner --no-privileges --exit-on-error --single-transaction \
	--dbname="$DATABASE_URL" "$file"
echo "restored from $file; now: manage.py migrate, manage.py reconcile all"
