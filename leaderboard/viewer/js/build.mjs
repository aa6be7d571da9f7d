// Builds ../static/viewer.js from src and three.js, as one classic script that also works from a
// disk, and writes which sources it is made of: a test compares them. `npm ci && npm run build`.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const sources = ["build.mjs", "package.json", "package-lock.json"].concat(
  readdirSync("src").map((name) => `src/${name}`),
);
const digest = createHash("sha256");
for (const name of sources.sort()) digest.update(name).update("\0").update(readFileSync(name));

const licence = readFileSync("node_modules/three/LICENSE", "utf8");
const version = JSON.parse(readFileSync("node_modules/three/package.json", "utf8")).version;

await build({
  entryPoints: ["src/main.js"],
  outfile: "../static/viewer.js",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  banner: { js: `/*! entitybench viewer, with three.js ${version} (MIT), see viewer-licence.txt */` },
});

const built = createHash("sha256").update(readFileSync("../static/viewer.js")).digest("hex");
const stamp = { sources: digest.digest("hex"), viewer: built, three: version };
writeFileSync("../static/stamp.json", `${JSON.stringify(stamp, null, 1)}\n`);
writeFileSync(
  "../static/viewer-licence.txt",
  `viewer.js holds three.js ${version}, https://threejs.org, under this licence:\n\n${licence}`,
);
