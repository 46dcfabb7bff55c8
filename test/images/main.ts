/**
 * Builds the image, and runs the paper's pipeline in containers with deploy/compose.yaml:
 *
 *     npm run test:images [-- [--gpu] [--twice]]
 *
 * --gpu builds and checks `uncouple-gpu` instead, which takes 40 GB of disk space and no GPU. --twice builds a second time,
 * and compares. UNCOUPLE_IMAGE names an image that is already there, and IMAGE_BUILD_FLAGS adds flags of the build, such as
 * `--build-arg NODE_IMAGE=...`. NATS_IMAGE names another image of nats-server.
 */

import { parseArgs } from "node:util";
import { asUncoupleError } from "../../services/common/errors.ts";
import { exitCodes } from "../../services/runtime/exit-codes.ts";
import { findEngine } from "../helpers/container-engine.ts";
import { buildImage, buildTwice } from "./build-image.ts";
import { checkGpuImage, checkImage } from "./check-image.ts";
import { tellStory } from "./story.ts";

try {
  const { values } = parseArgs({ options: { gpu: { type: "boolean" }, twice: { type: "boolean" } } });
  const name = values.gpu === true ? "uncouple-gpu" : "uncouple";
  const engine = await findEngine();
  const image = process.env.UNCOUPLE_IMAGE ?? (await buildImage(engine, name));
  if (values.twice === true) await buildTwice(engine, name, image);
  if (name === "uncouple-gpu") {
    await checkImage(engine, name, image, "@tensorflow/tfjs-node-gpu", "tensorflow", "nvidia-cudnn-cu12");
    await checkGpuImage(engine, image);
  } else {
    await checkImage(engine, name, image);
    await tellStory(engine, image);
  }
  console.log("test:images: passed");
} catch (thrown) {
  const { code, message } = asUncoupleError(thrown);
  console.error(`test:images: ${message}`);
  process.exitCode = exitCodes[code];
}
