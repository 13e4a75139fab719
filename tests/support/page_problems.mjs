// A page in a browser, and everything that goes wrong on it: errors, refusals by its policy, calls elsewhere.

/** Opens `url`; `problems` grows while the page is open. */
export async function openPage(browser, url) {
  const page = await browser.newPage();
  const problems = [];
  const { origin } = new URL(url);
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("request", (request) => request.url().startsWith(origin) || problems.push(request.url()));
  await page.goto(url);
  return { page, problems };
}
