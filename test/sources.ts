import { runProject } from "./helpers/run-project.ts";
import { installSources } from "./helpers/sources/install.ts";

/**
 * Reads rows from real servers: PostgreSQL, MariaDB, an S3 server, HTTPS, and SQLite, with cut connections:
 *
 *     npm run test:sources [-- FILTER]
 *
 * Installs what is missing once, into the cache folder: DuckDB's extensions with pip, the S3 server with go. The databases
 * must be installed: apt-get install postgresql mariadb-server sqlite3.
 */
await runProject("sources", installSources);
