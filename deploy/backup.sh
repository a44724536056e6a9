#!/bin/sh
# Write a backup of the database in DATABASE_URL to FILE: deploy/backup.sh FILE
# The whole truth is in PostgreSQL; Redis holds only messages and limits that come anew.
set -eu
file=${1:?usage: DATABASE_URL=… deploy/backup.sh FILE}
: "${DATABASE_URL:?say which database, as in .env}"
umask 077
unfinished="$file.unfinished"
# A backup that was broken off never bears the name of a whole one.
trap 'rm -f "$unfinished"' EXIT
"${PG_DUMP:-pg_dump}" --format=custom --no-owner --no-privileges --dbname="$DATABASE_URL" --file="$unfinished"
mv "$unfinished" "$file"
echo "$file: $(wc -c <"$file") bytes"
