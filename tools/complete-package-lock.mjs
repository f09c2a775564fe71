// Adds to package-lock.json the optional packages of other platforms that npm left out.
//
// npm writes down only those optional packages that it could look up when it made the lock (npm/cli#4828, and any
// mirror that serves one platform), but `npm ci` then refuses a lock that lacks one. Which platform an entry
// is for is in its name, as these packages are all named by the same scheme.
import { readFileSync, writeFileSync } from "node:fs";

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = {
  amd64: "x64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  loong64: "loong64",
  mips64el: "mips64el",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  wasm32: "wasm32",
  x64: "x64",
};
const LIBRARIES = { gnu: "glibc", musl: "musl" };

/** What a package's name says of the platform it is for: {os, cpu, libc}, each a list or missing. */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const system = words.find((word) => SYSTEMS.includes(word));
  const processor = words.find((word) => word in PROCESSORS);
  const library = words.find((word) => word in LIBRARIES);
  return {
    ...(processor && { cpu: [PROCESSORS[processor]] }),
    ...(system === "linux" && library && { libc: [LIBRARIES[library]] }),
    ...(system && { os: [system] }),
  };
}

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const platform = platformOf(name);
    if (!platform.os && !platform.cpu) continue;
    lock.packages[`node_modules/${name}`] ??= { version, dev: entry.dev, optional: true, ...platform };
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en")),
);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
