// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";
import {IMemberRegistry} from "../../contracts/interfaces/IMemberRegistry.sol";
import {MemberRegistry} from "../../contracts/MemberRegistry.sol";
import {SkipCode} from "../../contracts/SkipCode.sol";

contract MemberRegistryTest is Base {
    address private constant STRANGER = address(0xbad);

    function setUp() external {
        makeConsortium(4);
    }

    function test_foundersVoteAtOnceAndForThemselves() external {
        assertEq(registry.memberCount(), 4, "memberCount");
        assertEq(registry.activeMembers(), 4, "activeMembers");
        for (uint16 member = 1; member <= 4; ++member) {
            assertTrue(registry.isActiveMember(member), "active");
            assertTrue(registry.memberAccount(member) == account(member), "account");
            assertEq(registry.memberOf(account(member)), member, "number");
            assertEq(registry.getVotes(account(member)), 1, "votes");
            assertTrue(registry.delegates(account(member)) == account(member), "delegate");
        }
        vm.warp(NOW + 1);
        assertEq(registry.getPastTotalSupply(NOW), 4, "supply");
    }

    function test_nobodyHasNumberZero() external view {
        assertTrue(!registry.isActiveMember(0), "active");
        assertTrue(registry.memberAccount(0) == address(0), "account");
        assertEq(registry.memberOf(STRANGER), 0, "number");
    }

    function test_suspensionBurnsTheVoteAndReinstatementMintsItAgain() external {
        vm.expectEmit();
        emit IMemberRegistry.MemberSuspended(2);
        registry.suspend(2);
        assertTrue(!registry.isActiveMember(2), "active");
        assertEq(registry.activeMembers(), 3, "activeMembers");
        assertEq(registry.getVotes(account(2)), 0, "votes");

        vm.warp(NOW + 1);
        vm.expectEmit();
        emit IMemberRegistry.MemberReinstated(2);
        registry.reinstate(2);
        assertEq(registry.getVotes(account(2)), 1, "votes");
        assertTrue(registry.delegates(account(2)) == account(2), "delegate");
        vm.warp(NOW + 2);
        assertEq(registry.getPastTotalSupply(NOW), 3, "supply while suspended");
        assertEq(registry.getPastTotalSupply(NOW + 1), 4, "supply");
    }

    function test_numbersAreNeverReused() external {
        registry.suspend(4);
        assertEq(registry.admit(account(5)), 5, "next number");
        vm.expectRevert(
            abi.encodeWithSelector(IMemberRegistry.MemberRegistryAccountTaken.selector, account(4), uint16(4))
        );
        registry.admit(account(4));
    }

    function test_suspensionNeverLeavesFewerThanThree() external {
        registry.suspend(1);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryTooFewMembers.selector, uint16(2)));
        registry.suspend(2);
    }

    function test_suspensionNeverLeavesAThresholdOutOfReach() external {
        IMemberRegistry.Parameters memory four = IMemberRegistry.Parameters(4, 2, 2, 100);
        registry.setParameters(four);
        vm.expectRevert(
            abi.encodeWithSelector(IMemberRegistry.MemberRegistryInvalidParameters.selector, four, uint16(3))
        );
        registry.suspend(1);

        IMemberRegistry.Parameters memory refutes = IMemberRegistry.Parameters(3, 2, 4, 100);
        registry.setParameters(refutes);
        vm.expectRevert(
            abi.encodeWithSelector(IMemberRegistry.MemberRegistryInvalidParameters.selector, refutes, uint16(3))
        );
        registry.suspend(1);
    }

    function testFuzz_parametersAreTakenIffFeasible(uint16 m, uint16 w, uint16 r, uint16 maxBatch) external {
        (m, w, r, maxBatch) = (m % 6, w % 6, r % 6, maxBatch % 3);
        IMemberRegistry.Parameters memory p = IMemberRegistry.Parameters(m, w, r, maxBatch);
        bool feasible = w >= 1 && w <= m && m <= 4 && r >= 1 && r <= 4 && maxBatch >= 1;
        if (feasible) {
            vm.expectEmit();
            emit IMemberRegistry.ParametersChanged(m, w, r, maxBatch);
        } else {
            vm.expectRevert(
                abi.encodeWithSelector(IMemberRegistry.MemberRegistryInvalidParameters.selector, p, uint16(4))
            );
        }
        registry.setParameters(p);
        if (feasible) assertEq(keccak256(abi.encode(registry.parameters())), keccak256(abi.encode(p)), "parameters");
    }

    function test_aKeyIsRevokedAtOnceAndForEver() external {
        vm.roll(77);
        vm.expectEmit();
        emit IMemberRegistry.NodeKeyRevoked(1, nodeKey(1));
        vm.prank(account(1));
        registry.revokeNodeKey(nodeKey(1));
        assertEq(registry.nodeKey(nodeKey(1)).revokedAtBlock, 77, "revokedAtBlock");

        bytes memory possession = sign(secret(1), registry.nodeKeyPossessionDigest(account(1)));
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryKeyTaken.selector, nodeKey(1), uint16(1)));
        vm.prank(account(1));
        registry.addNodeKey(nodeKey(1), possession);
    }

    function test_aSuspendedMemberRevokesKeysButAddsNone() external {
        registry.suspend(1);
        bytes memory possession = sign(secret(101), registry.nodeKeyPossessionDigest(account(1)));
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryMemberSuspended.selector, uint16(1)));
        vm.prank(account(1));
        registry.addNodeKey(nodeKey(101), possession);

        vm.prank(account(1));
        registry.revokeNodeKey(nodeKey(1));
        assertTrue(registry.nodeKey(nodeKey(1)).revokedAtBlock != 0, "revoked");
    }

    function test_removalIsForGoodAndFreesTheAccount() external {
        attest(4, support(NOW_MS));
        vm.expectEmit();
        emit IMemberRegistry.MemberRemoved(4);
        registry.remove(4);
        assertTrue(registry.isRemovedMember(4) && !registry.isActiveMember(4), "removed");
        assertEq(registry.activeMembers(), 3, "activeMembers");
        assertEq(registry.getVotes(account(4)), 0, "votes");
        assertEq(registry.memberOf(account(4)), 0, "number");
        assertTrue(registry.memberAccount(4) == account(4), "its account is known for ever");
        bytes memory gone = abi.encodeWithSelector(IMemberRegistry.MemberRegistryMemberRemoved.selector, uint16(4));
        vm.expectRevert(gone);
        registry.reinstate(4);
        vm.expectRevert(gone);
        registry.suspend(4);
        vm.expectRevert(gone);
        registry.remove(4);

        assertEq(registry.admit(account(4)), 5, "a new number");
        assertEq(registry.getVotes(account(4)), 1, "votes");
        (, , uint16 supporters, , ) = memory_.status(SUBJECT, NOW);
        assertEq(supporters, 0, "what it said under the old number does not count");
        assertEq(memory_.register(SUBJECT, 4).version, NOW_MS, "and stays");
        // The old key speaks for the old number, and its owner can still close it.
        attest(4, support(NOW_MS + 1));
        (, , supporters, , ) = memory_.status(SUBJECT, NOW);
        assertEq(supporters, 0, "supporters");
        vm.prank(account(4));
        registry.revokeNodeKey(nodeKey(4));
        assertTrue(registry.nodeKey(nodeKey(4)).revokedAtBlock != 0, "revoked");
    }

    function test_removalNeverLeavesTooFew() external {
        registry.suspend(1);
        registry.remove(1);
        assertEq(registry.activeMembers(), 3, "a suspended member's removal changes no count");
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryTooFewMembers.selector, uint16(2)));
        registry.remove(2);
    }

    function test_neitherTheGovernorNorTheRegistryIsAMember() external {
        address[2] memory nobody = [address(this), address(registry)];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryInvalidAccount.selector, nobody[i]));
            registry.admit(nobody[i]);
        }
    }

    /// @dev A key's word about one account is of no use to another one, nor at another registry.
    function test_aKeyIsAddedByWhomItNamedOnly() external {
        bytes memory possession = sign(secret(101), registry.nodeKeyPossessionDigest(account(1)));
        vm.expectPartialRevert(IMemberRegistry.MemberRegistryKeyNotPossessed.selector);
        vm.prank(account(2));
        registry.addNodeKey(nodeKey(101), possession);

        MemberRegistry here = registry;
        makeConsortium(4);
        vm.expectPartialRevert(IMemberRegistry.MemberRegistryKeyNotPossessed.selector);
        vm.prank(account(1));
        registry.addNodeKey(nodeKey(101), possession);
        bytes[2] memory malformed = [bytes("short"), abi.encodePacked(possession, uint8(0))];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IMemberRegistry.MemberRegistryMalformedSignature.selector, malformed[i])
            );
            vm.prank(account(1));
            here.addNodeKey(nodeKey(101), malformed[i]);
        }
        vm.expectPartialRevert(IMemberRegistry.MemberRegistryMalformedSignature.selector);
        vm.prank(account(1));
        here.addNodeKey(nodeKey(101), new bytes(65));
        vm.prank(account(1));
        here.addNodeKey(nodeKey(101), possession);
    }

    function test_aKeyIsActiveFromItsAdditionToItsRevocation() external {
        assertTrue(!registry.isNodeKeyActive(nodeKey(101), 100), "never added");
        vm.roll(70);
        addNodeKey(1, 101);
        vm.roll(90);
        vm.prank(account(1));
        registry.revokeNodeKey(nodeKey(101));
        assertEq(registry.nodeKeyAddedAtBlock(nodeKey(101)), 70, "added");
        for (uint256 number = 68; number < 93; ++number) {
            bool active = registry.isNodeKeyActive(nodeKey(101), number);
            assertTrue(active == (70 <= number && number < 90), vm.toString(number));
        }
    }

    function test_aMemberHasAsManyKeysAsItLikes() external {
        addNodeKey(1, 101);
        assertEq(registry.nodeKey(nodeKey(1)).member, 1, "first key");
        assertEq(registry.nodeKey(nodeKey(101)).member, 1, "second key");
    }

    function testFuzz_aHeadIsHeldIffItIsGreater(uint40 first, bytes32 rootA, uint40 second, bytes32 rootB) external {
        anchor(1, first, rootA);
        anchor(1, second, rootB);
        IMemberRegistry.NodeKey memory key = registry.nodeKey(nodeKey(1));
        uint40 greatest = second > first ? second : first;
        bytes32 root =
            second > first
                ? rootB
                : first > 0
                    ? rootA
                    : bytes32(0);
        assertEq(key.member, 1, "member");
        assertEq(key.revokedAtBlock, 0, "revokedAtBlock");
        assertEq(key.size, greatest, "size");
        assertEq(bytes32(key.root), bytes32(bytes21(root)), "root");
    }

    function test_aHeadThatIsNotGreaterIsASilentNoOp() external {
        anchor(1, 8, "root");
        vm.recordLogs();
        anchor(1, 8, "root");
        anchor(1, 8, "another root");
        anchor(1, 7, "older");
        assertEq(vm.getRecordedLogs().length, 0, "events");
    }

    function test_aBatchSkipsUnknownAndRevokedKeysAndKeepsTheRest() external {
        vm.prank(account(2));
        registry.revokeNodeKey(nodeKey(2));
        IMemberRegistry.SignedHead[] memory heads = new IMemberRegistry.SignedHead[](3);
        uint16[3] memory signers = [uint16(99), 2, 3];
        for (uint256 i = 0; i < 3; ++i) {
            heads[i] = signedHead(secret(signers[i]), IMemberRegistry.FeedHead(nodeKey(signers[i]), 5, "root"));
        }
        vm.expectEmit();
        emit IMemberRegistry.Skipped(0, SkipCode.UNKNOWN_KEY);
        vm.expectEmit();
        emit IMemberRegistry.Skipped(1, SkipCode.REVOKED_KEY);
        vm.expectEmit();
        emit IMemberRegistry.FeedAnchored(nodeKey(3), 5, "root");
        vm.prank(STRANGER);
        registry.anchor(heads);
        assertEq(registry.nodeKey(nodeKey(2)).size, 0, "a revoked key's feed stays as it was");
    }

    function test_aSuspendedMembersHeadsAreRecorded() external {
        registry.suspend(1);
        anchor(1, 8, "root");
        assertEq(registry.nodeKey(nodeKey(1)).size, 8, "size");
    }

    function test_aHeadSignedForAnotherRegistryIsNobodys() external {
        MemberRegistry here = registry;
        IMemberRegistry.SignedHead[] memory heads = new IMemberRegistry.SignedHead[](1);
        makeConsortium(4);
        heads[0] = signedHead(secret(1), IMemberRegistry.FeedHead(nodeKey(1), 5, "root"));
        vm.expectPartialRevert(IMemberRegistry.MemberRegistryWrongSigner.selector);
        here.anchor(heads);
    }

    /// @dev For every signature there is another one of the same key, with s mirrored at n/2.
    function testFuzz_aHeadIsTakenUnderOneSignatureOnly(uint40 size, bytes32 root, uint8 v) external {
        uint256 n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        IMemberRegistry.FeedHead memory head = IMemberRegistry.FeedHead(nodeKey(1), size, root);
        IMemberRegistry.SignedHead memory mirrored = signedHead(secret(1), head);
        (mirrored.s, mirrored.v) = (bytes32(n - uint256(mirrored.s)), 55 - mirrored.v);
        assertMalformed(mirrored);

        IMemberRegistry.SignedHead memory strange = signedHead(secret(1), head);
        strange.v = v == 27 || v == 28 ? v - 27 : v;
        assertMalformed(strange);

        IMemberRegistry.SignedHead memory nobodys = signedHead(secret(1), head);
        nobodys.r = 0;
        assertMalformed(nobodys);
    }

    function test_aReportTakesSignaturesOf65BytesOnly() external {
        IMemberRegistry.FeedHead memory a = IMemberRegistry.FeedHead({feed: nodeKey(1), size: 8, root: "one"});
        IMemberRegistry.FeedHead memory b = IMemberRegistry.FeedHead({feed: nodeKey(1), size: 8, root: "two"});
        bytes memory signature = signHead(secret(1), b);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret(1), registry.feedHeadDigest(a));
        bytes[3] memory others = [
            abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255))), // ERC-2098
            abi.encodePacked(r, s, v, uint8(0)),
            bytes("")
        ];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IMemberRegistry.MemberRegistryMalformedSignature.selector, others[i])
            );
            registry.reportEquivocation(a, others[i], b, signature, new bytes32[](0));
        }
        registry.reportEquivocation(a, abi.encodePacked(r, s, v), b, signature, new bytes32[](0));
    }

    function test_equivocationClosesTheKeyAndNotTheMember() external {
        addNodeKey(1, 101);
        anchor(1, 8, "one");
        IMemberRegistry.FeedHead memory a = IMemberRegistry.FeedHead({feed: nodeKey(1), size: 8, root: "one"});
        IMemberRegistry.FeedHead memory b = IMemberRegistry.FeedHead({feed: nodeKey(1), size: 8, root: "two"});
        bytes memory signatureA = signHead(secret(1), a);
        bytes memory signatureB = signHead(secret(1), b);

        vm.expectEmit();
        emit IMemberRegistry.NodeKeyRevoked(1, nodeKey(1));
        vm.expectEmit();
        emit IMemberRegistry.EquivocationProven(nodeKey(1), 8, "one", 8, "two");
        vm.prank(STRANGER);
        registry.reportEquivocation(a, signatureA, b, signatureB, new bytes32[](0));

        assertTrue(registry.isActiveMember(1), "member");
        assertTrue(registry.nodeKey(nodeKey(101)).revokedAtBlock == 0, "the member's other key");
        assertEq(registry.nodeKey(nodeKey(1)).size, 8, "a closed feed counts up to its last anchored size");
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryKeyRevoked.selector, nodeKey(1)));
        registry.reportEquivocation(a, signatureA, b, signatureB, new bytes32[](0));
    }

    /// @dev Whatever path anybody makes up, two heads of one honest history accuse nobody.
    function testFuzz_noPathAccusesAnHonestFeed(
        uint8 older,
        uint8 newer,
        bytes32[] memory noise,
        uint256 seed
    ) external {
        newer = uint8(2 + (newer % 40));
        older = uint8(1 + (older % (newer - 1)));
        bytes32[] memory path = fullPath(older, 0, newer);
        if (noise.length > 0) {
            // One hash of the true path replaced, or nothing but noise.
            if (seed % 2 == 0) path[(seed >> 8) % path.length] = noise[0];
            else path = noise;
        }
        IMemberRegistry.FeedHead memory a = IMemberRegistry.FeedHead(nodeKey(1), older, tree(0, older));
        IMemberRegistry.FeedHead memory b = IMemberRegistry.FeedHead(nodeKey(1), newer, tree(0, newer));
        bytes memory signatureA = signHead(secret(1), a);
        bytes memory signatureB = signHead(secret(1), b);
        try registry.reportEquivocation(a, signatureA, b, signatureB, path) {
            revert("an honest feed was accused");
        } catch {
            assertEq(registry.nodeKey(nodeKey(1)).revokedAtBlock, 0, "revokedAtBlock");
        }
    }

    function assertMalformed(IMemberRegistry.SignedHead memory head) private {
        IMemberRegistry.SignedHead[] memory heads = new IMemberRegistry.SignedHead[](1);
        heads[0] = head;
        bytes memory signature = abi.encodePacked(head.r, head.s, head.v);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryMalformedSignature.selector, signature));
        registry.anchor(heads);
    }

    /// @dev MTH of the leaves from `start` on, RFC 9162 §2.1.1.
    function tree(uint256 start, uint256 size) private pure returns (bytes32) {
        if (size == 1) return sha256(abi.encodePacked(bytes1(0), keccak256(abi.encode(start))));
        uint256 k = split(size);
        return sha256(abi.encodePacked(bytes1(0x01), tree(start, k), tree(start + k, size - k)));
    }

    /// @dev SUBPROOF(m, D[n], false), RFC 9162 §2.1.4.1.
    function fullPath(uint256 m, uint256 start, uint256 n) private pure returns (bytes32[] memory) {
        if (m == n) return append(new bytes32[](0), tree(start, n));
        uint256 k = split(n);
        if (m <= k) return append(fullPath(m, start, k), tree(start + k, n - k));
        return append(fullPath(m - k, start + k, n - k), tree(start, k));
    }

    function append(bytes32[] memory list, bytes32 last) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) longer[i] = list[i];
        longer[list.length] = last;
    }

    function split(uint256 n) private pure returns (uint256 k) {
        k = 1;
        while (k * 2 < n) k *= 2;
    }
}
