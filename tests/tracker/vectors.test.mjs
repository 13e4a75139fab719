// Both cores by one file of vectors: the WebAssembly as it is shipped, and the JavaScript that stands in for it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import * as fallback from "../../tracker/js/fallback.js";

const tracker = (path) => new URL(`../../tracker/${path}`, import.meta.url);
const vectors = JSON.parse(readFileSync(tracker("tests/vectors.json"), "utf8"));

/** The shipped WebAssembly, called as js/wasm.js calls it. */
function shipped() {
  const module = new WebAssembly.Module(readFileSync(tracker("dist/parts/core.wasm")));
  const { exports } = new WebAssembly.Instance(module);
  const ask =
    (call) =>
    (record, ...numbers) => {
      const input = new Uint8Array(exports.memory.buffer, exports.input_address(), 65_535);
      const { written } = new TextEncoder().encodeInto(`${record.join("\n")}\0`, input);
      const length = call(written - 1, ...numbers);
      return new TextDecoder().decode(new Uint8Array(exports.memory.buffer, exports.output_address(), length)).split("\n");
    };
  return { landing: ask(exports.landing), cookieLine: ask(exports.cookie_line), retryDelay: exports.retry_delay };
}

for (const [name, core] of Object.entries({ "the WebAssembly": shipped(), "the fallback": fallback })) {
  describe(name, () => {
    for (const { says, call, record, numbers = [], expect } of vectors) {
      test(`${call}: ${says}`, () => {
        const given = record === undefined ? numbers : [record, ...numbers];
        assert.deepEqual(core[call](...given), expect);
        assert.deepEqual(core[call](...given), expect, "called again");
      });
    }
  });
}
