-- One role owns the schema and migrates; the other reads and writes rows, and cannot change the schema.
-- As a superuser, once:  psql -v migrator_password=.. -v server_password=.. -f roles.sql
-- Then:  DATABASE_URL=postgres://aftercare_migrator:..@host/aftercare aftercare migrate
-- and serve, worker and the other commands with postgres://aftercare_server:..@host/aftercare
\set ON_ERROR_STOP on

CREATE ROLE aftercare_migrator LOGIN PASSWORD :'migrator_password';
CREATE ROLE aftercare_server LOGIN PASSWORD :'server_password';
CREATE DATABASE aftercare OWNER aftercare_migrator ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
\connect aftercare
REVOKE ALL ON DATABASE aftercare FROM PUBLIC;
GRANT CONNECT ON DATABASE aftercare TO aftercare_server;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO aftercare_migrator;
GRANT USAGE ON SCHEMA public TO aftercare_server;
-- For every table that the migrator makes from here on.
ALTER DEFAULT PRIVILEGES FOR ROLE aftercare_migrator IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO aftercare_server;
