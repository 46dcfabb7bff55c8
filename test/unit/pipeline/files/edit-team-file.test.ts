import { expect, test } from "vitest";
import { editTeamFile } from "../../../../services/pipeline/files/edit-team-file.ts";

test("values change in place, and everything else stays byte for byte", () => {
  const text = `# our team
component: m2   # ours
model: { hidden: [64] }       # or: linear
optimizer: { name: adam,  learning_rate: 0.01 }   # rate
batch:   64
search:
  parameters: { batch: { choices: [1, 2] } }   # what
`;
  expect(editTeamFile(text, { "model.hidden": [8, 8], "optimizer.learning_rate": 0.003, batch: 32 }, [])).toBe(
    text.replace("[64]", "[8, 8]").replace("0.01", "0.003").replace("batch:   64", "batch:   32"),
  );
});

test("keys that are missing are added, to mappings of every layout", () => {
  expect(
    editTeamFile("component: m2\noptimizer: { name: adam }  # o\n", { "optimizer.beta1": 0.8, steps: 9 }, []),
  ).toBe("component: m2\noptimizer: { name: adam, beta1: 0.8 }  # o\nsteps: 9\n");
  expect(
    editTeamFile(
      "component: m2\nmodel: linear # l\noptimizer: sgd",
      {
        "model.hidden": [],
        "optimizer.learning_rate": 1,
      },
      [],
    ),
  ).toBe("component: m2\nmodel: { hidden: [] } # l\noptimizer: { name: sgd, learning_rate: 1 }");
  expect(editTeamFile("component: m2\n", { "optimizer.learning_rate": 0.1, "schedule.decay": "constant" }, [])).toBe(
    "component: m2\noptimizer: { name: adam, learning_rate: 0.1 }\nschedule: { decay: constant }\n",
  );
  expect(editTeamFile("optimizer:\n  name: adam # n\n", { "optimizer.learning_rate": 0.1 }, [])).toBe(
    "optimizer:\n  name: adam # n\n  learning_rate: 0.1\n",
  );
  expect(editTeamFile("optimiser: sgd\n", { "optimizer.learning_rate": 0.1, model: { hidden: [8, 16] } }, [])).toBe(
    "optimiser: { name: sgd, learning_rate: 0.1 }\nmodel: { hidden: [8, 16] }\n",
  );
  expect(editTeamFile("optimiser: { name: adam }\n", { "optimizer.learning_rate": 0.1 }, [])).toBe(
    "optimiser: { name: adam, learning_rate: 0.1 }\n",
  );
});

test("a list in lines becomes one in brackets, and comments stay", () => {
  expect(editTeamFile("model:\n  hidden:\n    - 8\n    - 16\nbatch: 3 # b\n", { "model.hidden": [4] }, [])).toBe(
    "model:\n  hidden: [ 4 ]\nbatch: 3 # b\n",
  );
});

test("keys are removed from mappings of every layout, and comments stay", () => {
  const proximal = "protocol: { name: proximal, sigma: 0.2 } # p\n";
  expect(editTeamFile(proximal, { "protocol.name": "async" }, ["protocol.sigma"])).toBe(
    "protocol: { name: async } # p\n",
  );
  expect(editTeamFile("protocol: { sigma: 0.2, name: proximal }\n", {}, ["protocol.sigma"])).toBe(
    "protocol: { name: proximal }\n",
  );
  expect(editTeamFile("batch: 3 # b\nstop_after: 9   # s\n# end\n", { batch: 4 }, ["stop_after"])).toBe(
    "batch: 4 # b\n# end\n",
  );
  expect(editTeamFile("protocol:\n  name: proximal # n\n  sigma: 0.2", {}, ["protocol.sigma", "stop_after"])).toBe(
    "protocol:\n  name: proximal # n\n",
  );
  expect(editTeamFile("model:\n  hidden:\n    - 8\nbatch: 3 # b\n", { model: "linear" }, ["model.hidden"])).toBe(
    "model: linear\nbatch: 3 # b\n",
  );
  expect(editTeamFile("protocol: async # a\n", {}, ["protocol.sigma"])).toBe("protocol: async # a\n");
});
