import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const examples = join(dirname(here), "examples");
const scratch = mkdtempSync(join(tmpdir(), "tendril-types-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

// tsc runs the compiler and returns its exit code and what it said.
function tsc(...args) {
  const compiler = join(here, "node_modules", "typescript", "bin", "tsc");
  const run = spawnSync(process.execPath, [compiler, "--pretty", "false", ...args], { encoding: "utf8" });
  return { code: run.status, said: run.stdout + run.stderr };
}

// passes asserts that the compiler finds nothing to say.
function passes(...args) {
  const { code, said } = tsc(...args);
  assert.equal(code, 0, said);
}

// project makes a folder as `tendril dev` leaves it: the declarations and the
// tsconfig.json that the binary carries.
function project(name) {
  const dir = join(scratch, name);
  mkdirSync(dir, { recursive: true });
  cpSync(join(here, "types"), join(dir, ".tendril", "types"), { recursive: true });
  cpSync(join(here, "project.tsconfig.json"), join(dir, "tsconfig.json"));
  return dir;
}

const declarations = readdirSync(join(here, "types")).filter((name) => name.endsWith(".d.ts"));

test("the sources pass the strictest compiler", () => passes("-p", join(here, "tsconfig.json")));

test("the types hold what they promise", () => passes("-p", join(here, "test", "tsconfig.json")));

test("types/ is what the compiler makes of src/", () => {
  const out = join(scratch, "emitted");
  passes("-p", join(here, "tsconfig.build.json"), "--outDir", join(scratch, "js"), "--declarationDir", out);
  assert.deepEqual(declarations, readdirSync(out), "run make types");
  for (const name of declarations) {
    assert.equal(readFileSync(join(here, "types", name), "utf8"), readFileSync(join(out, name), "utf8"), `${name}: run make types`);
  }
});

test("the module exports the base class and nothing else", async () => {
  const out = join(scratch, "module");
  passes("-p", join(here, "tsconfig.build.json"), "--outDir", out, "--declarationDir", join(out, "types"));
  writeFileSync(join(out, "package.json"), '{"type":"module"}');
  const module = await import(join(out, "index.js"));
  assert.deepEqual(Object.keys(module), ["DeviceEntrypoint"]);
  class Script extends module.DeviceEntrypoint {}
  const env = {};
  assert.equal(new Script(env).env, env);
});

// documented returns the exported declarations with their doc comments.
function documented() {
  const found = new Map();
  for (const name of declarations.filter((name) => name !== "index.d.ts" && name !== "globals.d.ts")) {
    const text = readFileSync(join(here, "types", name), "utf8");
    const declaration = /(\/\*\*(?:(?!\*\/)[^])*\*\/\n)?export (?:declare )?(?:abstract )?(?:class|interface|type|const|function) (\w+)/g;
    for (const [, doc, exported] of text.matchAll(declaration)) found.set(exported, doc ?? "");
  }
  return found;
}

test("every export has an example, and each compiles", () => {
  const docs = documented();
  assert.ok(docs.has("DeviceEntrypoint") && docs.has("GPIOWrite") && docs.has("KV"), "the exports were found");
  const dir = project("doc-examples");
  for (const [name, doc] of docs) {
    const code = /```ts\n([^]*?)```/.exec(doc)?.[1]?.replace(/^ \* ?/gm, "");
    assert.ok(code, `${name} has no example`);
    const imported = /from "tendril"/.test(code) ? "" : `import type { ${name} } from "tendril";\n`;
    writeFileSync(join(dir, `${name}.ts`), imported + code + "\nexport {};\n");
  }
  passes("-p", dir);
});

for (const name of readdirSync(examples)) {
  test(`examples/${name} passes in the project that the binary sets up`, () => {
    const dir = project(join("examples", name));
    cpSync(join(examples, name, "src"), join(dir, "src"), { recursive: true });
    passes("-p", dir);
  });
}

test("the scripts in the READMEs compile", () => {
  const dir = project("readme");
  for (const [name, path] of [["root", "../README.md"], ["package", "README.md"]]) {
    const scripts = [...readFileSync(join(here, path), "utf8").matchAll(/```ts\n([^]*?)```/g)];
    assert.ok(scripts.length > 0, `${path} shows a script`);
    scripts.forEach(([, code], n) => writeFileSync(join(dir, `${name}${n}.ts`), code));
  }
  passes("-p", dir);
});

test("the lock file names no registry", () => {
  const lock = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8"));
  for (const [path, entry] of Object.entries(lock.packages)) assert.equal(entry.resolved, undefined, path);
});

test("a mistake in a project is found", () => {
  const dir = project("mistake");
  writeFileSync(join(dir, "script.ts"), 'import type { DeviceHandlers } from "tendril";\nexport default { onMessage(m, env) { env.DEVICE.emit(m); } } satisfies DeviceHandlers;\n');
  const { code, said } = tsc("-p", dir);
  assert.notEqual(code, 0);
  assert.match(said, /script\.ts\(2,\d+\): error TS2339: Property 'emit' does not exist/);
});

test("a script without an import has the globals", () => {
  const dir = project("globals");
  writeFileSync(join(dir, "script.ts"), 'export default { onMessage() { setTimeout(() => console.info("later", { a: 1 }), 5); } };\n');
  passes("-p", dir);
});

test("the globals stand beside the DOM's", () => {
  const dir = project("dom");
  writeFileSync(join(dir, "script.ts"), 'import "tendril";\nconsole.table([1]);\nconst id: number = setTimeout(() => {}, 5);\nclearTimeout(id);\n');
  passes("-p", dir, "--lib", "ES2022,DOM");
});
