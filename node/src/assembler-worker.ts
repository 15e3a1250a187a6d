/* The other end of `assembler.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { AssemblerAnswer } from "./assembler.ts";
import { assemble, type Material } from "./flows/archive-assemble.ts";

function answer(): AssemblerAnswer {
  try {
    return { assembled: assemble(workerData as Material) };
  } catch (error) {
    if (!isAnamnesisError(error)) throw error;
    const { code, message, details } = error;
    return { code, message, details };
  }
}

parentPort?.postMessage(answer());
