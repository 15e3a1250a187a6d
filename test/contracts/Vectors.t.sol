// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";
import {IImmuneMemory} from "../../contracts/interfaces/IImmuneMemory.sol";
import {IMemberRegistry} from "../../contracts/interfaces/IMemberRegistry.sol";
import {ImmuneMemory} from "../../contracts/ImmuneMemory.sol";
import {MemberRegistry} from "../../contracts/MemberRegistry.sol";
import {MerkleHistory} from "../../contracts/MerkleHistory.sol";

/// @dev A way into the library for calldata.
contract MerkleHistoryHarness {
    function rebuild(uint256 older, uint256 newer, bytes32[] calldata path) external pure returns (bytes32, bytes32) {
        return MerkleHistory.rebuild(older, newer, path);
    }
}

/// @title The golden vectors, read by the contracts
contract VectorsTest is Base {
    string private json;
    MerkleHistoryHarness private immutable history = new MerkleHistoryHarness();

    function test_ids() external {
        json = vm.readFile("test/vectors/ids.json");
        uint256 seen;
        for (string memory where = first("indicators"); exists(where); where = next("indicators", ++seen)) {
            bytes32 id = sha256(abi.encodePacked("anamnesis/indicator/1\x00", text(where, ".canonical")));
            assertEq(id, word(where, ".id"), text(where, ".name"));
        }
        assertTrue(seen > 0, "no indicators");
        seen = 0;
        for (string memory where = first("responses"); exists(where); where = next("responses", ++seen)) {
            bytes32 id = sha256(
                abi.encodePacked("anamnesis/response/1\x00", word(where, ".indicator"), text(where, ".canonical"))
            );
            assertEq(id, word(where, ".id"), text(where, ".name"));
        }
        assertTrue(seen > 0, "no responses");
        seen = 0;
        for (string memory where = first("blinding"); exists(where); where = next("blinding", ++seen)) {
            (bytes32 key, bytes32 id) = (word(where, ".key"), word(where, ".id"));
            bytes32 blind = hmac(key, id);
            assertEq(sha256(abi.encodePacked(key)), word(where, ".keyHash"), "keyHash");
            assertEq(blind, word(where, ".blind"), "blind");
            assertEq(sha256(abi.encodePacked(blind, id)), word(where, ".subject"), "subject");
        }
        assertTrue(seen > 0, "no blinding");
    }

    function test_typedData() external {
        json = vm.readFile("test/vectors/typed-data.json");
        deployAt(".domain");
        uint256 seen;
        for (string memory where = first("attestations"); exists(where); where = next("attestations", ++seen)) {
            assertEq(memory_.attestationDigest(attestation(where)), word(where, ".digest"), text(where, ".name"));
        }
        assertTrue(seen > 0, "no attestations");
        seen = 0;
        for (string memory where = first("heads"); exists(where); where = next("heads", ++seen)) {
            assertEq(registry.feedHeadDigest(head(where, ".head")), word(where, ".digest"), text(where, ".name"));
        }
        assertTrue(seen > 0, "no heads");
    }

    function test_malformedAttestations() external {
        json = vm.readFile("test/vectors/typed-data.json");
        deployAt(".domain");
        uint256 seen;
        for (string memory where = first("malformed"); exists(where); where = next("malformed", ++seen)) {
            vm.expectPartialRevert(selectorOf(text(where, ".error")));
            memory_.check(attestation(where), vm.parseJsonBytes(json, string.concat(where, ".signature")));
        }
        assertTrue(seen > 0, "no malformed attestations");
    }

    function test_malformedSignatures() external {
        json = vm.readFile("test/vectors/typed-data.json");
        deployAt(".domain");
        IImmuneMemory.Attestation memory well = attestation(first("attestations"));
        uint256 seen;
        for (
            string memory where = first("malformedSignatures");
            exists(where);
            where = next("malformedSignatures", ++seen)
        ) {
            bytes memory signature = vm.parseJsonBytes(json, string.concat(where, ".signature"));
            vm.expectRevert(abi.encodeWithSelector(IImmuneMemory.ImmuneMemoryMalformedSignature.selector, signature));
            memory_.check(well, signature);
        }
        assertTrue(seen > 0, "no malformed signatures");
    }

    function test_merkle() external {
        json = vm.readFile("test/vectors/merkle.json");
        uint256 seen;
        for (string memory where = first("consistency"); exists(where); where = next("consistency", ++seen)) {
            (bytes32 older, bytes32 newer) = history.rebuild(
                vm.parseJsonUint(json, string.concat(where, ".older")),
                vm.parseJsonUint(json, string.concat(where, ".newer")),
                words(where, ".fullPath")
            );
            assertEq(older, word(where, ".olderRoot"), where);
            assertEq(newer, word(where, ".newerRoot"), where);
        }
        assertTrue(seen > 0, "no consistency paths");
    }

    function test_equivocationProved() external {
        json = vm.readFile("test/vectors/equivocation.json");
        deployAt(".domain");
        admitFeed();
        uint256 fresh = vm.snapshotState();
        uint256 seen;
        for (string memory where = first("proved"); exists(where); where = next("proved", ++seen)) {
            report(where);
            assertEq(registry.nodeKey(feed()).revokedAtBlock, block.number, text(where, ".name"));
            vm.revertToState(fresh);
        }
        assertTrue(seen > 0, "no proofs");
    }

    function test_equivocationRefused() external {
        json = vm.readFile("test/vectors/equivocation.json");
        deployAt(".domain");
        admitFeed();
        uint256 seen;
        for (string memory where = first("refused"); exists(where); where = next("refused", ++seen)) {
            vm.expectPartialRevert(selectorOf(text(where, ".error")));
            report(where);
            assertEq(registry.nodeKey(feed()).revokedAtBlock, 0, text(where, ".name"));
        }
        assertTrue(seen > 0, "no refusals");
    }

    function test_statusOfIndicators() external {
        json = vm.readFile("test/vectors/status.json");
        uint256 seen;
        for (string memory where = first("indicators"); exists(where); where = next("indicators", ++seen)) {
            makeCase(where);
            attestAll(string.concat(where, ".registers"), SUBJECT);
            suspendAll(where);
            (
                IImmuneMemory.Status verdict,
                bool disputed,
                uint16 supporters,
                uint16 witnesses,
                uint16 refuters
            ) = memory_.status(SUBJECT, NOW);
            assertStatus(where, verdict, disputed, supporters, witnesses, refuters);
        }
        assertTrue(seen > 0, "no indicators");
    }

    function test_statusOfResponses() external {
        json = vm.readFile("test/vectors/status.json");
        bytes32 response = keccak256("response");
        uint256 seen;
        for (string memory where = first("responses"); exists(where); where = next("responses", ++seen)) {
            makeCase(where);
            attestAll(string.concat(where, ".indicator"), SUBJECT);
            attestAll(string.concat(where, ".response"), response);
            suspendAll(where);
            (
                IImmuneMemory.Status verdict,
                bool disputed,
                uint16 supporters,
                uint16 witnesses,
                uint16 refuters
            ) = memory_.responseStatus(SUBJECT, response, NOW);
            assertStatus(where, verdict, disputed, supporters, witnesses, refuters);
        }
        assertTrue(seen > 0, "no responses");
    }

    /// @dev A registry at the address of the vectors' domain, on their chain: EIP712 notices both. Its storage is empty,
    /// its governor is in its code.
    function deployAt(string memory domain) private {
        makeConsortium(4);
        vm.chainId(vm.parseJsonUint(json, string.concat(domain, ".chainId")));
        address target = vm.parseJsonAddress(json, string.concat(domain, ".verifyingContract"));
        vm.etch(target, address(registry).code);
        registry = MemberRegistry(target);
        memory_ = new ImmuneMemory(registry, keccak256("blinding key hash"));
    }

    function feed() private view returns (address) {
        return vm.parseJsonAddress(json, ".feed");
    }

    function admitFeed() private {
        registry.admit(account(1));
        uint256 privateKey = uint256(vm.parseJsonBytes32(json, ".privateKey"));
        bytes memory possession = sign(privateKey, registry.nodeKeyPossessionDigest(account(1)));
        vm.prank(account(1));
        registry.addNodeKey(feed(), possession);
    }

    function report(string memory where) private {
        IMemberRegistry.FeedHead memory a = head(where, ".a");
        IMemberRegistry.FeedHead memory b = head(where, ".b");
        bytes memory signatureA = vm.parseJsonBytes(json, string.concat(where, ".a.signature"));
        bytes memory signatureB = vm.parseJsonBytes(json, string.concat(where, ".b.signature"));
        registry.reportEquivocation(a, signatureA, b, signatureB, words(where, ".path"));
    }

    function makeCase(string memory where) private {
        makeConsortium(
            uint16(vm.parseJsonUint(json, string.concat(where, ".members"))),
            IMemberRegistry.Parameters({
                members: uint16(vm.parseJsonUint(json, string.concat(where, ".parameters.members"))),
                witnesses: uint16(vm.parseJsonUint(json, string.concat(where, ".parameters.witnesses"))),
                refutes: uint16(vm.parseJsonUint(json, string.concat(where, ".parameters.refutes"))),
                maxBatch: 100
            })
        );
    }

    function attestAll(string memory list, bytes32 subject) private {
        uint256 i;
        for (string memory where = item(list, i); exists(where); where = item(list, ++i)) {
            IImmuneMemory.Attestation memory a = support(NOW_MS);
            a.subject = subject;
            a.stance = uint8(vm.parseJsonUint(json, string.concat(where, ".stance")));
            a.basis = uint8(vm.parseJsonUint(json, string.concat(where, ".basis")));
            a.validUntil = uint40(vm.parseJsonUint(json, string.concat(where, ".validUntil")));
            attest(uint16(vm.parseJsonUint(json, string.concat(where, ".member"))), a);
        }
    }

    function suspendAll(string memory where) private {
        uint256[] memory members = vm.parseJsonUintArray(json, string.concat(where, ".suspended"));
        for (uint256 i = 0; i < members.length; ++i) registry.suspend(uint16(members[i]));
    }

    function assertStatus(
        string memory where,
        IImmuneMemory.Status verdict,
        bool disputed,
        uint16 supporters,
        uint16 witnesses,
        uint16 refuters
    ) private view {
        string memory name = text(where, ".name");
        bytes32 expected = keccak256(bytes(text(where, ".expected.name")));
        string[6] memory names = ["none", "withdrawn", "dormant", "proposed", "attested", "refuted"];
        assertEq(keccak256(bytes(names[uint256(verdict)])), expected, name);
        assertTrue(disputed == vm.parseJsonBool(json, string.concat(where, ".expected.disputed")), name);
        assertEq(supporters, vm.parseJsonUint(json, string.concat(where, ".expected.supports")), name);
        assertEq(witnesses, vm.parseJsonUint(json, string.concat(where, ".expected.witnesses")), name);
        assertEq(refuters, vm.parseJsonUint(json, string.concat(where, ".expected.refutes")), name);
    }

    function attestation(string memory where) private view returns (IImmuneMemory.Attestation memory a) {
        where = string.concat(where, ".attestation");
        a.subject = word(where, ".subject");
        a.stance = uint8(vm.parseJsonUint(json, string.concat(where, ".stance")));
        a.basis = uint8(vm.parseJsonUint(json, string.concat(where, ".basis")));
        a.confidence = uint8(vm.parseJsonUint(json, string.concat(where, ".confidence")));
        a.validUntil = uint40(vm.parseJsonUint(json, string.concat(where, ".validUntil")));
        a.version = uint48(vm.parseJsonUint(json, string.concat(where, ".version")));
        a.content = word(where, ".content");
    }

    function head(string memory where, string memory field) private view returns (IMemberRegistry.FeedHead memory h) {
        where = string.concat(where, field);
        h.feed = vm.parseJsonAddress(json, string.concat(where, ".feed"));
        h.size = uint64(vm.parseJsonUint(json, string.concat(where, ".size")));
        h.root = word(where, ".root");
    }

    function word(string memory where, string memory field) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(where, field));
    }

    function words(string memory where, string memory field) private view returns (bytes32[] memory) {
        return vm.parseJsonBytes32Array(json, string.concat(where, field));
    }

    function text(string memory where, string memory field) private view returns (string memory) {
        return vm.parseJsonString(json, string.concat(where, field));
    }

    function exists(string memory where) private view returns (bool) {
        return vm.keyExistsJson(json, where);
    }

    function first(string memory list) private pure returns (string memory) {
        return next(list, 0);
    }

    function next(string memory list, uint256 index) private pure returns (string memory) {
        return item(string.concat(".", list), index);
    }

    function item(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]");
    }

    /// @dev The selector of an error without its arguments, for the errors that the vectors name.
    function selectorOf(string memory name) private pure returns (bytes4) {
        bytes32 id = keccak256(bytes(name));
        if (id == keccak256("ImmuneMemoryInvalidStance")) return IImmuneMemory.ImmuneMemoryInvalidStance.selector;
        if (id == keccak256("ImmuneMemoryInvalidBasis")) return IImmuneMemory.ImmuneMemoryInvalidBasis.selector;
        if (id == keccak256("ImmuneMemoryInvalidConfidence")) {
            return IImmuneMemory.ImmuneMemoryInvalidConfidence.selector;
        }
        if (id == keccak256("ImmuneMemoryInvalidValidUntil")) {
            return IImmuneMemory.ImmuneMemoryInvalidValidUntil.selector;
        }
        if (id == keccak256("MemberRegistryConsistentHeads")) {
            return IMemberRegistry.MemberRegistryConsistentHeads.selector;
        }
        if (id == keccak256("MemberRegistryForeignPath")) return IMemberRegistry.MemberRegistryForeignPath.selector;
        if (id == keccak256("MemberRegistryUnprovableSizes")) {
            return IMemberRegistry.MemberRegistryUnprovableSizes.selector;
        }
        if (id == keccak256("MemberRegistryDifferentFeeds")) {
            return IMemberRegistry.MemberRegistryDifferentFeeds.selector;
        }
        if (id == keccak256("MemberRegistryWrongSigner")) return IMemberRegistry.MemberRegistryWrongSigner.selector;
        if (id == keccak256("MemberRegistryMalformedSignature")) {
            return IMemberRegistry.MemberRegistryMalformedSignature.selector;
        }
        if (id == keccak256("MemberRegistryFeedTooLarge")) return IMemberRegistry.MemberRegistryFeedTooLarge.selector;
        if (id == keccak256("MerkleHistoryPathLength")) return MerkleHistory.MerkleHistoryPathLength.selector;
        revert(string.concat("unknown error ", name));
    }

    /// @dev HMAC-SHA-256, RFC 2104, with a key of 32 bytes.
    function hmac(bytes32 key, bytes32 message) private pure returns (bytes32) {
        bytes memory inner = new bytes(64);
        bytes memory outer = new bytes(64);
        for (uint256 i = 0; i < 64; ++i) {
            bytes1 k = i < 32 ? key[i] : bytes1(0);
            inner[i] = k ^ 0x36;
            outer[i] = k ^ 0x5c;
        }
        return sha256(abi.encodePacked(outer, sha256(abi.encodePacked(inner, message))));
    }
}
