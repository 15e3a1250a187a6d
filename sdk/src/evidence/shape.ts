/** Shapes of parsed JSON in canonical form, for lists of many: quick where all is well, precise where not. */

/** Says what is wrong with a value, beginning with where below it; undefined when nothing is. */
export type Shape = (value: unknown) => string | undefined;

/** Lower-case hexadecimal with 0x: of `least` to `most` bytes. */
export function hex(least: number, most = least): Shape {
  const what = ` is not ${least === most ? least : `${least} to ${most}`} bytes of lower-case hexadecimal with 0x`;
  return (value) => {
    if (typeof value !== "string" || value.length % 2 !== 0) return what;
    if (value.length < 2 + 2 * least || value.length > 2 + 2 * most) return what;
    return /^0x[0-9a-f]*$/.test(value) ? undefined : what;
  };
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number): Shape {
  return (value) =>
    Number.isInteger(value) &&
    (value as number) >= least &&
    (value as number) <= most &&
    !Object.is(value, -0)
      ? undefined
      : ` is not a whole number from ${least} to ${most}`;
}

/** One of a few texts. */
export function oneOf(...texts: readonly string[]): Shape {
  return (value) => (texts.includes(value as string) ? undefined : ` is not ${texts.join(" or ")}`);
}

/** A text of `least` to `most` UTF-16 units. */
export function text(least: number, most: number): Shape {
  return (value) =>
    typeof value === "string" && value.length >= least && value.length <= most && value.isWellFormed()
      ? undefined
      : ` is not a text of ${least} to ${most} characters`;
}

/** A list of at least `least` values of one shape. */
export function list(item: Shape, least = 0): Shape {
  return (value) => {
    if (!Array.isArray(value)) return " is not a list";
    if (value.length < least) return " is empty";
    for (let i = 0; i < value.length; i++) {
      const wrong = item(value[i]);
      if (wrong !== undefined) return `[${i}]${wrong}`;
    }
    return undefined;
  };
}

/** An object with exactly these members, in the order of their names (RFC 8785 §3.2.3). */
export function object(members: Readonly<Record<string, Shape>>): Shape {
  const names = Object.keys(members).sort();
  const shapes = names.map((name) => members[name] as Shape);
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return " is not an object";
    let at = 0;
    for (const name in value) {
      if (name !== names[at]) return explainMembers(name, names, at);
      at++;
    }
    if (at < names.length) return ` lacks ${names[at]}`;
    for (let i = 0; i < names.length; i++) {
      const wrong = (shapes[i] as Shape)((value as Record<string, unknown>)[names[i] as string]);
      if (wrong !== undefined) return `.${names[i]}${wrong}`;
    }
    return undefined;
  };
}

/** One of several objects, told apart by a member. */
export function variant(by: string, shapes: Readonly<Record<string, Shape>>): Shape {
  return (value) => {
    const kind = (value as Record<string, unknown> | null)?.[by];
    const shape = typeof kind === "string" && Object.hasOwn(shapes, kind) ? shapes[kind] : undefined;
    return shape === undefined ? `.${by} is not ${Object.keys(shapes).join(" or ")}` : shape(value);
  };
}

/** Whether the members of all objects within are in the order of their names, and all texts are well formed. */
export function isOrdered(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isOrdered);
  let last = "";
  for (const name in value) {
    if (name < last || !isOrdered((value as Record<string, unknown>)[name])) return false;
    last = name;
  }
  return true;
}

function explainMembers(name: string, names: readonly string[], at: number): string {
  if (!names.includes(name)) return ` has a member ${JSON.stringify(name.slice(0, 40))} that is not known`;
  return ` has ${name} where ${names[at] ?? "its end"} belongs`;
}
