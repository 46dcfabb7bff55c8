import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Run } from "../../services/pipeline/run.ts";
import { startTestNats } from "./nats-server.ts";
import { restoreStream } from "./stream-files.ts";

/** Placeholder, in a fixture's files, for the folder that they are in. */
export const FOLDER = "{{folder}}";

/** A manifest as version 0.1.0 stored and printed it; every field beside the other. */
export type ManifestVersion1 = Readonly<Record<string, unknown>> & {
  readonly version: 1;
  readonly component: string;
  readonly serial: number;
};

/** What the program that made a store fixture printed about it, with --json. */
export interface StoreExpectation {
  /** `uncouple snapshots` */
  readonly snapshots: readonly { readonly manifest: ManifestVersion1 }[];
  /** `uncouple verdicts` */
  readonly verdicts: readonly object[];
  /** `uncouple show SNAPSHOT`, by snapshot */
  readonly show: Readonly<Record<string, { readonly manifest: ManifestVersion1; readonly verdict: object | null }>>;
  /** `uncouple alias COMPONENT`, by component */
  readonly aliases: Readonly<Record<string, unknown>>;
  /** `uncouple runs`: those that have ended */
  readonly runs: readonly Run[];
  /** `uncouple predict SNAPSHOT ROWS`, by snapshot */
  readonly predictions: Readonly<Record<string, { readonly rows: unknown; readonly values: readonly number[][] }>>;
  /** A run of m1 that was stopped, and the snapshot that it published when the program was started again. */
  readonly interrupted: { readonly id: string; readonly step: number; readonly published: ManifestVersion1 };
}

/** A store fixture, restored into its own NATS server and folder. */
export interface OpenStoreFixture {
  readonly natsUrl: string;
  readonly folder: string;
  readonly expected: StoreExpectation;
  close(): Promise<void>;
}

/** @param name of a folder in test/fixtures */
export async function openStoreFixture(name: string): Promise<OpenStoreFixture> {
  const fixture = join(import.meta.dirname, "../fixtures", name);
  const folder = await mkdtemp(join(tmpdir(), "uncouple-store-"));
  await cp(join(fixture, "files"), folder, { recursive: true });
  const server = await startTestNats();
  const streams = join(fixture, "streams");
  for (const file of await readdir(streams)) {
    await restoreStream(server.url, await readFile(join(streams, file), "utf8"));
  }
  for (const entry of await readdir(folder, { recursive: true })) {
    if (!entry.endsWith(".json")) continue;
    const text = await readFile(join(folder, entry), "utf8");
    await writeFile(join(folder, entry), text.replaceAll(FOLDER, folder));
  }
  return {
    natsUrl: server.url,
    folder,
    expected: JSON.parse(await readFile(join(fixture, "expected.json"), "utf8")) as StoreExpectation,
    async close() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
