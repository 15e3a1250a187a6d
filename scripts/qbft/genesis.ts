/** A QBFT genesis in GoQuorum's words; `anamnesis consortium init` writes Besu's. */
import type { Hex } from "@anamnesis/sdk/core/types";

/** keccak256("Istanbul practical byzantine fault tolerance"): what makes a header a BFT header. */
const MIX_HASH = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365";

/** What a test network is made of. */
export interface QbftGenesis {
  readonly chainId: number;
  /** The genesis header's: vanity, validators, no vote, round 0, no seals. */
  readonly extraData: Hex;
  readonly blockPeriodSeconds: number;
  /** Of a round, before the next proposer is asked. */
  readonly requestTimeoutSeconds: number;
  /** Seconds since the epoch. */
  readonly timestampSeconds: number;
}

/**
 * The genesis file.
 *
 * What differs from Besu's: `isQuorum` and its size limits, the fork blocks up to Berlin instead of a
 * Cancun time (this engine has no later ones, and with them no base fee), and `ceil2Nby3Block`, without
 * which it would wait for 2F+1. The header's fields and extraData are the same.
 */
export function goQuorumGenesis(genesis: QbftGenesis): unknown {
  return {
    config: {
      chainId: genesis.chainId,
      homesteadBlock: 0,
      eip150Block: 0,
      eip150Hash: `0x${"0".repeat(64)}`,
      eip155Block: 0,
      eip158Block: 0,
      byzantiumBlock: 0,
      constantinopleBlock: 0,
      petersburgBlock: 0,
      istanbulBlock: 0,
      berlinBlock: 0,
      isQuorum: true,
      txnSizeLimit: 128,
      qbft: {
        epochlength: 30_000,
        blockperiodseconds: genesis.blockPeriodSeconds,
        requesttimeoutseconds: genesis.requestTimeoutSeconds,
        policy: 0,
        ceil2Nby3Block: 0,
        validatorcontractaddress: `0x${"0".repeat(40)}`,
        validators: [],
      },
    },
    nonce: "0x0",
    timestamp: `0x${genesis.timestampSeconds.toString(16)}`,
    extraData: genesis.extraData,
    gasLimit: "0x1c9c380",
    difficulty: "0x1",
    mixHash: MIX_HASH,
    coinbase: `0x${"0".repeat(40)}`,
    alloc: {},
  };
}
