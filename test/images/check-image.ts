import assert from "node:assert/strict";
import { packageInfo } from "../../services/runtime/package-info.ts";
import type { Engine } from "../helpers/container-engine.ts";
import { attempt, type Outcome, succeed } from "../helpers/run-program.ts";
import type { ImageName } from "./build-image.ts";
import { report } from "./report.ts";

const { root, version } = packageInfo();
/** In MB of 10^6 bytes, unpacked. */
const LIMITS = { uncouple: 350, "uncouple-gpu": 8000 };

/** Runs a shell command in a container without network, with a read-only root and no capabilities. */
const runIn =
  ({ program }: Engine, image: string, ...flags: string[]) =>
  (command: string): Promise<Outcome> => {
    const hardened = ["--rm", "--network=none", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"];
    return attempt(program, ["run", ...hardened, "--tmpfs=/tmp", ...flags, "--entrypoint=sh", image, "-c", command]);
  };

/** What is in an image and what is not. @param parts names of its bill of materials */
export async function checkImage(engine: Engine, name: ImageName, image: string, ...parts: string[]): Promise<void> {
  const format = "{{.Size}} {{.Config.User}} {{json .Config.Labels}}";
  const inspected = await succeed(engine.program, ["image", "inspect", "--format", format, image]);
  const [, size = "", user = "", labels = ""] = /^(\d+) (\S+) (.*)$/s.exec(inspected) ?? [];
  const megabytes = Number(size) / 1e6;
  report(`size of ${name}`, `${megabytes.toFixed(0)} MB`);
  assert.ok(megabytes < LIMITS[name], `the image has ${megabytes} MB`);
  assert.match(user, /^[1-9]\d*:[1-9]\d*$/, "the user is a number that is not root's");
  const label: Record<string, string> = JSON.parse(labels);
  assert.equal(label["org.opencontainers.image.version"], version);
  assert.match(label["org.opencontainers.image.revision"] ?? "", /^[0-9a-f]{40}$|^unknown$/);

  const inside = runIn(engine, image);
  report("node --version", (await inside("node --version")).stdout.trim());
  assert.equal((await inside("id -u")).stdout.trim(), "1000");
  assert.equal((await inside("uncouple --version")).stdout.trim(), version);
  for (const program of ["npm", "npx", "corepack", "gcc", "cc", "g++", "make", "python3", "perl", "apt-get"]) {
    assert.notEqual((await inside(`command -v ${program}`)).code, 0, `${program} is in the image`);
  }
  assert.equal(
    (await inside("find /app -name '*.map' -o -name '*.d.ts' -o -path '*/win32/*' -o -path '*/darwin/*'")).stdout,
    "",
  );
  const bill = JSON.parse((await inside("cat /app/sbom.cdx.json")).stdout);
  assert.equal(bill.bomFormat, "CycloneDX");
  const names = new Set(bill.components.map((component: { readonly name: string }) => component.name));
  for (const part of ["nats", "onnxruntime-node", ...parts]) {
    assert.ok(names.has(part), `the bill of materials lacks ${part}`);
  }
  for (const part of ["vitest", name === "uncouple" ? "@tensorflow/tfjs-node-gpu" : "typescript"]) {
    assert.ok(!names.has(part), `the bill of materials has ${part}, which is not in the image`);
  }
  assert.match((await inside("touch /app/x; touch /x")).stderr, /Read-only file system[\s\S]*Read-only file system/);
}

/**
 * What an image for GPUs does on a machine without one: the engine `tensorflow` trains on the processor, and ONNX Runtime's
 * CUDA provider lacks nothing but NVIDIA's driver, which the host brings.
 */
export async function checkGpuImage(engine: Engine, image: string): Promise<void> {
  const inside = runIn(engine, image, `--volume=${root}/examples/paper:/config:ro`);
  const { stdout, stderr, code } = await inside("uncouple doctor --json");
  assert.equal(code, 0, stderr);
  const { engines } = JSON.parse(stdout) as { readonly engines: readonly EngineProbe[] };
  const found = new Map(engines.map((probe) => [probe.choice, probe]));
  const tensorflow = found.get("tensorflow");
  assert.ok(tensorflow?.available, tensorflow?.detail);
  report("tensorflow", tensorflow.detail);
  report("onnx:cuda", found.get("onnx:cuda")?.detail ?? "not tried");

  const provider = "/app/node_modules/onnxruntime-node/bin/napi-v*/linux/x64/libonnxruntime_providers_cuda.so";
  const { stdout: libraries } = await inside(`ldd ${provider}`);
  assert.match(libraries, /libcublasLt\.so\.13 => \/opt\/onnxruntime\//);
  const missing = libraries.split("\n").filter((line) => line.includes("not found"));
  assert.deepEqual(
    missing.map((line) => line.trim().split(" ")[0]),
    ["libcuda.so.1"].slice(0, missing.length),
  );
}

interface EngineProbe {
  readonly choice: string;
  readonly available: boolean;
  readonly detail: string;
}
