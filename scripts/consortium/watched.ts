import { type ChildProcess, spawn } from "node:child_process";
import { open } from "node:fs/promises";
import type { Writable } from "node:stream";

/**
 * The program keeps its pid (exec); a watcher blocks on descriptor 3, whose other end only the launcher
 * holds. A line says that all is well, end of file says that the launcher died, however it died.
 */
const WATCHED = 'child=$$; (read -r line <&3 || kill -TERM "$child") & exec "$@" 3<&-';

/**
 * Starts a program that ends with its launcher. Its own process group: Ctrl-C at the terminal must reach
 * the launcher, which ends its children in order.
 *
 * @param logFile takes standard output and error, appended
 * @throws Error when the program cannot be run
 */
export async function spawnWatched(
  logFile: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<ChildProcess> {
  const output = await open(logFile, "a");
  try {
    const child = spawn("/bin/sh", ["-c", WATCHED, "watched", program, ...args], {
      detached: true,
      stdio: ["ignore", output.fd, output.fd, "pipe"],
      env,
    });
    const watcher = child.stdio[3] as Writable;
    watcher.on("error", () => undefined); // the watcher may end before its line arrives
    child.once("exit", () => watcher.end("gone\n"));
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    return child;
  } finally {
    await output.close();
  }
}
