#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# sqlite3: inserts in a transaction and queries, on a file.
# vm:
# vm-slow: --mem 5G
. "$(dirname "$0")/lib.sh"

rows=2000
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4500000 ] || rows=20000
{
	echo 'create table t (id integer primary key, name text, value real); begin;'
	awk -v n=$rows 'BEGIN { for (i = 1; i <= n; i++)
		printf "insert into t values (%d, '\''name %d'\'', %.3f);\n", i, i * 7919 % 10007, i / 7 }'
	echo 'commit; create index by_name on t (name);
	select count(*), sum(value), min(name), max(name) from t;
	select name, count(*) from t where id % 10 = 3 group by substr(name, 6, 1) order by 2, 1;
	select * from t where name = "name 7919"; pragma integrity_check;'
} >"$scratch/input"
run_stdin=$scratch/input
run_good "$rows inserts and queries" sqlite3 data.db
run_stdin=/dev/null

make_database() {
	sqlite3 data.db 'create table t (x); insert into t values (1), (2), (3);'
}
run_setup=make_database
run_good "an update of an existing file" sqlite3 data.db 'update t set x = x * 10; delete from t where x = 20; select * from t;'
run_good "a transaction rolled back" sqlite3 data.db 'begin; delete from t; rollback; select count(*) from t;'
run_both "an error" sqlite3 data.db 'select nothing from nowhere;'
lwk_balanced "nothing is left"
done_testing
