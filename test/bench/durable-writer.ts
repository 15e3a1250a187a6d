/* `node durable-writer.ts DIRECTORY`: appends to the feed there until it is killed, and tells what was acknowledged, a sum a line. */
import { writeSync } from "node:fs";
import { appendAll, entryOf, openFeed } from "./durable-feed.ts";

const { feed } = await openFeed(process.argv[2] as string);
let acknowledged = 0;
for (let start = 0; ; start += 1000) {
  const entries = Array.from({ length: 1000 }, (_, i) => entryOf(start + i));
  await appendAll(feed, entries, (count) => {
    acknowledged += count;
    writeSync(1, `${acknowledged}\n`);
  });
}
