import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connect, type JetStreamClient } from "nats";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { Composition } from "../../services/pipeline/verdict.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { namesOf } from "../../services/registry/jetstream/streams.ts";
import { draft, verdict } from "../helpers/drafts.ts";
import { startTestNats } from "../helpers/nats-server.ts";
import { benchedComponents, type Measured } from "./registry-reader.ts";

/**
 * Measures what a judged history costs an evaluator: the start of a process until it has caught up, its resident memory
 * then, and the processor time for a new announcement and the composition that it is compared with. Every announcement of
 * the history has a verdict whose comparison names all components; every tenth component has a champion.
 *
 *     npm run bench:registry [-- --announcements 1000,10000,100000] [-- --json]
 */
const { values: options } = parseArgs({
  options: {
    announcements: { type: "string", default: "1000,10000,100000" },
    json: { type: "boolean", default: false },
  },
});

/** New announcements per stretch, and stretches; the fastest stretch counts. */
const STRETCH = 200;
const STRETCHES = 5;
const WINDOW = 512;

interface Row extends Measured {
  readonly announcements: number;
  readonly components: number;
  readonly microsecondsPerEvent: number;
}

async function measure(announcements: number): Promise<Row> {
  const server = await startTestNats();
  const nc = await connect({ servers: server.url });
  let child: ChildProcess | undefined;
  try {
    const pipeline = `history-${announcements}`;
    const backplane = await connectJetStream({ clock: systemClock, url: server.url, pipeline, name: "bench" });
    const writer = createWriter(nc.jetstream(), pipeline);
    await writer.announce(announcements, true);
    for (const [index, component] of benchedComponents.entries()) {
      if (index % 10 === 0) await backplane.registry.setAlias(component, "champion", 1, null, "bench");
    }
    await backplane.close();
    child = fork(join(import.meta.dirname, "registry-reader.ts"), [server.url, pipeline], {
      execArgv: ["--import", "tsx"],
    });
    const reader = child;
    const answer = <T>(): Promise<T> =>
      new Promise((resolve, reject) => {
        reader.once("message", (message) => resolve(message as T));
        reader.once("exit", (code) => reject(new Error(`the reader exited with ${code}`)));
      });
    const caughtUp = await answer<Measured>();
    let fastest = Number.POSITIVE_INFINITY;
    for (let stretch = 0; stretch < STRETCHES; stretch++) {
      reader.send({ from: announcements + stretch * STRETCH + 1, count: STRETCH });
      await writer.announce(STRETCH, false);
      fastest = Math.min(fastest, await answer<number>());
    }
    return { announcements, components: benchedComponents.length, microsecondsPerEvent: fastest, ...caughtUp };
  } finally {
    child?.kill();
    await nc.close();
    await server.stop();
  }
}

/** Writes announcements, and verdicts on them, as publishers and evaluators would have. */
function createWriter(js: JetStreamClient, pipeline: string) {
  const names = namesOf(pipeline);
  const serials: Record<string, number> = {};
  const inFlight = new Set<Promise<unknown>>();
  let announced = 0;
  const store = async (subject: string, document: unknown) => {
    const stored: Promise<unknown> = js
      .publish(subject, JSON.stringify(document))
      .finally(() => inFlight.delete(stored));
    inFlight.add(stored);
    if (inFlight.size >= WINDOW) await Promise.race(inFlight);
  };
  return {
    async announce(count: number, judged: boolean): Promise<void> {
      for (let i = 0; i < count; i++) {
        const component = benchedComponents[announced % benchedComponents.length] as string;
        const parent = serials[component] ?? null;
        const serial = (parent ?? 0) + 1;
        const nuid = `nuid${String(announced).padStart(18, "0")}`;
        const runId = `20260101-000000-${String(announced).padStart(8, "0")}`;
        const manifest = {
          ...draft({ pipeline, component, runId }),
          ...{
            version: 2,
            serial,
            parent,
            digest: announced.toString(16).padStart(64, "0"),
            size: 4096,
            publishedAt: "2026-01-01T00:01:00.000Z",
          },
        };
        const object = { name: `${component}/${runId}/${nuid}`, nuid };
        await store(`${names.snapshots.subject}.${component}.${serial}`, { manifest, object });
        if (judged) {
          const current: Composition = { ...serials };
          const comparison = {
            ...{ current, candidate: { ...current, [component]: serial }, kind: "inconclusive" as const },
            ...{ currentLoss: 0.5, candidateLoss: 0.5, difference: 0, interval: [-0.01, 0.01] as const },
          };
          const { reason: _, ...made } = verdict(component, serial, { pipeline, comparison });
          await store(`${names.verdicts.subject}.${component}.${serial}`, made);
        }
        serials[component] = serial;
        announced += 1;
      }
      await Promise.all(inFlight);
    },
  };
}

const rows: Row[] = [];
for (const announcements of options.announcements.split(",")) {
  const row = await measure(Number(announcements));
  rows.push(row);
  if (!options.json) {
    console.log(
      `${row.announcements} announcements: ${row.microsecondsPerEvent.toFixed(0)} us per event, caught up after ${row.replaySeconds.toFixed(1)} s, ${row.residentMegabytes.toFixed(0)} MB resident`,
    );
  }
}
if (options.json) console.log(JSON.stringify({ rows }));
