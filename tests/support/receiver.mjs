// A subscriber's server on this machine: keeps what it is sent, answers as it is told.
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

/**
 * Starts a receiver; it ends with the test.
 *
 * Answers 200 unless `answer(request, number)` says otherwise: a status, `{ status, headers, body }`, "nothing" for no
 * answer at all, or "silence" for none and a connection that stays.
 */
export async function startReceiver(t, answer = () => 200) {
  const receiver = {
    url: "",
    /** What was sent, in order: `{ path, headers, body, json, at }`. */
    requests: [],
    answer,
    /** The messages of one type. */
    of: (type) => receiver.requests.filter(({ json }) => json?.type === type),
    /** Waits until so many requests have come; fails after so many milliseconds. */
    async received(count, milliseconds = 10_000) {
      const end = Date.now() + milliseconds;
      while (receiver.requests.length < count) {
        if (Date.now() > end) throw new Error(`${receiver.requests.length} of ${count} requests came`);
        await new Promise((done) => setTimeout(done, 20));
      }
      return receiver.requests;
    },
  };
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const kept = { method: request.method, path: request.url, headers: request.headers, body, at: Date.now() };
    kept.json = body.startsWith("{") ? JSON.parse(body) : undefined;
    receiver.requests.push(kept);
    const told = receiver.answer(kept, receiver.requests.length);
    if (told === "nothing") return request.socket.destroy();
    if (told === "silence") return;
    const { status, headers = {}, body: content = "" } = typeof told === "number" ? { status: told } : told;
    response.writeHead(status, headers).end(content);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  receiver.url = `http://127.0.0.1:${server.address().port}`;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return receiver;
}
