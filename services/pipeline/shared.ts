import { NAME } from "./name.ts";

/** The component of another pipeline, its owner, whose snapshots a component uses instead of having a trainer. */
export interface SharedFrom {
  readonly pipeline: string;
  readonly component: string;
  /** The owner's serial to use; without it, whatever the owner releases. */
  readonly serial?: number;
}

/** A snapshot of another pipeline. */
export interface SnapshotOrigin {
  readonly pipeline: string;
  readonly component: string;
  readonly serial: number;
}

/** `ads/click` or `ads/click@7`, as in the pipeline file. */
export function originName({ pipeline, component, serial }: SharedFrom): string {
  return serial === undefined ? `${pipeline}/${component}` : `${pipeline}/${component}@${serial}`;
}

/** Parses `ads/click` or `ads/click@7`; undefined for anything else. */
export function parseFrom(text: string): SharedFrom | undefined {
  const [, pipeline = "", component = "", serial] = /^([^/@]+)\/([^/@]+)(?:@([1-9]\d{0,8}))?$/.exec(text) ?? [];
  if (!NAME.test(pipeline) || !NAME.test(component)) return undefined;
  return { pipeline, component, ...(serial !== undefined && { serial: Number(serial) }) };
}
