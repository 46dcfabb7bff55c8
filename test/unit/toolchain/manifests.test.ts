import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../../services/cli/command-line.ts";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { longestStopSeconds as longestEvaluatorStop } from "../../../services/evaluator/run-evaluator.ts";
import { packageInfo } from "../../../services/runtime/package-info.ts";
import { longestStopSeconds as longestTrainerStop } from "../../../services/trainer/run-trainer.ts";
import { problemsOf } from "../../helpers/manifest-schemas.ts";
import {
  closureOf,
  kustomizations,
  type Manifest,
  manifests,
  podOf,
  readDocuments,
  referencesOf,
  root,
  yamlFiles,
} from "../../helpers/manifests.ts";

const { version } = packageInfo();
const all = await manifests();
const objects = all.filter(({ value }) => !Array.isArray(value));
const complete = objects.filter(({ isPatch }) => !isPatch);
const pods = complete.flatMap(({ file, value }) => {
  const pod = podOf(value);
  return pod === undefined ? [] : [{ name: `${file} ${value.kind} ${value.metadata.name}`, kind: value.kind, pod }];
});
const containers = pods.flatMap(({ name, pod }) =>
  [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((container: Manifest) => ({ name, container })),
);
const ours = containers.filter(({ container }) => /^uncouple(-gpu)?:/.test(container.image));
const compose = (await readDocuments("deploy/compose.yaml"))[0];

const program = await createProgram(["help"], {
  stdout: { write: () => true },
  stderr: { write: () => true },
  env: {},
  cwd: root,
  clock: createVirtualClock(),
  interrupted: new AbortController().signal,
  takeSignals: () => process,
});
const commandOf = (name: string) => program.commands.find((command) => command.name() === name);

describe("manifests", () => {
  test("every file is valid YAML", async () => {
    const files = await yamlFiles();
    expect(files.length).toBeGreaterThan(30);
    for (const file of files) await readDocuments(file);
  });

  test.each(objects)("$file $value.kind $value.metadata.name follows its schema", async ({ value, isPatch }) => {
    expect(await problemsOf(value, isPatch)).toEqual([]);
  });

  test("misspelt keys and wrong types are found, at any depth and in patches", async () => {
    const deployment = complete.find(({ value }) => value.kind === "Deployment")?.value;
    const planted = (change: (copy: Manifest) => void) => {
      const copy = structuredClone(deployment);
      change(copy);
      return copy;
    };
    const of = (change: (copy: Manifest) => void) => problemsOf(planted(change));
    const first = (copy: Manifest) => copy.spec.template.spec.containers[0];
    expect(await of(() => {})).toEqual([]);
    expect(await of((copy) => Object.assign(copy.spec, { replica: 2 }))).toEqual(["/spec/replica: unknown key"]);
    expect(await of((copy) => Object.assign(first(copy), { redinessProbe: {} }))).toEqual([
      "/spec/template/spec/containers/0/redinessProbe: unknown key",
    ]);
    expect(await of((copy) => Object.assign(copy.spec, { replicas: "2" }))).toEqual([
      expect.stringMatching(/^\/spec\/replicas: /),
    ]);
    expect(
      await problemsOf(
        { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "x" }, spec: { replica: 1 } },
        true,
      ),
    ).toEqual(["/spec/replica: unknown key"]);
  });

  test("JSON patches have an operation, a path and a value", () => {
    const operations = all.flatMap(({ file, value }) =>
      Array.isArray(value) ? value.map((operation: Manifest) => ({ file, operation })) : [],
    );
    expect(operations.length).toBeGreaterThan(0);
    for (const { file, operation } of operations) {
      const keys = operation.op === "remove" ? ["op", "path"] : ["op", "path", "value"];
      expect(Object.keys(operation), file).toEqual(keys);
      expect(["add", "replace", "remove"], file).toContain(operation.op);
    }
  });

  test("what kustomizations name exists", async () => {
    for (const kustomization of await kustomizations()) {
      for (const reference of referencesOf(kustomization)) {
        expect(existsSync(join(root, reference)), `${kustomization.folder}: ${reference}`).toBe(true);
      }
    }
  });

  test.each(["deploy/k8s/overlays/laptop", "deploy/k8s/overlays/production"])(
    "%s brings every ConfigMap and every target that its objects name",
    async (folder) => {
      const { values, generated } = await closureOf(folder);
      const named = new Set(values.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
      for (const value of values) {
        const where = `${folder} ${value.kind} ${value.metadata.name}`;
        const pod = podOf(value)?.spec;
        const maps = [
          ...(pod?.volumes ?? []).flatMap(({ configMap }: Manifest) => configMap?.name ?? []),
          ...(pod?.containers ?? []).flatMap(({ envFrom = [] }: Manifest) =>
            envFrom.map(({ configMapRef }: Manifest) => configMapRef.name),
          ),
        ];
        for (const map of maps) expect(generated, where).toContain(map);
        const target = value.spec?.scaleTargetRef;
        if (target !== undefined) expect(named, where).toContain(`${target.kind ?? "Deployment"}/${target.name}`);
        if (value.kind === "StatefulSet") expect(named, where).toContain(`Service/${value.spec.serviceName}`);
      }
    },
  );
});

describe("pods", () => {
  test.each(pods)("$name is restricted", ({ pod }) => {
    const { spec } = pod;
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    expect(spec.securityContext.runAsUser).toBeGreaterThan(0);
    for (const key of ["hostNetwork", "hostPID", "hostIPC"]) expect(spec[key]).toBeUndefined();
    for (const { hostPath } of spec.volumes ?? []) expect(hostPath).toBeUndefined();
  });

  test.each(containers)("$name: container $container.name is restricted and has its resources", ({ container }) => {
    const { runAsUser: _user, runAsGroup: _group, ...rest } = container.securityContext;
    expect(rest).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(container.resources.requests).toHaveProperty("cpu");
    expect(container.resources.requests).toHaveProperty("memory");
    expect(container.resources.limits).toHaveProperty("memory");
    expect(container.imagePullPolicy).toBe("IfNotPresent");
  });

  test.each(pods)("$name mounts what it has, and probes ports that it opens", ({ pod, kind }) => {
    const claims = complete.flatMap(({ value }) =>
      value.spec?.template === pod ? value.spec.volumeClaimTemplates : [],
    );
    const volumes = [
      ...(pod.spec.volumes ?? []).map(({ name }: Manifest) => name),
      ...claims.map((claim: Manifest) => claim?.metadata?.name),
    ];
    for (const { volumeMounts = [], ports = [], ...container } of pod.spec.containers) {
      for (const { name } of volumeMounts) expect(volumes).toContain(name);
      const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
      if (!["Deployment", "StatefulSet"].includes(kind)) continue;
      for (const probe of probes) {
        expect(ports.map(({ name }: Manifest) => name)).toContain(probe.httpGet.port);
      }
    }
  });

  test.each(
    pods.filter(({ pod }) =>
      pod.spec.containers.some(({ args = [] }: Manifest) => args.includes("--inference-socket")),
    ),
  )("$name runs models from the store in a container that has nothing to take", ({ pod }) => {
    const [service] = pod.spec.containers;
    const host = pod.spec.initContainers.find(({ name }: Manifest) => name === "inference");
    // A sidecar starts before the service and ends after it.
    expect(host).toMatchObject({ restartPolicy: "Always", image: expect.stringMatching(/^uncouple:/) });
    expect(host).not.toHaveProperty("env");
    expect(host).not.toHaveProperty("envFrom");
    const user = ({ securityContext }: Manifest) => securityContext.runAsUser ?? pod.spec.securityContext.runAsUser;
    expect(user(host)).not.toBe(user(service));
    const mounts = new Map<string, string>(host.volumeMounts.map(({ name, mountPath }: Manifest) => [name, mountPath]));
    for (const name of mounts.keys()) {
      expect(pod.spec.volumes.find((volume: Manifest) => volume.name === name)).toHaveProperty("emptyDir");
    }
    const shared = service.volumeMounts.filter(({ name }: Manifest) => mounts.has(name));
    expect(shared).toEqual([{ name: "inference", mountPath: mounts.get("inference") }]);
    const socket = service.args[service.args.indexOf("--inference-socket") + 1];
    expect(socket).toBe(host.args[host.args.indexOf("--socket") + 1]);
    expect(host.startupProbe.exec.command).toEqual(["test", "-S", socket]);
    expect(socket.startsWith(`${mounts.get("inference")}/`)).toBe(true);
  });

  test("evaluators and trainers run models from the store elsewhere", () => {
    const services = ours.filter(({ container }) => /^(evaluator|trainer)$/.test(container.args?.[0]));
    expect(compose.networks.nowhere).toEqual({ internal: true });
    expect(services.length).toBeGreaterThanOrEqual(2);
    for (const { name, container } of services) expect(container.args, name).toContain("--inference-socket");
    for (const service of ["evaluator", "trainer-m1", "trainer-m2"]) {
      const host = compose.services[`${service}-inference`];
      expect(host).toMatchObject({ networks: ["nowhere"], environment: {} });
      expect(host.volumes).toEqual([expect.stringMatching(/^[\w-]+:\/run\/inference$/)]);
      expect(compose.services[service].volumes).toContain(host.volumes[0]);
    }
  });

  test("Services and NetworkPolicies lead to named ports that pods of that component open", () => {
    const opened = new Map<string, Set<unknown>>();
    for (const { value, isPatch } of objects) {
      const pod = podOf(value);
      // A patch of NATS adds the port of its cluster.
      const component = pod?.metadata?.labels?.["app.kubernetes.io/component"] ?? (isPatch && value.metadata.name);
      if (typeof component !== "string") continue;
      const ports = (pod?.spec?.containers ?? []).flatMap(({ ports = [] }: Manifest) => ports);
      const known = opened.get(component) ?? new Set();
      for (const { name, containerPort } of ports) known.add(name).add(containerPort);
      opened.set(component, known);
    }
    for (const { file, value } of complete) {
      if (value.kind !== "Service") continue;
      const component = value.spec.selector["app.kubernetes.io/component"];
      for (const { targetPort } of value.spec.ports) expect(opened.get(component), file).toContain(targetPort);
    }
    for (const { file, value } of complete) {
      const component =
        value.kind === "NetworkPolicy" && value.spec.podSelector.matchLabels?.["app.kubernetes.io/component"];
      if (typeof component !== "string") continue;
      for (const { ports } of value.spec.ingress ?? []) {
        for (const { port } of ports) expect(opened.get(component), file).toContain(port);
      }
    }
  });

  test("pods that stop gracefully get longer than the drain", () => {
    // The command exits by force five seconds later.
    const longest = Math.max(longestTrainerStop({}), longestEvaluatorStop({})) + 5;
    for (const { name, kind, pod } of pods) {
      if (kind === "Job" || kind === "CronJob") continue;
      expect(pod.spec.terminationGracePeriodSeconds, name).toBeGreaterThan(longest);
    }
    for (const service of ["evaluator", "trainer-m1", "trainer-m2"]) {
      expect(Number.parseInt(compose.services[service].stop_grace_period, 10)).toBeGreaterThan(longest);
    }
  });
});

describe("manifests and the code", () => {
  const images = [
    ...objects.flatMap(({ value }) =>
      ["initContainers", "containers"].flatMap((key) =>
        (podOf(value)?.spec?.[key] ?? []).flatMap(({ image }: Manifest) => image ?? []),
      ),
    ),
    ...Object.values<Manifest>(compose.services).map(({ image }) => image.replace(/^\$\{\w+:-(.*)\}$/, "$1")),
  ];

  test("images are those of this version, without a registry, and none is `latest`", () => {
    expect(new Set(images)).toEqual(
      new Set([`uncouple:${version}`, `uncouple-gpu:${version}`, expect.stringMatching(/^nats:\d+\.\d+\.\d+-alpine$/)]),
    );
    expect(new Set(images.filter((image) => image.startsWith("nats:"))).size).toBe(1);
  });

  test("the Dockerfiles have this version, and no registry", async () => {
    for (const name of ["uncouple", "uncouple-gpu"]) {
      const text = await readFile(join(root, "deploy/images", name, "Dockerfile"), "utf8");
      expect(text).toContain(`ARG VERSION=${version}\n`);
      expect(text).toMatch(/^ARG NODE_IMAGE=node:\d+-slim$/m);
      expect(text.match(/^FROM .*$/gm)?.filter((line) => /[a-z0-9]\.[a-z]+\//.test(line))).toEqual([]);
    }
  });

  test("the image for GPUs takes wheels by version and digest, and ONNX Runtime's in the version of the package", async () => {
    const { dependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    const wheels = new Map<string, string>();
    for (const file of ["tensorflow.txt", "onnxruntime.txt"]) {
      const text = await readFile(join(root, "deploy/images/uncouple-gpu", file), "utf8");
      for (const line of text.replace(/^#.*$/gm, "").replaceAll("\\\n", "").split("\n")) {
        if (line === "") continue;
        const [, name = "", wheel = ""] = /^([\w-]+)==([\d.]+)(?: +--hash=sha256:[0-9a-f]{64})+$/.exec(line) ?? [];
        expect(name, line).not.toBe("");
        wheels.set(name, wheel);
      }
    }
    expect(wheels.get("onnxruntime-gpu")).toBe(dependencies["onnxruntime-node"]);
    expect(wheels.has("tensorflow")).toBe(true);
  });

  test.each(ours)("$name: container $container.name calls a command with flags that it has", ({ container }) => {
    const [name = "", ...args]: string[] = container.args;
    const command = commandOf(name);
    expect(command, name).toBeDefined();
    const flags = (command?.options ?? []).map(({ long }) => long);
    for (const flag of args.filter((arg) => arg.startsWith("--"))) expect(flags).toContain(flag);
  });

  test("named ports are the defaults of the services", () => {
    const defaults = new Map(commandOf("trainer")?.options.map(({ long, defaultValue }) => [long, defaultValue]));
    const wanted: Readonly<Record<string, unknown>> = {
      grpc: defaults.get("--port"),
      metrics: defaults.get("--metrics-port"),
    };
    expect(wanted).toEqual({ grpc: expect.any(Number), metrics: expect.any(Number) });
    for (const { name, container } of ours) {
      for (const { name: port, containerPort } of container.ports ?? []) {
        expect(containerPort, `${name} ${port}`).toBe(wanted[port]);
      }
    }
  });

  test("the overlay for a laptop has the files of the paper's example", async () => {
    const text = (file: string) => readFile(join(root, file), "utf8");
    const laptop = "deploy/k8s/overlays/laptop";
    expect(await text(`${laptop}/shared/pipeline.yaml`)).toBe(await text("examples/paper/pipeline.yaml"));
    expect(await text(`${laptop}/teams/m1/team.yaml`)).toBe(await text("examples/paper/m1-initial.yaml"));
    expect(await text(`${laptop}/teams/m2/team.yaml`)).toBe(await text("examples/paper/m2-async.yaml"));
  });
});
