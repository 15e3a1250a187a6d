/** A packet filter as the helper meets it: a script is taken whole or not at all. */
export function createFakeKernel() {
  const kernel = {
    script: "",
    /** What nft says instead of doing it. */
    fault: undefined as Error | undefined,
    async nft(args: readonly string[], input = ""): Promise<string> {
      if (kernel.fault !== undefined) throw kernel.fault;
      if (args[0] === "-f") {
        kernel.script = input;
        return "";
      }
      if (args.at(-1) === "tables")
        return JSON.stringify({
          nftables: kernel.script === "" ? [] : [{ table: { family: "inet", name: "anamnesis" } }],
        });
      const sets = new Map<string, string[]>();
      for (const [, set = "", value = ""] of kernel.script.matchAll(
        /^add element inet anamnesis (\w+) \{ ([0-9a-f.:/]+)/gm,
      ))
        sets.set(set, [...(sets.get(set) ?? []), value]);
      return JSON.stringify({
        nftables: [...sets].map(([name, values]) => ({ set: { name, elem: values } })),
      });
    },
  };
  return kernel;
}
