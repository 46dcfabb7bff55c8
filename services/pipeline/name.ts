/**
 * Names of pipelines, components, aliases, leases and worker groups: they become parts of NATS subjects, metrics, file
 * names and Kubernetes names, which have at most 63 characters (RFC 1123).
 */
export const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** Names are keys of objects, in files and in programs, and every object of JavaScript has the key `constructor`. */
export const NOT_RESERVED = /^(?!constructor$)/;
