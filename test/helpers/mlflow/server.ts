import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { mlflowCommand } from "./install.ts";

/** The administrator of a server with passwords. */
export const ADMIN = { user: "admin", password: "canary-password-1234" };

export interface MlflowServer {
  readonly url: string;
  /** Kills it with all its processes; a server that is started again in the folder has what this one had. */
  kill(): Promise<void>;
}

/** Starts a real MLflow server whose runs and artifacts are in a folder. */
export async function startMlflow(
  folder: string,
  port: number,
  { passwords = false }: { readonly passwords?: boolean } = {},
): Promise<MlflowServer> {
  const url = `http://127.0.0.1:${port}`;
  const ini = join(folder, "auth.ini");
  if (passwords) {
    await writeFile(
      ini,
      `[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///${join(folder, "auth.db")}\nadmin_username = ${ADMIN.user}\nadmin_password = ${ADMIN.password}\nauthorization_function = mlflow.server.auth:authenticate_request_basic_auth\n`,
    );
  }
  const logFile = join(folder, "server.log");
  const log = await open(logFile, "a");
  const child = spawn(
    mlflowCommand,
    [
      ...["server", "--host", "127.0.0.1", "--port", String(port), "--workers", "1"],
      ...["--backend-store-uri", `sqlite:///${join(folder, "runs.db")}`],
      ...["--artifacts-destination", join(folder, "artifacts")],
      ...(passwords ? ["--app-name", "basic-auth"] : []),
    ],
    {
      cwd: folder,
      // A process group of its own, because the server has workers.
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: {
        ...process.env,
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false",
        ...(passwords && { MLFLOW_AUTH_CONFIG_PATH: ini, MLFLOW_FLASK_SERVER_SECRET_KEY: "test" }),
      },
    },
  );
  await log.close();
  const ended = once(child, "exit");
  for (let waited = 0; ; waited += 500) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer !== undefined) break;
    if (child.exitCode !== null || waited > 240_000) {
      throw new Error(`the MLflow server did not start:\n${await readFile(logFile, "utf8")}`);
    }
    await sleep(500);
  }
  return {
    url,
    async kill() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
      await ended;
    },
  };
}
