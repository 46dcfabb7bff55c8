import { describe, expect, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { TeamConfig } from "../../../../services/pipeline/team.ts";
import type { StartRun } from "../../../../services/rpc/services/trainer-service.ts";
import { teamOfRequest } from "../../../../services/trainer/runs/run-request.ts";
import { team } from "../../../helpers/teams.ts";
import { benchPipeline } from "../../../helpers/trainer-bench.ts";

const resolve = (request: StartRun, own = team()) => teamOfRequest(request, own, benchPipeline, "/teams/m2");

describe("a request to train", () => {
  test("without a protocol or team file uses the trainer's own team file", () => {
    expect(resolve({})).toEqual(team());
  });

  test("may choose a different protocol, with defaults for omitted parameters", () => {
    const chosen = resolve({ protocol: { name: "proximal", parameters: { sigma: 0.15 } } });
    expect(chosen).toMatchObject({ seed: 7, protocol: { name: "proximal", parameters: { sigma: 0.15 } } });
    expect(Object.keys(chosen.protocol.parameters).length).toBeGreaterThan(1);
  });

  test("may bring a team file", () => {
    expect(resolve({ teamFile: "component: m2\nmodel: linear\nsteps: 12\n" })).toMatchObject({ steps: 12 });
  });

  test("may name a module of the trainer's folder if the trainer's own team file allows it", () => {
    const chosen = resolve(
      { teamFile: "component: m2\nmodel: { module: ./model.ts }\nsteps: 12\n" },
      team({ remoteModules: true }),
    );
    expect(chosen).toMatchObject({ steps: 12, model: { kind: "module", path: "/teams/m2/model.ts" } });
  });

  test("may name the module that the trainer trains anyway, wherever it is", () => {
    const model = { kind: "module", path: "/models/model.ts" } as const;
    const request = { teamFile: "component: m2\nmodel: { module: ../../models/model.ts }\nsteps: 12\n" };
    expect(resolve(request, team({ model }))).toMatchObject({ steps: 12, model });
  });

  test("may bring both", () => {
    const request = { teamFile: "component: m2\nmodel: linear\n", protocol: { name: "sync", parameters: {} } };
    expect(resolve(request)).toMatchObject({ model: { hidden: [] }, protocol: { name: "sync" } });
  });

  const allowed = team({ remoteModules: true });
  const refusals: readonly (readonly [string, StartRun, readonly string[], TeamConfig?])[] = [
    ["an unknown protocol", { protocol: { name: "asynch", parameters: {} } }, ['"asynch"', 'did you mean "async"']],
    [
      "a parameter out of range",
      { protocol: { name: "proximal", parameters: { sigma: -1 } } },
      ["protocol.sigma", "at least"],
    ],
    [
      "every bad parameter at once",
      { protocol: { name: "proximal", parameters: { sigma: -1, foo: 2 } } },
      ["protocol.sigma", "protocol.foo"],
    ],
    [
      "a team file for a different component",
      { teamFile: "component: m1\nmodel: linear\n" },
      ["this trainer trains m2", "the file is for m1"],
    ],
    [
      "a team file for an unknown component",
      { teamFile: "component: m9\nmodel: linear\n" },
      ['"m9"', "available: m1, m2"],
    ],
    ["invalid YAML", { teamFile: "component: [" }, ["team file of the request:1", "invalid YAML"]],
    [
      "every problem of a team file at once",
      { teamFile: "component: m2\nmodel: linear\nsteps: 0\nbach: 3\n" },
      ["team file of the request:3: steps", "team file of the request:4", "bach"],
    ],
    [
      "a module outside the folder",
      { teamFile: "component: m2\nmodel: { module: ../m1/model.ts }\n" },
      ["model.module: /teams/m1/model.ts is outside"],
      allowed,
    ],
    [
      "a module with an absolute path",
      { teamFile: "component: m2\nmodel: { module: /etc/model.js }\n" },
      ["model.module: /etc/model.js is outside"],
      allowed,
    ],
    [
      "a module, although the trainer's team file does not allow it",
      { teamFile: "component: m2\nmodel: { module: ./model.ts }\n" },
      ["model.module: requests cannot name a model module", "remote_modules: true"],
    ],
    [
      "a module, and a permission of its own",
      { teamFile: "component: m2\nmodel: { module: ./model.ts }\nremote_modules: true\n" },
      ["model.module: requests cannot name a model module"],
    ],
    [
      "another module than the trainer's own",
      { teamFile: "component: m2\nmodel: { module: ./model.ts }\n" },
      ["model.module: requests cannot name a model module"],
      team({ model: { kind: "module", path: "/teams/m2/own.ts" } }),
    ],
    ["a team file of half a megabyte", { teamFile: `# ${"x".repeat(500_000)}` }, ["500002 bytes"]],
  ];
  for (const [what, request, texts, own] of refusals) {
    test(`with ${what} is rejected`, () => {
      let thrown: unknown;
      try {
        resolve(request, own);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(UncoupleError);
      expect(thrown).toMatchObject({ code: "invalid-argument" });
      for (const text of texts) expect((thrown as UncoupleError).message).toContain(text);
    });
  }

  test("for a component without upstreams cannot choose a protocol that needs predictions", () => {
    const own = team({ component: "m1" });
    expect(() => resolve({ protocol: { name: "causal", parameters: {} } }, own)).toThrow(
      /requires upstream components, but m1 has none/,
    );
  });
});
