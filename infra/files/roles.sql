-- A role for the tracking server: it owns its two databases, and may do nothing else.
-- A statement that fails would be logged, with the password that stands in it.
SET log_min_error_statement = panic;
\set password `cat /ground/database-mlflow`
SELECT 'CREATE ROLE mlflow' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mlflow') \gexec
ALTER ROLE mlflow LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER mlflow', name) FROM unnest(ARRAY['mlflow', 'mlflow_auth']) name
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
REVOKE ALL ON DATABASE mlflow, mlflow_auth, postgres, template1 FROM PUBLIC;
