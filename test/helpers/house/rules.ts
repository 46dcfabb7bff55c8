/** Every room under services/, and the rooms that it may import. No import runs back up. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  common: [],
  pipeline: ["common"],
  runtime: ["common"],
  tracking: ["common", "pipeline", "runtime"],
  data: ["common", "pipeline"],
  engine: ["common", "pipeline"],
  registry: ["common", "pipeline"],
  rpc: ["common", "pipeline"],
  report: ["common", "pipeline"],
  verdicts: ["common", "pipeline"],
  learning: ["common", "pipeline", "data", "engine", "verdicts"],
  inference: ["common", "pipeline", "data", "engine", "learning"],
  composition: ["common", "pipeline", "data", "registry", "verdicts", "learning", "inference"],
  releases: ["common", "pipeline", "registry", "verdicts", "composition"],
  serving: ["common", "pipeline", "runtime", "engine", "registry", "learning"],
  worker: ["common", "pipeline", "runtime", "engine", "rpc", "learning"],
  trainer: [
    "common",
    "pipeline",
    "runtime",
    "tracking",
    "data",
    "engine",
    "registry",
    "rpc",
    "learning",
    "inference",
    "composition",
    "releases",
  ],
  evaluator: [
    "common",
    "pipeline",
    "runtime",
    "tracking",
    "data",
    "registry",
    "rpc",
    "verdicts",
    "learning",
    "inference",
    "composition",
    "releases",
  ],
  experiments: [
    "common",
    "pipeline",
    "data",
    "engine",
    "registry",
    "report",
    "verdicts",
    "learning",
    "composition",
    "releases",
  ],
  simulator: [
    "common",
    "pipeline",
    "data",
    "engine",
    "report",
    "verdicts",
    "learning",
    "inference",
    "composition",
    "releases",
  ],
  cli: [
    "common",
    "pipeline",
    "runtime",
    "tracking",
    "data",
    "engine",
    "registry",
    "rpc",
    "report",
    "verdicts",
    "learning",
    "inference",
    "composition",
    "releases",
    "serving",
    "worker",
    "trainer",
    "evaluator",
    "experiments",
    "simulator",
  ],
};

/** Modules that only some folders may import. */
export interface Restriction {
  /** Of the module's name as it is imported. */
  readonly modules: RegExp;
  /** Folders under services/, or files by their ending. */
  readonly allowed: readonly string[];
  /** Why, for the message. */
  readonly reason: string;
}

export const RESTRICTIONS: readonly Restriction[] = [
  {
    modules: /^@tensorflow\//,
    allowed: ["engine/", "learning/"],
    reason: "tfjs is used in services/engine and services/learning only",
  },
  {
    modules: /^onnxruntime-/,
    allowed: ["engine/", "learning/snapshot/"],
    reason: "ONNX Runtime is used in services/engine and services/learning/snapshot only",
  },
  {
    modules: /^nats(\/|$)/,
    allowed: ["registry/jetstream/"],
    reason: "nats is used in services/registry/jetstream only",
  },
  {
    modules: /^tar-stream$/,
    allowed: ["registry/jetstream/backup/"],
    reason: "tar-stream is used in services/registry/jetstream/backup only",
  },
  { modules: /^(@grpc\/|grpc-health-check)/, allowed: ["rpc/"], reason: "gRPC is used in services/rpc only" },
  { modules: /^@duckdb\//, allowed: ["data/"], reason: "DuckDB is used in services/data only" },
  { modules: /^vega(-|\/|$)/, allowed: ["report/"], reason: "vega is used in services/report only" },
  {
    modules: /^(node:)?process$/,
    // numerics.ts takes the version of V8, a constant of the runtime.
    allowed: ["cli/", "/main.ts", "/engine/interface/numerics.ts"],
    reason: "only main.ts files and services/cli touch the process; take what you need as an argument",
  },
  {
    modules: /^(node:)?(timers(\/promises)?|perf_hooks)$/,
    allowed: ["common/clock/", "common/async/", "/main.ts"],
    reason: "time is injected: take a Clock",
  },
  {
    modules: /\/common\/clock\/system-clock\.(ts|js)$/,
    allowed: ["/main.ts", "/cli/process.ts"],
    reason: "entry points hand out the system clock; take a Clock",
  },
  {
    modules: /\/install-nats-server\.(ts|js)$/,
    allowed: ["/cli/commands/demo.ts"],
    reason: "only the demo may install software; services and `uncouple up` never do",
  },
  {
    modules: /^node:(fs|fs\/promises|net|http|https|http2|child_process|worker_threads)$/,
    allowed: [
      ...Object.keys(ROOMS)
        .filter((room) => room !== "pipeline" && room !== "verdicts")
        .map((room) => `${room}/`),
    ],
    reason: "services/pipeline and services/verdicts are pure: no IO",
  },
];

/** Names that only some files may use. */
export interface Ban {
  /** `setTimeout`, `Date.now` for a member, or an operator. */
  readonly names: readonly string[];
  readonly allowed: readonly string[];
  readonly reason: string;
}

export const BANS: readonly Ban[] = [
  {
    names: ["process", "globalThis", "global"],
    allowed: ["cli/", "/main.ts"],
    reason: "only main.ts files and services/cli touch the process; take what you need as an argument",
  },
  {
    names: [
      "setTimeout",
      "setInterval",
      "performance",
      "Date.now",
      // Without arguments.
      "new Date",
      "Date()",
      "process.hrtime",
      "AbortSignal.timeout",
    ],
    allowed: ["common/clock/", "/main.ts"],
    reason: "time is injected: take a Clock",
  },
  {
    names: ["setImmediate"],
    allowed: ["common/clock/", "common/async/", "/main.ts"],
    reason: "use yieldToEventLoop of services/common/async",
  },
  {
    names: [
      "Math.exp",
      "Math.expm1",
      "Math.log",
      "Math.log1p",
      "Math.log2",
      "Math.log10",
      "Math.sin",
      "Math.cos",
      "Math.tan",
      "Math.asin",
      "Math.acos",
      "Math.atan",
      "Math.atan2",
      "Math.sinh",
      "Math.cosh",
      "Math.tanh",
      "Math.asinh",
      "Math.acosh",
      "Math.atanh",
      "Math.pow",
      "Math.cbrt",
      "Math.hypot",
      // Unless both operands are written out.
      "**",
    ],
    allowed: ["report/", "cli/", "common/async/retry.ts", "engine/tfjs/repeatable-math.ts"],
    reason: "its last bits are the JavaScript engine's choice: use services/common/elementary.ts",
  },
];
