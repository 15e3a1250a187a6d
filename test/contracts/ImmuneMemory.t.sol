// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base, Vm} from "./Base.sol";
import {IImmuneMemory} from "../../contracts/interfaces/IImmuneMemory.sol";
import {IMemberRegistry} from "../../contracts/interfaces/IMemberRegistry.sol";
import {SkipCode} from "../../contracts/SkipCode.sol";

contract ImmuneMemoryTest is Base {
    function setUp() external {
        makeConsortium(4);
    }

    function test_anybodyRelaysWhatAMemberSigned() external {
        IImmuneMemory.Attestation memory a = support(NOW_MS);
        a.content = "content";
        (IImmuneMemory.Attestation[] memory items, bytes[] memory signatures) = single(secret(1), a);
        vm.expectEmit();
        emit IImmuneMemory.Attested(SUBJECT, 1, nodeKey(1), 1, 1, 80, NOW + 1 days, NOW_MS, "content");
        vm.prank(address(0xbad));
        memory_.attest(items, signatures);

        IImmuneMemory.Register memory held = memory_.register(SUBJECT, 1);
        assertEq(held.version, NOW_MS, "version");
        assertEq(held.validUntil, NOW + 1 days, "validUntil");
        assertEq(held.stance, 1, "stance");
        assertEq(held.basis, 1, "basis");
        assertEq(held.confidence, 80, "confidence");
        assertEq(bytes32(held.uid), bytes32(bytes18(memory_.attestationDigest(a))), "uid");
    }

    function test_theSameWordTwiceIsASilentNoOp() external {
        attest(1, support(NOW_MS));
        vm.recordLogs();
        attest(1, support(NOW_MS));
        assertEq(vm.getRecordedLogs().length, 0, "events");
    }

    function test_anotherKeyOfTheMemberSpeaksForTheSameRegister() external {
        addNodeKey(1, 101);
        attest(1, support(NOW_MS));
        attestWith(secret(101), support(NOW_MS + 1));
        (, , uint16 supporters, , ) = memory_.status(SUBJECT, NOW);
        assertEq(supporters, 1, "members are counted, not keys");
        assertEq(memory_.register(SUBJECT, 1).version, NOW_MS + 1, "version");
    }

    /// @dev Of two words of one member the same one stays, whichever comes first.
    function testFuzz_theLastWordStaysInAnyOrder(uint48 versionA, uint48 versionB, uint8 confidenceB) external {
        IImmuneMemory.Attestation memory a = support(versionA % NOW_MS);
        IImmuneMemory.Attestation memory b = support(versionB % NOW_MS);
        b.confidence = confidenceB % 101;
        IImmuneMemory.Attestation memory c = support(a.version);
        c.stance = 2;
        c.validUntil = 0;

        uint256 fresh = vm.snapshotState();
        attest(1, a);
        attest(1, b);
        attest(1, c);
        bytes32 forwards = keccak256(abi.encode(memory_.register(SUBJECT, 1)));
        vm.revertToState(fresh);
        attest(1, c);
        attest(1, b);
        attest(1, a);
        attest(1, b);
        assertEq(keccak256(abi.encode(memory_.register(SUBJECT, 1))), forwards, "register");
    }

    function test_aBatchSkipsWhatTheStateForbidsAndKeepsTheRest() external {
        vm.prank(account(2));
        registry.revokeNodeKey(nodeKey(2));
        attest(3, support(NOW_MS));

        IImmuneMemory.Attestation[] memory items = new IImmuneMemory.Attestation[](5);
        bytes[] memory signatures = new bytes[](5);
        uint16[5] memory signers = [uint16(99), 2, 3, 4, 1];
        for (uint256 i = 0; i < 5; ++i) items[i] = support(NOW_MS);
        items[2].version = NOW_MS - 1;
        items[3].version = NOW_MS + 600_001;
        for (uint256 i = 0; i < 5; ++i) {
            signatures[i] = sign(secret(signers[i]), memory_.attestationDigest(items[i]));
        }
        vm.expectEmit();
        emit IImmuneMemory.Skipped(0, SkipCode.UNKNOWN_KEY);
        vm.expectEmit();
        emit IImmuneMemory.Skipped(1, SkipCode.REVOKED_KEY);
        vm.expectEmit();
        emit IImmuneMemory.Skipped(2, SkipCode.STALE_VERSION);
        vm.expectEmit();
        emit IImmuneMemory.Skipped(3, SkipCode.FUTURE_VERSION);
        vm.expectEmit();
        emit IImmuneMemory.Attested(SUBJECT, 1, nodeKey(1), 1, 1, 80, NOW + 1 days, NOW_MS, 0);
        memory_.attest(items, signatures);
        assertEq(memory_.register(SUBJECT, 2).stance, 0, "revoked");
        assertEq(memory_.register(SUBJECT, 3).version, NOW_MS, "stale");
        assertEq(memory_.register(SUBJECT, 4).stance, 0, "future");
        assertEq(memory_.register(SUBJECT, 0).stance, 0, "a stranger wrote for member 0");
    }

    function test_tenMinutesAheadIsNotYetTheFuture() external {
        attest(1, support(NOW_MS + 600_000));
        assertEq(memory_.register(SUBJECT, 1).version, NOW_MS + 600_000, "version");
    }

    function test_aSupportCountsUntilItsLastSecondAndIsDormantFromThenOn() external {
        attest(1, support(NOW_MS));
        (IImmuneMemory.Status before, , , , ) = memory_.status(SUBJECT, NOW + 1 days - 1);
        (IImmuneMemory.Status then, , , , ) = memory_.status(SUBJECT, NOW + 1 days);
        assertTrue(before == IImmuneMemory.Status.Proposed, "before");
        assertTrue(then == IImmuneMemory.Status.Dormant, "then");
    }

    function test_revokingAKeyLeavesWhatItSaid() external {
        attest(1, support(NOW_MS));
        vm.prank(account(1));
        registry.revokeNodeKey(nodeKey(1));
        (, , uint16 supporters, , ) = memory_.status(SUBJECT, NOW);
        assertEq(supporters, 1, "supporters");
    }

    function test_aSuspendedMembersWordCountsAgainAfterReinstatementAsItStands() external {
        attest(1, support(NOW_MS));
        registry.suspend(1);
        (IImmuneMemory.Status suspended, , uint16 supporters, , ) = memory_.status(SUBJECT, NOW);
        assertTrue(suspended == IImmuneMemory.Status.None, "suspended");
        assertEq(supporters, 0, "supporters");

        registry.reinstate(1);
        (IImmuneMemory.Status reinstated, , , , ) = memory_.status(SUBJECT, NOW);
        assertTrue(reinstated == IImmuneMemory.Status.Proposed, "reinstated");
    }

    function test_aSuspendedMemberWithdrawsBeforeItCountsAgain() external {
        attest(1, support(NOW_MS));
        registry.suspend(1);
        IImmuneMemory.Attestation memory withdrawal = support(NOW_MS + 1);
        withdrawal.stance = 3;
        withdrawal.validUntil = 0;
        attest(1, withdrawal);
        registry.reinstate(1);
        (IImmuneMemory.Status verdict, , , , ) = memory_.status(SUBJECT, NOW);
        assertTrue(verdict == IImmuneMemory.Status.Withdrawn, "verdict");
    }

    function test_changedThresholdsJudgeWhatIsHeldAlready() external {
        for (uint16 member = 1; member <= 3; ++member) attest(member, support(NOW_MS));
        (IImmuneMemory.Status three, , , , ) = memory_.status(SUBJECT, NOW);
        registry.setParameters(IMemberRegistry.Parameters(4, 2, 2, 100));
        (IImmuneMemory.Status four, , , , ) = memory_.status(SUBJECT, NOW);
        assertTrue(three == IImmuneMemory.Status.Attested && four == IImmuneMemory.Status.Proposed, "verdicts");
    }

    function testFuzz_checkAndAttestAgree(uint8 signer, uint48 version, uint48 held) external {
        uint16 member = 1 + (signer % 3);
        vm.prank(account(2));
        registry.revokeNodeKey(nodeKey(2));
        version = version % (NOW_MS + 1_200_000);
        attest(1, support(held % NOW_MS));
        if (member == 3) member = 99;

        IImmuneMemory.Attestation memory a = support(version);
        (IImmuneMemory.Attestation[] memory items, bytes[] memory signatures) = single(secret(member), a);
        bool passes;
        try memory_.check(a, signatures[0]) {
            passes = true;
        } catch {
            passes = false;
        }
        vm.recordLogs();
        memory_.attest(items, signatures);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bool skipped = logs.length > 0 && logs[0].topics[0] == IImmuneMemory.Skipped.selector;
        assertTrue(passes != skipped, "check and attest differ");
    }

    /// @dev The bar is the thresholds', and only votes move those: without members there are fewer supports, never fewer
    /// that are needed. So suspending honest members attests nothing for those who remain.
    function testFuzz_suspensionNeverLowersTheBar(uint256 stances, uint8 gone, bool forGood) external {
        makeConsortium(8, IMemberRegistry.Parameters(3, 2, 2, 100));
        for (uint16 member = 1; member <= 8; ++member) {
            IImmuneMemory.Attestation memory a = support(NOW_MS);
            a.basis = 1 + (uint8(stances >> (4 * member)) % 3);
            // One of eight refutes.
            if (uint8(stances >> (4 * member)) % 8 == 7) (a.stance, a.validUntil) = (2, 0);
            attest(member, a);
        }
        (IImmuneMemory.Status before, , uint16 supporters, uint16 witnesses, uint16 refuters) = memory_.status(
            SUBJECT,
            NOW
        );
        bytes32 bar = keccak256(abi.encode(registry.parameters()));
        for (uint16 member = 1; member <= 1 + (gone % 5); ++member) {
            if (forGood) registry.remove(member);
            else registry.suspend(member);
        }
        (IImmuneMemory.Status verdict, , uint16 s, uint16 w, uint16 r) = memory_.status(SUBJECT, NOW);
        assertEq(keccak256(abi.encode(registry.parameters())), bar, "thresholds");
        assertTrue(s <= supporters && w <= witnesses && r <= refuters, "counts");
        if (verdict == IImmuneMemory.Status.Attested) {
            assertTrue(s >= 3 && w >= 2, "attested by fewer");
            assertTrue(before == IImmuneMemory.Status.Attested || refuters >= 2, "attested by a suspension");
        }
    }
}
