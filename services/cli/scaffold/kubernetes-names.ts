import { UncoupleError } from "../../common/errors.ts";

/** `trainer-COMPONENT`, with the hash that Kubernetes appends for a label of at most 63 characters. */
const LONGEST_COMPONENT = 44;

/** Checks a namespace (RFC 1123). @throws UncoupleError `invalid-argument` */
export function checkNamespace(namespace: string): void {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) return;
  throw new UncoupleError(
    "invalid-argument",
    `namespace ${JSON.stringify(namespace)}: must be at most 63 lower-case letters, digits or hyphens, and begin and end with a letter or digit`,
  );
}

/** Checks that names of objects can be made from a component's name. @throws UncoupleError `invalid-argument` */
export function checkComponentFits(component: string): void {
  if (component.length <= LONGEST_COMPONENT && !component.endsWith("-")) return;
  throw new UncoupleError(
    "invalid-argument",
    `component ${component}: its name does not fit Kubernetes, where it must have at most ${LONGEST_COMPONENT} characters and not end with a hyphen`,
  );
}

/** A namespace of Uncouple: NetworkPolicies admit it by its label, and its pods run under the restricted policy. */
export function namespaceYaml(name: string): string {
  return `apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
  labels:
    app.kubernetes.io/part-of: uncouple
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
    pod-security.kubernetes.io/audit: restricted
`;
}
