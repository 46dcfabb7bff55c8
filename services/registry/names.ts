import { UncoupleError } from "../common/errors.ts";
import { parseDraft } from "../pipeline/documents/manifest-schema.ts";
import type { SnapshotDraft } from "../pipeline/manifest.ts";
import { NAME, NOT_RESERVED } from "../pipeline/name.ts";

/** @throws UncoupleError `invalid-argument` if the name is invalid */
export function checkName(what: string, name: string): void {
  const refuse = (why: string) =>
    new UncoupleError("invalid-argument", `${what} ${JSON.stringify(name.slice(0, 80))}: ${why}`);
  if (!NOT_RESERVED.test(name)) throw refuse("must be another name, JavaScript keeps this one for itself");
  if (NAME.test(name)) return;
  throw refuse("a name is a lower-case letter and then up to 62 lower-case letters, digits or hyphens");
}

/** @param name a name, or two with a dot between: the component whose trainers use the lease first */
export function checkLease(name: string): void {
  const [first = "", second] = name.split(/\.(.*)/s);
  checkName("lease", first);
  if (second !== undefined) checkName("lease", second);
}

/**
 * Validates a draft before a registry accesses its store.
 * @param size of the model, in bytes
 * @throws UncoupleError `invalid-argument` naming every invalid field
 */
export function checkDraft(pipeline: string, draft: SnapshotDraft, size: number): void {
  checkName("component", draft.component);
  if (draft.pipeline !== pipeline) {
    throw new UncoupleError(
      "invalid-argument",
      `a snapshot of pipeline ${JSON.stringify(draft.pipeline)} cannot be published in the registry of ${JSON.stringify(pipeline)}`,
    );
  }
  // Every reader would ignore an announcement that it cannot parse.
  parseDraft(draft);
  if (size === 0) throw new UncoupleError("invalid-argument", `${draft.component}: the model has no bytes`);
}
