// Prints the bill of materials (CycloneDX) of what npm installed here, and of the wheels that the named requirement files pin:
//   node bill-of-materials.mjs [FILE...]
// The same contents give the same text: the serial number is a digest of them, and the time that of SOURCE_DATE_EPOCH.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const npm = ["sbom", "--sbom-format=cyclonedx", "--sbom-type=application"];
const bill = JSON.parse(execFileSync("npm", npm, { encoding: "utf8", maxBuffer: 2 ** 26 }));
for (const file of process.argv.slice(2)) {
  for (const [, name, version] of readFileSync(file, "utf8").matchAll(/^([\w-]+)==([\w.]+)/gm)) {
    const purl = `pkg:pypi/${name}@${version}`;
    bill.components.push({ "bom-ref": purl, type: "library", name, version, purl });
  }
}
const epoch = process.env.SOURCE_DATE_EPOCH;
if (epoch) bill.metadata.timestamp = new Date(Number(epoch) * 1000).toISOString();
else delete bill.metadata.timestamp;
const digest = createHash("sha256").update(JSON.stringify(bill.components)).digest("hex");
// Of version 8 and the RFC's variant, as validators require.
const parts = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(digest)?.slice(1);
bill.serialNumber = `urn:uuid:${parts[0]}-${parts[1]}-8${parts[2]}-8${parts[3]}-${parts[4]}`;
console.log(JSON.stringify(bill, null, 1));
