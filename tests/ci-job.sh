#!/bin/sh
# ci-job.sh: a project driven as a job of a continuous integration drives it: a fresh clone, `upgrade`, exit codes, --json read by jq.
#   ci-job.sh fresh FOLDER     clones the project into FOLDER and does all that a job does while nobody else is there
#   ci-job.sh held FOLDER      somebody else holds the lock, under the process ID in $HELD
#   ci-job.sh gone FOLDER      the database can't be reached at $NOWHERE
# $JETBASE is the program, $DATABASE_URL the database. Exits 0 where all was as it must be, else says what was not and exits 1.
set -eu
export LC_ALL=C.UTF-8 GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
phase=$1
folder=$2
checks=0

fail() {
	echo "ci-job.sh: $*" >&2
	[ ! -e "$folder/out" ] || sed 's/^/  out: /' "$folder/out" >&2
	[ ! -e "$folder/err" ] || sed 's/^/  err: /' "$folder/err" >&2
	exit 1
}

# runs CODE ARGUMENT…: runs the program, keeps what it says, and wants this exit code.
runs() {
	wanted=$1
	shift
	code=0
	"$JETBASE" "$@" >"$folder/out" 2>"$folder/err" || code=$?
	[ "$code" = "$wanted" ] || fail "jetbase $*: exit $code, not $wanted"
	last="jetbase $*"
	checks=$((checks + 1))
}

# has FILTER WANTED: what jq makes of the last output; objects one a line are read as an array.
has() {
	got=$(jq -rsc "$1" <"$folder/out") || fail "$last: jq can't read it: $1"
	[ "$got" = "$2" ] || fail "$last: $1 is '$got', not '$2'"
	checks=$((checks + 1))
}

# silent: nothing on standard error.
silent() {
	[ ! -s "$folder/err" ] || fail "$last: something on standard error"
}

# says TEXT: on standard error.
says() {
	grep -qF -- "$1" "$folder/err" || fail "$last: '$1' is not on standard error"
}

# ---- the project ----

make_origin() {
	mkdir -p "$1/jetbase/migrations/views"
	printf 'import os\n\nsqlalchemy_url = os.environ["DATABASE_URL"]\n' >"$1/jetbase/env.py"
	printf '# migrations of the shop\n' >"$1/jetbase/migrations/README.md"
	printf -- '-- upgrade\nCREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO users VALUES (1, '"'a; b'"');\n\n-- rollback\nDROP TABLE users;\n' >"$1/jetbase/migrations/V1__users.sql"
	printf -- '-- upgrade\nCREATE TABLE orders (id INTEGER PRIMARY KEY)\n-- rollback\nDROP TABLE orders;\n' >"$1/jetbase/migrations/V1.10__orders.sql"
	printf 'DROP VIEW IF EXISTS names;\nCREATE VIEW names AS SELECT name FROM users;\n' >"$1/jetbase/migrations/views/ROC__names.sql"
}

clone() {
	rm -rf "$folder/origin" "$folder/work"
	mkdir -p "$folder"
	make_origin "$folder/origin"
	if command -v git >/dev/null; then
		git -C "$folder/origin" init -q
		git -C "$folder/origin" add -A
		git -C "$folder/origin" -c user.name=job -c user.email=job@example.org commit -qm 'The shop'
		git clone -q "$folder/origin" "$folder/work"
	else
		echo "not run here: a clone by git (there is no git; the project is copied)"
		cp -R "$folder/origin" "$folder/work"
	fi
}

# ---- what a job does ----

look_before() {
	runs 0 config --json
	has '.[0].schema' 1
	has '.[0].settings[0] | [.name, .from, .line]' '["sqlalchemy_url","env.py",3]'
	has '.[0].settings | map(.name) | length' 9
	silent
	( unset DATABASE_URL; runs 2 upgrade --json; has '.[-1] | [.event, .outcome, .exit]' '["run-ended","failed",2]'; has '.[-2].error | [.code, .file, .line]' '["config","env.py",3]' )
	runs 0 status --json
	has '.[0] | [.schema, (.applied | length), (.pending | map(.file))]' '[1,0,["V1__users.sql","V1.10__orders.sql","ROC__names.sql"]]'
	has '.[0].pending | map([.version, .type, .statements, .transaction, .why])' '[["1","VERSIONED",2,true,"new"],["1.10","VERSIONED",1,true,"new"],[null,"RUNS_ON_CHANGE",2,true,"new"]]'
	runs 0 upgrade --dry-run --json
	has '.[0].plan | map(.statements | length)' '[2,1,2]'
	has '.[0].plan[0].statements | map([.line, .column, .sql])' "[[2,1,\"CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)\"],[3,1,\"INSERT INTO users VALUES (1, 'a; b')\"]]"
	has '.[0].digest | test("^[0-9a-f]{64}$")' true
	silent
	runs 0 history --json
	has '.[0].history' '[]'
	runs 0 current --json
	has '.[0] | [.version, .file, .applied_at]' '[null,null,null]'
	runs 0 lock-status --json
	has '.[0] | [.locked, .process_id, .holder, .verdict]' '[false,null,null,null]'
}

# Jobs that start together: each file is applied once, whoever is too late is told that the lock is held.
race() {
	for n in 1 2 3 4; do
		( code=0; "$JETBASE" upgrade --json >"$folder/race.$n" 2>/dev/null || code=$?; echo "$code" >"$folder/code.$n" ) &
	done
	wait
	applied=0
	for n in 1 2 3 4; do
		read -r code <"$folder/code.$n"
		jq -es 'last | .event == "run-ended" and .exit == '"$code" >/dev/null <"$folder/race.$n" || fail "job $n: exit $code, and its last event says otherwise"
		case $code in
		0) applied=$((applied + $(jq -s 'map(select(.event == "migration-applied")) | length' <"$folder/race.$n"))) ;;
		3) jq -es 'map(select(.event == "error"))[0].error.code | startswith("lock-")' >/dev/null <"$folder/race.$n" || fail "job $n: exit 3 without the lock's error" ;;
		*) fail "job $n: exit $code: $(cat "$folder/race.$n")" ;;
		esac
	done
	[ "$applied" = 3 ] || fail "4 jobs applied $applied files, not 3"
}

