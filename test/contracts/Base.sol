// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsortiumGovernor} from "../../contracts/ConsortiumGovernor.sol";
import {IImmuneMemory} from "../../contracts/interfaces/IImmuneMemory.sol";
import {IMemberRegistry} from "../../contracts/interfaces/IMemberRegistry.sol";
import {ImmuneMemory} from "../../contracts/ImmuneMemory.sol";
import {MemberRegistry} from "../../contracts/MemberRegistry.sol";

/// @dev The cheatcodes used here, of those that the test runner answers.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 privateKey) external pure returns (address);
    function chainId(uint256 id) external;
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function etch(address target, bytes calldata code) external;
    function expectEmit() external;
    function expectRevert(bytes calldata reason) external;
    function expectPartialRevert(bytes4 selector) external;
    function getNonce(address account) external view returns (uint64);
    function getRecordedLogs() external returns (Log[] memory);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonBytes32Array(string calldata json, string calldata key) external pure returns (bytes32[] memory);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata key) external pure returns (uint256[] memory);
    function prank(address sender) external;
    function readFile(string calldata path) external view returns (string memory);
    function recordLogs() external;
    function revertToState(uint256 snapshot) external returns (bool);
    function roll(uint256 block_) external;
    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function snapshotState() external returns (uint256 snapshot);
    function toString(uint256 value) external pure returns (string memory);
    function warp(uint256 timestamp) external;
}

/// @title A consortium to test with
/// @dev This contract is its governor, or {governor} if it was made {govern}ed; member m has the account {account}(m)
/// and the node key {nodeKey}(m).
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint40 internal constant NOW = 1_800_000_000;
    uint48 internal constant NOW_MS = uint48(NOW) * 1000;
    bytes32 internal constant SUBJECT = keccak256("subject");

    uint32 internal constant VOTING_PERIOD = 7 days;
    uint8 internal constant AGAINST = 0;
    uint8 internal constant FOR = 1;
    uint8 internal constant ABSTAIN = 2;

    MemberRegistry internal registry;
    ImmuneMemory internal memory_;
    ConsortiumGovernor internal governor;

    /// @dev A consortium with a governor. Its members may propose at once: its foundation was a second ago.
    function makeGovernedConsortium(uint16 founders, IMemberRegistry.Parameters memory parameters) internal {
        makeConsortium(founders, parameters, vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 2));
        governor = new ConsortiumGovernor(registry, VOTING_PERIOD);
        vm.warp(NOW + 1);
    }

    function makeConsortium(uint16 founders, IMemberRegistry.Parameters memory parameters) internal {
        makeConsortium(founders, parameters, address(this));
    }

    function makeConsortium(uint16 founders, IMemberRegistry.Parameters memory parameters, address governor_) internal {
        vm.warp(NOW);
        address[] memory accounts = new address[](founders);
        for (uint16 member = 1; member <= founders; ++member) accounts[member - 1] = account(member);
        registry = new MemberRegistry(governor_, accounts, parameters);
        memory_ = new ImmuneMemory(registry, keccak256("blinding key hash"));
        for (uint16 member = 1; member <= founders; ++member) {
            addNodeKey(member, member);
        }
    }

    function makeConsortium(uint16 founders) internal {
        makeConsortium(founders, IMemberRegistry.Parameters({members: 3, witnesses: 2, refutes: 2, maxBatch: 100}));
    }

    function account(uint16 member) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("account", member)))));
    }

    function secret(uint16 member) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("node key", member)));
    }

    function nodeKey(uint16 member) internal pure returns (address) {
        return vm.addr(secret(member));
    }

    /// @dev The account of `member` adds the node key {nodeKey}(`key`).
    function addNodeKey(uint16 member, uint16 key) internal {
        bytes memory possession = sign(secret(key), registry.nodeKeyPossessionDigest(account(member)));
        vm.prank(account(member));
        registry.addNodeKey(nodeKey(key), possession);
    }

    function sign(uint256 privateKey, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digest);
        return abi.encodePacked(r, s, v);
    }

    function support(uint48 version) internal pure returns (IImmuneMemory.Attestation memory) {
        return
            IImmuneMemory.Attestation({
                subject: SUBJECT,
                stance: 1,
                basis: 1,
                confidence: 80,
                validUntil: NOW + 1 days,
                version: version,
                content: 0
            });
    }

    /// @dev A proposal of one action.
    function action(
        bytes memory call
    ) internal view returns (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) {
        (targets, values, calldatas) = (new address[](1), new uint256[](1), new bytes[](1));
        (targets[0], calldatas[0]) = (address(registry), call);
    }

    /// @dev `proposer` proposes one action.
    function propose(address proposer, bytes memory call, string memory description) internal returns (uint256 id) {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = action(call);
        vm.prank(proposer);
        return governor.propose(targets, values, calldatas, description);
    }

    function vote(uint256 id, uint16 member, uint8 ballot) internal {
        vm.prank(account(member));
        governor.castVote(id, ballot);
    }

    function execute(bytes memory call, string memory description) internal {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = action(call);
        governor.execute(targets, values, calldatas, keccak256(bytes(description)));
    }

    /// @dev Relays one attestation, signed with the node key of `member`.
    function attest(uint16 member, IImmuneMemory.Attestation memory attestation) internal {
        attestWith(secret(member), attestation);
    }

    function attestWith(uint256 privateKey, IImmuneMemory.Attestation memory attestation) internal {
        (IImmuneMemory.Attestation[] memory items, bytes[] memory signatures) = single(privateKey, attestation);
        memory_.attest(items, signatures);
    }

    function single(
        uint256 privateKey,
        IImmuneMemory.Attestation memory attestation
    ) internal view returns (IImmuneMemory.Attestation[] memory items, bytes[] memory signatures) {
        items = new IImmuneMemory.Attestation[](1);
        signatures = new bytes[](1);
        items[0] = attestation;
        signatures[0] = sign(privateKey, memory_.attestationDigest(attestation));
    }

    function signHead(uint256 privateKey, IMemberRegistry.FeedHead memory head) internal view returns (bytes memory) {
        return sign(privateKey, registry.feedHeadDigest(head));
    }

    /// @dev `head` as {IMemberRegistry-anchor} takes it.
    function signedHead(
        uint256 privateKey,
        IMemberRegistry.FeedHead memory head
    ) internal view returns (IMemberRegistry.SignedHead memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, registry.feedHeadDigest(head));
        return IMemberRegistry.SignedHead({feed: head.feed, size: head.size, root: head.root, r: r, s: s, v: v});
    }

    function anchor(uint16 member, uint64 size, bytes32 root) internal {
        IMemberRegistry.SignedHead[] memory heads = new IMemberRegistry.SignedHead[](1);
        heads[0] = signedHead(secret(member), IMemberRegistry.FeedHead(nodeKey(member), size, root));
        registry.anchor(heads);
    }

    function assertEq(uint256 actual, uint256 expected, string memory what) internal pure {
        require(
            actual == expected,
            string.concat(what, ": ", vm.toString(actual), " instead of ", vm.toString(expected))
        );
    }

    function assertEq(bytes32 actual, bytes32 expected, string memory what) internal pure {
        require(actual == expected, what);
    }

    function assertTrue(bool condition, string memory what) internal pure {
        require(condition, what);
    }
}
