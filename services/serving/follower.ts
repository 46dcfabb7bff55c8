import { createNotifier } from "../common/async/notifier.ts";
import { restartForever } from "../common/async/restart-forever.ts";
import { backoffMs } from "../common/async/retry.ts";
import { type Clock, timestamp } from "../common/clock/clock.ts";
import { asUncoupleError, type UncoupleError } from "../common/errors.ts";
import type { SnapshotManifest } from "../pipeline/manifest.ts";
import type { Release } from "../pipeline/release.ts";
import type { Backplane } from "../registry/backplane.ts";
import { pipelineShape } from "./pipeline-shape.ts";
import { releaseFiles } from "./release-files.ts";
import type { ReleaseFolders } from "./release-folders.ts";
import { readServed, writeServed } from "./served-file.ts";

/** What a follower does with each release, in this order. */
export const FOLLOWER_STEPS = ["install", "exec", "report", "prune"] as const;
export type FollowerStep = (typeof FOLLOWER_STEPS)[number];

/** Between attempts at what failed. */
const RETRY = { firstDelayMs: 500, longestDelayMs: 30_000 };
/** A watch can miss nothing, but a look now and then costs little. */
const LOOK_MS = 60_000;

export interface FollowerDeps {
  readonly backplane: Pick<Backplane, "ledger" | "registry" | "pipelines">;
  readonly folders: ReleaseFolders;
  /** Where `folders` are. */
  readonly dir: string;
  readonly clock: Clock;
  /** The name of its reports; undefined: it makes none. */
  readonly name: string | undefined;
  /** Folders to keep, 1 or more. */
  readonly keep: number;
  /** Lets a server take up the release that the link names. It may be called again for the same release. */
  reload(release: number, folder: string): Promise<void>;
  onInstalled(release: Release): void;
  onServed(release: number): void;
  onError(step: FollowerStep, error: UncoupleError): void;
}

/** `waiting`: there is no release yet. `failed`: `onError` was told what is left to do. */
export type Progress = "done" | "waiting" | "failed";

export interface Follower {
  /** The newest release of the ledger, as this process last saw it. */
  released(): number | undefined;
  /** The release that is linked and that the command has taken up. */
  served(): number | undefined;
  /**
   * Does what is left to do for the newest release. Every step is tried, whatever becomes of the others.
   * @throws the signal's reason, and nothing else
   */
  advance(signal: AbortSignal): Promise<Progress>;
  /** Advances with every release until the signal aborts. */
  follow(signal: AbortSignal): Promise<void>;
}

/** @throws UncoupleError as `ReleaseFolders` */
export async function createFollower(deps: FollowerDeps): Promise<Follower> {
  const { backplane, folders, dir, clock, name, keep } = deps;
  const { ledger, registry, pipelines } = backplane;
  await folders.clean();
  let linked = await folders.linked();
  let served = await readServed(dir);
  let released: Release | undefined;
  /** The release whose folder this process has verified or written. */
  let sound: number | undefined;

  async function download(release: Release, signal: AbortSignal): Promise<void> {
    const manifests = new Map<string, SnapshotManifest>();
    const models = new Map<string, Uint8Array>();
    for (const [component, serial] of Object.entries(release.composition)) {
      const manifest = await registry.manifest(component, serial);
      manifests.set(component, manifest);
      models.set(component, (await folders.bytes(manifest.digest)) ?? (await registry.bytes(manifest, signal)));
    }
    const applied = (await pipelines.current())?.value;
    await folders.clean();
    const shape = applied === undefined ? undefined : pipelineShape(applied.content);
    const content = releaseFiles({ release, shape, pipelineDigest: applied?.digest ?? null, manifests, models });
    await folders.write(release.number, content);
  }

  async function install(signal: AbortSignal): Promise<void> {
    released = (await ledger.release())?.value ?? released;
    if (released === undefined) return;
    const { number } = released;
    if (sound !== number) {
      if (!(await folders.has(released))) await download(released, signal);
      sound = number;
    }
    if (linked === number) return;
    await folders.link(number);
    linked = number;
    deps.onInstalled(released);
  }

  async function exec(): Promise<void> {
    if (linked === undefined || served?.release === linked) return;
    const release = linked;
    await deps.reload(release, folders.path(release));
    const state = { release, since: timestamp(clock), reported: false };
    await writeServed(dir, state);
    served = state;
    deps.onServed(release);
  }

  async function report(): Promise<void> {
    if (name === undefined || served === undefined || served.reported) return;
    const { release, since } = served;
    if (released?.number !== release) return;
    const { pipeline, composition } = released;
    // The same report every time, so that the ledger has it once.
    await ledger.append({
      entry: "served",
      version: 1,
      ...{ pipeline, at: since, follower: name, release, composition, since },
    });
    served = { ...served, reported: true };
    await writeServed(dir, served);
  }

  async function advance(signal: AbortSignal): Promise<Progress> {
    let failed = false;
    const steps: Readonly<Record<FollowerStep, () => Promise<unknown>>> = {
      install: () => install(signal),
      exec,
      report,
      prune: () => folders.prune(keep),
    };
    for (const step of FOLLOWER_STEPS) {
      try {
        await steps[step]();
      } catch (thrown) {
        signal.throwIfAborted();
        failed = true;
        deps.onError(step, asUncoupleError(thrown));
      }
    }
    if (failed) return "failed";
    return released === undefined ? "waiting" : "done";
  }

  return {
    released: () => released?.number,
    served: () => (served?.release === linked ? linked : undefined),
    advance,
    async follow(signal) {
      const changed = createNotifier();
      const watching = restartForever(
        { clock, signal, onError: (error) => deps.onError("install", error) },
        async () => {
          const end = await ledger.end();
          // What came before the watch began.
          changed.notify();
          for await (const { value } of ledger.watch(end + 1, signal)) if (value.entry === "release") changed.notify();
        },
      );
      let failures = 0;
      while (!signal.aborted) {
        const seen = changed.count;
        const before = released?.number;
        const progress = await advance(signal).catch(() => undefined);
        if (progress === undefined) break;
        failures = progress === "failed" && released?.number === before ? failures + 1 : 0;
        const ms = progress === "failed" ? backoffMs(RETRY, failures + 1) : LOOK_MS;
        await changed.waitBeyond(seen, signal, { clock, ms });
      }
      await watching;
    },
  };
}
