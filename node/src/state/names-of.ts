/** The spellings under which a value is looked up: itself, and for names every parent domain. */
export function namesOf(value: string): readonly string[] {
  const plain = value
    .trim()
    .toLowerCase()
    .replace(/\.$/, "")
    .replace(/^::ffff:(\d+\.\d+\.\d+\.\d+)$/, "$1");
  const names = [value.trim(), plain];
  if (/^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(plain) && !/^[\d.]+$/.test(plain)) {
    const labels = plain.split(".");
    for (let i = 1; i < labels.length - 1; i++) names.push(labels.slice(i).join("."));
  }
  return names;
}
