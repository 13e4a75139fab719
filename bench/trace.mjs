// What a browser's own trace says of a page's main thread, and how much of that is scripts.
//
// The pages that are measured have no script but the tracker's (and the one line that queues a sign-up), so every
// script event on their main thread is the tracker's, whatever address it carries. Many carry none: what runs after an
// `await` is only "microtasks", a timer only a number. Nothing has to be attributed, so nothing can be missed. The same
// page without the tag is measured beside it, and must show no script at all.

/** Compilation and calls of scripts and of WebAssembly, as Chromium names them; what happens inside is part of them. */
const SCRIPT =
  /^(EvaluateScript|FunctionCall|RunMicrotasks|TimerFire|FireIdleCallback|FireAnimationFrame|XHR.*|v8\..*|wasm\..*)$/;

const CATEGORIES = [
  "devtools.timeline",
  "disabled-by-default-devtools.timeline", // whole tasks
  "v8",
  "v8.execute", // microtasks
  "v8.wasm",
];

/** Traces all of the browser while `act` runs. */
export async function trace(session, act) {
  const events = [];
  const collect = ({ value }) => events.push(...value);
  session.on("Tracing.dataCollected", collect);
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { includedCategories: CATEGORIES },
  });
  await act();
  const complete = new Promise((done) => session.once("Tracing.tracingComplete", done));
  await session.send("Tracing.end");
  await complete;
  session.off("Tracing.dataCollected", collect);
  return events;
}

/**
 * The main thread of the page at `url`, in milliseconds:
 *   `scripts`   during script events
 *   `cpu`       of that, what the thread computed and did not wait for the browser or for a processor
 *   `tasks`     of the whole tasks in which there is a script event
 *   `longest`   of these tasks
 *   `all`       of all tasks of the page
 */
export function mainThread(events, url) {
  const { pid, tid } = threadOf(events, url);
  const own = events.filter((event) => event.pid === pid && event.tid === tid && event.ph === "X");
  const scripts = outermost(own.filter(({ name }) => SCRIPT.test(name)));
  const tasks = outermost(own.filter(({ name }) => name === "RunTask"));
  if (tasks.length === 0) throw new Error("the trace has no tasks");
  const withScripts = tasks.filter((task) => scripts.some((script) => contains(task, script)));
  const outside = scripts.filter((script) => !withScripts.some((task) => contains(task, script)));
  if (outside.length > 0) throw new Error("the trace has scripts outside of tasks");
  return {
    scripts: sum(scripts, "dur"),
    cpu: sum(scripts, "tdur"),
    tasks: sum(withScripts, "dur"),
    longest: Math.max(0, ...withScripts.map(({ dur }) => dur)) / 1000,
    all: sum(tasks, "dur"),
  };
}

/** The thread that committed the page: the browser's own surface has renderers too. */
function threadOf(events, url) {
  const commits = events.filter(({ name, args }) => name === "CommitLoad" && args.data?.url === url);
  if (commits.length !== 1) throw new Error(`the trace has ${commits.length} loads of ${url}`);
  return commits[0];
}

/** Events that are in no other one of the same list, in their order. */
function outermost(events) {
  const found = [];
  for (const event of [...events].sort((one, other) => one.ts - other.ts || other.dur - one.dur)) {
    if (found.length === 0 || !contains(found.at(-1), event)) found.push(event);
  }
  return found;
}

const contains = (outer, inner) => inner.ts >= outer.ts && inner.ts + inner.dur <= outer.ts + outer.dur;

/** Milliseconds; the trace has microseconds. */
const sum = (events, unit) => events.reduce((total, event) => total + (event[unit] ?? 0), 0) / 1000;
