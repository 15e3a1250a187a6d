/** A stand-in for web3signer's eth1 JSON-RPC on loopback, which misbehaves on demand. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { SigningKey, Transaction, TypedDataEncoder } from "ethers";

/** What it does wrong, if anything. */
export type Fault =
  | "none"
  | "holds another account"
  | "holds nothing"
  | "another chain"
  | "another destination"
  | "other data"
  | "some value"
  | "another nonce"
  | "a higher price"
  | "another key"
  | "a dynamic fee"
  | "junk"
  | "a long answer"
  | "refuses"
  | "HTTP 500"
  | "no JSON"
  | "hangs up"
  | "hangs";

export interface StandIn {
  readonly url: string;
  readonly account: string;
  fault: Fault;
  /** Whether the transaction is wrapped as `{ raw }`. */
  wraps: boolean;
  /** Methods it was asked, in order. */
  readonly asked: string[];
  close(): Promise<void>;
}

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** Starts one that holds the key. `chainId` is its own configuration, as web3signer's `--chain-id`. */
export async function startStandIn(key: Uint8Array, chainId: number): Promise<StandIn> {
  const signing = new SigningKey(key);
  const other = new SigningKey(`0x${"77".repeat(32)}`);
  const account = new Transaction();
  account.signature = signing.sign(account.unsignedHash);
  const address = (account.from as string).toLowerCase();

  const sign = (request: Record<string, string>) => {
    const { fault } = standIn;
    const tx = Transaction.from({
      type: fault === "a dynamic fee" ? 2 : 0,
      chainId: fault === "another chain" ? chainId + 1 : chainId,
      nonce: Number(request.nonce) + (fault === "another nonce" ? 1 : 0),
      gasLimit: BigInt(request.gas as string),
      to: fault === "another destination" ? `0x${"66".repeat(20)}` : (request.to as string),
      value: fault === "some value" ? 1n : BigInt(request.value as string),
      data: fault === "other data" ? `${request.data?.slice(0, -2)}99` : (request.data as string),
      ...(fault !== "a dynamic fee" && {
        gasPrice: BigInt(request.gasPrice as string) + (fault === "a higher price" ? 1n : 0n),
      }),
    });
    tx.signature = (fault === "another key" ? other : signing).sign(tx.unsignedHash);
    return standIn.wraps ? { raw: tx.serialized, tx: {} } : tx.serialized;
  };

  const answer = ({ method, params }: Request): unknown => {
    switch (method) {
      case "eth_accounts":
        if (standIn.fault === "holds nothing") return [];
        return [standIn.fault === "holds another account" ? `0x${"55".repeat(20)}` : address];
      case "eth_signTransaction":
        if (standIn.fault === "junk") return "0xf8";
        if (standIn.fault === "a long answer") return `0x${"00".repeat(1 << 20)}`;
        return sign(params[0] as Record<string, string>);
      case "eth_signTypedData": {
        if (params[0] !== address || typeof params[1] !== "string") throw new Error("Invalid params");
        const { domain, types, message } = JSON.parse(params[1]);
        delete types.EIP712Domain; // which ethers adds itself
        const digest = TypedDataEncoder.hash(domain, types, message);
        return (standIn.fault === "another key" ? other : signing).sign(digest).serialized;
      }
      default:
        throw new Error("Method not found");
    }
  };

  const server = createServer(async (request, response) => {
    const call = JSON.parse(await bodyOf(request)) as Request;
    standIn.asked.push(call.method);
    const isLate = call.method !== "eth_accounts";
    if (standIn.fault === "hangs" && isLate) return;
    if (standIn.fault === "hangs up" && isLate) return void response.destroy();
    if (standIn.fault === "HTTP 500" && isLate) return void response.writeHead(500).end("oops");
    if (standIn.fault === "no JSON" && isLate) return void response.writeHead(200).end("<html>");
    const reply = (): object => {
      if (standIn.fault === "refuses" && isLate)
        return { error: { code: -32_000, message: "Signing from is not an unlocked account" } };
      try {
        return { result: answer(call) };
      } catch (error) {
        return { error: { code: -32_602, message: (error as Error).message } };
      }
    };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id: call.id, ...reply() }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const standIn: StandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    account: address,
    fault: "none",
    wraps: false,
    asked: [],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return standIn;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
