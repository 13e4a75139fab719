/**
 * The decisions, as the crate makes them: each takes a record, a text for each line, and returns lines. Where there is no
 * WebAssembly, or a policy forbids it, fallback.js makes them; which it is, is found out by trying.
 */
import * as glue from 'tracker';
import bytes from 'tracker.wasm';

const INPUT_CAPACITY = 65535; // as in src/text.rs

/** What the WebAssembly exports; throws where there is none, or a policy forbids it. */
const wasm = () => {
  // The debug build imports the console.
  const imports = IS_RELEASE ? undefined : { './tracker_bg.js': glue };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
  glue.__wbg_set_wasm(exports);
  if (!IS_RELEASE) exports.__wbindgen_start();
  // Anew for each call: memory that grows, as the debug build's does, is another buffer.
  const view = (address, length) => new Uint8Array(exports.memory.buffer, address, length);
  const ask =
    (call) =>
    (record, ...numbers) => {
      // The NUL is no part of it, see src/text.rs.
      const { written } = new TextEncoder().encodeInto(record.join('\n') + '\0', view(glue.input_address(), INPUT_CAPACITY));
      return new TextDecoder().decode(view(glue.output_address(), call(written - 1, ...numbers))).split('\n');
    };
  return { landing: ask(glue.landing), cookieLine: ask(glue.cookie_line), retryDelay: glue.retry_delay };
};

let decisions;
try {
  decisions = wasm();
} catch {
  decisions = await import(FALLBACK);
}

export const { landing, cookieLine, retryDelay } = decisions;
