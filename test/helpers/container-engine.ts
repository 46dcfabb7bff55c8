import { UncoupleError } from "../../services/common/errors.ts";
import { attempt } from "./run-program.ts";

/** The programs of this machine: podman or docker, and what runs a compose file on it. */
export interface Engine {
  readonly program: string;
  readonly compose: readonly [string, ...string[]];
}

/** @throws UncoupleError `failed-precondition` saying in one line what is missing */
export async function findEngine(): Promise<Engine> {
  const works = async (program: string, ...args: string[]) => (await attempt(program, args)).code === 0;
  const missing = (what: string) => new UncoupleError("failed-precondition", `${what} not found; install it`);
  if (await works("docker", "info")) {
    if (await works("docker", "compose", "version")) return { program: "docker", compose: ["docker", "compose"] };
    if (await works("docker-compose", "version")) return { program: "docker", compose: ["docker-compose"] };
    throw missing("docker compose");
  }
  if (!(await works("podman", "info"))) throw missing("podman or docker");
  if (!(await works("podman-compose", "--version"))) throw missing("podman-compose");
  return { program: "podman", compose: ["podman-compose"] };
}
