/** Answers about texts that come again and again in the lines of a log. */

/** Longer texts are rarely met twice. */
const LONGEST = 512;

/**
 * The same function, which computes the answer for the same text once; of texts up to 512 characters,
 * at most `most` at a time.
 *
 * What is kept is a copy: a part of a line would hold the whole of it in memory.
 */
export function remember<T>(compute: (text: string) => T, most = 4096): (text: string) => T {
  const known = new Map<string, { readonly text: string; readonly answer: T }>();
  let last: { readonly text: string; readonly answer: T } | undefined;
  return (text) => {
    // Looking at a text is cheaper than hashing it.
    if (last !== undefined && last.text === text) return last.answer;
    if (text.length > LONGEST) return compute(text);
    let found = known.get(text);
    if (found === undefined) {
      const own = copyOf(text);
      found = { text: own, answer: compute(own) };
      if (known.size >= most) known.clear();
      known.set(own, found);
    }
    last = found;
    return found.answer;
  };
}

/** JSON is the one exact way through that makes a string anew. */
function copyOf(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
