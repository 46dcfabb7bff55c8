import { installMlflow } from "./helpers/mlflow/install.ts";
import { runProject } from "./helpers/run-project.ts";

/**
 * Logs runs, models and verdicts to a real MLflow server, and reads them with MLflow's own client:
 *
 *     npm run test:mlflow [-- FILTER]
 *
 * Installs MLflow once, into the cache folder, with Python's venv and pip.
 */
await runProject("mlflow", installMlflow);
