// Customers' sites for page tests: host names that the browser finds on this machine, pages made of text, and every
// request seen. One site answers under all of its names and sub-domains, by http or by https.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

let certificate;

/** A certificate that nobody vouches for; the browser is told to take it. */
function selfSigned() {
  if (certificate) return certificate;
  const folder = mkdtempSync(join(tmpdir(), "clickledger-certificate-"));
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  const subject = ["-subj", "/CN=*.test", "-days", "2", "-nodes", "-x509", "-newkey", "rsa:2048"];
  execFileSync("openssl", ["req", ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  certificate = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return certificate;
}

/**
 * Starts a site; it ends with the test.
 *
 * @param t the test
 * @param {{ secure?: boolean, headers?: Record<string, string>, ledger?: { url: string }, prefix?: string,
 *   page?: (url: URL) => string }} options `page`: the body of a page (all paths are pages); `prefix` and `ledger`: what lies
 *   under that path is the ledger's, as a route on the site's own domain would have it: path and host are passed on as
 *   they are. All of them can be changed on the result.
 */
export async function startSite(t, options = {}) {
  const site = { headers: {}, page: () => "", ...options };
  /** Paths of pages that were asked for. */
  site.visits = [];
  const answer = async (request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    if (site.prefix && url.pathname.startsWith(site.prefix)) return passOn(site, request, response);
    if (url.pathname === "/favicon.ico") return response.writeHead(204).end();
    site.visits.push(url.pathname + url.search);
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...site.headers });
    response.end(`<!doctype html><html><head><title>Shop</title></head><body>${site.page(url)}</body></html>`);
  };
  const server = site.secure ? createSecureServer(selfSigned(), answer) : createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  site.port = server.address().port;
  /** The address of a page on one of the site's names. */
  site.at = (host, path = "/") => `${site.secure ? "https" : "http"}://${host}:${site.port}${path}`;
  return site;
}

async function passOn(site, request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { connection, host, ...headers } = request.headers;
  const { port } = new URL(site.ledger.url);
  const { request: call } = await import("node:http");
  const outgoing = call(
    {
      host: "127.0.0.1",
      port,
      path: request.url,
      method: request.method,
      headers: { ...headers, host, "x-forwarded-proto": site.secure ? "https" : "http" },
    },
    (incoming) => {
      response.writeHead(incoming.statusCode, incoming.headers);
      incoming.pipe(response);
    },
  );
  outgoing.on("error", () => response.destroy());
  outgoing.end(Buffer.concat(chunks));
}

/** The tag, as a customer writes it; `attributes` as text. */
export const tag = (src, program, attributes = "") => `<script async src="${src}" data-program="${program}" ${attributes}></script>`;
