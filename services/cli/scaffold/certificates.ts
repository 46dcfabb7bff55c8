/** Who makes the certificates: cert-manager, or the people who create the Secrets. */
export const CERTIFICATES = ["secrets", "cert-manager"] as const;
export type Certificates = (typeof CERTIFICATES)[number];

/** A certificate in a Secret of the same name. */
export interface CertificateNeed {
  readonly secret: string;
  /** The names that it is for, beside localhost. */
  readonly names: readonly string[];
}

/** Of NATS, as clients and the other servers find it, and of the evaluators. */
export function platformCertificates(namespace: string): readonly CertificateNeed[] {
  const servers = [0, 1, 2].map((n) => `nats-${n}.nats-headless`);
  return [
    { secret: "nats-tls", names: [...servers, ...servers.map((name) => `${name}.${namespace}`), `nats.${namespace}`] },
    { secret: "evaluator-tls", names: ["evaluator", `evaluator.${namespace}`] },
  ];
}

/** Of a team's trainer and, if it has some, of its workers, which are clients only. */
export function teamCertificates(component: string, namespace: string, workers: number): readonly CertificateNeed[] {
  const trainer = `trainer-${component}`;
  return [
    { secret: "trainer-tls", names: [trainer, `${trainer}.${namespace}`] },
    ...(workers > 0 ? [{ secret: "worker-tls", names: [`worker-${component}`] }] : []),
  ];
}

/** The commands that make the certificates with openssl. @param base the folder with the base */
export function opensslCommands(base: string, namespace: string, needs: readonly CertificateNeed[]): readonly string[] {
  return needs.map(({ secret, names }) => `sh ${base}/base/certificate.sh ${namespace} ${secret} ${names.join(" ")}`);
}

/** The commands after which cert-manager has made the platform's certificates, and people have the authority's. */
export function certManagerCommands(platform: string, namespace: string): readonly string[] {
  const folder = `certificates/${namespace}`;
  return [
    `kubectl -n ${namespace} apply -f ${platform}/certificates.yaml`,
    `kubectl -n ${namespace} wait --for=condition=Ready certificate/nats-tls`,
    `mkdir -p ${folder}`,
    `kubectl -n ${namespace} get secret nats-tls -o 'go-template={{index .data "ca.crt" | base64decode}}' >${folder}/ca.crt`,
  ];
}

/**
 * The command that gives a namespace its user of NATS.
 * @param keys the folder of the users' keys; @param natsNamespace where NATS is, whose authority signs its certificate
 */
export function credentialsCommand(
  namespace: string,
  secret: string,
  { keys, user, natsNamespace }: { readonly keys: string; readonly user: string; readonly natsNamespace: string },
): string {
  const files = `--from-file=user.nk=${keys}/${user}.nk --from-file=certificates/${natsNamespace}/ca.crt`;
  return `kubectl -n ${namespace} create secret generic ${secret} ${files}`;
}

/**
 * Resources of cert-manager: an authority for the namespace, and what it signs.
 * @param suffix what the overlay appends to the names of resources, but not to references to issuers
 */
export function certificatesYaml(needs: readonly CertificateNeed[], suffix = ""): string {
  return `# The namespace's own certificate authority, and what it signs. cert-manager renews both, and the pods get the new files. The
# issuers are named as the overlay names them.
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: { name: self-signed }
spec: { selfSigned: {} }
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: ca }
spec:
  isCA: true
  commonName: uncouple
  secretName: uncouple-ca
  duration: 87600h
  privateKey: { algorithm: ECDSA, size: 256 }
  issuerRef: { name: self-signed${suffix} }
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: { name: ca }
spec: { ca: { secretName: uncouple-ca } }
${needs.map((need) => certificateYaml(need, suffix)).join("")}`;
}

function certificateYaml({ secret, names }: CertificateNeed, suffix: string): string {
  return `---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: ${secret} }
spec:
  secretName: ${secret}
  duration: 2160h
  privateKey: { algorithm: ECDSA, size: 256, rotationPolicy: Always }
  usages: [server auth, client auth]
  dnsNames:
${["localhost", ...names].map((name) => `    - ${name}\n`).join("")}  ipAddresses: [127.0.0.1]
  issuerRef: { name: ca${suffix} }
`;
}
