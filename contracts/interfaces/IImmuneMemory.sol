// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMemberRegistry} from "./IMemberRegistry.sol";

/// @title What each member of a consortium stands behind
/// @notice One register per subject and member, and the last word of the member stays in it. Nothing else is stored:
/// the status of a record is a pure function of the registers of the active members, computed the same off the chain.
/// @dev A subject is SHA-256(blind ‖ id) with blind = HMAC-SHA-256(K, id), so that nobody without the consortium's
/// blinding key K can guess an address or a name from what the chain holds.
interface IImmuneMemory {
    /// @notice How far the members agree on a record, weakest first.
    enum Status {
        None,
        Withdrawn,
        Dormant,
        Proposed,
        Attested,
        Refuted
    }

    /// @notice A member's signed stance on an indicator or a response.
    /// @param subject What it is about, blinded.
    /// @param stance 1 support, 2 refute, 3 withdraw.
    /// @param basis 1 observed, 2 validated, 3 analyst.
    /// @param confidence 0 to 100.
    /// @param validUntil Second from which a support no longer counts; 0 iff the stance is not support.
    /// @param version Milliseconds since 1970, greater than in any earlier word of this member on this subject.
    /// @param content Commitment of the feed entry with the reasons, or 0.
    struct Attestation {
        bytes32 subject;
        uint8 stance;
        uint8 basis;
        uint8 confidence;
        uint40 validUntil;
        uint48 version;
        bytes32 content;
    }

    /// @notice A member's last word on a subject, in one storage slot. All zero if it said nothing.
    /// @param version See {Attestation}.
    /// @param validUntil See {Attestation}.
    /// @param stance See {Attestation}.
    /// @param basis See {Attestation}.
    /// @param confidence See {Attestation}.
    /// @param uid Leading 144 bits of the attestation's digest.
    struct Register {
        uint48 version;
        uint40 validUntil;
        uint8 stance;
        uint8 basis;
        uint8 confidence;
        bytes18 uid;
    }

    /// @notice `member` said this, with its node key `key`, and it is its last word so far.
    event Attested(
        bytes32 indexed subject,
        uint16 indexed member,
        address indexed key,
        uint8 stance,
        uint8 basis,
        uint8 confidence,
        uint40 validUntil,
        uint48 version,
        bytes32 content
    );

    /// @notice Item `index` of a batch was passed over, for the reason given by `code` (see {SkipCode}).
    event Skipped(uint256 index, uint8 code);

    /// @notice `registry` is not a contract.
    error ImmuneMemoryInvalidRegistry(address registry);

    /// @notice `blindingKeyHash` is the hash of no key.
    error ImmuneMemoryInvalidBlindingKeyHash(bytes32 blindingKeyHash);

    /// @notice `items` items came with `signatures` signatures.
    error ImmuneMemoryLengthMismatch(uint256 items, uint256 signatures);

    /// @notice `items` items are more than the `maximum` of one batch.
    error ImmuneMemoryBatchTooLarge(uint256 items, uint16 maximum);

    /// @notice `stance` is not 1, 2 or 3.
    error ImmuneMemoryInvalidStance(uint8 stance);

    /// @notice `basis` is not 1, 2 or 3.
    error ImmuneMemoryInvalidBasis(uint8 basis);

    /// @notice `confidence` is greater than 100.
    error ImmuneMemoryInvalidConfidence(uint8 confidence);

    /// @notice A support must end some time, nothing else may: `validUntil` does not fit `stance`.
    error ImmuneMemoryInvalidValidUntil(uint8 stance, uint40 validUntil);

    /// @notice `signature` is not 65 bytes with s ≤ n/2 and v 27 or 28, or recovers to nobody.
    error ImmuneMemoryMalformedSignature(bytes signature);

    /// @notice `key` was never added to the registry ({SkipCode} 1).
    error ImmuneMemoryUnknownKey(address key);

    /// @notice `key` is closed ({SkipCode} 2).
    error ImmuneMemoryRevokedKey(address key);

    /// @notice The register holds version `held`, and `version` does not come after it ({SkipCode} 4).
    error ImmuneMemoryStaleVersion(uint48 version, uint48 held);

    /// @notice `version` lies beyond `latest`, ten minutes after the block ({SkipCode} 5).
    error ImmuneMemoryFutureVersion(uint48 version, uint256 latest);

    /// @notice Writes each attestation into the register of its signer's member if it wins over what is there: if
    /// (version, uid) is greater. An equal one is a silent no-op, faults that depend on the state are {Skipped},
    /// anything malformed reverts. In any order, repetition or grouping, attestations leave the same registers.
    /// @dev Anybody may relay. A suspended member may write, but does not count until it is reinstated: so it can take
    /// back what it said before that counts again.
    /// @param attestations Stances, of any members, in any order.
    /// @param signatures For each attestation, the EIP-712 signature of a node key.
    function attest(Attestation[] calldata attestations, bytes[] calldata signatures) external;

    /// @notice The members and their keys.
    function registry() external view returns (IMemberRegistry);

    /// @notice SHA-256 of the consortium's blinding key, by which a node knows that it was given the right one.
    function blindingKeyHash() external view returns (bytes32);

    /// @notice Reverts with the reason why {attest} would not take the attestation now, if there is one.
    function check(Attestation calldata attestation, bytes calldata signature) external view;

    /// @notice The digest a node key signs, which is also the attestation's uid.
    function attestationDigest(Attestation calldata attestation) external view returns (bytes32);

    /// @notice The last word of `member` on `subject`.
    function register(bytes32 subject, uint16 member) external view returns (Register memory);

    /// @notice The status of an indicator, from the registers of the active members. The first rule that fits decides:
    /// refuters ≥ R: Refuted; supporters ≥ M and witnesses ≥ W: Attested; one supporter: Proposed; an expired support:
    /// Dormant; a withdraw: Withdrawn; else None.
    /// @param subject The indicator, blinded.
    /// @param time The second for which supports are judged: one that ends at this second has expired.
    /// @return verdict The status.
    /// @return disputed Whether some members refute it, but fewer than R.
    /// @return supporters Members that support it.
    /// @return witnesses Those of them that do so on the basis observed or analyst.
    /// @return refuters Members that refute it.
    function status(
        bytes32 subject,
        uint40 time
    ) external view returns (Status verdict, bool disputed, uint16 supporters, uint16 witnesses, uint16 refuters);

    /// @notice The status of a response, which nobody can observe: it is Attested iff its indicator is Attested and at
    /// least M members support the response. All other rules are those of {status}.
    /// @param indicator The indicator, blinded.
    /// @param response The response bound to it, blinded.
    /// @param time See {status}.
    /// @return verdict The status of the response.
    /// @return disputed See {status}.
    /// @return supporters See {status}.
    /// @return witnesses See {status}.
    /// @return refuters See {status}.
    function responseStatus(
        bytes32 indicator,
        bytes32 response,
        uint40 time
    ) external view returns (Status verdict, bool disputed, uint16 supporters, uint16 witnesses, uint16 refuters);
}
