import { once } from "node:events";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { baseline, readInForce } from "../../services/composition/in-use.ts";
import { createPipelineView } from "../../services/composition/pipeline-view.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { component, pipelineOf } from "../helpers/linear-pipelines.ts";

/** A process that follows a pipeline as an evaluator does. `registry.ts` starts it. */
export interface Measured {
  /** From the start of the process. */
  readonly replaySeconds: number;
  readonly residentMegabytes: number;
}

/** A chain, so that the pipeline's loss depends on all of them. */
export const benchedComponents = Array.from({ length: 100 }, (_, index) => `c${index}`);

if (process.send !== undefined) {
  const [url = "", name = ""] = process.argv.slice(2);
  const components = benchedComponents.map((each, index) =>
    component({ name: each, upstream: index === 0 ? [] : [benchedComponents[index - 1] as string] }),
  );
  const pipeline = pipelineOf(components, "c99");
  const backplane = await connectJetStream({ clock: systemClock, url, pipeline: name, name: "reader" });
  const { signal } = new AbortController();
  const view = createPipelineView({
    backplane,
    clock: systemClock,
    onError(what, error) {
      throw new Error(`${what}: ${error.message}`);
    },
  });
  void view.follow(signal);
  await view.catchUp(signal);
  const measured: Measured = {
    replaySeconds: performance.now() / 1000,
    residentMegabytes: process.memoryUsage().rss / 1e6,
  };
  process.send(measured);
  for (;;) {
    const [{ from, count }] = (await once(process, "message")) as [{ from: number; count: number }];
    await view.reaches(from, signal);
    const before = process.cpuUsage();
    for (let position = from; position < from + count; position++) {
      await view.reaches(position, signal);
      const inForce = await readInForce(backplane);
      const current = baseline(pipeline.components, view.history, inForce, position);
      if (Object.keys(current).length !== components.length) throw new Error(`incomplete at ${position}`);
    }
    const { user, system } = process.cpuUsage(before);
    process.send((user + system) / count);
  }
}
