/** Suricata's command socket as far as rule files go: it loads one on demand and cannot take rules with `nonsense`. */
import { readFile, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";

/** Starts one that follows the rule file at `path`. */
export async function startSuricata(socket: string, path: string) {
  const state = {
    rules: [] as string[],
    failed: [] as string[],
    loadedAtMs: Date.now(),
    reloads: 0,
    /** Answers that stand in for the real ones, by command. */
    lies: new Map<string, string | undefined>(),
  };
  const open = new Set<Socket>();
  const waiting = new Map<string, () => void>();

  async function load(): Promise<void> {
    const lines = (await readFile(path, "utf8").catch(() => ""))
      .split("\n")
      .filter((line) => /^[a-z]/.test(line));
    state.rules = lines.filter((line) => !line.includes("nonsense"));
    state.failed = lines.filter((line) => line.includes("nonsense"));
    state.loadedAtMs = Date.now() + 1;
  }

  async function answer(question: { version?: string; command?: string }): Promise<unknown> {
    if (question.version !== undefined) return { return: question.version === "0.2" ? "OK" : "NOK" };
    switch (question.command) {
      case "reload-rules":
        state.reloads++;
        await load();
        return { message: "done", return: "OK" };
      case "ruleset-stats":
        return {
          message: [
            { id: 0, rules_loaded: state.rules.length, rules_failed: state.failed.length, rules_skipped: 0 },
          ],
          return: "OK",
        };
      case "ruleset-failed-rules":
        return {
          message: state.failed.map((rule, i) => ({ tenant_id: 0, rule, filename: path, line: i + 1 })),
          return: "OK",
        };
      case "ruleset-reload-time": {
        const at = new Date(state.loadedAtMs).toISOString().replace("Z", "060+0000");
        return { message: [{ id: 0, last_reload: at }], return: "OK" };
      }
      default:
        return { message: "Unknown command", return: "NOK" };
    }
  }

  const server = createServer((client) => {
    open.add(client);
    client.on("close", () => open.delete(client));
    client.on("error", () => undefined);
    client.on("data", (bytes) => {
      const question = JSON.parse(bytes.toString("utf8")) as { version?: string; command?: string };
      const name = question.command ?? "hello";
      if (state.lies.has(name)) {
        const lie = state.lies.get(name);
        if (lie !== undefined) client.write(lie);
        waiting.get(name)?.();
        return;
      }
      void answer(question).then((said) => client.write(`${JSON.stringify(said)}\n`));
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    state,
    load,
    /** Resolves when a command comes that is lied about. */
    asked: (command: string) => new Promise<void>((resolve) => void waiting.set(command, resolve)),
    close: async () => {
      for (const client of open) client.destroy();
      if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(socket, { force: true });
    },
  };
}