look_after() {
	runs 0 upgrade --json
	has '.[-1] | [.event, .outcome, .exit]' '["run-ended","ok",0]'
	has 'map(select(.event == "migration-applied")) | length' 0
	silent
	runs 0 status --json
	has '.[0] | [(.applied | map(.state)), .pending]' '[["ok","ok","ok"],[]]'
	runs 0 history --json
	has '.[0].history | map([.version, .type, .file, .order])' '[["1","VERSIONED","V1__users.sql",1],["1.10","VERSIONED","V1.10__orders.sql",2],[null,"RUNS_ON_CHANGE","ROC__names.sql",3]]'
	has '.[0].history[0].checksum | test("^[0-9a-f]{64}$")' true
	runs 0 current --json
	has '.[0] | [.version, .file]' '["1.10","V1.10__orders.sql"]'
	runs 0 runs --json
	has '.[0].runs | map(.outcome) | unique' '["ok"]'
	runs 0 lock-status --json
	has '.[0].locked' false
}

# Exit code 1: a statement fails; nothing of its file remains, those before it stand.
failing() {
	printf -- '-- upgrade\nCREATE TABLE carts (id INTEGER);\n' >migrations/V2__carts.sql
	printf -- '-- upgrade\nCREATE TABLE lines (id INTEGER);\nINSERT INTO\n  nowhere VALUES (1);\n' >migrations/V3__lines.sql
	runs 1 upgrade --json
	has 'map(.event) | [.[0], .[-2], .[-1]]' '["lock-acquired","error","run-ended"]'
	has 'map(select(.event == "migration-applied").file)' '["V2__carts.sql"]'
	has '.[-1] | [.outcome, .exit]' '["failed",1]'
	has '.[-2].error | [.code, .file]' '["sql","V3__lines.sql"]'
	has '.[-2].error.line >= 3' true
	runs 1 upgrade
	says 'V3__lines.sql was rolled back: nothing of it remains.'
	runs 0 current --json
	has '.[0].version' 2
	printf -- '-- upgrade\nCREATE TABLE lines (id INTEGER);\n-- rollback\nDROP TABLE lines;\n' >migrations/V3__lines.sql
	runs 0 upgrade
	silent
	runs 0 rollback --json
	has '.[-1] | [.event, .outcome, .exit]' '["run-ended","ok",0]'
	runs 0 current --json
	has '.[0].version' 2
	runs 0 upgrade --quiet
	silent
}

# Exit code 2: the command line. Exit code 5: history and files disagree.
refused() {
	runs 2 upgrade --count 1 --to-version 2
	says "Cannot specify both 'count' and 'to_version' for upgrade."
	runs 2 upgrade --count x --json
	has 'map(select(.error))[0].error.code' usage
	runs 2 -C "$folder/nowhere" status --json
	has '.[0] | [.error.code, .exit]' '["config",2]'
	cp migrations/V1__users.sql "$folder/saved"
	printf -- '-- upgrade\nCREATE TABLE users (id BIGINT PRIMARY KEY);\n' >migrations/V1__users.sql
	runs 5 upgrade --json
	has '.[-1] | [.event, .exit]' '["run-ended",5]'
	has '.[-2].error.code' history
	runs 5 upgrade
	says 'Checksum mismatch for versions: 1.'
	runs 0 status --json
	has '.[0].applied | map(select(.version == "1").state)' '["changed"]'
	cp "$folder/saved" migrations/V1__users.sql
	runs 0 upgrade
	silent
}

# Exit code 3: another program holds the lock.
held() {
	printf 'SELECT 1;\n' >migrations/RA__always.sql
	runs 0 lock-status --json
	has '.[0] | [.locked, .process_id, .holder, .verdict, .age_s]' "[true,\"$HELD\",null,\"unknown\",null]"
	has '.[0].evidence | length > 0' true
	runs 3 upgrade --json
	has '.[-1] | [.event, .outcome, .exit]' '["run-ended","failed",3]'
	has '.[-2].error.code' lock-held
	runs 3 unlock --if-dead --json
	has '.[0].exit' 3
	runs 3 unlock --process-id 00000000-0000-0000-0000-000000000000
	runs 0 status --json
	has '.[0].pending | map([.file, .why])' '[["RA__always.sql","always"]]'
	runs 0 unlock --process-id "$HELD" --reason 'the job before was killed'
	runs 0 lock-status --json
	has '.[0].locked' false
	runs 0 upgrade
	silent
}

# Exit code 6: no connection.
gone() {
	runs 6 --url "$NOWHERE" status --json
	has '.[0] | [.error.code, .exit]' '["no-connection",6]'
	runs 6 --url "$NOWHERE" upgrade --json
	has '.[-1] | [.event, .exit]' '["run-ended",6]'
	has '.[-2].error.code' no-connection
	runs 6 --url "$NOWHERE" upgrade
	says 'error: '
}

if [ "$phase" = fresh ]; then
	clone
	cd "$folder/work/jetbase"
	look_before
	race
	look_after
	failing
	refused
else
	cd "$folder/work/jetbase"
	"$phase"
fi
[ "$checks" -gt 5 ] || fail "only $checks checks were made"
