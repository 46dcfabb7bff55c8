import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageInfo } from "../../services/runtime/package-info.ts";
import { cli } from "../helpers/cli.ts";

const { root, version } = packageInfo();
export const examples = join(root, "examples/paper");
/** Of the version that a deployment stands on, relative to its folder. */
export const workerManifest = `uncouple/${version}/components/workers/worker.yaml`;

/** A folder that `uncouple scaffold` writes. */
export interface Deployment {
  /** Where commands run; the folder of the deployment is `d` in it. */
  readonly home: string;
  readonly folder: string;
  /** Runs `uncouple scaffold`. @returns the commands that it says to run then, but for those of `uncouple` */
  scaffold(...args: string[]): Promise<readonly string[]>;
  /** Changes a file, which must change. */
  edit(file: string, change: (text: string) => string): Promise<void>;
  /** Takes the autoscaler of a team's workers out: without KEDA, nothing would obey it. */
  withoutAutoscaler(component: string): Promise<void>;
}

/** Calls `work` with an empty deployment of the paper's pipeline, and removes it. */
export async function withDeployment(work: (deployment: Deployment) => Promise<void>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "uncouple-cluster-"));
  const folder = join(home, "d");
  await cp(join(examples, "pipeline.yaml"), join(home, "pipeline.yaml"));
  const edit = async (file: string, change: (text: string) => string) => {
    const before = await readFile(join(folder, file), "utf8");
    const after = change(before);
    assert.notEqual(after, before, `${file} does not have what is to change`);
    await writeFile(join(folder, file), after);
  };
  const deployment: Deployment = {
    home,
    folder,
    edit,
    async scaffold(...args) {
      const out = args.includes("--out") ? [] : ["--out", "d"];
      const { code, stdout, stderr } = await cli(["scaffold", ...args, "--pipeline", "pipeline.yaml", ...out], {
        cwd: home,
      });
      assert.equal(code, 0, stderr);
      const [, then = ""] = stdout.split("\nThen:\n");
      return then.split("\n").flatMap((line) => /^ {2}((?:sh|kubectl) .*)$/.exec(line)?.[1] ?? []);
    },
    async withoutAutoscaler(component) {
      await edit(`uncouple/${version}/components/workers/kustomization.yaml`, (text) =>
        text.replace(", scaled-object.yaml", "").replace("configurations: [references.yaml]\n", ""),
      );
      await edit(`teams/${component}/kustomization.yaml`, (text) =>
        text.replace(/patches:\n {2}- target: \{ kind: ScaledObject[\s\S]*?(?=^\S|(?![\s\S]))/m, ""),
      );
    },
  };
  try {
    await work(deployment);
  } finally {
    await rm(home, { recursive: true });
  }
}
