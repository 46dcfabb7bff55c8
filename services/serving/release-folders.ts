import { readdir, readFile, readlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { UncoupleError } from "../common/errors.ts";
import { removeUnfinished } from "../common/files/atomic-write.ts";
import { sha256 } from "../common/files/digest.ts";
import { fileError } from "../common/files/durable-file.ts";
import { errorCode } from "../common/files/file-trouble.ts";
import {
  type FolderContent,
  removeFolder,
  removeUnfinishedFolders,
  swapLink,
  writeFolder,
} from "../common/files/immutable-folder.ts";
import { makeFolder } from "../common/files/make-folder.ts";
import { compositionKey } from "../pipeline/composition-key.ts";
import type { Release } from "../pipeline/release.ts";
import { RELEASE_FILE } from "./release-files.ts";

/** The symbolic link to the folder of the release that is in use here. */
export const CURRENT = "current";
const FOLDER = "releases";

const fileSchema = z.looseObject({
  version: z.literal(1),
  pipeline: z.string(),
  number: z.int(),
  composition: z.record(z.string(), z.int()),
  files: z.record(z.string(), z.looseObject({ size: z.int(), sha256: z.string() })),
});
type ReleaseListing = z.infer<typeof fileSchema>;

/**
 * The folders of releases, and the link to one of them. Folders are immutable: they are there as a whole or not at all, and
 * a reader that resolves the link once sees one release. Not safe beside another process that writes: lock the folder.
 * All methods throw UncoupleError `resource-exhausted` (disk full) or `failed-precondition` (folder not usable).
 */
export interface ReleaseFolders {
  /** Removes what a killed process left unfinished. */
  clean(): Promise<void>;
  /** The number of the release that the link names; undefined if there is no link. */
  linked(): Promise<number | undefined>;
  /** @throws UncoupleError also `data-loss` if the folder of that release is damaged or of another release */
  has(release: Pick<Release, "pipeline" | "number" | "composition">): Promise<boolean>;
  write(number: number, content: FolderContent): Promise<void>;
  /** Lets the link name a release that was written. */
  link(number: number): Promise<void>;
  /** The bytes of a file of the linked release with that digest, verified; undefined if there is none. */
  bytes(digest: string): Promise<Uint8Array | undefined>;
  /** The absolute path of a release's folder. */
  path(number: number): string;
  /** Removes all but the newest `keep` releases and those that a symbolic link beside `current` names. */
  prune(keep: number): Promise<readonly number[]>;
}

/** @param dir absolute; created if it is missing */
export async function openReleaseFolders(dir: string): Promise<ReleaseFolders> {
  const folder = join(dir, FOLDER);
  // An error names the folder that was given.
  await makeFolder(dir);
  await makeFolder(folder);
  const path = (number: number) => join(folder, String(number));

  async function listing(number: number): Promise<ReleaseListing | undefined> {
    const file = join(path(number), RELEASE_FILE);
    const text = await readFile(file, "utf8").catch(ifMissing);
    if (text === undefined) return undefined;
    const parsed = fileSchema.safeParse(parseJson(text));
    if (!parsed.success) throw damaged(path(number), `${RELEASE_FILE} is not valid`);
    return parsed.data;
  }

  async function linked(): Promise<number | undefined> {
    const target = await readlink(join(dir, CURRENT)).catch(ifMissing);
    return target === undefined ? undefined : numberOf(target);
  }

  /** The releases that symbolic links name. */
  async function named(): Promise<ReadonlySet<number | undefined>> {
    const links = (await readdir(dir, { withFileTypes: true })).filter((entry) => entry.isSymbolicLink());
    const targets = await Promise.all(links.map(({ name }) => readlink(join(dir, name)).catch(ifMissing)));
    return new Set(
      targets.map((target) =>
        target !== undefined && resolve(dir, dirname(target)) === folder ? numberOf(target) : undefined,
      ),
    );
  }

  const folders: ReleaseFolders = {
    path,
    linked,
    async clean() {
      await removeUnfinishedFolders(folder);
      await removeUnfinishedFolders(dir);
      await removeUnfinished(dir);
    },
    async has({ pipeline, number, composition }) {
      const listed = await listing(number);
      if (listed === undefined) return false;
      const isSame =
        listed.pipeline === pipeline && compositionKey("", listed.composition) === compositionKey("", composition);
      if (!isSame)
        throw damaged(path(number), `it is of another release ${listed.number}, of pipeline ${listed.pipeline}`);
      for (const [name, { size, sha256: digest }] of Object.entries(listed.files)) {
        const bytes = await readFile(join(path(number), name)).catch(ifMissing);
        if (bytes?.length !== size || (await sha256(bytes)) !== digest) {
          throw damaged(path(number), `${name} does not match its digest`);
        }
      }
      return true;
    },
    write: (number, content) => writeFolder(path(number), content),
    link: (number) => swapLink(join(dir, CURRENT), join(FOLDER, String(number))),
    async bytes(digest) {
      const number = await linked();
      const listed = number === undefined ? undefined : await listing(number);
      for (const [name, file] of Object.entries(listed?.files ?? {})) {
        if (file.sha256 !== digest) continue;
        const bytes = await readFile(join(path(number as number), name)).catch(ifMissing);
        if (bytes !== undefined && (await sha256(bytes)) === digest) return bytes;
      }
      return undefined;
    },
    async prune(keep) {
      const kept = await named();
      const numbers = (await readdir(folder)).flatMap((name) => numberOf(name) ?? []).sort((a, b) => b - a);
      const removed = numbers.filter((number, index) => index >= keep && !kept.has(number));
      for (const number of removed) await removeFolder(path(number));
      return removed;
    },
  };
  return withFileErrors(dir, folders);
}

/** Converts Node's errors on files into typed ones. */
function withFileErrors(dir: string, folders: ReleaseFolders): ReleaseFolders {
  const typed =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await work(...args);
      } catch (thrown) {
        throw fileError(dir, thrown);
      }
    };
  const { clean, linked, has, write, link, bytes, prune, path } = folders;
  return {
    path,
    clean: typed(clean),
    linked: typed(linked),
    has: typed(has),
    write: typed(write),
    link: typed(link),
    bytes: typed(bytes),
    prune: typed(prune),
  };
}

function damaged(folder: string, why: string): UncoupleError {
  return new UncoupleError(
    "data-loss",
    `${folder} cannot be used: ${why}; remove the folder, or follow into another one`,
  );
}

function numberOf(target: string): number | undefined {
  const name = basename(target);
  return /^[1-9][0-9]*$/.test(name) ? Number(name) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function ifMissing(thrown: unknown): undefined {
  if (errorCode(thrown) === "ENOENT") return undefined;
  throw thrown;
}
