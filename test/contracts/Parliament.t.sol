// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {Base} from "./Base.sol";
import {ConsortiumGovernor} from "../../contracts/ConsortiumGovernor.sol";
import {IMemberRegistry} from "../../contracts/interfaces/IMemberRegistry.sol";
import {MemberRegistry} from "../../contracts/MemberRegistry.sol";

/// @dev Members that propose anything, vote anyhow and execute whatever passes, in any order, over months.
contract Parliament is Base {
    uint16 private constant MOST_MEMBERS = 14;
    uint8 private constant MOST_OPEN = 4;

    struct Proposal {
        uint256 id;
        bytes call;
        string description;
        uint256 members;
        uint256 yes;
    }

    Proposal[] private _proposals;
    uint256 private _now = NOW + 1;

    /// @dev What passed without the votes of more than half of its members, or did not pass with them.
    string public violation;
    uint256 public executions;

    constructor() {
        makeGovernedConsortium(5, IMemberRegistry.Parameters(3, 1, 2, 100));
    }

    function contracts() external view returns (MemberRegistry, ConsortiumGovernor) {
        return (registry, governor);
    }

    function time() external view returns (uint256) {
        return _now;
    }

    /// @dev The common case, so that histories get somewhere: what is proposed is voted for and executed.
    function doDecide(uint16 seed, uint8 what, uint16 argument, uint16 w, uint16 r) external {
        doPropose(seed, what, argument, w, r);
        doVote(0, (type(uint256).max << 16) | seed);
        doExecute(0);
        vm.warp(++_now);
    }

    function doPropose(uint16 seed, uint8 what, uint16 argument, uint16 w, uint16 r) public {
        uint16 member = pick(argument);
        bytes memory call;
        if (what % 6 == 0) call = admission();
        else if (what % 6 == 1) call = abi.encodeCall(MemberRegistry.suspend, (member));
        else if (what % 6 == 2) call = abi.encodeCall(MemberRegistry.reinstate, (member));
        else if (what % 6 == 3) call = abi.encodeCall(MemberRegistry.remove, (member));
        else {
            IMemberRegistry.Parameters memory p = IMemberRegistry.Parameters(argument % 9, w % 9, r % 9, 100);
            call = abi.encodeCall(MemberRegistry.setParameters, (p));
        }
        string memory description = vm.toString(_proposals.length);
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = action(call);
        vm.prank(registry.memberAccount(pick(seed)));
        try governor.propose(targets, values, calldatas, description) returns (uint256 id) {
            uint256 members = registry.getPastTotalSupply(governor.proposalSnapshot(id));
            _proposals.push(Proposal(id, call, description, members, 0));
        } catch {}
    }

    /// @dev Everybody votes in some order until it is decided; the seed says how.
    function doVote(uint8 which, uint256 ballots) public {
        if (_proposals.length == 0) return;
        Proposal storage proposal = recent(which);
        for (uint16 i = 0; i < registry.memberCount(); ++i) {
            uint8 ballot = uint8(ballots >> (16 + 2 * i)) % 4;
            vm.prank(registry.memberAccount(pick(uint16(ballots % 1000) + i)));
            // Two of four say yes, so that enough is decided.
            try governor.castVote(proposal.id, ballot == 3 ? FOR : ballot) {
                if (ballot == 3 || ballot == FOR) ++proposal.yes;
            } catch {}
        }
    }

    function doExecute(uint8 which) public {
        if (_proposals.length == 0) return;
        Proposal storage proposal = recent(which);
        bool passed = 2 * proposal.yes > proposal.members;
        IGovernor.ProposalState state = governor.state(proposal.id);
        if (state == IGovernor.ProposalState.Succeeded && !passed) violation = "passed without a majority";
        if (state == IGovernor.ProposalState.Active && passed) violation = "not passed with a majority";
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = action(proposal.call);
        try governor.execute(targets, values, calldatas, keccak256(bytes(proposal.description))) {
            ++executions;
            if (!passed) violation = "executed without a majority";
        } catch {}
    }

    function doWait(uint32 seconds_) external {
        _now += 1 + (seconds_ % (2 * VOTING_PERIOD));
        vm.warp(_now);
    }

    function admission() private view returns (bytes memory) {
        uint16 next = registry.memberCount() + 1;
        return abi.encodeCall(MemberRegistry.admit, (account(next > MOST_MEMBERS ? 1 : next)));
    }

    function pick(uint16 seed) private view returns (uint16) {
        return 1 + (seed % registry.memberCount());
    }

    function recent(uint8 which) private view returns (Proposal storage) {
        uint256 length = _proposals.length;
        return _proposals[length - 1 - (which % (length < MOST_OPEN ? length : MOST_OPEN))];
    }
}

contract ParliamentTest is Base {
    Parliament private parliament;

    function setUp() external {
        parliament = new Parliament();
        (registry, governor) = parliament.contracts();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(parliament);
    }

    function invariant_onlyMajoritiesDecide() external view {
        string memory violation = parliament.violation();
        assertTrue(bytes(violation).length == 0, violation);
    }

    function invariant_thresholdsStayFeasible() external view {
        IMemberRegistry.Parameters memory p = registry.parameters();
        uint16 active = registry.activeMembers();
        assertTrue(active >= 3, "fewer than three");
        assertTrue(0 < p.witnesses && p.witnesses <= p.members && p.members <= active, "members");
        assertTrue(0 < p.refutes && p.refutes <= active && p.maxBatch > 0, "refutes");
    }

    /// @dev From wherever they got to, any more than half of the active members can still decide: every kind of action
    /// that the thresholds allow, with everybody else's account lost.
    function invariant_thereIsNoDeadEnd() external {
        uint256 fresh = vm.snapshotState();
        uint256 now_ = parliament.time() + 1;
        vm.warp(now_);
        uint16 active = registry.activeMembers();
        uint16 needed = active / 2 + 1;
        uint16[] memory alive = new uint16[](needed);
        // The last ones: those that founded it are lost.
        uint16 found;
        for (uint16 member = registry.memberCount(); found < needed; --member) {
            if (registry.isActiveMember(member)) alive[found++] = member;
        }
        decide(alive, abi.encodeCall(MemberRegistry.setParameters, (IMemberRegistry.Parameters(2, 1, 2, 50))));
        assertEq(registry.parameters().maxBatch, 50, "maxBatch");
        if (active > 3) {
            uint16 lost = firstActive();
            decide(alive, abi.encodeCall(MemberRegistry.remove, (lost)));
            assertTrue(registry.isRemovedMember(lost), "removed");
        }
        decide(alive, abi.encodeCall(MemberRegistry.admit, (address(uint160(now_)))));
        assertTrue(registry.memberOf(address(uint160(now_))) != 0, "admitted");
        vm.revertToState(fresh);
    }

    function decide(uint16[] memory voters, bytes memory call) private {
        string memory description = string.concat("no dead end ", vm.toString(uint256(keccak256(call))));
        uint256 id = propose(registry.memberAccount(voters[0]), call, description);
        for (uint256 i = 0; i < voters.length && governor.state(id) == IGovernor.ProposalState.Active; ++i) {
            vm.prank(registry.memberAccount(voters[i]));
            governor.castVote(id, FOR);
        }
        execute(call, description);
    }

    function firstActive() private view returns (uint16 member) {
        for (member = 1; !registry.isActiveMember(member); ++member) {}
    }
}
