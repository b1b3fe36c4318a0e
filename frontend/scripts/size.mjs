// The first load's budget: gzipped JavaScript and CSS that index.html needs before it can answer.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMITS_KB = { js: 250, css: 20 };
const dist = new URL("../../api/_frontend/", import.meta.url);

function read(path) {
  try {
    return readFileSync(new URL(path, dist));
  } catch {
    console.error(`${path} is missing in api/_frontend: run npm run build first.`);
    process.exit(2);
  }
}

const manifest = JSON.parse(read(".vite/manifest.json"));
const first = new Set();

function collect(name) {
  const chunk = manifest[name];
  if (first.has(chunk.file)) return;
  first.add(chunk.file);
  for (const sheet of chunk.css ?? []) first.add(sheet);
  for (const imported of chunk.imports ?? []) collect(imported);
}

for (const [name, chunk] of Object.entries(manifest)) if (chunk.isEntry) collect(name);

const total = { js: 0, css: 0 };
for (const file of first) {
  const kind = file.endsWith(".css") ? "css" : "js";
  total[kind] += gzipSync(read(file), { level: 9 }).length;
}

let over = first.size === 0;
for (const [kind, bytes] of Object.entries(total)) {
  const kb = bytes / 1000;
  const fits = kb < LIMITS_KB[kind];
  over ||= !fits;
  console.log(
    `first load ${kind}: ${kb.toFixed(1)} kB gzip of ${LIMITS_KB[kind]} kB${fits ? "" : " - TOO LARGE"}`,
  );
}
process.exit(over ? 1 : 0);
