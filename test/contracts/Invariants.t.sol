// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";
import {IImmuneMemory} from "../../contracts/interfaces/IImmuneMemory.sol";
import {IMemberRegistry} from "../../contracts/interfaces/IMemberRegistry.sol";
import {ImmuneMemory} from "../../contracts/ImmuneMemory.sol";
import {MemberRegistry} from "../../contracts/MemberRegistry.sol";

/// @dev Does what a governor, members and relays can do, in any order, and remembers the greatest of everything.
contract Consortium is Base {
    uint16 private constant FOUNDERS = 5;

    mapping(uint16 member => uint48) public greatestVersion;
    mapping(uint16 member => uint40) public greatestSize;
    mapping(uint16 member => uint32) public revokedAtBlock;
    mapping(uint16 member => bool) public removed;
    uint32 private _block = 1;

    constructor() {
        vm.roll(_block);
        makeConsortium(FOUNDERS);
    }

    function contracts() external view returns (MemberRegistry, ImmuneMemory) {
        return (registry, memory_);
    }

    function keyOf(uint16 member) external pure returns (address) {
        return nodeKey(member);
    }

    function subject() external pure returns (bytes32) {
        return SUBJECT;
    }

    function doAdmit() external {
        uint16 member = registry.memberCount() + 1;
        if (member > 12) return;
        registry.admit(account(member));
        addNodeKey(member, member);
    }

    function doSuspend(uint16 seed) external {
        try registry.suspend(pick(seed)) {} catch {}
    }

    function doReinstate(uint16 seed) external {
        try registry.reinstate(pick(seed)) {} catch {}
    }

    function doRemove(uint16 seed) external {
        uint16 member = pick(seed);
        try registry.remove(member) {
            removed[member] = true;
        } catch {}
    }

    function doMine(uint8 blocks) external {
        _block += 1 + uint32(blocks);
        vm.roll(_block);
    }

    function doSetParameters(uint16 m, uint16 w, uint16 r) external {
        try registry.setParameters(IMemberRegistry.Parameters(m % 8, w % 8, r % 8, 100)) {} catch {}
    }

    function doRevoke(uint16 seed) external {
        uint16 member = pick(seed);
        vm.prank(account(member));
        try registry.revokeNodeKey(nodeKey(member)) {
            revokedAtBlock[member] = _block;
        } catch {}
    }

    function doAnchor(uint16 seed, uint40 size, bytes32 root) external {
        uint16 member = pick(seed);
        size = size % 1000;
        anchor(member, size, root);
        if (revokedAtBlock[member] == 0 && size > greatestSize[member]) greatestSize[member] = size;
    }

    function doAttest(uint16 seed, uint8 stance, uint8 basis, uint16 age) external {
        uint16 member = pick(seed);
        IImmuneMemory.Attestation memory a = support(NOW_MS - age);
        a.stance = 1 + (stance % 3);
        a.basis = 1 + (basis % 3);
        if (a.stance != 1) a.validUntil = 0;
        attest(member, a);
        if (revokedAtBlock[member] == 0 && a.version > greatestVersion[member]) greatestVersion[member] = a.version;
    }

    function pick(uint16 seed) private view returns (uint16) {
        return 1 + (seed % registry.memberCount());
    }
}

contract InvariantsTest is Base {
    Consortium private consortium;

    function setUp() external {
        consortium = new Consortium();
        (registry, memory_) = consortium.contracts();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(consortium);
    }

    /// @dev One vote per active member, and never fewer than three members or than the thresholds ask for.
    function invariant_votesAreTheActiveMembers() external view {
        uint256 active;
        for (uint16 member = 1; member <= registry.memberCount(); ++member) {
            bool isActive = registry.isActiveMember(member);
            assertEq(registry.getVotes(registry.memberAccount(member)), isActive ? 1 : 0, "votes");
            bool isRemoved = registry.isRemovedMember(member);
            assertEq(registry.memberOf(registry.memberAccount(member)), isRemoved ? 0 : member, "number");
            assertTrue(isRemoved == consortium.removed(member), "a removed member came back");
            assertTrue(!(isRemoved && isActive), "removed and active");
            if (isActive) ++active;
        }
        IMemberRegistry.Parameters memory p = registry.parameters();
        assertEq(registry.activeMembers(), active, "activeMembers");
        assertTrue(active >= 3 && p.members <= active && p.refutes <= active, "threshold out of reach");
        assertTrue(0 < p.witnesses && p.witnesses <= p.members && 0 < p.refutes && 0 < p.maxBatch, "thresholds");
    }

    /// @dev Registers hold the last word, feeds their greatest head, closed keys stay closed at their block.
    function invariant_nothingGoesBack() external view {
        for (uint16 member = 1; member <= registry.memberCount(); ++member) {
            IMemberRegistry.NodeKey memory key = registry.nodeKey(consortium.keyOf(member));
            assertEq(key.member, member, "a key changed hands");
            assertEq(key.revokedAtBlock, consortium.revokedAtBlock(member), "revokedAtBlock");
            assertEq(key.size, consortium.greatestSize(member), "size");
            uint48 version = memory_.register(consortium.subject(), member).version;
            assertEq(version, consortium.greatestVersion(member), "version");
            assertActivity(consortium.keyOf(member), key.revokedAtBlock);
        }
    }

    /// @dev Active from the block of the addition on, up to the one before the block that closed it.
    function assertActivity(address key, uint32 revoked) private view {
        uint32 added = registry.nodeKeyAddedAtBlock(key);
        assertTrue(added != 0 && !registry.isNodeKeyActive(key, added - 1), "before it was added");
        assertTrue(registry.isNodeKeyActive(key, added) == (revoked != added), "when it was added");
        assertTrue(registry.isNodeKeyActive(key, type(uint256).max) == (revoked == 0), "for ever");
        if (revoked != 0) {
            assertTrue(!registry.isNodeKeyActive(key, revoked), "when it was closed");
            assertTrue(registry.isNodeKeyActive(key, revoked - 1) == (revoked > added), "before it was closed");
        }
    }

    /// @dev The counts of a status are counts of active members, and its name follows from them.
    function invariant_statusFollowsFromItsCounts() external view {
        (IImmuneMemory.Status verdict, bool disputed, uint16 supporters, uint16 witnesses, uint16 refuters) = memory_
            .status(consortium.subject(), NOW);
        IMemberRegistry.Parameters memory p = registry.parameters();
        assertTrue(supporters + refuters <= registry.activeMembers() && witnesses <= supporters, "counts");
        assertTrue(disputed == (refuters > 0 && refuters < p.refutes), "disputed");
        assertTrue((verdict == IImmuneMemory.Status.Refuted) == (refuters >= p.refutes), "refuted");
        bool attestable = supporters >= p.members && witnesses >= p.witnesses;
        assertTrue((verdict == IImmuneMemory.Status.Attested) == (attestable && refuters < p.refutes), "attested");
    }
}
