// What the runtime's processes have used of the processors: a figure that other work on the machine hardly moves.
import { readdir, readFile } from "node:fs/promises";

/** Linux counts in hundredths of a second. */
const MICROSECONDS_PER_TICK = 10_000;

/** Microseconds that the runtimes of this command have used so far; undefined where the system has no /proc. */
export async function runtimeCpu() {
  const processes = await readdir("/proc").catch(() => undefined);
  if (processes === undefined) return undefined;
  const used = await Promise.all(processes.filter((name) => /^\d+$/.test(name)).map(ticksOfRuntime));
  return used.reduce((sum, ticks) => sum + ticks, 0) * MICROSECONDS_PER_TICK;
}

/** User and system time of a process, if it is a runtime that this one has started. */
async function ticksOfRuntime(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined); // it may just have ended
  if (stat === undefined) return 0;
  const [, command, rest] = stat.match(/^\d+ \((.*)\) (.*)$/s);
  const fields = rest.split(" ");
  return command === "workerd" && Number(fields[1]) === process.pid ? Number(fields[11]) + Number(fields[12]) : 0;
}
