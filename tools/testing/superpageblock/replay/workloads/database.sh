# SPDX-License-Identifier: GPL-2.0-only
# Two databases: one in a file, written in transactions; one with a server, shared memory and clients.
database=/var/lib/postgresql/record
server=$(echo /usr/lib/postgresql/*/bin)
chmod 1777 /tmp

# Sorts more than it caches, then changes rows in no order.
sqlite3 /var/tmp/record.db <<SQL &
CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
	INSERT INTO t SELECT i, abs(random()) % 1000000, hex(randomblob(60)) FROM n;
CREATE INDEX k ON t (k);
UPDATE t SET v = hex(randomblob(80)) WHERE k % 7 = 0;
DELETE FROM t WHERE k % 3 = 0;
VACUUM;
SQL

as_postgres() {
	setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
}
as_postgres "$server/initdb" --no-sync -D "$database"
as_postgres "$server/postgres" -D "$database" -c listen_addresses= -k /tmp &
tries=0
until as_postgres pgbench -h /tmp -i -s 10 postgres; do
	tries=$((tries + 1))
	[ $tries -lt 60 ]
	sleep 1
done
as_postgres pgbench -h /tmp -c 8 -t 100000 postgres
