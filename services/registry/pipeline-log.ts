import { UncoupleError } from "../common/errors.ts";
import { digestOf, type PipelineContent, shortDigest } from "../pipeline/pipeline-content.ts";
import type { PipelineVersion } from "../pipeline/pipeline-version.ts";
import type { Logged } from "../pipeline/verdict.ts";

/** The history of a pipeline's file: an append-only log, whose newest entry is in force. */
export interface PipelineLog {
  /** Returns the pipeline file in force; undefined if none was ever applied. @throws UncoupleError as `apply` */
  current(): Promise<Logged<PipelineVersion> | undefined>;
  /** Returns every applied pipeline file, oldest first. */
  history(): Promise<readonly Logged<PipelineVersion>[]>;
  /**
   * Puts a pipeline file in force.
   * @param expected the digest that must be in force now (null: none)
   * @throws UncoupleError `conflict` if another one is (nothing changes); `failed-precondition` if only a newer version of
   *   the program can read the one in force; `resource-exhausted` if the content is too large for a message
   */
  apply(content: PipelineContent, expected: string | null, by: string): Promise<PipelineVersion>;
  /** Yields the entries from a position on, inclusive (0: all), then new ones, until the signal aborts. */
  watch(from: number, signal: AbortSignal): AsyncIterable<Logged<PipelineVersion>>;
}

/** The entry to append. @throws UncoupleError `conflict` if the digest in force is not the expected one */
export function nextVersion(
  pipeline: string,
  current: string | null,
  change: { readonly content: PipelineContent; readonly expected: string | null; readonly by: string },
  at: string,
): PipelineVersion {
  const { content, expected, by } = change;
  if (current !== expected) {
    const name = (digest: string | null) => (digest === null ? "none" : shortDigest(digest));
    throw new UncoupleError(
      "conflict",
      `pipeline ${pipeline} has the pipeline file ${name(current)}, not ${name(expected)}: somebody else applied one in between; see \`uncouple pipeline diff\` and apply again`,
    );
  }
  return { version: 1, pipeline, digest: digestOf(content), previous: current, content, by, at };
}
