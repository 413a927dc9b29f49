#!/bin/sh
# Wait for the database, and serve. What is secret is read here: it stands in no setting of a container.
set -eu
python - <<'PYTHON'
import socket, time
end = time.monotonic() + 120  # a database that recovers takes as long
while True:
    try:
        socket.create_connection(("database", 5432), timeout=5).close()
        break
    except OSError as error:
        if time.monotonic() > end:
            raise SystemExit(f"database:5432: {error}")
        time.sleep(0.2)
PYTHON
PGPASSWORD=$(cat /ground/database-mlflow)
MLFLOW_FLASK_SERVER_SECRET_KEY=$(cat /ground/tracking-session)
export PGPASSWORD MLFLOW_FLASK_SERVER_SECRET_KEY
exec mlflow server --host 0.0.0.0 --port 5000 --workers 2 --app-name basic-auth \
  --backend-store-uri postgresql+psycopg2://mlflow@database:5432/mlflow \
  --serve-artifacts --artifacts-destination s3://mlflow --allowed-hosts "$ALLOWED_HOSTS"
