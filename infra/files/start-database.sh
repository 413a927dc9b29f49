#!/bin/sh
# Make the cluster where there is none, give each user of it a role, and serve.
set -eu
umask 077
data=/data/cluster
if [ ! -s "$data/PG_VERSION" ]; then
  # An interrupted start leaves no half of it, as moving it is one step.
  rm -rf "$data.new"
  initdb -D "$data.new" -U postgres --auth-local=peer --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C >/dev/null
  mv "$data.new" "$data"
fi

settings="-c hba_file=/ground/pg_hba.conf"
# Nobody else reaches it until the roles are right: not by a port, nor where its health is asked.
mkdir -p /tmp/alone
pg_ctl -D "$data" -s -w -t 300 -l /tmp/start.log \
  -o "$settings -c unix_socket_directories=/tmp/alone -c listen_addresses=''" start || {
  tail -n 5 /tmp/start.log >&2
  exit 1
}
psql -h /tmp/alone -U postgres -d postgres -X -q -v ON_ERROR_STOP=1 -f /ground/roles.sql >/dev/null
pg_ctl -D "$data" -s -w -m fast stop
# shellcheck disable=SC2086
exec postgres -D "$data" $settings -c unix_socket_directories=/tmp -c "listen_addresses=*"
