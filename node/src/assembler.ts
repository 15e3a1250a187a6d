/* Bundles are put together in a thread of their own: recovering keys and hashing nodes must hold up no alert. */
import { Worker } from "node:worker_threads";
import { AnamnesisError, type ErrorCode, type ErrorDetails } from "@anamnesis/sdk/core/errors";
import type { Assembled, Material } from "./flows/archive-assemble.ts";

/** What the thread says at its end. */
export type AssemblerAnswer =
  | { readonly assembled: Assembled }
  | { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };

/**
 * Assembles a bundle in another thread.
 * @throws AnamnesisError as `assemble` does; `api.internal` when the thread ends by itself
 */
export function assembleElsewhere(material: Material): Promise<Assembled> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./assembler-worker.ts", import.meta.url), {
      workerData: material,
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    const fail = (cause: unknown): void =>
      reject(new AnamnesisError("api.internal", "the bundle could not be put together", { cause }));
    worker.once("message", (answer: AssemblerAnswer) => {
      if ("assembled" in answer) resolve(answer.assembled);
      else reject(new AnamnesisError(answer.code, answer.message, { details: answer.details }));
    });
    worker.once("error", fail);
    worker.once("exit", (code) => fail(new Error(`the thread ended with ${code}`)));
  });
}
