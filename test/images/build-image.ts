import assert from "node:assert/strict";
import { join } from "node:path";
import { packageInfo } from "../../services/runtime/package-info.ts";
import type { Engine } from "../helpers/container-engine.ts";
import { succeed } from "../helpers/run-program.ts";
import { report, seconds } from "./report.ts";

const { root, version } = packageInfo();

export type ImageName = "uncouple" | "uncouple-gpu";

/** Builds an image from this commit. IMAGE_BUILD_FLAGS adds flags. @returns its name */
export async function buildImage(engine: Engine, name: ImageName, ...flags: string[]): Promise<string> {
  const image = `localhost/${name}:${version}`;
  const began = performance.now();
  const more = (process.env.IMAGE_BUILD_FLAGS ?? "").split(" ").filter((flag) => flag !== "");
  const file = join(root, "deploy/images", name, "Dockerfile");
  const args = [...more, ...(await fromCommit(engine)), ...flags, "--file", file, "--tag", image, root];
  await succeed(engine.program, ["build", ...args]);
  report(`${name} built`, `${seconds(began).toFixed(0)} s`);
  return image;
}

/** What makes two builds of one commit equal: its name, and its time as the time of the image and of all files in it. */
async function fromCommit({ program }: Engine): Promise<readonly string[]> {
  const [revision = "", time = ""] = (await succeed("git", ["-C", root, "log", "-1", "--format=%H %ct"])).split(" ");
  const args = ["--build-arg", `REVISION=${revision}`, "--build-arg", `SOURCE_DATE_EPOCH=${time}`];
  return program === "podman" ? [...args, "--timestamp", time] : args;
}

/** Builds an image again, without a cache: it has the same layers. */
export async function buildTwice(engine: Engine, name: ImageName, image: string): Promise<void> {
  const digests = async () =>
    succeed(engine.program, ["image", "inspect", "--format", "{{.Id}} {{json .RootFS.Layers}}", image]);
  const first = await digests();
  await buildImage(engine, name, "--no-cache");
  assert.equal(await digests(), first, `${name} built twice is not the same`);
  report(`${name} built twice`, `the same: ${first.slice(0, 12)}`);
}
