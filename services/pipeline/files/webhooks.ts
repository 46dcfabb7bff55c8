import * as z from "zod";
import { WEBHOOK_EVENTS, type Webhook } from "../gate.ts";
import { parseWith, strict } from "./schema.ts";
import { type Reporter, reportRepeats } from "./yaml-file.ts";

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

const webhookSchema = strict({
  url: z.string().refine(isPermitted, {
    error: "must be an https URL; http is only for this machine, such as http://localhost:8080/hook",
  }),
  on: z
    .array(z.enum(WEBHOOK_EVENTS))
    .min(1)
    .default([...WEBHOOK_EVENTS]),
  secret_file: z.string().min(1),
});

/** Parses the pipeline file's `webhooks`. @returns undefined after reporting every problem */
export function parseWebhooks(value: unknown, reporter: Reporter): readonly Webhook[] | undefined {
  const webhooks = parseWith(z.array(webhookSchema).min(1), value, ["webhooks"], reporter);
  webhooks?.forEach(({ on }, index) => {
    reportRepeats(on, ["webhooks", index, "on"], reporter);
  });
  reportRepeats(webhooks?.map(({ url }) => url) ?? [], ["webhooks"], reporter);
  return webhooks?.map(({ url, on, secret_file: secretFile }) => ({ url, on, secretFile }));
}

function isPermitted(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.test(url.hostname));
}
