import type { BackupDocument } from "../../registry/jetstream/backup/backup-document.ts";

/** What `--json` prints of a backup. */
export function backupJson({ pipeline, at, logs, models, extras, lost }: BackupDocument) {
  const entries = (name: string) => logs.find((log) => log.name === name)?.entries ?? 0;
  return {
    pipeline,
    at,
    snapshots: entries("snapshots"),
    models: models.length,
    bytes: models.reduce((sum, { size }) => sum + size, 0),
    verdicts: entries("verdicts"),
    stateFiles: extras.length,
    lost,
  };
}

/** `pipeline demo of TIME: 3 snapshots, 2 models (0.1 MB), 3 verdicts` */
export function backupText(document: BackupDocument): string {
  const { pipeline, at, snapshots, models, bytes, verdicts, stateFiles } = backupJson(document);
  const state = stateFiles === 0 ? "" : `, ${stateFiles} files of trainers`;
  return `pipeline ${pipeline} at ${at}: ${snapshots} snapshots, ${models} models (${(bytes / 1e6).toFixed(1)} MB), ${verdicts} verdicts${state}`;
}
