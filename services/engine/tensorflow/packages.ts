import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The npm packages that bind TensorFlow, best first. They are optional, and their native binding more so. */
export const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

/** The newest version of Node-API that the packages look for; all supported versions of Node have it. */
export const NODE_API_VERSION = 8;

/** One of `PACKAGES`, as installed. */
export interface TensorflowPackage {
  readonly name: string;
  readonly folder: string;
  /** The version of tfjs that it belongs to, which is also its own. */
  readonly tfjs: string;
  /** Path of its native binding, whether or not that was built. */
  readonly binding: string;
}

/**
 * Finds the installed packages that bind TensorFlow, best first.
 *
 * @param from URL of the module that would import them
 */
export function installedPackages(from: string): readonly TensorflowPackage[] {
  const require = createRequire(from);
  return PACKAGES.flatMap((name) => {
    let file: string;
    try {
      file = require.resolve(`${name}/package.json`);
    } catch {
      return [];
    }
    const { version } = require(file) as { readonly version: string };
    const folder = dirname(file);
    const binding = join(folder, "lib", `napi-v${NODE_API_VERSION}`, "tfjs_binding.node");
    return [{ name, folder, tfjs: version, binding }];
  });
}
