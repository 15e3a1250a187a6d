// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IImmuneMemory} from "./interfaces/IImmuneMemory.sol";
import {IMemberRegistry} from "./interfaces/IMemberRegistry.sol";
import {SkipCode} from "./SkipCode.sol";

/// @title The immune memory of a consortium; see {IImmuneMemory}
/// @dev Not upgradeable, without an administrator; what it holds about a member, only that member's node keys can say.
contract ImmuneMemory is IImmuneMemory {
    /// @dev What the registers of the active members say about one subject.
    struct Tally {
        uint16 supporters;
        uint16 witnesses;
        uint16 refuters;
        bool expired;
        bool withdrawn;
    }

    /// @dev An attestation that is well-formed, with what the chain knows about it.
    struct Finding {
        uint8 code;
        uint16 member;
        address key;
        bytes18 uid;
        Register held;
    }

    uint8 private constant SUPPORT = 1;
    uint8 private constant REFUTE = 2;
    uint8 private constant WITHDRAW = 3;

    uint8 private constant OBSERVED = 1;
    uint8 private constant ANALYST = 3;

    uint8 private constant MAX_CONFIDENCE = 100;

    /// @dev How far the clock of a member may be ahead of the block.
    uint256 private constant MAX_LEAD_MS = 10 minutes * 1000;

    bytes32 private constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(bytes32 subject,uint8 stance,uint8 basis,uint8 confidence,"
        "uint40 validUntil,uint48 version,bytes32 content)"
    );

    /// @inheritdoc IImmuneMemory
    IMemberRegistry public immutable registry;

    /// @inheritdoc IImmuneMemory
    bytes32 public immutable blindingKeyHash;

    // The evidence verifier proves slot 0 by its position.
    //
    //  0  _registers[subject][member]  ┆ uid 144 ┆ confidence 8 ┆ basis 8 ┆ stance 8 ┆ validUntil 40 ┆ version 48 ┆
    //                                  most significant                                        least significant
    mapping(bytes32 subject => mapping(uint16 member => Register)) private _registers;

    /// @param registry_ The consortium's member registry.
    /// @param blindingKeyHash_ SHA-256 of the consortium's blinding key.
    constructor(IMemberRegistry registry_, bytes32 blindingKeyHash_) {
        if (address(registry_).code.length == 0) revert ImmuneMemoryInvalidRegistry(address(registry_));
        if (blindingKeyHash_ == 0) revert ImmuneMemoryInvalidBlindingKeyHash(blindingKeyHash_);
        registry = registry_;
        blindingKeyHash = blindingKeyHash_;
    }

    /// @inheritdoc IImmuneMemory
    function attest(Attestation[] calldata attestations, bytes[] calldata signatures) external {
        uint256 items = attestations.length;
        if (items != signatures.length) revert ImmuneMemoryLengthMismatch(items, signatures.length);
        // One item is always allowed: maxBatch ≥ 1. The commonest call is spared a look at the parameters.
        if (items > 1) {
            uint16 maximum = registry.parameters().maxBatch;
            if (items > maximum) revert ImmuneMemoryBatchTooLarge(items, maximum);
        }
        bytes32 domain = registry.domainSeparator();
        for (uint256 i = 0; i < items; ++i) {
            uint8 code = _attest(attestations[i], signatures[i], domain);
            if (code != SkipCode.NONE) emit Skipped(i, code);
        }
    }

    /// @inheritdoc IImmuneMemory
    function check(Attestation calldata attestation, bytes calldata signature) external view {
        Finding memory found = _examine(attestation, signature, registry.domainSeparator());
        if (found.code == SkipCode.UNKNOWN_KEY) revert ImmuneMemoryUnknownKey(found.key);
        if (found.code == SkipCode.REVOKED_KEY) revert ImmuneMemoryRevokedKey(found.key);
        if (found.code == SkipCode.FUTURE_VERSION) {
            revert ImmuneMemoryFutureVersion(attestation.version, _latestVersion());
        }
        if (found.code == SkipCode.STALE_VERSION) {
            revert ImmuneMemoryStaleVersion(attestation.version, found.held.version);
        }
    }

    /// @inheritdoc IImmuneMemory
    function attestationDigest(Attestation calldata attestation) external view returns (bytes32) {
        return _digest(attestation, registry.domainSeparator());
    }

    /// @inheritdoc IImmuneMemory
    function register(bytes32 subject, uint16 member) external view returns (Register memory) {
        return _registers[subject][member];
    }

    /// @inheritdoc IImmuneMemory
    function status(
        bytes32 subject,
        uint40 time
    ) external view returns (Status verdict, bool disputed, uint16 supporters, uint16 witnesses, uint16 refuters) {
        IMemberRegistry.Parameters memory p = registry.parameters();
        Tally memory t = _tally(subject, time);
        return (_verdict(t, p, _isWitnessed(t, p)), _isDisputed(t, p), t.supporters, t.witnesses, t.refuters);
    }

    /// @inheritdoc IImmuneMemory
    function responseStatus(
        bytes32 indicator,
        bytes32 response,
        uint40 time
    ) external view returns (Status verdict, bool disputed, uint16 supporters, uint16 witnesses, uint16 refuters) {
        IMemberRegistry.Parameters memory p = registry.parameters();
        Tally memory cause = _tally(indicator, time);
        Tally memory t = _tally(response, time);
        bool attestable = _verdict(cause, p, _isWitnessed(cause, p)) == Status.Attested;
        return (_verdict(t, p, attestable), _isDisputed(t, p), t.supporters, t.witnesses, t.refuters);
    }

    function _attest(Attestation calldata a, bytes calldata signature, bytes32 domain) private returns (uint8 code) {
        Finding memory found = _examine(a, signature, domain);
        if (found.code != SkipCode.NONE) return found.code;
        if (a.version == found.held.version && found.uid == found.held.uid) return SkipCode.NONE;

        _registers[a.subject][found.member] = Register({
            version: a.version,
            validUntil: a.validUntil,
            stance: a.stance,
            basis: a.basis,
            confidence: a.confidence,
            uid: found.uid
        });
        emit Attested(
            a.subject,
            found.member,
            found.key,
            a.stance,
            a.basis,
            a.confidence,
            a.validUntil,
            a.version,
            a.content
        );
    }

    /// @dev Reverts on what no state of the chain could mend, and otherwise finds the first fault that a state could.
    function _examine(
        Attestation calldata a,
        bytes calldata signature,
        bytes32 domain
    ) private view returns (Finding memory found) {
        _requireWellFormed(a);
        if (signature.length != 65) revert ImmuneMemoryMalformedSignature(signature);
        bytes32 digest = _digest(a, domain);
        ECDSA.RecoverError fault;
        (found.key, fault, ) = ECDSA.tryRecover(
            digest,
            uint8(signature[64]),
            bytes32(signature[:32]),
            bytes32(signature[32:64])
        );
        if (fault != ECDSA.RecoverError.NoError) revert ImmuneMemoryMalformedSignature(signature);

        IMemberRegistry.NodeKey memory key = registry.nodeKey(found.key);
        found.member = key.member;
        found.uid = bytes18(digest);
        found.held = _registers[a.subject][key.member];
        if (key.member == 0) {
            found.code = SkipCode.UNKNOWN_KEY;
        } else if (key.revokedAtBlock != 0) {
            found.code = SkipCode.REVOKED_KEY;
        } else if (a.version > _latestVersion()) {
            found.code = SkipCode.FUTURE_VERSION;
        } else if (a.version < found.held.version || (a.version == found.held.version && found.uid < found.held.uid)) {
            found.code = SkipCode.STALE_VERSION;
        }
    }

    function _latestVersion() private view returns (uint256) {
        return block.timestamp * 1000 + MAX_LEAD_MS;
    }

    function _tally(bytes32 subject, uint40 time) private view returns (Tally memory t) {
        uint256 count = registry.memberCount();
        for (uint256 number = 1; number <= count; ++number) {
            // number ≤ memberCount, which is a uint16.
            uint16 member = uint16(number);
            Register memory held = _registers[subject][member];
            if (held.stance == 0 || !registry.isActiveMember(member)) continue;

            if (held.stance == REFUTE) ++t.refuters;
            else if (held.stance == WITHDRAW) t.withdrawn = true;
            else if (held.validUntil <= time) t.expired = true;
            else {
                ++t.supporters;
                if (held.basis == OBSERVED || held.basis == ANALYST) ++t.witnesses;
            }
        }
    }

    function _requireWellFormed(Attestation calldata a) private pure {
        if (a.stance < SUPPORT || a.stance > WITHDRAW) revert ImmuneMemoryInvalidStance(a.stance);
        if (a.basis < OBSERVED || a.basis > ANALYST) revert ImmuneMemoryInvalidBasis(a.basis);
        if (a.confidence > MAX_CONFIDENCE) revert ImmuneMemoryInvalidConfidence(a.confidence);
        if ((a.stance == SUPPORT) == (a.validUntil == 0)) revert ImmuneMemoryInvalidValidUntil(a.stance, a.validUntil);
    }

    function _digest(Attestation calldata a, bytes32 domain) private pure returns (bytes32) {
        return
            MessageHashUtils.toTypedDataHash(
                domain,
                keccak256(
                    abi.encode(
                        ATTESTATION_TYPEHASH,
                        a.subject,
                        a.stance,
                        a.basis,
                        a.confidence,
                        a.validUntil,
                        a.version,
                        a.content
                    )
                )
            );
    }

    function _isWitnessed(Tally memory t, IMemberRegistry.Parameters memory p) private pure returns (bool) {
        return t.witnesses >= p.witnesses;
    }

    function _isDisputed(Tally memory t, IMemberRegistry.Parameters memory p) private pure returns (bool) {
        return 0 < t.refuters && t.refuters < p.refutes;
    }

    /// @param attestable Whether enough supports would make it Attested.
    function _verdict(
        Tally memory t,
        IMemberRegistry.Parameters memory p,
        bool attestable
    ) private pure returns (Status) {
        if (t.refuters >= p.refutes) return Status.Refuted;
        if (t.supporters >= p.members && attestable) return Status.Attested;
        if (t.supporters > 0) return Status.Proposed;
        if (t.expired) return Status.Dormant;
        if (t.withdrawn) return Status.Withdrawn;
        return Status.None;
    }
}
