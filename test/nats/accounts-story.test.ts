import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { cli } from "../helpers/cli.ts";
import { freePort } from "../helpers/free-port.ts";
import { type AccountsNats, startAccountsNats, TLS } from "../helpers/nats-accounts.ts";
import { natsVersions } from "../helpers/nats-versions.ts";
import { type CliProcess, spawnCli } from "../helpers/spawn-cli.ts";

const started: CliProcess[] = [];
let server: AccountsNats;
afterEach(async () => {
  for (const { child, ended } of started.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
  await server.stop();
});

describe.each(await natsVersions())("nats-server $version, services with accounts and TLS", (version) => {
  test("services start before the pipeline is set up, train, judge, and obey an alias", async () => {
    server = await startAccountsNats(version, { tls: true, apply: false });
    const { dir, url } = server;
    const access = (user: string) => [
      ...["--nats", url, "--nats-nkey", server.keyFile(user)],
      ...["--nats-ca", join(TLS, "ca.pem")],
    ];
    const team = (component: string) =>
      `component: ${component}\nmodel: { hidden: [8] }\nbatch: 32\nsteps: 60\nengine: onnx:cpu\n`;
    for (const component of ["m1", "m2"]) await writeFile(join(dir, `${component}.yaml`), team(component));
    const start = async (user: string, ...args: string[]) => {
      const [grpc, http] = [await freePort(), await freePort()];
      const ports = ["--port", String(grpc), "--metrics-port", String(http)];
      const service = spawnCli([...args, "--pipeline", "pipeline.yaml", ...ports, ...access(user)], {
        cwd: dir,
      });
      started.push(service);
      return { ...service, grpc: `127.0.0.1:${grpc}`, http };
    };
    const trainer = (component: string) =>
      start(component, "trainer", "--team", `${component}.yaml`, "--state", "state");
    const services = [await start("evaluator", "evaluator"), await trainer("m1"), await trainer("m2")] as const;
    const ready = async ({ http }: { readonly http: number }) => {
      const response = await fetch(`http://127.0.0.1:${http}/readyz`).catch(() => undefined);
      return response === undefined ? "" : `${response.status} ${await response.text()}`;
    };
    for (const service of services) {
      await expect
        .poll(() => ready(service), { timeout: 60_000 })
        .toMatch(/^503 [\s\S]*an operator must run `uncouple pipeline apply` for demo/);
    }
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await cli(args, { cwd: dir });
      expect({ code, stderr }).toMatchObject({ code: 0 });
      return stdout;
    };
    await run("pipeline", "apply", "pipeline.yaml", ...access("operator"));
    for (const service of services) {
      await expect.poll(() => ready(service), { timeout: 60_000 }).toMatch(/^200 /);
    }
    const [evaluator, m1, m2] = services;
    for (const [component, { grpc }] of [
      ["m1", m1],
      ["m2", m2],
      ["m1", m1],
    ] as const) {
      await run("train", component, "--trainer", grpc, "--follow");
    }
    const verdicts = async () =>
      JSON.parse(await run("verdicts", "--evaluator", evaluator.grpc, "--json")) as { component: string }[];
    await expect.poll(async () => (await verdicts()).length, { timeout: 60_000 }).toBe(3);
    await run("alias", "m1", "champion", "1", "--pipeline", "demo", ...access("operator"));
    const refused = await cli(["alias", "m1", "champion", "2", "--pipeline", "demo", ...access("m2")], { cwd: dir });
    expect(refused).toMatchObject({ code: 5, stdout: "" });
    expect(refused.stderr).toMatch(
      /^uncouple: this key lacks the right to pin models as m1: .* does not permit uncouple\.demo\.\S+\.m1; .*\n$/,
    );
    for (const { child, ended, stdout } of services) {
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
      expect(stdout()).not.toMatch(/SU[A-Z2-7]{50,}|"level":"error"/);
    }
  });
});
