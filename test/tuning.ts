import { installOptuna } from "./helpers/optuna.ts";
import { runProject } from "./helpers/run-project.ts";

/**
 * Has Optuna drive a study of a real trainer, with the program in examples/python/:
 *
 *     npm run test:tuning
 *
 * Installs Optuna and grpcio with pip, once, into the cache folder.
 */
await runProject("tuning", installOptuna);
