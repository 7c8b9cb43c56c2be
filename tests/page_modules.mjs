// Runs scripts for page_modules.py, one line of JSON each. A script gets a global object and
// modules of its own, so that no case sees what another has left behind.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const GIVEN = {
  URL, URLSearchParams, TextEncoder, TextDecoder, Blob, Response, CompressionStream,
  DecompressionStream, atob, btoa, structuredClone, Event, EventTarget,
};
const texts = new Map(); // of modules, which do not change
let failure = null;
for (const event of ["unhandledRejection", "uncaughtException"]) {
  process.on(event, (error) => { failure ??= error; });
}

async function run(script) {
  const printed = [];
  const console = { log: (line) => printed.push(line) };
  const context = vm.createContext({ ...GIVEN, console });
  const modules = new Map();
  let linked = Promise.resolve(); // one link at a time: modules are shared
  const made = (text, identifier) => new vm.SourceTextModule(text, {
    context, identifier, importModuleDynamically: imported,
  });
  async function load(specifier, { identifier }) {
    const url = new URL(specifier, identifier).href;
    if (!texts.has(url)) texts.set(url, await readFile(fileURLToPath(url), "utf8"));
    if (!modules.has(url)) modules.set(url, made(texts.get(url), url));
    return modules.get(url);
  }
  async function evaluated(module) {
    linked = linked.then(() => module.status === "unlinked" && module.link(load));
    await linked;
    await module.evaluate();
    return module;
  }
  async function imported(specifier, referrer) {
    return evaluated(await load(specifier, referrer));
  }
  await evaluated(made(script, import.meta.url));
  await new Promise(setImmediate); // what it does not wait for may fail too
  return printed.join("\n");
}

for await (const line of createInterface({ input: process.stdin })) {
  failure = null;
  let printed = "";
  try {
    printed = await run(JSON.parse(line));
  } catch (error) {
    failure = error;
  }
  const error = failure && String(failure.stack ?? failure);
  process.stdout.write(`${JSON.stringify({ printed, error })}\n`);
}
