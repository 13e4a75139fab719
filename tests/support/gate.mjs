// What stands between browsers and a ledger: it passes calls on and counts them; a test can hold answers back, or answer
// in the ledger's place. So a network and an endpoint can fail for real.
import { createServer, request as call } from "node:http";

/**
 * Starts a gate; it ends with the test. It answers under every name of this machine.
 *
 * @param t the test, or anything with `after`
 * @param {{ url: string }} ledger
 */
export async function startGate(t, ledger) {
  const gate = {
    /** Calls of the endpoints so far: `{ path, body, headers }`. */
    calls: [],
    /** Answers a call in the ledger's place, if it is a function: `(call, response)`. */
    instead: undefined,
    /** What the ledger's answers wait for before a browser gets them: `(call)` returns a promise. */
    hold: undefined,
    /** Is told of everything that is asked for. */
    seen: undefined,
    /** The bodies of calls to an endpoint, `click` or `lead`. */
    sent: (endpoint) => gate.calls.filter(({ path }) => path.endsWith(`/track/${endpoint}`)).map(({ body }) => body),
  };
  const server = createServer((request, response) => answer(gate, ledger, request, response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address();
  gate.at = (host, path = "") => `http://${host}:${port}${path}`;
  return gate;
}

async function answer(gate, ledger, request, response) {
  response.on("error", () => {});
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const sent = Buffer.concat(chunks);
  const isCall = request.url.includes("/track/") && request.method === "POST";
  const known = { path: request.url, headers: request.headers, body: isCall ? parsed(sent) : undefined };
  gate.seen?.(known);
  if (isCall) {
    gate.calls.push(known);
    if (gate.instead) return gate.instead(known, response);
  }
  const { connection, ...headers } = request.headers;
  const { hostname, port } = new URL(ledger.url);
  const outgoing = call({ hostname, port, path: request.url, method: request.method, headers }, async (incoming) => {
    const parts = [];
    for await (const part of incoming) parts.push(part);
    if (isCall && gate.hold) await gate.hold(known);
    const { "transfer-encoding": _, ...rest } = incoming.headers;
    response.writeHead(incoming.statusCode, rest).end(Buffer.concat(parts));
  });
  outgoing.on("error", () => response.destroy());
  outgoing.end(sent);
}

function parsed(bytes) {
  try {
    return JSON.parse(bytes);
  } catch {
    return undefined;
  }
}

/** Pages call it from other origins, as they do the ledger. */
export const allowing = ({ headers }) => ({
  "access-control-allow-origin": headers.origin ?? "*",
  "access-control-allow-credentials": "true",
});
