import type { Manifest } from "./manifests.ts";

/** Packages with the schemas of each group of Kubernetes's API. */
const packageOf = (group: string) => {
  if (group === "keda.sh") return "@kubernetes-models/keda/keda.sh";
  if (group === "monitoring.coreos.com") return "@kubernetes-models/prometheus-operator/monitoring.coreos.com";
  return group === "" ? "kubernetes-models" : `kubernetes-models/${group}`;
};

/**
 * Validates a manifest against the schema of its kind, keys included.
 * @param isPatch whether required keys may be missing
 * @returns every problem; empty for a valid manifest
 */
export async function problemsOf(manifest: Manifest, isPatch = false): Promise<readonly string[]> {
  const { apiVersion = "", kind = "" } = manifest;
  const [version, group = ""] = apiVersion.split("/").reverse();
  const models = await import(`${packageOf(group)}/${version}/${kind}`);
  const Model = models[kind] ?? models.default?.[kind];
  const seen = new Set<string>();
  const model = new Model(manifest);
  const problems: string[] = [];
  try {
    Model.prototype.validate.call(recording(model, "", seen));
  } catch (thrown) {
    const { errors = [], message } = thrown as { readonly errors?: Manifest[]; readonly message: string };
    const real = errors.filter(
      ({ keyword, message }) => !isPatch || ((keyword ?? "") !== "required" && !/required/.test(message)),
    );
    if (errors.length === 0) problems.push(message);
    else problems.push(...real.map(({ instancePath, message }) => `${instancePath}: ${message}`));
  }
  return [...problems, ...unread(model, "", seen).map((path) => `${path}: unknown key`)];
}

/**
 * The schemas accept unknown keys. Their code reads each key that it knows, and all keys of a map, so that a key which a
 * validation did not read is unknown.
 */
function recording(value: Manifest, path: string, seen: Set<string>): Manifest {
  if (typeof value !== "object" || value === null) return value;
  return new Proxy(value, {
    get(target, key, receiver) {
      const found = Reflect.get(target, key, receiver);
      if (typeof key !== "string" || !Object.hasOwn(target, key)) return found;
      seen.add(`${path}/${key}`);
      return recording(found, `${path}/${key}`, seen);
    },
  });
}

function unread(value: Manifest, path: string, seen: ReadonlySet<string>): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.keys(value).flatMap((key) => {
    const at = `${path}/${key}`;
    if (Array.isArray(value)) return unread(value[Number(key)], at, seen);
    return seen.has(at) ? unread(value[key], at, seen) : [at];
  });
}
