import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** What the global options say about where the plant is. */
export interface Where {
  readonly plant?: string | undefined;
  /** The consortium's directory on this machine, `.anamnesis`. */
  readonly data: string;
  readonly url?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/** A plant of this machine, or a node somewhere, or both. */
export interface Place {
  /** The plant's directory, with plant.yaml. */
  readonly directory: string | undefined;
  readonly name: string | undefined;
  /** Where its node answers, when it says so. */
  readonly url: string | undefined;
  readonly token: string | undefined;
}

/** The data directory: as given, and when relative and not here, the nearest one above. */
export function findData(data: string, from = process.cwd()): string {
  const wanted = resolve(from, data);
  if (existsSync(wanted) || resolve(data) === data) return wanted;
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, data);
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) return wanted;
  }
}

/** The directory of a plant by name, existing or not. Throws `config.invalid` for a name that is none. */
export function plantDirectory(where: Where): string {
  if (where.plant === undefined || !/^[a-z0-9][a-z0-9-]{0,31}$/i.test(where.plant))
    throw new AnamnesisError(
      "config.invalid",
      `--plant ${where.plant ?? ""} is not a plant's name; give a-z, 0-9 and -, as --plant a`,
    );
  return join(findData(where.data), "plants", where.plant.toLowerCase());
}

/**
 * Finds the plant that is meant: the named one, the one at --url, or the only one there is.
 * @throws AnamnesisError `config.invalid` naming the option
 */
export function locate(where: Where): Place {
  const { url, tokenFile } = where;
  if (url !== undefined && where.plant === undefined)
    return { directory: undefined, name: undefined, url, token: readToken(tokenFile) };
  const name = where.plant ?? onlyPlant(where.data);
  const directory = plantDirectory({ ...where, plant: name });
  if (!existsSync(join(directory, "plant.yaml")))
    throw new AnamnesisError(
      "config.invalid",
      `--plant ${name}: there is no ${join(directory, "plant.yaml")}; ${knownPlants(where.data)}`,
    );
  const token = readToken(tokenFile) ?? readOptional(join(directory, "operator.token"));
  return { directory, name, url: url ?? runningUrl(directory), token };
}

/**
 * The running node of a place with the token that publishes there: the given one, else the plant's `detector.token`.
 * @throws AnamnesisError `api.unavailable` when it does not run, `config.invalid` when there is no token
 */
export function locateDetector(
  place: Place,
  { tokenFile }: Where,
): { readonly url: string; readonly token: string } {
  const { directory, name, url } = place;
  if (url === undefined)
    throw new AnamnesisError(
      "api.unavailable",
      `plant ${name} is not running; start it with anamnesis node start --plant ${name}`,
    );
  const token =
    readToken(tokenFile) ??
    (directory === undefined ? undefined : readOptional(join(directory, "detector.token")));
  if (token !== undefined && token !== "") return { url, token };
  throw new AnamnesisError(
    "config.invalid",
    "--token-file is missing: publishing needs a token of role detector",
  );
}

function onlyPlant(data: string): string {
  const [first, ...others] = listPlants(data);
  if (first !== undefined && others.length === 0) return first;
  throw new AnamnesisError("config.invalid", `--plant is missing; ${knownPlants(data)}`);
}

function listPlants(data: string): readonly string[] {
  const folder = join(findData(data), "plants");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "plant.yaml")))
    .sort();
}

function knownPlants(data: string): string {
  const names = listPlants(data);
  return names.length > 0
    ? `plants here: ${names.join(", ")}`
    : `there is no plant in ${data} here or above; give --data DIR, or --url URL of a node`;
}

function runningUrl(directory: string): string | undefined {
  const text = readOptional(join(directory, "run.json"));
  if (text === undefined) return undefined;
  try {
    const { url } = JSON.parse(text) as { url?: unknown };
    return typeof url === "string" ? url : undefined;
  } catch {
    return undefined; // half written by a node that was just killed: as if it was not there
  }
}

function readToken(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const token = readOptional(path);
  if (token === undefined || token === "")
    throw new AnamnesisError("config.invalid", `--token-file ${path} cannot be read or is empty`);
  return token;
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
