// Makes stubs as buf.gen.yaml and buf.gen.details.yaml say, but by plugins on this machine, into gen/ of the folder it is
// run in: `node stubs.mjs typescript`, or go, java, python. What Buf's registry would run may not be reachable.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const repository = process.env.KITH_REPOSITORY ?? fileURLToPath(new URL("../..", import.meta.url));
// Of Python, the stubs of services have no plugin outside of grpcio-tools: tests/python makes them.
const LOCAL = {
  "buf.build/protocolbuffers/go": { local: "protoc-gen-go" },
  "buf.build/grpc/go": { local: "protoc-gen-go-grpc" },
  "buf.build/protocolbuffers/python": { protoc_builtin: "python" },
  "buf.build/protocolbuffers/pyi": { protoc_builtin: "pyi" },
  "buf.build/bufbuild/es": { local: "node_modules/.bin/protoc-gen-es" },
  "buf.build/protocolbuffers/java": { protoc_builtin: "java" },
  "buf.build/grpc/java": { local: "grpc_java_plugin" },
};

const wanted = process.argv.slice(2).map((language) => `gen/${language}`);

function local({ remote, ...plugin }) {
  const [name, version] = remote.split(":v");
  if (name === "buf.build/bufbuild/es") {
    const { dependencies, devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
    const own = [devDependencies["@bufbuild/protoc-gen-es"], dependencies["@bufbuild/protobuf"]];
    if (own.some((pin) => pin !== version)) {
      throw new Error(`buf.gen.yaml has ${remote}, package.json has ${own.join(" and ")}`);
    }
  }
  return { ...LOCAL[name], ...plugin };
}

for (const file of ["buf.gen.yaml", "buf.gen.details.yaml"]) {
  const template = parse(readFileSync(`${repository}/${file}`, "utf8"));
  const inputs = template.inputs.map(({ directory, ...rest }) => ({ directory: repository, ...moved(rest) }));
  const plugins = template.plugins
    .filter(({ remote, out }) => wanted.includes(out) && remote.split(":v")[0] in LOCAL)
    .map(local);
  if (plugins.length > 0) {
    const own = JSON.stringify({ ...template, inputs, plugins });
    execFileSync("buf", ["generate", "--template", own], { stdio: "inherit" });
  }
}

// Paths of an input are seen from where buf runs.
function moved(input) {
  const from = (paths) => paths.map((path) => `${repository}/${path}`);
  return Object.fromEntries(Object.entries(input).map(([key, paths]) => [key, from(paths)]));
}
