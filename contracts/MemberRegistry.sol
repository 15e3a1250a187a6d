// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {IMemberRegistry} from "./interfaces/IMemberRegistry.sol";
import {MerkleHistory} from "./MerkleHistory.sol";
import {SkipCode} from "./SkipCode.sol";

/// @title The member registry of a consortium; see {IMemberRegistry}
/// @dev Not upgradeable, without an administrator. A member's vote is one unit of {Votes}, delegated to itself at
/// admission and to nobody else, burnt by suspension and removal and minted again by reinstatement.
contract MemberRegistry is IMemberRegistry, Votes {
    struct Member {
        address account;
        bool active;
        bool removed;
    }

    /// @notice Fewer members than this cannot outvote a single faulty one.
    uint16 public constant MIN_MEMBERS = 3;

    bytes32 private constant FEED_HEAD_TYPEHASH = keccak256("FeedHead(address feed,uint64 size,bytes32 root)");

    bytes32 private constant POSSESSION_TYPEHASH = keccak256("NodeKeyPossession(address account)");

    /// @inheritdoc IMemberRegistry
    address public immutable governor;

    // Slots 0–5 belong to EIP712, Nonces and Votes. The evidence verifier proves slots 6, 8, 9, 10 and 11 by their
    // position.
    //
    //  6  _members[number]       ┆                           removed 8 ┆ active 8 ┆ account 160 ┆
    //  7  _numbers[account]      ┆                                                    number 16 ┆
    //  8  _nodeKeys[key]         ┆ root 168 ┆ size 40 ┆          revokedAtBlock 32 ┆ member 16 ┆
    //  9  _parameters            ┆           maxBatch 16 ┆ refutes 16 ┆ witnesses 16 ┆ members 16 ┆
    // 10  _memberCount, …        ┆                           _activeMembers 16 ┆ _memberCount 16 ┆
    // 11  _addedAtBlock[key]     ┆                                                    number 32 ┆
    //                            most significant                             least significant
    //
    // Slot 8 is all that anchoring reads and writes, and it is full: the block that added a key, which is written once
    // and read by auditors, has a slot of its own.
    mapping(uint16 number => Member) private _members;
    mapping(address account => uint16 number) private _numbers;
    mapping(address key => NodeKey) private _nodeKeys;
    Parameters private _parameters;
    uint16 private _memberCount;
    uint16 private _activeMembers;
    mapping(address key => uint32) private _addedAtBlock;

    modifier onlyGovernor() {
        if (msg.sender != governor) revert MemberRegistryNotGovernor(msg.sender);
        _;
    }

    /// @param governor_ The consortium's governor, possibly not deployed yet.
    /// @param founders Accounts of the first members, numbered from 1 in this order.
    /// @param parameters_ The first thresholds.
    constructor(address governor_, address[] memory founders, Parameters memory parameters_) EIP712("Anamnesis", "1") {
        if (governor_ == address(0)) revert MemberRegistryInvalidGovernor(governor_);
        governor = governor_;
        for (uint256 i = 0; i < founders.length; ++i) {
            _admit(founders[i]);
        }
        _setParameters(parameters_);
    }

    /// @inheritdoc IMemberRegistry
    function admit(address account) external onlyGovernor returns (uint16 member) {
        return _admit(account);
    }

    /// @inheritdoc IMemberRegistry
    function suspend(uint16 member) external onlyGovernor {
        Member storage held = _requireMember(member);
        if (!held.active) revert MemberRegistryMemberSuspended(member);

        _requireFeasible(_parameters, --_activeMembers);
        held.active = false;
        _transferVotingUnits(held.account, address(0), 1);
        emit MemberSuspended(member);
    }

    /// @inheritdoc IMemberRegistry
    function reinstate(uint16 member) external onlyGovernor {
        Member storage held = _requireMember(member);
        if (held.active) revert MemberRegistryMemberActive(member);

        ++_activeMembers;
        held.active = true;
        _transferVotingUnits(address(0), held.account, 1);
        emit MemberReinstated(member);
    }

    /// @inheritdoc IMemberRegistry
    function remove(uint16 member) external onlyGovernor {
        Member storage held = _requireMember(member);

        if (held.active) {
            _requireFeasible(_parameters, --_activeMembers);
            held.active = false;
            _transferVotingUnits(held.account, address(0), 1);
        }
        held.removed = true;
        delete _numbers[held.account];
        emit MemberRemoved(member);
    }

    /// @inheritdoc IMemberRegistry
    function setParameters(Parameters calldata newParameters) external onlyGovernor {
        _setParameters(newParameters);
    }

    /// @inheritdoc IMemberRegistry
    function addNodeKey(address key, bytes calldata possession) external {
        uint16 member = _numbers[msg.sender];
        if (member == 0) revert MemberRegistryNotMember(msg.sender);
        if (!_members[member].active) revert MemberRegistryMemberSuspended(member);
        _requirePossession(key, msg.sender, possession);
        uint16 holder = _nodeKeys[key].member;
        if (holder != 0) revert MemberRegistryKeyTaken(key, holder);

        _nodeKeys[key].member = member;
        _addedAtBlock[key] = SafeCast.toUint32(block.number);
        emit NodeKeyAdded(member, key);
    }

    /// @inheritdoc IMemberRegistry
    function revokeNodeKey(address key) external {
        uint16 holder = _requireOpenKey(key);
        if (_members[holder].account != msg.sender) revert MemberRegistryForeignKey(key, holder);

        _closeKey(key, holder);
    }

    /// @inheritdoc IMemberRegistry
    function anchor(SignedHead[] calldata heads) external {
        uint256 items = heads.length;
        // One item is always allowed: maxBatch ≥ 1. The commonest call is spared a look at the parameters.
        if (items > 1) _requireBatch(items);
        for (uint256 i = 0; i < items; ++i) {
            uint8 code = _anchor(heads[i]);
            if (code != SkipCode.NONE) emit Skipped(i, code);
        }
    }

    /// @inheritdoc IMemberRegistry
    function reportEquivocation(
        FeedHead calldata a,
        bytes calldata signatureA,
        FeedHead calldata b,
        bytes calldata signatureB,
        bytes32[] calldata path
    ) external {
        if (a.feed != b.feed) revert MemberRegistryDifferentFeeds(a.feed, b.feed);
        uint16 member = _requireOpenKey(a.feed);
        _requireSigned(a, signatureA);
        _requireSigned(b, signatureB);
        _requireContradiction(a, b, path);

        _closeKey(a.feed, member);
        emit EquivocationProven(a.feed, a.size, a.root, b.size, b.root);
    }

    /// @inheritdoc IMemberRegistry
    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc IMemberRegistry
    function memberCount() external view returns (uint16) {
        return _memberCount;
    }

    /// @inheritdoc IMemberRegistry
    function activeMembers() external view returns (uint16) {
        return _activeMembers;
    }

    /// @inheritdoc IMemberRegistry
    function isActiveMember(uint16 member) external view returns (bool) {
        return _members[member].active;
    }

    /// @inheritdoc IMemberRegistry
    function isRemovedMember(uint16 member) external view returns (bool) {
        return _members[member].removed;
    }

    /// @inheritdoc IMemberRegistry
    function memberAccount(uint16 member) external view returns (address) {
        return _members[member].account;
    }

    /// @inheritdoc IMemberRegistry
    function memberOf(address account) external view returns (uint16) {
        return _numbers[account];
    }

    /// @inheritdoc IMemberRegistry
    function nodeKey(address key) external view returns (NodeKey memory) {
        return _nodeKeys[key];
    }

    /// @inheritdoc IMemberRegistry
    function nodeKeyAddedAtBlock(address key) external view returns (uint32) {
        return _addedAtBlock[key];
    }

    /// @inheritdoc IMemberRegistry
    function isNodeKeyActive(address key, uint256 blockNumber) external view returns (bool) {
        NodeKey storage held = _nodeKeys[key];
        if (held.member == 0 || blockNumber < _addedAtBlock[key]) return false;
        return held.revokedAtBlock == 0 || blockNumber < held.revokedAtBlock;
    }

    /// @inheritdoc IMemberRegistry
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IMemberRegistry
    function feedHeadDigest(FeedHead calldata head) external view returns (bytes32) {
        return _digest(head.feed, head.size, head.root);
    }

    /// @inheritdoc IMemberRegistry
    function nodeKeyPossessionDigest(address account) external view returns (bytes32) {
        return _possessionDigest(account);
    }

    /// @notice Reverts: a member votes itself.
    function delegate(address delegatee) public pure override {
        revert MemberRegistryDelegationForbidden(delegatee);
    }

    /// @notice Reverts: a member votes itself.
    function delegateBySig(address delegatee, uint256, uint256, uint8, bytes32, bytes32) public pure override {
        revert MemberRegistryDelegationForbidden(delegatee);
    }

    /// @notice The time by which votes are counted: the block's timestamp, in seconds.
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @notice Names the clock, as ERC-6372 asks.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function _getVotingUnits(address account) internal view override returns (uint256) {
        return _members[_numbers[account]].active ? 1 : 0;
    }

    function _admit(address account) private returns (uint16 member) {
        if (account == address(0) || account == governor || account == address(this)) {
            revert MemberRegistryInvalidAccount(account);
        }
        if (_numbers[account] != 0) revert MemberRegistryAccountTaken(account, _numbers[account]);

        // Delegated while the account has no unit yet, so that the mint below moves the vote once.
        _delegate(account, account);
        member = ++_memberCount;
        ++_activeMembers;
        _numbers[account] = member;
        _members[member] = Member({account: account, active: true, removed: false});
        _transferVotingUnits(address(0), account, 1);
        emit MemberAdmitted(member, account);
    }

    function _setParameters(Parameters memory newParameters) private {
        _requireFeasible(newParameters, _activeMembers);
        _parameters = newParameters;
        emit ParametersChanged(
            newParameters.members,
            newParameters.witnesses,
            newParameters.refutes,
            newParameters.maxBatch
        );
    }

    function _closeKey(address key, uint16 member) private {
        _nodeKeys[key].revokedAtBlock = SafeCast.toUint32(block.number);
        emit NodeKeyRevoked(member, key);
    }

    function _anchor(SignedHead calldata head) private returns (uint8 code) {
        (address feed, uint64 size, bytes32 root) = (head.feed, head.size, head.root);
        _requireSigned(feed, size, root, head.r, head.s, head.v);
        return _record(_nodeKeys[feed], feed, size, root);
    }

    /// @dev In small steps, because the compiler inlines into small functions only.
    function _record(NodeKey storage key, address feed, uint64 size, bytes32 root) private returns (uint8 code) {
        if (key.member == 0) return SkipCode.UNKNOWN_KEY;
        if (key.revokedAtBlock != 0) return SkipCode.REVOKED_KEY;
        if (size > key.size) _advance(key, feed, size, root);
        return SkipCode.NONE;
    }

    function _advance(NodeKey storage key, address feed, uint64 size, bytes32 root) private {
        key.size = uint40(size);
        key.root = bytes21(root);
        emit FeedAnchored(feed, size, root);
    }

    function _requireBatch(uint256 items) private view {
        uint16 maximum = _parameters.maxBatch;
        if (items > maximum) revert MemberRegistryBatchTooLarge(items, maximum);
    }

    function _requireMember(uint16 member) private view returns (Member storage held) {
        held = _members[member];
        if (held.account == address(0)) revert MemberRegistryUnknownMember(member);
        if (held.removed) revert MemberRegistryMemberRemoved(member);
    }

    function _requireOpenKey(address key) private view returns (uint16 member) {
        member = _nodeKeys[key].member;
        if (member == 0) revert MemberRegistryUnknownKey(key);
        if (_nodeKeys[key].revokedAtBlock != 0) revert MemberRegistryKeyRevoked(key);
    }

    function _requirePossession(address key, address account, bytes calldata signature) private view {
        (uint8 v, bytes32 r, bytes32 s) = _split(signature);
        (address signer, ECDSA.RecoverError fault, ) = ECDSA.tryRecover(_possessionDigest(account), v, r, s);
        if (fault != ECDSA.RecoverError.NoError) revert MemberRegistryMalformedSignature(signature);
        if (signer != key) revert MemberRegistryKeyNotPossessed(key, signer);
    }

    function _requireSigned(FeedHead calldata head, bytes calldata signature) private view {
        (uint8 v, bytes32 r, bytes32 s) = _split(signature);
        _requireSigned(head.feed, head.size, head.root, r, s, v);
    }

    function _requireSigned(address feed, uint64 size, bytes32 root, bytes32 r, bytes32 s, uint8 v) private view {
        if (size > type(uint40).max) revert MemberRegistryFeedTooLarge(feed, size);
        (address signer, ECDSA.RecoverError fault, ) = ECDSA.tryRecover(_digest(feed, size, root), v, r, s);
        if (fault != ECDSA.RecoverError.NoError) revert MemberRegistryMalformedSignature(abi.encodePacked(r, s, v));
        if (signer != feed) revert MemberRegistryWrongSigner(feed, signer);
    }

    function _possessionDigest(address account) private view returns (bytes32) {
        return
            MessageHashUtils.toTypedDataHash(_domainSeparatorV4(), keccak256(abi.encode(POSSESSION_TYPEHASH, account)));
    }

    function _digest(address feed, uint64 size, bytes32 root) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(FEED_HEAD_TYPEHASH, feed, size, root)));
    }

    /// @dev The three parts of a signature of 65 bytes.
    function _split(bytes calldata signature) private pure returns (uint8 v, bytes32 r, bytes32 s) {
        if (signature.length != 65) revert MemberRegistryMalformedSignature(signature);
        return (uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
    }

    /// @dev Two heads of one size can only be equal, and a path that the greater head commits to (see {MerkleHistory})
    /// tells the one root that its past can have had. Nobody else's word is taken for either.
    function _requireContradiction(FeedHead calldata a, FeedHead calldata b, bytes32[] calldata path) private pure {
        bytes32 pastRoot = b.root;
        if (a.size == b.size) {
            if (path.length != 0) revert MerkleHistory.MerkleHistoryPathLength(path.length);
        } else {
            if (a.size == 0 || a.size > b.size) revert MemberRegistryUnprovableSizes(a.size, b.size);
            bytes32 rebuilt;
            (pastRoot, rebuilt) = MerkleHistory.rebuild(a.size, b.size, path);
            if (rebuilt != b.root) revert MemberRegistryForeignPath(rebuilt);
        }
        if (pastRoot == a.root) revert MemberRegistryConsistentHeads(a.feed, a.size, b.size);
    }

    function _requireFeasible(Parameters memory p, uint16 active) private pure {
        if (active < MIN_MEMBERS) revert MemberRegistryTooFewMembers(active);
        bool feasible =
            0 < p.witnesses &&
                p.witnesses <= p.members &&
                p.members <= active &&
                0 < p.refutes &&
                p.refutes <= active &&
                0 < p.maxBatch;
        if (!feasible) revert MemberRegistryInvalidParameters(p, active);
    }
}
