import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UncoupleError } from "../../services/common/errors.ts";
import { packageInfo } from "../../services/runtime/package-info.ts";
import type { Engine } from "../helpers/container-engine.ts";
import { attempt, succeed } from "../helpers/run-program.ts";
import { seconds } from "./report.ts";

const { root } = packageInfo();
const PROJECT = "uncouple-test";

export type Stack = ReturnType<typeof createStack>;

/** A stack of containers, by the names of its services. @param more compose files that add to the stack's own */
export function createStack({ program, compose: [composer, ...args] }: Engine, image: string, ...more: string[]) {
  const env = { ...process.env, UNCOUPLE_IMAGE: image };
  const files = [join(root, "deploy/compose.yaml"), ...more].flatMap((file) => ["--file", file]);
  const compose = (...command: string[]) =>
    succeed(composer, [...args, ...files, "--project-name", PROJECT, ...command], env);
  const container = async (service: string) => {
    const filter = ["--filter", `label=com.docker.compose.project=${PROJECT}`];
    const names = await succeed(program, ["ps", "--all", ...filter, "--format", "{{.Names}}"]);
    const name = names.split("\n").find((one) => one.includes(`${service}_`) || one.includes(`${service}-1`));
    if (name === undefined) throw new UncoupleError("not-found", `no container of ${service}`);
    return name;
  };
  const exec = async (service: string, ...command: string[]) =>
    attempt(program, ["exec", await container(service), ...command]);
  return {
    compose,
    container,
    exec,
    async ready(service: string): Promise<void> {
      const probe = "fetch('http://127.0.0.1:9464/readyz').then(({ ok }) => process.exit(ok ? 0 : 1))";
      for (const began = performance.now(); (await exec(service, "node", "-e", probe)).code !== 0; await sleep(300)) {
        if (seconds(began) > 120) throw new UncoupleError("deadline-exceeded", `${service} does not get ready`);
      }
    },
    async train(component: string, ...more: string[]): Promise<void> {
      const command = ["uncouple", "train", component, "--trainer", "127.0.0.1:50051", "--follow", ...more];
      const { code, stderr } = await exec(`trainer-${component}`, ...command);
      assert.equal(code, 0, stderr);
    },
    async verdicts(): Promise<readonly Record<string, unknown>[]> {
      const { stdout } = await exec("evaluator", "uncouple", "verdicts", "--evaluator", "127.0.0.1:50051", "--json");
      return JSON.parse(stdout || "[]");
    },
    async verdict(component: string, serial: number): Promise<Record<string, unknown>> {
      for (const began = performance.now(); seconds(began) < 300; await sleep(300)) {
        const found = (await this.verdicts()).find(
          (verdict) => verdict.component === component && verdict.serial === serial,
        );
        if (found !== undefined) return found;
      }
      throw new UncoupleError("deadline-exceeded", `no verdict on ${component}@${serial}`);
    },
  };
}
